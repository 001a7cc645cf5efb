//! One line of work on an SMTP relay: messages one after the other on a connection, each with its verdict.
//!
//! A connection is owned by the send that uses it and comes back only at the end of a whole exchange. So a
//! send that is dropped half way takes its connection with it, and no later send can read its answer.

mod line;
mod relay;
mod reply;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter};

use super::{RejectReason, Scope, SendOutcome};
use crate::Email;
use line::{Line, Lost};
pub(crate) use relay::Relay;
use relay::{Extensions, Ready};
use reply::Reply;
use verdict::{Stage, verdict};

/// A line of work.
#[derive(Debug)]
pub(crate) struct Courier {
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
}

/// After so many messages a connection is changed: receivers suspect those that never end.
const MESSAGES_PER_CONNECTION: u32 = 100;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// How an exchange ended.
enum Exchange {
    /// With a verdict; the connection may still be good.
    Settled(SendOutcome, Option<Open>),
    /// Before anything was said about this message: the connection had died in the meantime.
    Stale,
}

/// A message ready to go.
struct Letter {
    from: Address,
    to: Address,
    /// Dot-stuffed, with the final dot.
    body: Vec<u8>,
    size: usize,
    is_ascii: bool,
}

impl Courier {
    pub(crate) const fn new(relay: Arc<Relay>) -> Self {
        Self { relay, open: None }
    }

    /// Hands over one message.
    pub(crate) async fn send(&mut self, email: &Email) -> SendOutcome {
        let letter = match Letter::new(email) {
            Ok(letter) => letter,
            Err(outcome) => return outcome,
        };
        // Taken, not borrowed: if this future is dropped, so is the connection.
        if let Some(open) = self.reusable().await {
            match self.exchange(open, &letter).await {
                Exchange::Settled(outcome, open) => {
                    self.open = open;
                    return outcome;
                }
                Exchange::Stale => {}
            }
        }
        let open = match self.relay.connect().await {
            Ok(Ready { line, can }) => Open { line, can, begun: 0, unfinished: false },
            Err(answer) => return SendOutcome::Down { answer },
        };
        match self.exchange(open, &letter).await {
            Exchange::Settled(outcome, open) => {
                self.open = open;
                outcome
            }
            Exchange::Stale => deferred("the server closed the connection"),
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            goodbye(open).await;
        }
    }

    async fn reusable(&mut self) -> Option<Open> {
        let mut open = self.open.take()?;
        if open.begun >= MESSAGES_PER_CONNECTION {
            goodbye(open).await;
            return None;
        }
        open.line.is_quiet().await.then_some(open)
    }

    async fn exchange(&self, mut open: Open, letter: &Letter) -> Exchange {
        if let Some(most) = open.can.size.filter(|most| *most > 0 && letter.size > *most) {
            let answer = format!("the message has {} bytes, the server takes {most}", letter.size);
            return Exchange::Settled(rejected(RejectReason::TooBig, &answer), Some(open));
        }
        if !letter.is_ascii && !open.can.eight_bit {
            let outcome = rejected(RejectReason::Rejected, "the server takes only messages in ASCII");
            return Exchange::Settled(outcome, Some(open));
        }
        // What was served before may simply have had its time: a new connection gets the message then.
        let is_old = open.begun > 0;
        open.begun += 1;
        match self.envelope(&mut open, letter).await {
            Envelope::Taken => self.message(open, letter).await,
            Envelope::Refused { stage: Stage::Mail, reply, .. } if reply.code == 421 && is_old => {
                Exchange::Stale
            }
            Envelope::Refused { stage, reply, usable } => {
                let goes_on = usable && reply.code != 421 && !open.line.has_unread();
                open.unfinished = true;
                Exchange::Settled(verdict(stage, &reply), goes_on.then_some(open))
            }
            Envelope::Lost(_) if is_old => Exchange::Stale,
            Envelope::Lost(why) => Exchange::Settled(deferred(&why), None),
        }
    }

    /// MAIL, RCPT and DATA: in one flight where the server allows it (RFC 2920).
    async fn envelope(&self, open: &mut Open, letter: &Letter) -> Envelope {
        let commands = letter.commands(open);
        let limits = &self.relay.limits;
        if open.can.pipelining {
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

    /// The server wants the message though it refused its recipient: it gets an empty one, for nobody. Only
    /// when it was the recipient; otherwise somebody might get it.
    async fn take_back(&self, open: &mut Open, refused: Stage) -> bool {
        let limits = &self.relay.limits;
        refused == Stage::Rcpt
            && open.line.write(b".\r\n", limits.command).await.is_ok()
            && open.line.reply(limits.message).await.is_ok_and(|reply| reply.code >= 400)
    }

    /// The message itself. From its final dot to the server's answer nobody can know (RFC 1047).
    async fn message(&self, mut open: Open, letter: &Letter) -> Exchange {
        let limits = &self.relay.limits;
        if let Err((lost, unsent)) = open.line.write_all(&letter.body, limits.block).await {
            // A server that refuses half way says so before it closes.
            let reply =
                open.line.reply(GOODBYE.min(limits.command)).await.ok().filter(|reply| reply.code >= 400);
            let outcome = match reply {
                Some(reply) => verdict(Stage::Message, &reply),
                None if unsent > 0 => deferred(&lost.to_string()),
                None => unknown(&lost),
            };
            return Exchange::Settled(outcome, None);
        }
        let reply = match open.line.reply(limits.message).await {
            Ok(reply) => reply,
            Err(lost) => return Exchange::Settled(unknown(&lost), None),
        };
        open.unfinished = false;
        let goes_on = reply.code != 421 && !open.line.has_unread();
        let outcome = match reply.code {
            250 => SendOutcome::Accepted { answer: reply.to_string() },
            400.. => verdict(Stage::Message, &reply),
            // Only 250 is a yes; anything else in its place is no answer to this.
            _ => return Exchange::Settled(SendOutcome::Unknown { answer: reply.to_string() }, None),
        };
        Exchange::Settled(outcome, goes_on.then_some(open))
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

impl Letter {
    fn new(email: &Email) -> Result<Self, SendOutcome> {
        let address = |text: &str| {
            let fits = text.is_ascii() && text.len() <= 254;
            let parsed = if fits { text.parse::<Address>().ok() } else { None };
            parsed.ok_or_else(|| rejected(RejectReason::BadAddress, "the address cannot be written to"))
        };
        let from = address(&email.envelope_from)
            .map_err(|_| rejected(RejectReason::Rejected, "the sender's address cannot be used"))?;
        let to = address(&email.envelope_to)?;
        Ok(Self {
            from,
            to,
            body: stuffed(&email.raw),
            size: email.raw.len(),
            is_ascii: email.raw.is_ascii(),
        })
    }

    fn commands(&self, open: &Open) -> Vec<(Step, String)> {
        let mut parameters = Vec::new();
        if open.can.size.is_some() {
            parameters.push(MailParameter::Size(self.size));
        }
        if !self.is_ascii {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let mut commands = Vec::with_capacity(4);
        if open.unfinished {
            commands.push((Step::Forget, Rset.to_string()));
        }
        commands.push((Step::Asked(Stage::Mail), Mail::new(Some(self.from.clone()), parameters).to_string()));
        commands.push((Step::Asked(Stage::Rcpt), Rcpt::new(self.to.clone(), Vec::new()).to_string()));
        commands.push((Step::Asked(Stage::Data), Data.to_string()));
        commands
    }
}

/// The message as it goes over the wire (RFC 5321 §4.5.2): a dot at the start of a line doubled, every line
/// ended by CR LF and nothing else, the final dot.
fn stuffed(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 64);
    let mut at_start = true;
    for (at, &byte) in raw.iter().enumerate() {
        match byte {
            b'\n' if at > 0 && raw[at - 1] == b'\r' => {}
            b'\r' | b'\n' => {
                out.extend_from_slice(b"\r\n");
                at_start = true;
            }
            _ => {
                if at_start && byte == b'.' {
                    out.push(b'.');
                }
                out.push(byte);
                at_start = false;
            }
        }
    }
    if !at_start {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

async fn goodbye(mut open: Open) {
    let _ = tokio::time::timeout(GOODBYE, async {
        open.line.write(Quit.to_string().as_bytes(), GOODBYE).await?;
        open.line.reply(GOODBYE).await
    })
    .await;
}

fn deferred(answer: &str) -> SendOutcome {
    SendOutcome::Deferred { retry_after: None, scope: Scope::Message, answer: answer.to_owned() }
}

fn unknown(lost: &Lost) -> SendOutcome {
    SendOutcome::Unknown { answer: format!("after the whole message: {lost}") }
}

fn rejected(reason: RejectReason, answer: &str) -> SendOutcome {
    SendOutcome::Rejected { reason, answer: answer.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffs_dots_and_ends_lines() {
        let wire = |raw: &str| String::from_utf8(stuffed(raw.as_bytes())).unwrap();
        assert_eq!(wire("a\r\n.b\r\n..\r\n"), "a\r\n..b\r\n...\r\n.\r\n");
        assert_eq!(wire(".a"), "..a\r\n.\r\n");
        assert_eq!(wire("a\n.\nb\r.\rc"), "a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n");
        assert_eq!(wire("a\r\r\n.\r\n"), "a\r\n\r\n..\r\n.\r\n");
        assert_eq!(wire(""), ".\r\n");
    }
}
