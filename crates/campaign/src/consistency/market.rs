//! Markets: the countries and regions that a brand sends to, whose advertising laws differ.

use std::fmt;

/// An officially assigned ISO 3166-1 alpha-2 code, such as `CN` (the mainland of China) or `SG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Market([u8; 2]);

impl Market {
    /// The mainland of China. Hong Kong, Macau and Taiwan have their own codes and laws.
    pub const CHINA: Self = Self(*b"CN");

    /// Parses two capital letters that ISO 3166-1 has assigned; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.as_bytes().try_into().ok()?;
        ASSIGNED.split_ascii_whitespace().any(|known| known.as_bytes() == code).then_some(Self(code))
    }

    /// Returns the two-letter code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// Iterates over all assigned codes in alphabetical order.
    pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
        ASSIGNED.split_ascii_whitespace()
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Market {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The 249 codes that ISO 3166-1 assigns.
const ASSIGNED: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO \
JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO \
RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV \
TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assigned_codes_are_markets() {
        assert_eq!(Market::parse("CN"), Some(Market::CHINA));
        assert_eq!(Market::parse("SG").map(|market| market.to_string()), Some("SG".to_owned()));
        for text in ["", "C", "cn", "UK", "CHN", "中", "C ", "ZZ"] {
            assert_eq!(Market::parse(text), None, "{text}");
        }
        assert_eq!(Market::codes().count(), 249);
        assert!(Market::codes().is_sorted());
    }
}
