//! Text messages: what they are written in, how many parts they are sent and billed in, and what each part says.
//!
//! 3GPP TS 23.038 §6.2.1 (the default alphabet and its extension table), TS 23.040 §9.2.3.24.1 (parts);
//! twilio.com/docs/glossary/what-is-gsm-7-character-encoding and …/what-is-ucs-2-character-encoding for the numbers.

use serde::Serialize;

/// The default alphabet, without the letters and digits of ASCII, which are all in it.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";

/// The extension table: each is two, an escape and itself.
const EXTENDED: &str = "\u{C}^{}\\[~]|€";

/// What a message is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Encoding {
    /// Seven bits a character, 160 to a message or 153 to a part.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// Sixteen bits a code unit of UTF-16, 70 to a message or 67 to a part.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

impl Encoding {
    /// How many units one message holds that is not split.
    const fn alone(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// How many a part holds, beside the header that says which part it is.
    const fn of_many(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// How many units a character takes. In GSM-7 it must be one of the alphabet.
    fn size(self, c: char) -> usize {
        match self {
            Self::Gsm7 => septets(c).unwrap_or(0),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// What a text is as a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sms {
    /// What it is written in.
    pub encoding: Encoding,
    /// How long it is: septets, or code units of UTF-16.
    pub length: usize,
    /// How many parts it is sent in; none if there is nothing to send.
    pub segments: usize,
    /// The byte offset of the first character that the default alphabet does not have, which is why it is UCS-2.
    pub forces_ucs2: Option<usize>,
}

impl Sms {
    /// What `text` would be.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let forces_ucs2 = text.char_indices().find(|(_, c)| septets(*c).is_none()).map(|(at, _)| at);
        let encoding = if forces_ucs2.is_some() { Encoding::Ucs2 } else { Encoding::Gsm7 };
        let mut parts = Parts::new(encoding);
        text.chars().for_each(|c| parts.add(c));
        Self { encoding, length: parts.length, segments: parts.count(), forces_ucs2 }
    }

    /// What it costs where a segment costs `per_segment`, in whatever that is counted.
    #[must_use]
    pub fn price(&self, per_segment: i64) -> i64 {
        i64::try_from(self.segments).unwrap_or(i64::MAX).saturating_mul(per_segment)
    }
}

/// The parts that `text` is sent in, each as it would be read. An escape is not parted from its character, nor one
/// half of a surrogate pair from the other.
#[must_use]
pub fn split(text: &str) -> Vec<&str> {
    let Sms { encoding, length, .. } = Sms::of(text);
    let room = if length <= encoding.alone() { encoding.alone() } else { encoding.of_many() };
    let (mut parts, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let size = encoding.size(c);
        if used + size > room {
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

/// The byte offset of the first character with which `text` takes more than `allowed` segments.
pub(super) fn first_over(text: &str, allowed: usize) -> usize {
    let (mut seven, mut sixteen) = (Some(Parts::new(Encoding::Gsm7)), Parts::new(Encoding::Ucs2));
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

/// Counts parts as characters come.
struct Parts {
    encoding: Encoding,
    length: usize,
    full: usize,
    used: usize,
}

impl Parts {
    const fn new(encoding: Encoding) -> Self {
        Self { encoding, length: 0, full: 0, used: 0 }
    }

    fn add(&mut self, c: char) {
        let size = self.encoding.size(c);
        self.length += size;
        if self.used + size > self.encoding.of_many() {
            self.full += 1;
            self.used = 0;
        }
        self.used += size;
    }

    const fn count(&self) -> usize {
        match self.length {
            0 => 0,
            length if length <= self.encoding.alone() => 1,
            _ => self.full + 1,
        }
    }
}

/// How many septets a character takes; none if the alphabet does not have it.
fn septets(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || BASIC.contains(c) {
        Some(1)
    } else if EXTENDED.contains(c) {
        Some(2)
    } else {
        None
    }
}
