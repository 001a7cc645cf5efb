//! The rules of consistency by their stable names, and how a campaign silences one.

use std::fmt;

use crate::ids::StepId;

/// A rule. Its code is what findings carry and `[[silence]]` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// `fact-not-said`: a text leaves a fact out.
    FactNotSaid,
    /// `fact-contradicted`: a text says another price, share, date or number than the fact.
    FactContradicted,
    /// `claim-not-a-fact`: a text says a price, share or date that no fact declares.
    ClaimNotAFact,
    /// `link-differs`: a text leads somewhere else.
    LinkDiffers,
    /// `call-to-action-missing`: a text does not ask what the message asks.
    CallToActionMissing,
    /// `never-say`: a text says what the brand never says.
    NeverSay,
    /// `absolute-term`: a text says what advertising law forbids where the brand sends.
    AbsoluteTerm,
    /// `ad-label-missing`: a mail to China does not say at its head that it is advertising.
    AdLabelMissing,
    /// `length-differs`: a text is far longer or shorter than it should be.
    LengthDiffers,
    /// `image-alt-missing`: a picture says nothing to those who do not see it.
    ImageAltMissing,
}

impl Rule {
    /// Every rule.
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

    /// The stable name.
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

    /// The rule of that name.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// One `[[silence]]`: findings that somebody has looked at and answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The rule that is silenced.
    pub rule: Rule,
    /// Why: never empty.
    pub reason: String,
    /// Only in this step.
    pub step: Option<StepId>,
    /// Only findings whose words contain this, whatever its case.
    pub text: Option<String>,
    /// The bytes of the campaign's file where it stands, for telling that it silences nothing.
    pub place: std::ops::Range<usize>,
}

impl Silence {
    /// Whether it covers a finding of `rule` in `step` about `words`.
    #[must_use]
    pub fn covers(&self, rule: Rule, step: &str, words: &str) -> bool {
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
        for rule in Rule::ALL {
            assert_eq!(Rule::parse(rule.code()), Some(rule));
        }
        assert_eq!(Rule::parse("Never-say"), None);
    }

    #[test]
    fn a_silence_covers_what_it_names_and_no_more() {
        let silence = Silence {
            rule: Rule::ClaimNotAFact,
            reason: "the old price is printed on the bag".to_owned(),
            step: StepId::parse("mail").ok(),
            text: Some("CNY 128".to_owned()),
            place: 0..0,
        };
        assert!(silence.covers(Rule::ClaimNotAFact, "mail", "was cny 128"));
        assert!(!silence.covers(Rule::ClaimNotAFact, "post", "was CNY 128"));
        assert!(!silence.covers(Rule::ClaimNotAFact, "mail", "was CNY 129"));
        assert!(!silence.covers(Rule::FactContradicted, "mail", "was CNY 128"));
    }
}
