//! How a relay behaves: rules that each say when, to whom and what.

use std::time::Duration;

use crate::chance::falls_into;

/// How far an exchange has come. A rule or a trap for a phase applies just before the relay's answer to it, but
/// for [`Phase::Answered`], which is just after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Somebody connected; the answer is the greeting.
    Connect,
    /// EHLO or HELO.
    Hello,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA; the answer is 354.
    Data,
    /// The first bytes of the message are here, perhaps all of them; nothing is answered.
    Body,
    /// The final dot is here.
    Dot,
    /// The answer to the final dot is out.
    Answered,
}

/// To whom a rule applies.
#[derive(Debug, Clone, PartialEq)]
pub enum Whom {
    /// Everybody.
    All,
    /// Recipients at this domain.
    Domain(String),
    /// This share of all recipients, from 0 to 1, always the same ones.
    Share(f64),
    /// Recipients of whom the relay hears for the first time, as a grey list sees them.
    New,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Waits as long as chance says between these two, then lets the next rule speak.
    Delay(Duration, Duration),
    /// Answers this line instead, without its end. After 421 the connection is closed.
    Answer(String),
    /// Closes without an answer.
    Close,
    /// Never answers again.
    Silence,
    /// Writes the answer one byte a second.
    Drip,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// When it applies.
    pub at: Phase,
    /// To whom. Before RCPT only rules for all can apply.
    pub whom: Whom,
    /// What happens.
    pub act: Act,
}

/// All rules, in the order in which they are looked at. Without any everything is taken at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// The rules.
    pub rules: Vec<Rule>,
    /// The largest message it says it takes; 50 MiB if it does not say.
    pub size: Option<usize>,
    /// Whether it keeps what the messages say.
    pub keeps: bool,
    /// What the random delays follow from.
    pub seed: u64,
}

impl Script {
    /// The same with one more rule.
    #[must_use]
    pub fn with(mut self, at: Phase, whom: Whom, act: Act) -> Self {
        self.rules.push(Rule { at, whom, act });
        self
    }

    /// What applies at a phase to a recipient, who is empty before RCPT.
    pub(super) fn acts<'a>(&'a self, at: Phase, recipient: &Recipient) -> Vec<&'a Act> {
        let rules = self.rules.iter().filter(|rule| rule.at == at && rule.whom.is(recipient));
        rules.map(|rule| &rule.act).collect()
    }
}

/// Whom a message is for.
#[derive(Debug, Clone, Default)]
pub(super) struct Recipient {
    /// Empty before RCPT.
    pub(super) address: String,
    /// Whether the relay had never heard of them.
    pub(super) is_new: bool,
}

impl Whom {
    fn is(&self, recipient: &Recipient) -> bool {
        let address = &recipient.address;
        match self {
            Self::All => true,
            Self::Domain(domain) => address.rsplit_once('@').is_some_and(|(_, at)| at == domain),
            Self::Share(share) => !address.is_empty() && falls_into(address, *share),
            Self::New => recipient.is_new,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_speak_at_their_phase_to_those_they_name() {
        let refuse = Act::Answer("550 5.1.1 No such user".to_owned());
        let script = Script::default()
            .with(Phase::Rcpt, Whom::Domain("slow.example".to_owned()), Act::Silence)
            .with(Phase::Rcpt, Whom::Share(1.0), refuse.clone())
            .with(Phase::Dot, Whom::All, Act::Close);
        let at = |phase, who: &str| {
            let who = Recipient { address: who.to_owned(), is_new: false };
            script.acts(phase, &who).into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(at(Phase::Rcpt, "a@slow.example"), [Act::Silence, refuse.clone()]);
        assert_eq!(at(Phase::Rcpt, "a@b.example"), [refuse]);
        assert_eq!(at(Phase::Mail, ""), []);
        assert_eq!(at(Phase::Dot, "a@b.example"), [Act::Close]);
    }
}
