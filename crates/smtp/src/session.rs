//! A session with an SMTP relay: messages are sent one after the other on a connection, each with
//! its own outcome.
//!
//! A connection is owned by the send that uses it and comes back only at the end of a whole
//! exchange. So a send that is dropped half way takes its connection with it, and no later send can
//! read its reply.
//!
//! Where the server pipelines, a message's last bytes and the next one's MAIL, RCPT and DATA go in
//! one write (RFC 2920 §3.1 allows message content as the first of a group): one round trip for
//! each message.

use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::commands::{Quit, Rset};
use message::{DeferralScope, Email, Handover, Message, RejectReason, SendOutcome};

use crate::connection::{Connection, ConnectionLost};
use crate::outgoing::OutgoingMail;
use crate::relay::{Extensions, ReadyConnection, Relay};
use crate::reply::Reply;
use crate::verdict::{Stage, verdict};

/// A session with a relay: an open connection, reused until it breaks.
#[derive(Debug)]
pub struct SmtpSession {
    relay: Arc<Relay>,
    open: Option<OpenConnection>,
}

/// An open connection between two messages.
#[derive(Debug)]
struct OpenConnection {
    connection: Connection,
    extensions: Extensions,
    /// The number of messages started on the connection.
    messages: u32,
    /// True if the last exchange was refused, so that RSET must come first.
    needs_reset: bool,
    /// The commands of the next message, if they are already sent.
    pipelined: Option<String>,
}

/// The number of messages after which the connection is replaced, because receivers suspect
/// connections that never end. A server that wants fewer replies 421, and the message goes by a new
/// connection.
const MESSAGES_PER_CONNECTION: u32 = 1_000;

/// The time limit for QUIT.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of bytes of a long message that are held back until the caller has committed: only
/// what follows cannot be taken back.
const COMMIT_TAIL_BYTES: usize = 16 << 10;

/// The end of an exchange.
#[allow(clippy::large_enum_variant, reason = "one lives at a time, on the stack")]
enum Exchange {
    /// The outcome is known; the connection is given if it can be used again.
    Settled(SendOutcome, Option<OpenConnection>),
    /// The connection had closed before anything of this message was sent.
    Stale,
}

impl SmtpSession {
    /// Returns a session that connects at the first message.
    #[must_use]
    pub const fn new(relay: Arc<Relay>) -> Self {
        Self { relay, open: None }
    }

    /// Sends one message and returns its outcome.
    pub async fn send(&mut self, email: &Email, handover: &mut Handover<'_>) -> SendOutcome {
        let mail = match OutgoingMail::new(email) {
            Ok(mail) => mail,
            Err(outcome) => return outcome,
        };
        // Taken, not borrowed: if this future is dropped, so is the connection.
        if let Some(open) = self.reusable(&mail).await {
            match self.exchange(open, &mail, handover).await {
                Exchange::Settled(outcome, open) => {
                    self.open = open;
                    return outcome;
                }
                Exchange::Stale => {}
            }
        }
        let open = match self.relay.connect().await {
            Ok(ReadyConnection { connection, extensions, .. }) => {
                OpenConnection { connection, extensions, messages: 0, needs_reset: false, pipelined: None }
            }
            Err(error) => return SendOutcome::Down { answer: error.to_string() },
        };
        match self.exchange(open, &mail, handover).await {
            Exchange::Settled(outcome, open) => {
                self.open = open;
                outcome
            }
            Exchange::Stale => deferred("the server closed the connection"),
        }
    }

    /// Closes the session with QUIT.
    pub async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            quit(open).await;
        }
    }

    async fn reusable(&mut self, mail: &OutgoingMail<'_>) -> Option<OpenConnection> {
        let mut open = self.open.take()?;
        if let Some(pipelined) = &open.pipelined {
            // The replies may be here already. The commands of another message must not be used for
            // this one.
            return (*pipelined == mail.commands(&open.extensions).concat()).then_some(open);
        }
        if open.messages >= MESSAGES_PER_CONNECTION {
            quit(open).await;
            return None;
        }
        open.connection.is_idle().await.then_some(open)
    }

    async fn exchange(
        &self,
        mut open: OpenConnection,
        mail: &OutgoingMail<'_>,
        handover: &mut Handover<'_>,
    ) -> Exchange {
        if let Err(outcome) = mail.check_limits(&open.extensions, self.relay.refused_size()) {
            return Exchange::Settled(outcome, Some(open));
        }
        // The server may close a used connection after its time: the message then goes by a new
        // one.
        let is_reused = open.messages > 0;
        open.messages += 1;
        match self.envelope(&mut open, mail).await {
            Envelope::Accepted => self.message(open, mail, handover).await,
            Envelope::Refused { stage: Stage::Mail, reply, .. } if reply.code == 421 && is_reused => {
                Exchange::Stale
            }
            Envelope::Refused { stage, reply, usable } => {
                let is_usable = usable && reply.code != 421 && !open.connection.has_unread();
                open.needs_reset = true;
                Exchange::Settled(self.refusal_outcome(stage, &reply, mail), is_usable.then_some(open))
            }
            Envelope::Lost(_) if is_reused => Exchange::Stale,
            Envelope::Lost(reason) => Exchange::Settled(deferred(&reason), None),
        }
    }

    /// Sends MAIL, RCPT and DATA, in one write if the server allows it (RFC 2920).
    async fn envelope(&self, open: &mut OpenConnection, mail: &OutgoingMail<'_>) -> Envelope {
        let limits = &self.relay.limits;
        let is_pipelined = open.pipelined.take().is_some();
        let commands = if is_pipelined { steps(false, Default::default()) } else { open.steps(mail) };
        if open.extensions.pipelining && !is_pipelined {
            let all: String = commands.iter().map(|(_, command)| command.as_str()).collect();
            if let Err(lost) = open.connection.write(all.as_bytes(), limits.command).await {
                return Envelope::Lost(lost.to_string());
            }
        }
        let (mut refused, mut usable) = (None, true);
        for (step, command) in &commands {
            if !open.extensions.pipelining
                && let Err(lost) = open.connection.write(command.as_bytes(), limits.command).await
            {
                return Envelope::Lost(lost.to_string());
            }
            let is_data = *step == Step::Command(Stage::Data);
            let limit = if is_data { limits.data } else { limits.command };
            let reply = match open.connection.reply(limit).await {
                Ok(reply) => reply,
                // A server that refused one command may close the connection before it answers the
                // others.
                Err(_) if refused.is_some() => {
                    usable = false;
                    break;
                }
                Err(lost) => return Envelope::Lost(lost.to_string()),
            };
            let good = if is_data { reply.code == 354 } else { matches!(reply.code, 250 | 251) };
            match (step, &refused) {
                (_, Some((stage, _))) if is_data && good => {
                    usable = self.finish_with_empty_message(open, *stage).await;
                }
                (_, Some(_)) => {}
                (_, None) if good => {}
                (Step::Command(stage), None) if reply.code >= 400 => {
                    refused = Some((*stage, reply));
                    if !open.extensions.pipelining {
                        break;
                    }
                }
                _ => return Envelope::Lost(format!("the server answered out of order: {reply}")),
            }
        }
        match refused {
            Some((stage, reply)) => Envelope::Refused { stage, reply, usable },
            None if open.connection.has_unread() => {
                Envelope::Lost("the server sent more replies than commands".to_owned())
            }
            None => Envelope::Accepted,
        }
    }

    /// Ends DATA with an empty message, when the server accepted DATA after it had refused the
    /// recipient. For any other refused command someone might receive it, so nothing is sent.
    /// Returns true if the connection can be used again.
    async fn finish_with_empty_message(&self, open: &mut OpenConnection, refused: Stage) -> bool {
        let limits = &self.relay.limits;
        refused == Stage::Rcpt
            && open.connection.write(b".\r\n", limits.command).await.is_ok()
            && open.connection.reply(limits.message).await.is_ok_and(|reply| reply.code >= 400)
    }

    /// Sends the message itself. Between its final dot and the server's reply the outcome is
    /// unknown (RFC 1047).
    async fn message(
        &self,
        mut open: OpenConnection,
        mail: &OutgoingMail<'_>,
        handover: &mut Handover<'_>,
    ) -> Exchange {
        let limits = &self.relay.limits;
        let pipelined = open.next_commands(handover.next, self.relay.refused_size());
        let more = pipelined.as_ref().map_or(0, String::len);
        let mut bytes = mail.body(more);
        bytes.extend_from_slice(pipelined.as_deref().unwrap_or_default().as_bytes());
        let is_long = bytes.len() > 2 * COMMIT_TAIL_BYTES;
        let tail = if is_long { bytes.len() - COMMIT_TAIL_BYTES - more } else { 0 };
        if let Err((lost, _)) = open.connection.write_all(&bytes[..tail], limits.block).await {
            return self.after_write_error(open, mail, deferred(&lost.to_string())).await;
        }
        if !(handover.commit)() {
            return Exchange::Settled(SendOutcome::Withheld, None);
        }
        if let Err((lost, unsent)) = open.connection.write_all(&bytes[tail..], limits.block).await {
            let outcome = if unsent > more { deferred(&lost.to_string()) } else { unknown(&lost) };
            return self.after_write_error(open, mail, outcome).await;
        }
        let reply = match open.connection.reply(limits.message).await {
            Ok(reply) => reply,
            Err(lost) => return Exchange::Settled(unknown(&lost), None),
        };
        open.needs_reset = false;
        let is_usable = reply.code != 421 && (pipelined.is_some() || !open.connection.has_unread());
        open.pipelined = pipelined;
        let outcome = match reply.code {
            250 => SendOutcome::accepted(reply.to_string()),
            400.. => self.refusal_outcome(Stage::Message, &reply, mail),
            // Only 250 means success; another code in its place does not answer the message.
            _ => return Exchange::Settled(SendOutcome::Unknown { answer: reply.to_string() }, None),
        };
        Exchange::Settled(outcome, is_usable.then_some(open))
    }

    /// Reads the reply after a failed write: a server that refuses half way replies before it
    /// closes.
    async fn after_write_error(
        &self,
        mut open: OpenConnection,
        mail: &OutgoingMail<'_>,
        outcome: SendOutcome,
    ) -> Exchange {
        let limit = QUIT_TIMEOUT.min(self.relay.limits.command);
        let reply = open.connection.reply(limit).await.ok().filter(|reply| reply.code >= 400);
        let refusal = reply.map(|reply| self.refusal_outcome(Stage::Message, &reply, mail));
        Exchange::Settled(refusal.unwrap_or(outcome), None)
    }

    /// Returns the outcome of a refusal, and remembers a size that the server refuses, so that
    /// larger messages are not sent to it again and again.
    fn refusal_outcome(&self, stage: Stage, reply: &Reply, mail: &OutgoingMail<'_>) -> SendOutcome {
        let outcome = verdict(stage, reply);
        // 5.2.3 is the limit of one mailbox, not of the server.
        let is_server_limit = !matches!(reply.enhanced(), Some((_, 2, _)));
        if matches!(outcome, SendOutcome::Rejected { reason: RejectReason::TooBig, .. }) && is_server_limit {
            self.relay.refuse_size(mail.size());
        }
        outcome
    }
}

/// The result of MAIL, RCPT and DATA.
enum Envelope {
    Accepted,
    Refused {
        stage: Stage,
        reply: Reply,
        /// True if the next exchange can follow on the same connection.
        usable: bool,
    },
    /// The connection ended before the message was sent.
    Lost(String),
}

/// One command of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// RSET, which discards the last exchange.
    Reset,
    /// A command that can be refused.
    Command(Stage),
}

impl OpenConnection {
    fn steps(&self, mail: &OutgoingMail<'_>) -> Vec<(Step, String)> {
        steps(self.needs_reset, mail.commands(&self.extensions))
    }

    /// Returns the commands of the next message that can be sent with this one's last bytes.
    fn next_commands(&self, next: Option<&Message>, refused: usize) -> Option<String> {
        let Some(Message::Email(next)) = next else { return None };
        if !self.extensions.pipelining || self.messages >= MESSAGES_PER_CONNECTION {
            return None;
        }
        let mail = OutgoingMail::new(next).ok()?;
        mail.check_limits(&self.extensions, refused).ok()?;
        Some(mail.commands(&self.extensions).concat())
    }
}

fn steps(reset: bool, commands: [String; 3]) -> Vec<(Step, String)> {
    let stages = [Stage::Mail, Stage::Rcpt, Stage::Data].map(Step::Command);
    let reset = reset.then(|| (Step::Reset, Rset.to_string()));
    reset.into_iter().chain(stages.into_iter().zip(commands)).collect()
}

async fn quit(mut open: OpenConnection) {
    if open.pipelined.is_some() {
        // The server expects a message that does not come, and might take QUIT for its text.
        return;
    }
    let _ = tokio::time::timeout(QUIT_TIMEOUT, async {
        open.connection.write(Quit.to_string().as_bytes(), QUIT_TIMEOUT).await?;
        open.connection.reply(QUIT_TIMEOUT).await
    })
    .await;
}

fn deferred(answer: &str) -> SendOutcome {
    SendOutcome::Deferred { retry_after: None, scope: DeferralScope::Message, answer: answer.to_owned() }
}

fn unknown(lost: &ConnectionLost) -> SendOutcome {
    SendOutcome::Unknown { answer: format!("after the whole message: {lost}") }
}
