//! The values of the columns with a meaning of their own: addresses, languages, time zones,
//! answers.

use campaign::{EmailAddress, Language};
use jiff::tz::TimeZone;

use crate::attribute::boolean;
use crate::bad_value::BadValue;

/// What a cell of e-mail addresses has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mailbox {
    /// The first address.
    pub(crate) address: String,
    /// The name beside it.
    pub(crate) name: Option<String>,
    /// True if more addresses follow.
    pub(crate) has_more: bool,
}

/// Parses an address in the forms `a@b.example`, `mailto:a@b.example` and `Name <a@b.example>`, the
/// first of several.
///
/// # Errors
/// The reason, with what to do.
pub(crate) fn email(cell: &str) -> Result<Mailbox, BadValue> {
    let whole = EmailAddress::parse(cell);
    if let Ok(address) = &whole {
        return Ok(Mailbox { address: address.as_str().to_owned(), name: None, has_more: false });
    }
    let (first, has_more) = match split_outside_quotes(cell) {
        Some((first, rest)) => (first.trim(), !rest.trim().is_empty()),
        None => (cell, false),
    };
    let (name, address) = match first.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches(['"', '\'']).trim(), address),
        None => ("", first),
    };
    let address = address.trim().strip_prefix("mailto:").unwrap_or(address.trim());
    let address = EmailAddress::parse(address).map_err(|error| match whole {
        Err(of_whole) if address == cell => of_whole,
        _ => error,
    })?;
    let name = Some(name.to_owned()).filter(|name| !name.is_empty() && !name.contains('@'));
    Ok(Mailbox { address: address.as_str().to_owned(), name, has_more })
}

/// Splits a text at its first comma or semicolon that is not in quotes.
fn split_outside_quotes(text: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let at = text.char_indices().find(|(_, c)| {
        is_quoted ^= *c == '"';
        !is_quoted && matches!(c, ',' | ';')
    });
    at.map(|(at, _)| (&text[..at], &text[at + 1..]))
}

/// Parses a language: a tag such as `zh-CN` or `en_US`, or its name in its own language or English,
/// German, French, Spanish or Chinese.
///
/// # Errors
/// The reason, with what to do.
pub(crate) fn language(cell: &str) -> Result<String, BadValue> {
    let word = cell.to_lowercase();
    if let Some((tag, _)) = LANGUAGES.iter().find(|(_, names)| names.contains(&word.as_str())) {
        return Ok((*tag).to_owned());
    }
    let tag = Language::parse(cell)?;
    if tag.primary().len() > 3 {
        return Err(BadValue::UnknownLanguage);
    }
    Ok(tag.as_str().to_owned())
}

/// Names of languages, in lower case, by their tag.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("ar", &["arabic", "arabisch", "arabe", "árabe", "阿拉伯语", "العربية"]),
    ("cs", &["czech", "tschechisch", "tchèque", "checo", "捷克语", "čeština"]),
    ("da", &["danish", "dänisch", "danois", "danés", "丹麦语", "dansk"]),
    ("de", &["german", "deutsch", "allemand", "alemán", "德语", "德文"]),
    ("el", &["greek", "griechisch", "grec", "griego", "希腊语", "ελληνικά"]),
    ("en", &["english", "englisch", "anglais", "inglés", "ingles", "英语", "英文"]),
    ("es", &["spanish", "spanisch", "espagnol", "español", "castellano", "西班牙语", "西班牙文"]),
    ("fi", &["finnish", "finnisch", "finnois", "finés", "芬兰语", "suomi"]),
    ("fr", &["french", "französisch", "français", "francés", "法语", "法文"]),
    ("he", &["hebrew", "hebräisch", "hébreu", "hebreo", "希伯来语", "עברית"]),
    ("hi", &["hindi", "印地语", "हिन्दी"]),
    ("hu", &["hungarian", "ungarisch", "hongrois", "húngaro", "匈牙利语", "magyar"]),
    ("id", &["indonesian", "indonesisch", "indonésien", "indonesio", "印尼语", "bahasa indonesia"]),
    ("it", &["italian", "italienisch", "italien", "italiano", "意大利语"]),
    ("ja", &["japanese", "japanisch", "japonais", "japonés", "日语", "日文", "日本語"]),
    ("ko", &["korean", "koreanisch", "coréen", "coreano", "韩语", "한국어"]),
    ("nl", &["dutch", "niederländisch", "néerlandais", "neerlandés", "holandés", "荷兰语", "nederlands"]),
    ("no", &["norwegian", "norwegisch", "norvégien", "noruego", "挪威语", "norsk"]),
    ("pl", &["polish", "polnisch", "polonais", "polaco", "波兰语", "polski"]),
    ("pt", &["portuguese", "portugiesisch", "portugais", "portugués", "葡萄牙语", "português"]),
    ("pt-BR", &["brazilian portuguese", "português (brasil)", "巴西葡萄牙语"]),
    ("ro", &["romanian", "rumänisch", "roumain", "rumano", "罗马尼亚语", "română"]),
    ("ru", &["russian", "russisch", "russe", "ruso", "俄语", "俄文", "русский"]),
    ("sv", &["swedish", "schwedisch", "suédois", "sueco", "瑞典语", "svenska"]),
    ("th", &["thai", "thailändisch", "thaï", "tailandés", "泰语", "ไทย"]),
    ("tr", &["turkish", "türkisch", "turc", "turco", "土耳其语", "türkçe"]),
    ("uk", &["ukrainian", "ukrainisch", "ukrainien", "ucraniano", "乌克兰语", "українська"]),
    ("vi", &["vietnamese", "vietnamesisch", "vietnamien", "vietnamita", "越南语", "tiếng việt"]),
    ("zh", &["chinese", "chinesisch", "chinois", "chino", "中文", "汉语", "华语", "mandarin"]),
    ("zh-CN", &["simplified chinese", "chinese (simplified)", "简体中文", "简体"]),
    ("zh-TW", &["traditional chinese", "chinese (traditional)", "繁體中文", "繁体中文", "繁體"]),
];

/// Parses a time zone: an IANA name in any case, or a name of Windows.
///
/// # Errors
/// The reason, with what to do.
pub(crate) fn time_zone(cell: &str) -> Result<String, BadValue> {
    let windows = WINDOWS_ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(cell));
    let zone = TimeZone::get(windows.map_or(cell, |(_, iana)| iana));
    let name = zone.ok().and_then(|zone| zone.iana_name().map(str::to_owned));
    name.ok_or(BadValue::NoTimeZone)
}

/// Names of time zones on Windows, from the table windowsZones of Unicode CLDR.
const WINDOWS_ZONES: &[(&str, &str)] = &[
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("Arabian Standard Time", "Asia/Dubai"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("Central Standard Time", "America/Chicago"),
    ("China Standard Time", "Asia/Shanghai"),
    ("E. South America Standard Time", "America/Sao_Paulo"),
    ("Eastern Standard Time", "America/New_York"),
    ("FLE Standard Time", "Europe/Kiev"),
    ("GMT Standard Time", "Europe/London"),
    ("India Standard Time", "Asia/Calcutta"),
    ("Israel Standard Time", "Asia/Jerusalem"),
    ("Korea Standard Time", "Asia/Seoul"),
    ("Mountain Standard Time", "America/Denver"),
    ("New Zealand Standard Time", "Pacific/Auckland"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("SE Asia Standard Time", "Asia/Bangkok"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("South Africa Standard Time", "Africa/Johannesburg"),
    ("Taipei Standard Time", "Asia/Taipei"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("Turkey Standard Time", "Europe/Istanbul"),
    ("W. Europe Standard Time", "Europe/Berlin"),
];

/// Parses an answer to the question for consent. A word that is not known is no yes.
///
/// # Errors
/// The reason, with what to do.
pub(crate) fn consent(cell: &str) -> Result<bool, BadValue> {
    if let Some(answer) = boolean(cell) {
        return Ok(answer);
    }
    let word: String = cell.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    match word.as_str() {
        "subscribed" | "optin" | "optedin" | "agreed" | "granted" | "confirmed" | "enabled" | "erteilt"
        | "zugestimmt" | "abonné" | "abonnée" | "suscrito" | "同意" | "已同意" | "已订阅" | "已訂閱" => {
            Ok(true)
        }
        "unsubscribed" | "cleaned" | "optout" | "optedout" | "refused" | "denied" | "withdrawn"
        | "neversubscribed" | "nonsubscribed" | "blocklisted" | "disabled" | "bounced" | "complained"
        | "suppressed" | "abgelehnt" | "widerrufen" | "désabonné" | "désabonnée" | "desuscrito"
        | "不同意" | "拒绝" | "已退订" | "未订阅" => Ok(false),
        "pending" | "unconfirmed" | "ausstehend" | "待确认" => Err(BadValue::NotConfirmed),
        _ => Err(BadValue::NoAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_their_usual_forms() {
        let read =
            |cell: &str| email(cell).map(|mailbox| (mailbox.address, mailbox.name, mailbox.has_more)).ok();
        let plain = |address: &str| Some((address.to_owned(), None, false));
        assert_eq!(read("ada@example.com"), plain("ada@example.com"));
        assert_eq!(read("mailto:bob@example.com"), plain("bob@example.com"));
        assert_eq!(read("<ada@example.com>"), plain("ada@example.com"));
        let ada = |name: &str, more| Some(("ada@example.com".to_owned(), Some(name.to_owned()), more));
        assert_eq!(read("Ada Lovelace <ada@example.com>"), ada("Ada Lovelace", false));
        assert_eq!(read("\"Lovelace, Ada\" <ada@example.com>"), ada("Lovelace, Ada", false));
        assert_eq!(read("Ada <ada@example.com>; bob@example.com"), ada("Ada", true));
        assert_eq!(
            read("ada@example.com, bob@example.com"),
            Some(("ada@example.com".to_owned(), None, true))
        );
        for cell in ["ada", "ada@", "Ada <ada>", "@example.com", "<>", ";", "a@b@c.example"] {
            assert_eq!(read(cell), None, "{cell}");
        }
    }

    #[test]
    fn languages_are_tags_or_names() {
        for (cell, tag) in [
            ("Chinese", "zh"),
            ("German", "de"),
            ("中文", "zh"),
            ("en_US", "en-US"),
            ("ZH-cn", "zh-CN"),
            ("Deutsch", "de"),
            ("繁體中文", "zh-TW"),
            ("fil", "fil"),
        ] {
            assert_eq!(language(cell).as_deref(), Ok(tag), "{cell}");
        }
        for cell in ["Klingon", "English/German", "??", "x"] {
            assert!(language(cell).is_err(), "{cell}");
        }
    }

    #[test]
    fn time_zones_are_names_in_any_case_or_those_of_windows() {
        assert_eq!(time_zone("asia/shanghai").as_deref(), Ok("Asia/Shanghai"));
        assert_eq!(time_zone("W. Europe Standard Time").as_deref(), Ok("Europe/Berlin"));
        for (_, iana) in WINDOWS_ZONES {
            assert!(time_zone(iana).is_ok(), "{iana}");
        }
        for cell in ["Moon/Crater", "GMT+25", "Local"] {
            assert!(time_zone(cell).is_err(), "{cell}");
        }
    }

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        for (cell, answer) in [
            ("Subscribed", true),
            ("opt-in", true),
            ("JA", true),
            ("同意", true),
            ("Unsubscribed", false),
            ("cleaned", false),
            ("NEVER_SUBSCRIBED", false),
            ("不同意", false),
            ("nein", false),
        ] {
            assert_eq!(consent(cell), Ok(answer), "{cell}");
        }
        for cell in ["pending", "maybe", "yes please call", "2"] {
            assert!(consent(cell).is_err(), "{cell}");
        }
    }
}
