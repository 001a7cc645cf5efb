//! Phone numbers in one normal form.

use std::fmt;

/// A phone number in E.164 form: `+` and 8 to 15 digits, country code first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Phone(String);

/// The reason why a text is not an international phone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPhone {
    /// The number does not start with `+` and a country code.
    #[error("a phone number starts with `+` and the country code, as in `+86 21 5555 0100`")]
    NoCountryCode,
    /// A character that is neither a digit nor a separator.
    #[error("{0:?} does not belong in a phone number")]
    Character(char),
    /// The number has this many digits, fewer than 8 or more than 15.
    #[error("a phone number has 8 to 15 digits with its country code, this one has {0}")]
    Length(usize),
}

impl Phone {
    /// Parses a number with its country code; spaces, hyphens, dots, slashes and brackets are
    /// dropped.
    ///
    /// # Errors
    /// [`BadPhone`] if the text is no such number.
    pub fn parse(text: &str) -> Result<Self, BadPhone> {
        let rest = text.trim().strip_prefix('+').ok_or(BadPhone::NoCountryCode)?;
        if let Some(c) = rest.chars().find(|&c| !c.is_ascii_digit() && !" -./()\u{a0}".contains(c)) {
            return Err(BadPhone::Character(c));
        }
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        if digits.starts_with('0') {
            return Err(BadPhone::NoCountryCode);
        }
        if (8..=15).contains(&digits.len()) {
            Ok(Self(format!("+{digits}")))
        } else {
            Err(BadPhone::Length(digits.len()))
        }
    }

    /// Returns the number in E.164 form, `+` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_normal_form() {
        for text in ["+86 21 5555 0100", "+86-21-5555-0100", " +86(21)5555.0100 "] {
            assert_eq!(Phone::parse(text).unwrap().as_str(), "+862155550100");
        }
    }

    #[test]
    fn needs_a_country_code_and_the_length_of_e164() {
        assert_eq!(Phone::parse("021 5555 0100"), Err(BadPhone::NoCountryCode));
        assert_eq!(Phone::parse("+0215555010"), Err(BadPhone::NoCountryCode));
        assert_eq!(Phone::parse("+1 800 FLOWERS"), Err(BadPhone::Character('F')));
        assert_eq!(Phone::parse("+1234567"), Err(BadPhone::Length(7)));
        assert_eq!(Phone::parse("+1234567890123456"), Err(BadPhone::Length(16)));
    }
}
