//! A session with an SMTP relay: messages one after the other on a connection, each with its
//! verdict.
//!
//! A connection is owned by the send that uses it and comes back only at the end of a whole
//! exchange. So a send that is dropped half way takes its connection with it, and no later send can
//! read its answer.
//!
//! Where the server pipelines, a message's last bytes and the next one's MAIL, RCPT and DATA go in
//! one write (RFC 2920 §3.1 allows message content as the first of a group): one round trip for
//! each message.

use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::commands::{Quit, Rset};
use message::{DeferralScope, Email, Handover, Message, RejectReason, SendOutcome};

use crate::line::{Line, Lost};
use crate::outgoing::OutgoingMail;
use crate::relay::{Extensions, Ready, Relay};
use crate::reply::Reply;
use crate::verdict::{Stage, verdict};

/// A session with a relay: an open connection, reused until it breaks.
#[derive(Debug)]
pub struct SmtpSession {
    relay: Arc<Relay>,
    open: Option<Open>,
}

/// An open connection between two messages.
#[derive(Debug)]
struct Open {
    line: Line,
    can: Extensions,
    /// Messages begun on it.
    begun: u32,
    /// The last exchange was refused: RSET comes first.
    unfinished: bool,
    /// The commands of the next message, when they are on their way already.
    ahead: Option<String>,
}

/// After so many messages a connection is changed: receivers suspect those that never end. Those
/// that want fewer say 421, and the message goes by a new connection.
const MESSAGES_PER_CONNECTION: u32 = 1_000;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Of a long message all but so much is sent before the caller is asked whether it may go: what
/// comes after is what nobody can take back.
const TAIL: usize = 16 << 10;

/// How an exchange ended.
#[allow(clippy::large_enum_variant, reason = "one lives at a time, on the stack")]
enum Exchange {
    /// With a verdict; the connection may still be good.
    Settled(SendOutcome, Option<Open>),
    /// Before anything was said about this message: the connection had died in the meantime.
    Stale,
}

impl SmtpSession {
    /// Returns a session that connects at the first message.
    #[must_use]
    pub const fn new(relay: Arc<Relay>) -> Self {
        Self { relay, open: None }
    }

    /// Hands over one message.
    pub async fn send(&mut self, email: &Email, handover: &mut Handover<'_>) -> SendOutcome {
        let letter = match OutgoingMail::new(email) {
            Ok(letter) => letter,
            Err(outcome) => return outcome,
        };
        // Taken, not borrowed: if this future is dropped, so is the connection.
        if let Some(open) = self.reusable(&letter).await {
            match self.exchange(open, &letter, handover).await {
                Exchange::Settled(outcome, open) => {
                    self.open = open;
                    return outcome;
                }
                Exchange::Stale => {}
            }
        }
        let open = match self.relay.connect().await {
            Ok(Ready { line, can, .. }) => Open { line, can, begun: 0, unfinished: false, ahead: None },
            Err(error) => return SendOutcome::Down { answer: error.to_string() },
        };
        match self.exchange(open, &letter, handover).await {
            Exchange::Settled(outcome, open) => {
                self.open = open;
                outcome
            }
            Exchange::Stale => deferred("the server closed the connection"),
        }
    }

    /// Says goodbye.
    pub async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            goodbye(open).await;
        }
    }

    async fn reusable(&mut self, letter: &OutgoingMail<'_>) -> Option<Open> {
        let mut open = self.open.take()?;
        if let Some(ahead) = &open.ahead {
            // Its answers may be here already. What was announced for another message must not get
            // this one.
            return (*ahead == letter.commands(&open.can).concat()).then_some(open);
        }
        if open.begun >= MESSAGES_PER_CONNECTION {
            goodbye(open).await;
            return None;
        }
        open.line.is_quiet().await.then_some(open)
    }

    async fn exchange(
        &self,
        mut open: Open,
        letter: &OutgoingMail<'_>,
        handover: &mut Handover<'_>,
    ) -> Exchange {
        if let Err(outcome) = letter.fits(&open.can, self.relay.refused_size()) {
            return Exchange::Settled(outcome, Some(open));
        }
        // What was served before may simply have had its time: a new connection gets the message
        // then.
        let is_old = open.begun > 0;
        open.begun += 1;
        match self.envelope(&mut open, letter).await {
            Envelope::Taken => self.message(open, letter, handover).await,
            Envelope::Refused { stage: Stage::Mail, reply, .. } if reply.code == 421 && is_old => {
                Exchange::Stale
            }
            Envelope::Refused { stage, reply, usable } => {
                let goes_on = usable && reply.code != 421 && !open.line.has_unread();
                open.unfinished = true;
                Exchange::Settled(self.judged(stage, &reply, letter), goes_on.then_some(open))
            }
            Envelope::Lost(_) if is_old => Exchange::Stale,
            Envelope::Lost(why) => Exchange::Settled(deferred(&why), None),
        }
    }

    /// MAIL, RCPT and DATA: in one flight where the server allows it (RFC 2920).
    async fn envelope(&self, open: &mut Open, letter: &OutgoingMail<'_>) -> Envelope {
        let limits = &self.relay.limits;
        let is_ahead = open.ahead.take().is_some();
        let commands = if is_ahead { steps(false, Default::default()) } else { open.steps(letter) };
        if open.can.pipelining && !is_ahead {
            let all: String = commands.iter().map(|(_, command)| command.as_str()).collect();
            if let Err(lost) = open.line.write(all.as_bytes(), limits.command).await {
                return Envelope::Lost(lost.to_string());
            }
        }
        let (mut refused, mut usable) = (None, true);
        for (step, command) in &commands {
            if !open.can.pipelining
                && let Err(lost) = open.line.write(command.as_bytes(), limits.command).await
            {
                return Envelope::Lost(lost.to_string());
            }
            let is_data = *step == Step::Asked(Stage::Data);
            let reply = match open.line.reply(if is_data { limits.data } else { limits.command }).await {
                Ok(reply) => reply,
                // Having refused one command, a server may close before it answers the rest.
                Err(_) if refused.is_some() => {
                    usable = false;
                    break;
                }
                Err(lost) => return Envelope::Lost(lost.to_string()),
            };
            let good = if is_data { reply.code == 354 } else { matches!(reply.code, 250 | 251) };
            match (step, &refused) {
                (_, Some((stage, _))) if is_data && good => usable = self.take_back(open, *stage).await,
                (_, Some(_)) => {}
                (_, None) if good => {}
                (Step::Asked(stage), None) if reply.code >= 400 => {
                    refused = Some((*stage, reply));
                    if !open.can.pipelining {
                        break;
                    }
                }
                _ => return Envelope::Lost(format!("the server answered out of turn: {reply}")),
            }
        }
        match refused {
            Some((stage, reply)) => Envelope::Refused { stage, reply, usable },
            None if open.line.has_unread() => {
                Envelope::Lost("the server said more than it was asked".to_owned())
            }
            None => Envelope::Taken,
        }
    }

    /// The server wants the message though it refused its recipient: it gets an empty one, for
    /// nobody. Only when it was the recipient; otherwise a recipient might get it.
    async fn take_back(&self, open: &mut Open, refused: Stage) -> bool {
        let limits = &self.relay.limits;
        refused == Stage::Rcpt
            && open.line.write(b".\r\n", limits.command).await.is_ok()
            && open.line.reply(limits.message).await.is_ok_and(|reply| reply.code >= 400)
    }

    /// The message itself. From its final dot to the server's answer nobody can know (RFC 1047).
    async fn message(
        &self,
        mut open: Open,
        letter: &OutgoingMail<'_>,
        handover: &mut Handover<'_>,
    ) -> Exchange {
        let limits = &self.relay.limits;
        let ahead = open.next_commands(handover.next, self.relay.refused_size());
        let more = ahead.as_ref().map_or(0, String::len);
        let mut bytes = letter.body(more);
        bytes.extend_from_slice(ahead.as_deref().unwrap_or_default().as_bytes());
        let tail = if bytes.len() > 2 * TAIL { bytes.len() - TAIL - more } else { 0 };
        if let Err((lost, _)) = open.line.write_all(&bytes[..tail], limits.block).await {
            return self.broken(open, letter, deferred(&lost.to_string())).await;
        }
        if !(handover.commit)() {
            return Exchange::Settled(SendOutcome::Withheld, None);
        }
        if let Err((lost, unsent)) = open.line.write_all(&bytes[tail..], limits.block).await {
            let outcome = if unsent > more { deferred(&lost.to_string()) } else { unknown(&lost) };
            return self.broken(open, letter, outcome).await;
        }
        let reply = match open.line.reply(limits.message).await {
            Ok(reply) => reply,
            Err(lost) => return Exchange::Settled(unknown(&lost), None),
        };
        open.unfinished = false;
        let goes_on = reply.code != 421 && (ahead.is_some() || !open.line.has_unread());
        open.ahead = ahead;
        let outcome = match reply.code {
            250 => SendOutcome::accepted(reply.to_string()),
            400.. => self.judged(Stage::Message, &reply, letter),
            // Only 250 is a yes; anything else in its place is no answer to this.
            _ => return Exchange::Settled(SendOutcome::Unknown { answer: reply.to_string() }, None),
        };
        Exchange::Settled(outcome, goes_on.then_some(open))
    }

    /// The connection broke while the message was written. A server that refuses half way says so
    /// before it closes.
    async fn broken(&self, mut open: Open, letter: &OutgoingMail<'_>, outcome: SendOutcome) -> Exchange {
        let limit = GOODBYE.min(self.relay.limits.command);
        let reply = open.line.reply(limit).await.ok().filter(|reply| reply.code >= 400);
        Exchange::Settled(reply.map_or(outcome, |reply| self.judged(Stage::Message, &reply, letter)), None)
    }

    /// What a refusal means. What is too big for the server is not carried there a hundred thousand
    /// times.
    fn judged(&self, stage: Stage, reply: &Reply, letter: &OutgoingMail<'_>) -> SendOutcome {
        let outcome = verdict(stage, reply);
        // 5.2.3 is the limit of one mailbox, not of the server.
        let is_anybodys = !matches!(reply.enhanced(), Some((_, 2, _)));
        if matches!(outcome, SendOutcome::Rejected { reason: RejectReason::TooBig, .. }) && is_anybodys {
            self.relay.refuse_size(letter.size());
        }
        outcome
    }
}

/// How MAIL, RCPT and DATA went.
enum Envelope {
    Taken,
    Refused {
        stage: Stage,
        reply: Reply,
        /// Whether the next exchange can follow on the same connection.
        usable: bool,
    },
    /// Before the message was begun.
    Lost(String),
}

/// One command of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// RSET: forget the last one.
    Forget,
    /// Something that can be refused for a reason.
    Asked(Stage),
}

impl Open {
    fn steps(&self, letter: &OutgoingMail<'_>) -> Vec<(Step, String)> {
        steps(self.unfinished, letter.commands(&self.can))
    }

    /// What of the next message can go with this one's last bytes.
    fn next_commands(&self, next: Option<&Message>, refused: usize) -> Option<String> {
        let Some(Message::Email(next)) = next else { return None };
        if !self.can.pipelining || self.begun >= MESSAGES_PER_CONNECTION {
            return None;
        }
        let letter = OutgoingMail::new(next).ok()?;
        letter.fits(&self.can, refused).ok()?;
        Some(letter.commands(&self.can).concat())
    }
}

fn steps(forget: bool, commands: [String; 3]) -> Vec<(Step, String)> {
    let asked = [Stage::Mail, Stage::Rcpt, Stage::Data].map(Step::Asked);
    let forget = forget.then(|| (Step::Forget, Rset.to_string()));
    forget.into_iter().chain(asked.into_iter().zip(commands)).collect()
}

async fn goodbye(mut open: Open) {
    if open.ahead.is_some() {
        // The server was told of a message that does not come; it may take QUIT for its text.
        return;
    }
    let _ = tokio::time::timeout(GOODBYE, async {
        open.line.write(Quit.to_string().as_bytes(), GOODBYE).await?;
        open.line.reply(GOODBYE).await
    })
    .await;
}

fn deferred(answer: &str) -> SendOutcome {
    SendOutcome::Deferred { retry_after: None, scope: DeferralScope::Message, answer: answer.to_owned() }
}

fn unknown(lost: &Lost) -> SendOutcome {
    SendOutcome::Unknown { answer: format!("after the whole message: {lost}") }
}
