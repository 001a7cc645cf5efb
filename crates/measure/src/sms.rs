//! Text messages: their encoding, and the segments they are sent and billed in.
//!
//! Sources: 3GPP TS 23.038 §6.2.1 (the default alphabet and its extension table), TS 23.040
//! §9.2.3.24.1 (segments); twilio.com/docs/glossary/what-is-gsm-7-character-encoding and
//! …/what-is-ucs-2-character-encoding for the sizes.

use serde::Serialize;

/// The default alphabet of GSM-7, without the letters and digits of ASCII, which all belong to it.
const BASIC_ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";

/// The extension table of GSM-7: each character takes two septets, an escape and itself.
const EXTENSION_TABLE: &str = "\u{C}^{}\\[~]|€";

/// The character encoding of a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Encoding {
    /// Seven bits per character: 160 in a single message, 153 in a segment of several.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// Sixteen bits per code unit of UTF-16: 70 in a single message, 67 in a segment of several.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

impl Encoding {
    /// Returns the number of units in a message that is not split.
    const fn single_capacity(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Returns the number of units in one of several segments, beside the header that numbers it.
    const fn segment_capacity(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// Returns the number of units a character takes. In GSM-7 it must belong to the alphabet.
    fn units_of(self, c: char) -> usize {
        match self {
            Self::Gsm7 => septets(c).unwrap_or(0),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// The encoding, length and number of segments of a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sms {
    /// The encoding the message needs.
    pub encoding: Encoding,
    /// The length in units of the encoding: septets, or code units of UTF-16.
    pub length: usize,
    /// The number of segments that are sent and billed; 0 for an empty text.
    pub segments: usize,
    /// Byte offset of the first character that is not in the default alphabet and forces UCS-2.
    pub forces_ucs2: Option<usize>,
}

impl Sms {
    /// Measures `text` as a text message.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let forces_ucs2 = text.char_indices().find(|(_, c)| septets(*c).is_none()).map(|(at, _)| at);
        let encoding = if forces_ucs2.is_some() { Encoding::Ucs2 } else { Encoding::Gsm7 };
        let mut parts = SegmentCounter::new(encoding);
        text.chars().for_each(|c| parts.add(c));
        Self { encoding, length: parts.length, segments: parts.count(), forces_ucs2 }
    }

    /// Returns the price of the message, in the currency unit of `per_segment`. It saturates
    /// instead of overflowing.
    #[must_use]
    pub fn price(&self, per_segment: i64) -> i64 {
        i64::try_from(self.segments).unwrap_or(i64::MAX).saturating_mul(per_segment)
    }
}

/// Splits `text` into its segments, each as it is read. An escape stays with its character, and a
/// surrogate pair stays together.
#[must_use]
pub fn split(text: &str) -> Vec<&str> {
    let Sms { encoding, length, .. } = Sms::of(text);
    let single = encoding.single_capacity();
    let capacity = if length <= single { single } else { encoding.segment_capacity() };
    let (mut parts, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let size = encoding.units_of(c);
        if used + size > capacity {
            parts.push(&text[start..at]);
            (start, used) = (at, 0);
        }
        used += size;
    }
    if start < text.len() {
        parts.push(&text[start..]);
    }
    parts
}

/// Returns the byte offset of the first character with which `text` takes more than `allowed`
/// segments.
pub(super) fn first_over_limit(text: &str, allowed: usize) -> usize {
    let mut seven = Some(SegmentCounter::new(Encoding::Gsm7));
    let mut sixteen = SegmentCounter::new(Encoding::Ucs2);
    for (at, c) in text.char_indices() {
        seven = seven.filter(|_| septets(c).is_some());
        sixteen.add(c);
        if let Some(parts) = &mut seven {
            parts.add(c);
        }
        if seven.as_ref().unwrap_or(&sixteen).count() > allowed {
            return at;
        }
    }
    text.len()
}

/// Counter of segments while characters are added one by one.
struct SegmentCounter {
    encoding: Encoding,
    length: usize,
    full_segments: usize,
    used: usize,
}

impl SegmentCounter {
    const fn new(encoding: Encoding) -> Self {
        Self { encoding, length: 0, full_segments: 0, used: 0 }
    }

    fn add(&mut self, c: char) {
        let size = self.encoding.units_of(c);
        self.length += size;
        if self.used + size > self.encoding.segment_capacity() {
            self.full_segments += 1;
            self.used = 0;
        }
        self.used += size;
    }

    const fn count(&self) -> usize {
        match self.length {
            0 => 0,
            length if length <= self.encoding.single_capacity() => 1,
            _ => self.full_segments + 1,
        }
    }
}

/// Returns the number of septets a character takes, or `None` if it is not in the alphabet.
fn septets(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || BASIC_ALPHABET.contains(c) {
        Some(1)
    } else if EXTENSION_TABLE.contains(c) {
        Some(2)
    } else {
        None
    }
}
