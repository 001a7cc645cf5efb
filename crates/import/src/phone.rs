//! Phone numbers as people write them, in E.164 form.

use std::str::FromStr;

use campaign::text::Phone;
use phonenumber::country::Id;

use crate::bad_value::BadValue;

/// A country by its ISO 3166 code, whose national phone numbers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country(Id);

/// A text that is no code of a country.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no country: write its ISO 3166 code, such as GB or CN")]
pub struct BadCountry(String);

impl FromStr for Country {
    type Err = BadCountry;

    /// Parses a code of two letters in any case.
    fn from_str(code: &str) -> Result<Self, BadCountry> {
        let known = Id::from_str(&code.trim().to_ascii_uppercase());
        known.map(Self).map_err(|_| BadCountry(code.to_owned()))
    }
}

/// Returns the country that a cell names by its ISO 3166 code, or by its name in English, German,
/// French, Spanish or Chinese.
pub(crate) fn country(cell: &str) -> Option<Country> {
    let code = NAMES.iter().find(|(_, names)| names.contains(&cell.to_lowercase().as_str()));
    Country::from_str(code.map_or(cell, |(code, _)| code)).ok()
}

/// Names of countries in lists of customers, for the phone numbers of their rows.
const NAMES: &[(&str, &[&str])] = &[
    ("AT", &["austria", "österreich", "autriche", "奥地利"]),
    ("AU", &["australia", "australien", "australie", "澳大利亚"]),
    ("BE", &["belgium", "belgien", "belgique", "bélgica", "比利时"]),
    ("BR", &["brazil", "brasilien", "brésil", "brasil", "巴西"]),
    ("CA", &["canada", "kanada", "canadá", "加拿大"]),
    ("CH", &["switzerland", "schweiz", "suisse", "suiza", "瑞士"]),
    ("CN", &["china", "chine", "中国", "中华人民共和国"]),
    ("DE", &["germany", "deutschland", "allemagne", "alemania", "德国"]),
    ("ES", &["spain", "spanien", "espagne", "españa", "西班牙"]),
    ("FR", &["france", "frankreich", "francia", "法国"]),
    ("GB", &["united kingdom", "uk", "great britain", "england", "royaume-uni", "reino unido", "英国"]),
    ("HK", &["hong kong", "香港"]),
    ("IE", &["ireland", "irland", "irlande", "irlanda", "爱尔兰"]),
    ("IN", &["india", "indien", "inde", "印度"]),
    ("IT", &["italy", "italien", "italie", "italia", "意大利"]),
    ("JP", &["japan", "japon", "japón", "日本"]),
    ("MX", &["mexico", "mexiko", "mexique", "méxico", "墨西哥"]),
    ("NL", &["netherlands", "niederlande", "pays-bas", "países bajos", "荷兰"]),
    ("SG", &["singapore", "singapur", "singapour", "新加坡"]),
    ("TW", &["taiwan", "台湾", "臺灣"]),
    ("US", &["united states", "usa", "united states of america", "vereinigte staaten", "états-unis", "美国"]),
];

/// Parses a phone number: in any usual form with its country code, or a national one of `country`.
///
/// # Errors
/// The reason, with what to do.
pub(crate) fn parse(cell: &str, country: Option<Country>) -> Result<Phone, BadValue> {
    if is_scientific(cell) {
        return Err(BadValue::Rounded);
    }
    let text: String = cell.chars().map(half_width).collect();
    let text = text.trim().trim_start_matches("tel:");
    let international = text.strip_prefix("00").map(|rest| format!("+{rest}"));
    let text = international.as_deref().unwrap_or(text);
    if !text.starts_with('+') && country.is_none() {
        return Err(BadValue::NoCountryCode);
    }
    let parsed = phonenumber::parse(country.map(|country| country.0), text);
    let number = parsed.map_err(|error| BadValue::NoPhone(error.to_string()))?;
    if !phonenumber::is_valid(&number) {
        return Err(BadValue::ImpossiblePhone);
    }
    let e164 = number.format().mode(phonenumber::Mode::E164).to_string();
    Ok(Phone::parse(&e164)?)
}

/// Returns true for `8.61381E+12`, into which spreadsheets turn long numbers.
fn is_scientific(cell: &str) -> bool {
    let has_exponent = cell.contains(['e', 'E']) && cell.starts_with(|c: char| c.is_ascii_digit());
    has_exponent && cell.replace(',', ".").parse::<f64>().is_ok()
}

/// Returns the usual form of a full-width digit, plus sign, hyphen, bracket or space.
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' | '\u{202f}' => ' ',
        '\u{2010}'..='\u{2015}' => '-',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_usual_form() {
        let gb = country("United Kingdom");
        for (text, country, e164) in [
            ("+44 (0)20 7946 0000", None, "+442079460000"),
            ("0044 20 7946 0000", None, "+442079460000"),
            ("020 7946 0000", gb, "+442079460000"),
            ("tel:+44-20-7946-0000", None, "+442079460000"),
            ("＋８６ １３８ ００１３ ８０００", None, "+8613800138000"),
            ("138 0013 8000", country("中国"), "+8613800138000"),
            ("(415) 555-2671", Country::from_str("us").ok(), "+14155552671"),
            ("+1 415 555 2671 ext. 12", None, "+14155552671"),
            ("030 1234567", Country::from_str("DE").ok(), "+49301234567"),
        ] {
            assert_eq!(
                parse(text, country).map(|phone| phone.as_str().to_owned()),
                Ok(e164.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_number_that_is_not_clear_is_refused_with_a_fix() {
        for (text, fix) in [
            ("020 7946 0000", "--country GB"),
            ("8.61381E+12", "format the column as text"),
            ("8,61381E+12", "format the column as text"),
            ("ask Ada", "country code"),
            ("+44 1", "no"),
            ("+1234567890123456789", "no"),
        ] {
            let error = parse(text, None).unwrap_err().to_string();
            assert!(error.contains(fix), "{text}: {error}");
        }
        assert!("Narnia".parse::<Country>().is_err());
    }
}
