//! The script of a relay: rules with a phase, a filter of recipients, and an action.

use std::time::Duration;

use crate::rng::is_in_share;

/// The phases of an SMTP transfer. A rule or a callback for a phase applies just before the relay's
/// answer to it; for [`Phase::Answered`], just after the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A client has connected; the answer is the greeting.
    Connect,
    /// EHLO or HELO has arrived.
    Hello,
    /// MAIL has arrived.
    Mail,
    /// RCPT has arrived.
    Rcpt,
    /// DATA has arrived; the answer is 354.
    Data,
    /// The first bytes of the message have arrived, perhaps all of them; nothing is answered.
    Body,
    /// The final dot has arrived.
    Dot,
    /// The answer to the final dot has been sent.
    Answered,
}

/// The recipients to which a rule applies.
#[derive(Debug, Clone, PartialEq)]
pub enum RecipientFilter {
    /// All recipients, and commands before RCPT.
    All,
    /// Recipients at this domain.
    Domain(String),
    /// A share of all recipients, from 0 to 1, always the same ones.
    Share(f64),
    /// Recipients that the relay sees for the first time, as greylisting treats them.
    New,
}

/// The action of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayAction {
    /// Waits for a random time between these two, then applies the next rule.
    Delay(Duration, Duration),
    /// Answers with this line, given without its line end. After 421 the connection is closed.
    Answer(String),
    /// Closes the connection without an answer.
    Close,
    /// Keeps the connection open and never answers again.
    Silence,
    /// Writes the answer at one byte a second.
    Drip,
}

/// One rule of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The phase at which the rule applies.
    pub at: Phase,
    /// The recipients for which it applies. Before RCPT only rules for all can apply.
    pub recipients: RecipientFilter,
    /// The action that is taken.
    pub action: RelayAction,
}

/// The behaviour of a relay. Without any rule everything is accepted immediately.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// The rules, in the order in which they are tried.
    pub rules: Vec<Rule>,
    /// The message size that EHLO announces, in bytes; 50 MiB if `None`.
    pub size: Option<usize>,
    /// True if the content of messages is recorded.
    pub keep_content: bool,
    /// The seed of random delays.
    pub seed: u64,
}

impl Script {
    /// Appends a rule.
    #[must_use]
    pub fn with(mut self, at: Phase, recipients: RecipientFilter, action: RelayAction) -> Self {
        self.rules.push(Rule { at, recipients, action });
        self
    }

    /// Returns the actions that apply at a phase to a recipient, whose address is empty before
    /// RCPT.
    pub(super) fn actions<'a>(&'a self, at: Phase, recipient: &Recipient) -> Vec<&'a RelayAction> {
        let rules = self.rules.iter().filter(|rule| rule.at == at && rule.recipients.matches(recipient));
        rules.map(|rule| &rule.action).collect()
    }
}

/// The recipient of a message.
#[derive(Debug, Clone, Default)]
pub(super) struct Recipient {
    /// The address; empty before RCPT.
    pub(super) address: String,
    /// True if the relay had not seen the address before.
    pub(super) is_new: bool,
}

impl RecipientFilter {
    fn matches(&self, recipient: &Recipient) -> bool {
        let address = &recipient.address;
        match self {
            Self::All => true,
            Self::Domain(domain) => address.rsplit_once('@').is_some_and(|(_, at)| at == domain),
            Self::Share(share) => !address.is_empty() && is_in_share(address, *share),
            Self::New => recipient.is_new,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_apply_at_their_phase_to_their_recipients() {
        let refuse = RelayAction::Answer("550 5.1.1 No such user".to_owned());
        let script = Script::default()
            .with(Phase::Rcpt, RecipientFilter::Domain("slow.example".to_owned()), RelayAction::Silence)
            .with(Phase::Rcpt, RecipientFilter::Share(1.0), refuse.clone())
            .with(Phase::Dot, RecipientFilter::All, RelayAction::Close);
        let at = |phase, address: &str| {
            let recipient = Recipient { address: address.to_owned(), is_new: false };
            script.actions(phase, &recipient).into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(at(Phase::Rcpt, "a@slow.example"), [RelayAction::Silence, refuse.clone()]);
        assert_eq!(at(Phase::Rcpt, "a@b.example"), [refuse]);
        assert_eq!(at(Phase::Mail, ""), []);
        assert_eq!(at(Phase::Dot, "a@b.example"), [RelayAction::Close]);
    }
}
