//! Phone numbers, and the number of segments of a text message (3GPP TS 23.038, 23.040).

/// The characters of GSM-7's basic alphabet.
const BASIC_ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The characters of GSM-7's extension table: two septets each.
const EXTENSION_TABLE: &str = "\u{c}^{}\\[~]|€";

/// Returns true for a number in E.164 format.
pub(crate) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

/// Returns the number of segments: one holds 160 septets or 70 UTF-16 units, each of several 153 or
/// 67.
pub(crate) fn segments(text: &str) -> usize {
    let septets = text.chars().try_fold(0, |sum, letter| match letter {
        letter if BASIC_ALPHABET.contains(letter) => Some(sum + 1),
        letter if EXTENSION_TABLE.contains(letter) => Some(sum + 2),
        _ => None,
    });
    let (units, one, many) = septets.map_or_else(|| (text.encode_utf16().count(), 70, 67), |n| (n, 160, 153));
    if units <= one { 1 } else { units.div_ceil(many) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_counted() {
        for (text, expected) in [
            ("x".repeat(160), 1),
            ("x".repeat(161), 2),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("春".repeat(70), 1),
            ("春".repeat(135), 3),
        ] {
            assert_eq!(
                segments(&text),
                expected,
                "{} {}",
                text.chars().count(),
                text.chars().next().unwrap()
            );
        }
        assert!(is_e164("+8613800138000") && !is_e164("8613800138000") && !is_e164("+0123456789"));
    }
}
