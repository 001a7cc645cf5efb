//! The consistency rules by their stable names, and the `[[silence]]` tables that switch them off.

use std::fmt;

use crate::ids::StepId;

/// A consistency rule. Findings carry its code, and `[[silence]]` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConsistencyRule {
    /// `fact-not-said`: a text leaves a fact out.
    FactNotSaid,
    /// `fact-contradicted`: a text says another price, share, date or number than the fact.
    FactContradicted,
    /// `claim-not-a-fact`: a text says a price, share or date that no fact declares.
    ClaimNotAFact,
    /// `link-differs`: a text links to another address than the message.
    LinkDiffers,
    /// `call-to-action-missing`: a text lacks the message's call to action.
    CallToActionMissing,
    /// `never-say`: a text contains a phrase of the brand's `never_say`.
    NeverSay,
    /// `absolute-term`: a text contains a term that advertising law forbids in one of the brand's
    /// markets.
    AbsoluteTerm,
    /// `ad-label-missing`: an e-mail to China does not say at its head that it is advertising.
    AdLabelMissing,
    /// `length-differs`: a text is far longer or shorter than expected.
    LengthDiffers,
    /// `image-alt-missing`: a picture has no text for readers who do not see it.
    ImageAltMissing,
}

impl ConsistencyRule {
    /// All rules, each exactly once.
    pub const ALL: [Self; 10] = [
        Self::FactNotSaid,
        Self::FactContradicted,
        Self::ClaimNotAFact,
        Self::LinkDiffers,
        Self::CallToActionMissing,
        Self::NeverSay,
        Self::AbsoluteTerm,
        Self::AdLabelMissing,
        Self::LengthDiffers,
        Self::ImageAltMissing,
    ];

    /// Returns the rule's stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FactNotSaid => "fact-not-said",
            Self::FactContradicted => "fact-contradicted",
            Self::ClaimNotAFact => "claim-not-a-fact",
            Self::LinkDiffers => "link-differs",
            Self::CallToActionMissing => "call-to-action-missing",
            Self::NeverSay => "never-say",
            Self::AbsoluteTerm => "absolute-term",
            Self::AdLabelMissing => "ad-label-missing",
            Self::LengthDiffers => "length-differs",
            Self::ImageAltMissing => "image-alt-missing",
        }
    }

    /// Returns the rule with that stable name.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }
}

impl fmt::Display for ConsistencyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for ConsistencyRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// One `[[silence]]`: findings that a person has looked at and accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilencedRule {
    /// The rule that is silenced.
    pub rule: ConsistencyRule,
    /// The reason for silencing it; never empty.
    pub reason: String,
    /// Limits the silence to this step, if set.
    pub step: Option<StepId>,
    /// Limits the silence to findings whose words contain this, ignoring case, if set.
    pub text: Option<String>,
    /// Byte range in the campaign's file, for the report that it silences nothing.
    pub span: std::ops::Range<usize>,
}

impl SilencedRule {
    /// Returns true if it silences a finding of `rule` in `step` about `words`.
    #[must_use]
    pub fn covers(&self, rule: ConsistencyRule, step: &str, words: &str) -> bool {
        let within = |text: &String| words.to_lowercase().contains(&text.to_lowercase());
        self.rule == rule
            && self.step.as_ref().is_none_or(|own| own.as_str() == step)
            && self.text.as_ref().is_none_or(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_names_its_rule() {
        for rule in ConsistencyRule::ALL {
            assert_eq!(ConsistencyRule::parse(rule.code()), Some(rule));
        }
        assert_eq!(ConsistencyRule::parse("Never-say"), None);
    }

    #[test]
    fn a_silenced_rule_covers_what_it_names_and_no_more() {
        let silence = SilencedRule {
            rule: ConsistencyRule::ClaimNotAFact,
            reason: "the old price is printed on the bag".to_owned(),
            step: StepId::parse("mail").ok(),
            text: Some("CNY 128".to_owned()),
            span: 0..0,
        };
        assert!(silence.covers(ConsistencyRule::ClaimNotAFact, "mail", "was cny 128"));
        assert!(!silence.covers(ConsistencyRule::ClaimNotAFact, "post", "was CNY 128"));
        assert!(!silence.covers(ConsistencyRule::ClaimNotAFact, "mail", "was CNY 129"));
        assert!(!silence.covers(ConsistencyRule::FactContradicted, "mail", "was CNY 128"));
    }
}
