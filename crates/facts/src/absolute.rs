//! Absolute terms, which Chinese law forbids in advertising: "the best", "最佳".
//!
//! The Advertising Law of the PRC, article 9 (3), forbids "国家级", "最高级", "最佳" and the like. The
//! guide of the State Administration for Market Regulation to that rule (notice 6 of 2023) exempts
//! statements that do not refer to the goods, that give a measurement or an order in time, that
//! compare a company with itself, or that explain the best use.

use std::ops::Range;

use crate::normalized_text::{NormalizedText, is_han, is_latin};

/// A forbidden term with the contexts that make it permissible.
struct Term {
    words: &'static str,
    /// The term is permissible before one of these.
    unless_before: &'static [&'static str],
    /// The term is permissible after one of these.
    unless_after: &'static [&'static str],
}

const fn always(words: &'static str) -> Term {
    Term { words, unless_before: &[], unless_after: &[] }
}

const fn unless(words: &'static str, unless_before: &'static [&'static str]) -> Term {
    Term { words, unless_before, unless_after: &[] }
}

const fn unless_after(words: &'static str, unless_after: &'static [&'static str]) -> Term {
    Term { words, unless_before: &[], unless_after }
}

/// Continuations after which "most" and "least" are limits of an amount: 最高立减 50 元 means "up to".
const AMOUNT_WORDS: &[&str] = &[
    "立减",
    "可减",
    "可省",
    "可享",
    "可得",
    "可达",
    "可返",
    "返",
    "减",
    "省",
    "优惠",
    "温度",
    "气温",
    "限",
    "额",
    "消费",
    "起",
    "购买",
    "金额",
    "订",
    "充值",
    "不超过",
    "分",
];

/// The Chinese terms. Words with 最 that are not listed (最近, 最后, 最终, 最多, 最少, 最新, 最爱 …) are
/// permissible.
const CHINESE: [Term; 83] = [
    always("最佳"),
    unless(
        "最好",
        &["提前", "在", "先", "不", "是", "能", "别", "用", "的朋友", "把", "趁", "于", "当", "一起"],
    ),
    always("最优"),
    always("最強"),
    always("最强"),
    unless("最大", &["限度", "化", "程度", "的努力", "努力", "可", "承"]),
    unless("最高", AMOUNT_WORDS),
    unless("最低", AMOUNT_WORDS),
    always("最便宜"),
    always("最实惠"),
    always("最划算"),
    always("最优惠"),
    always("最省"),
    always("最美"),
    always("最棒"),
    always("最牛"),
    always("最香"),
    always("最好喝"),
    always("最好吃"),
    always("最新鲜"),
    always("最先进"),
    always("最新科"),
    always("最新技术"),
    always("最顶"),
    always("最豪华"),
    always("最奢"),
    always("最尊"),
    always("最受欢迎"),
    always("最受歡迎"),
    always("最畅销"),
    always("最热"),
    always("最火"),
    always("最流行"),
    always("最时尚"),
    always("最权威"),
    always("最专业"),
    always("最正宗"),
    always("最纯"),
    always("最值得"),
    always("最安全"),
    always("最健康"),
    always("最有效"),
    always("最舒适"),
    always("最快"),
    always("最薄"),
    always("最具"),
    always("最地道"),
    always("国家级"),
    always("國家級"),
    always("世界级"),
    always("全球级"),
    always("宇宙级"),
    always("顶级"),
    always("頂級"),
    always("顶尖"),
    always("极致"),
    always("極致"),
    always("极品"),
    always("极佳"),
    always("终极"),
    unless("独家", &["采访", "专访", "记忆"]),
    always("首选"),
    unless("唯一", &["一次", "联系", "标识", "编号", "码", "遗憾", "缺点", "不足", "要求", "条件"]),
    always("全网最"),
    always("全网首"),
    always("全国首"),
    always("全球首"),
    always("全国第一"),
    always("行业领先"),
    always("遥遥领先"),
    always("领导品牌"),
    always("领军品牌"),
    always("第一品牌"),
    always("销量冠军"),
    always("王牌"),
    always("绝无仅有"),
    always("史无前例"),
    always("前所未有"),
    always("无与伦比"),
    always("独一无二"),
    always("万能"),
    always("空前绝后"),
    always("驰名商标"),
];

/// The first characters of the Chinese terms.
const FIRST_CHARS_CHINESE: &str = "最国國世全宇顶頂极極终独首唯行遥领第销王绝史前无万空驰";

/// The first characters of the English terms.
const FIRST_CHARS_ENGLISH: &str = "tbnwlus#";

/// Words before which 第一 is an ordinal number. After a pause it means "firstly".
const COUNTED_NOUNS: &str = "次步时時个個天周批季章杯口眼位页頁期代站道层層家年月日封件包人场場课課课轮輪只支款集回版阶段行列手线口篇";

const ENGLISH: [Term; 27] = [
    Term {
        words: "the best",
        unless_before: &[
            "way to",
            "time to",
            "of luck",
            "before",
            "part",
            "thing about",
            "i ",
            "we ",
            "you ",
        ],
        unless_after: &["all ", "hope for "],
    },
    unless_after("best in the world", &["the "]),
    unless_after("best in class", &["the "]),
    unless_after("best-in-class", &["the "]),
    always("number one"),
    unless("no. 1", &["pier", "road", "street", "of "]),
    unless("no.1", &["pier", "road", "street", "of "]),
    unless("#1", &[":", "of "]),
    always("world's best"),
    always("world's first"),
    always("world's finest"),
    always("the world's"),
    always("world-class"),
    always("the finest"),
    always("the greatest"),
    always("the cheapest"),
    always("the lowest price"),
    always("lowest prices"),
    always("lowest price guaranteed"),
    always("top-quality"),
    always("unrivalled"),
    always("unrivaled"),
    always("unbeatable"),
    always("unparalleled"),
    always("unmatched"),
    always("state-level"),
    always("national-level"),
];

/// Returns the byte ranges of the absolute terms in `text`, in ascending order.
pub fn terms(text: &str) -> Vec<Range<usize>> {
    let chars = NormalizedText::new(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        match term(&chars, at) {
            Some(end) => {
                found.push(chars.bytes(at, end));
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// Returns the position after the longest term at `at`, unless its context makes it permissible.
fn term(chars: &NormalizedText, at: usize) -> Option<usize> {
    let c = chars.at(at);
    if is_han(c) && !FIRST_CHARS_CHINESE.contains(c) {
        return None;
    }
    if is_han(c) {
        return longest_term(chars, at, &CHINESE).or_else(|| first_as_rank(chars, at));
    }
    let inside = is_latin(chars.before(at)) || chars.before(at).is_ascii_digit();
    if inside || !FIRST_CHARS_ENGLISH.contains(c) {
        return None;
    }
    longest_term(chars, at, &ENGLISH)
}

fn longest_term(chars: &NormalizedText, at: usize, terms: &[Term]) -> Option<usize> {
    let there = terms.iter().filter_map(|term| Some((term, chars.past_word(at, term.words)?)));
    // The longest match decides, so that a permissible term is not reported for its beginning.
    let (term, end) = there.max_by_key(|(_, end)| *end)?;
    let digit = chars.at(end).is_ascii_digit();
    (!digit && !is_allowed(chars, at, end, term)).then_some(end)
}

fn is_allowed(chars: &NormalizedText, at: usize, end: usize, term: &Term) -> bool {
    let next = chars.past_space(end);
    let follows = |word: &&str| chars.past(next, word).is_some();
    let precedes = |word: &&str| {
        at.checked_sub(word.chars().count()).is_some_and(|from| chars.past(from, word) == Some(at))
    };
    term.unless_before.iter().any(follows) || term.unless_after.iter().any(precedes)
}

/// Returns the position after 第一 used as a rank (销量第一, 第一的选择), not as an ordinal number (第一次, 第一，).
fn first_as_rank(chars: &NormalizedText, at: usize) -> Option<usize> {
    let end = chars.past(at, "第一")?;
    let next = chars.at(end);
    let counts = COUNTED_NOUNS.contains(next) || next == '百' || next == '千' || next == '万' || next == '十';
    let firstly = !is_han(chars.before(at)) && !is_han(next);
    (!counts && !firstly).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_begins_with_a_listed_character() {
        assert!(CHINESE.iter().all(|term| term.words.starts_with(|c| FIRST_CHARS_CHINESE.contains(c))));
        assert!(ENGLISH.iter().all(|term| term.words.starts_with(|c| FIRST_CHARS_ENGLISH.contains(c))));
    }
}
