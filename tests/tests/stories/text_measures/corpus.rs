//! A reproducible corpus of texts, ordinary and extreme.

use tests::Rng;

/// The parts of random texts.
const PARTS: [&str; 88] = [
    "one free month",
    "Renew by 30 April",
    "¥199",
    "€12.50",
    "50% off!",
    "a",
    "I",
    "it's",
    "“quoted”",
    "— and …",
    "春季续费",
    "第一杯咖啡免费",
    "详情见",
    "，",
    "。",
    "！",
    "「」",
    "（上海）",
    "日本語のテキスト",
    "한국어",
    "ไทย",
    "हिन्दी",
    "क्षि",
    "עברית",
    "العربية",
    "\u{200F}",
    "\u{202E}x\u{202C}",
    "Ελληνικά",
    "Привет",
    "é",
    "e\u{301}",
    "n\u{303}o",
    "Å\u{323}",
    "o\u{302}\u{323}",
    "\u{1112}\u{1161}\u{11AB}",
    "ﬁ",
    "Ａ１",
    "👨‍👩‍👧‍👦",
    "👩‍❤️‍💋‍👩",
    "👨‍❤️‍👨",
    "👩🏽‍⚕️",
    "🏳️‍🌈",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "🏴‍☠️",
    "🇨🇳",
    "🇨🇳🇩🇪",
    "🇦",
    "👍🏽",
    "☝️🏽",
    "🎉",
    "✨",
    "❤️",
    "❤",
    "⚡️",
    "☕️",
    "☕",
    "©",
    "©️",
    "™️",
    "1️⃣",
    "#️⃣",
    "♾️",
    "👁️‍🗨️",
    "👁‍🗨",
    "❤️‍🔥",
    "🧑‍🎄",
    "🫠",
    "\u{FE0F}",
    "\u{200D}",
    "\u{200B}",
    "#春节",
    "#tea",
    "#Tea_Time!",
    "#1",
    "#1a",
    "＃全角",
    "##x",
    "$AAPL",
    "$toolong",
    "@alice.test",
    "@bob.bsky.social",
    "@alice",
    "@alice@example.com",
    "me@example.com",
    "v1.5",
    "node.js",
    "e.g.",
    "C#",
];

/// URLs, and text that resembles one.
const ADDRESSES: [&str; 40] = [
    "https://harbour.example.com/renew?utm_source=x&utm_medium=social#top",
    "https://t.example/c/abc",
    "http://example.com",
    "HTTPS://EXAMPLE.COM/A",
    "https://example.com/",
    "https://example.com/a_(b)",
    "https://example.com/a_(b_(c))/d",
    "https://example.com/春节",
    "https://example.com/%E6%98%A5",
    "https://example.com/a,b;c.",
    "https://example.com/?q=a(b)",
    "https://example.com?q=1",
    "https://user@example.com/",
    "https://example.com:8080/x",
    "https://sub_domain.example.com/",
    "https://例子.公司/a",
    "https://例子.中国",
    "https://пример.рф/путь",
    "https://münchen.de/straße",
    "https://xn--fiqs8s.xn--fiqs8s/",
    "https://127.0.0.1/a",
    "https://localhost/a",
    "https://t.co/AbCdEf1234",
    "https://t.co/AbCdEf1234/more",
    "https://example.com/@alice/1",
    "https://example.com/a|b~c!",
    "https://-example.com/",
    "https://example.commerce",
    "https://example.com_a",
    "ftp://example.com/a",
    "example.com",
    "example.com/a?b=c",
    "example.com?b=c",
    "www.example.co.uk",
    "sub.example.shop/x",
    "a_b.example.com",
    "例子.公司",
    "春example.com",
    "example.com,",
    "example.c",
];

/// The separators between parts, mostly a space.
const SEPARATORS: [&str; 10] = [" ", " ", " ", " ", "\n", "", "", "，", " (", ") "];

/// Returns `count` random texts of a seed, a third of them short.
pub(super) fn texts(seed: u64, count: usize) -> Vec<String> {
    let mut rng = Rng::seeded(seed);
    (0..count)
        .map(|_| {
            let most = [4, 20, 60][pick(&mut rng, 3)];
            (0..=pick(&mut rng, most)).map(|_| part(&mut rng)).collect()
        })
        .collect()
}

fn part(rng: &mut Rng) -> String {
    let part = match pick(rng, 12) {
        0 | 1 => ADDRESSES[pick(rng, ADDRESSES.len())].to_owned(),
        2 => PARTS[pick(rng, PARTS.len())].repeat(1 + pick(rng, 30)),
        _ => PARTS[pick(rng, PARTS.len())].to_owned(),
    };
    part + SEPARATORS[pick(rng, SEPARATORS.len())]
}

fn pick(rng: &mut Rng, end: usize) -> usize {
    usize::try_from(rng.below(u64::try_from(end).unwrap())).unwrap()
}

/// Returns every emoji with and without its selectors, and every character that might become one
/// with a selector; several in each text.
pub(super) fn emojis() -> Vec<String> {
    let tones = |emoji: &'static emojis::Emoji| emoji.skin_tones().map(Vec::from_iter).unwrap_or_default();
    let all = emojis::iter().flat_map(|emoji| std::iter::once(emoji).chain(tones(emoji)));
    let bare = |emoji: &emojis::Emoji| emoji.as_str().replace('\u{FE0F}', "");
    let mut shown: Vec<String> = all.map(|emoji| format!("a{emoji}b {} ", bare(emoji))).collect();
    shown.extend((0x2000..0x3300).filter_map(char::from_u32).map(|c| format!("{c}\u{FE0F} ")));
    shown.chunks(16).map(<[String]>::concat).collect()
}

/// Returns Latin and Chinese texts of every length around the limits of SMS segments.
pub(super) fn lengths() -> Vec<String> {
    let near = |size: usize| size.saturating_sub(3)..size + 4;
    let sizes = [70, 134, 160, 201, 306, 459].into_iter().flat_map(near);
    sizes.flat_map(|size| ["a", "€", "春", "🎉", "a€", "é", "ç"].map(|unit| unit.repeat(size))).collect()
}
