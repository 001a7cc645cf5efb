//! What may stand before or after a number and makes it an amount: currencies, shares, units.

use crate::calendar::past_until;
use crate::letters::{Letters, is_han, is_latin};
use crate::number::{Number, ONE, decimal};
use crate::value::{Coin, Unit, Value};

/// What a number counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Measure {
    Money(Coin),
    Percent {
        off: bool,
    },
    /// 折: what is left of the price, in tenths or hundredths.
    Zhe,
    /// So many of the unit's base for one.
    Of(Unit, i64),
}

impl Measure {
    /// The value of so much of it; `None` if it is out of bounds.
    pub(crate) fn value(self, micros: i64) -> Option<Value> {
        Some(match self {
            Self::Money(coin) => Value::Money { micros, coin },
            Self::Percent { off } => Value::Percent { micros, off },
            Self::Zhe if micros < 10 * ONE => Value::Percent { micros: 100 * ONE - micros * 10, off: true },
            Self::Zhe if micros < 100 * ONE => Value::Percent { micros: 100 * ONE - micros, off: true },
            Self::Zhe => return None,
            Self::Of(unit, by) => Value::Quantity { micros: micros.checked_mul(by)?, unit },
        })
    }
}

/// Signs and codes that stand before an amount, longer ones before their beginnings.
const BEFORE: [(&str, Coin); 37] = [
    ("cn¥", Coin::Code(*b"CNY")),
    ("jp¥", Coin::Code(*b"JPY")),
    ("us$", Coin::Code(*b"USD")),
    ("hk$", Coin::Code(*b"HKD")),
    ("nt$", Coin::Code(*b"TWD")),
    ("s$", Coin::Code(*b"SGD")),
    ("a$", Coin::Code(*b"AUD")),
    ("au$", Coin::Code(*b"AUD")),
    ("c$", Coin::Code(*b"CAD")),
    ("ca$", Coin::Code(*b"CAD")),
    ("nz$", Coin::Code(*b"NZD")),
    ("¥", Coin::YuanOrYen),
    ("€", Coin::Code(*b"EUR")),
    ("£", Coin::Code(*b"GBP")),
    ("₩", Coin::Code(*b"KRW")),
    ("₹", Coin::Code(*b"INR")),
    ("$", Coin::Dollar),
    ("rmb", Coin::Code(*b"CNY")),
    ("cny", Coin::Code(*b"CNY")),
    ("usd", Coin::Code(*b"USD")),
    ("eur", Coin::Code(*b"EUR")),
    ("gbp", Coin::Code(*b"GBP")),
    ("jpy", Coin::Code(*b"JPY")),
    ("hkd", Coin::Code(*b"HKD")),
    ("twd", Coin::Code(*b"TWD")),
    ("sgd", Coin::Code(*b"SGD")),
    ("aud", Coin::Code(*b"AUD")),
    ("cad", Coin::Code(*b"CAD")),
    ("nzd", Coin::Code(*b"NZD")),
    ("chf", Coin::Code(*b"CHF")),
    ("krw", Coin::Code(*b"KRW")),
    ("inr", Coin::Code(*b"INR")),
    ("人民币", Coin::Code(*b"CNY")),
    ("人民幣", Coin::Code(*b"CNY")),
    ("港币", Coin::Code(*b"HKD")),
    ("港幣", Coin::Code(*b"HKD")),
    ("新台币", Coin::Code(*b"TWD")),
];

/// The currency at `at` that an amount follows, with the position of the amount.
pub(crate) fn coin_before(letters: &Letters, at: usize) -> Option<(Coin, usize)> {
    // No code is longer than three letters: most words are none.
    let is_word = (at..at + 4).all(|at| letters.at(at).is_ascii_alphabetic());
    if is_word || matches!(letters.at(at), ' ' | ',' | '.' | '\0') {
        return None;
    }
    BEFORE.iter().find_map(|(sign, coin)| {
        let mut end = letters.past(at, sign)?;
        // RMB: 199, RMB ¥199.
        end = letters.past_space(end);
        if letters.at(end) == ':' {
            end = letters.past_space(end + 1);
        }
        if letters.at(end) == '¥' {
            end = letters.past_space(end + 1);
        }
        letters.at(end).is_ascii_digit().then_some((*coin, end))
    })
}

/// Words and signs that stand after an amount of money.
const AFTER: [(&str, Coin); 38] = [
    ("人民币", Coin::Code(*b"CNY")),
    ("元人民币", Coin::Code(*b"CNY")),
    ("港元", Coin::Code(*b"HKD")),
    ("港币", Coin::Code(*b"HKD")),
    ("港幣", Coin::Code(*b"HKD")),
    ("美元", Coin::Code(*b"USD")),
    ("美金", Coin::Code(*b"USD")),
    ("欧元", Coin::Code(*b"EUR")),
    ("歐元", Coin::Code(*b"EUR")),
    ("英镑", Coin::Code(*b"GBP")),
    ("英鎊", Coin::Code(*b"GBP")),
    ("日元", Coin::Code(*b"JPY")),
    ("日圆", Coin::Code(*b"JPY")),
    ("円", Coin::Code(*b"JPY")),
    ("新台币", Coin::Code(*b"TWD")),
    ("新台幣", Coin::Code(*b"TWD")),
    ("元", Coin::Yuan),
    ("圆", Coin::Yuan),
    ("圓", Coin::Yuan),
    ("yuan", Coin::Code(*b"CNY")),
    ("rmb", Coin::Code(*b"CNY")),
    ("cny", Coin::Code(*b"CNY")),
    ("kuai", Coin::Code(*b"CNY")),
    ("usd", Coin::Code(*b"USD")),
    ("dollars", Coin::Dollar),
    ("dollar", Coin::Dollar),
    ("eur", Coin::Code(*b"EUR")),
    ("euros", Coin::Code(*b"EUR")),
    ("euro", Coin::Code(*b"EUR")),
    ("gbp", Coin::Code(*b"GBP")),
    ("hkd", Coin::Code(*b"HKD")),
    ("jpy", Coin::Code(*b"JPY")),
    ("yen", Coin::Code(*b"JPY")),
    ("sgd", Coin::Code(*b"SGD")),
    ("€", Coin::Code(*b"EUR")),
    ("£", Coin::Code(*b"GBP")),
    ("¥", Coin::YuanOrYen),
    ("$", Coin::Dollar),
];

/// The currency that follows an amount which ends at `at`.
pub(crate) fn coin_after(letters: &Letters, at: usize) -> Option<(Coin, usize)> {
    let ends_line = letters.ends_line(at);
    let at = letters.past_space(at);
    let (coin, end) = AFTER.iter().find_map(|(word, coin)| Some((*coin, letters.past_word(at, word)?)))?;
    // 2027 元旦 is no price. In `5 ¥199`, and in CNY 199 on a new line, the sign belongs to what follows.
    let other_word = coin == Coin::Yuan && "旦宵气氣素件老勋月年里裡".contains(letters.at(end));
    let next = letters.at(letters.past_space(end));
    let sign = matches!(letters.before(end), '¥' | '$' | '€' | '£');
    let of_next = next.is_ascii_digit() && (sign || ends_line);
    (!other_word && !of_next).then_some((coin, end))
}

/// 块 counts money, and pieces of cake.
fn kuai(letters: &Letters, at: usize, number: &Number) -> Option<(Measure, usize)> {
    let end = letters.past(at, "块").or_else(|| letters.past(at, "塊"))?;
    if let Some(end) = letters.past(end, "钱").or_else(|| letters.past(end, "錢")) {
        return Some((Measure::Money(Coin::Code(*b"CNY")), end));
    }
    let alone = !is_han(letters.at(end)) && number.is_digits();
    Some(if alone { (Measure::Money(Coin::Code(*b"CNY")), end) } else { (Measure::Of(Unit::Piece, 1), end) })
}

/// Units after a number, longer ones before their beginnings.
const UNITS: [(&str, Unit, i64); 76] = [
    ("kg", Unit::Gram, 1_000),
    ("kilograms", Unit::Gram, 1_000),
    ("kilogram", Unit::Gram, 1_000),
    ("kilos", Unit::Gram, 1_000),
    ("grams", Unit::Gram, 1),
    ("gram", Unit::Gram, 1),
    ("gr", Unit::Gram, 1),
    ("g", Unit::Gram, 1),
    ("公斤", Unit::Gram, 1_000),
    ("千克", Unit::Gram, 1_000),
    ("斤", Unit::Gram, 500),
    ("克", Unit::Gram, 1),
    ("ml", Unit::Millilitre, 1),
    ("millilitres", Unit::Millilitre, 1),
    ("milliliters", Unit::Millilitre, 1),
    ("毫升", Unit::Millilitre, 1),
    ("litres", Unit::Millilitre, 1_000),
    ("liters", Unit::Millilitre, 1_000),
    ("litre", Unit::Millilitre, 1_000),
    ("liter", Unit::Millilitre, 1_000),
    ("l", Unit::Millilitre, 1_000),
    ("升", Unit::Millilitre, 1_000),
    ("mm", Unit::Millimetre, 1),
    ("毫米", Unit::Millimetre, 1),
    ("cm", Unit::Millimetre, 10),
    ("厘米", Unit::Millimetre, 10),
    ("km", Unit::Millimetre, 1_000_000),
    ("公里", Unit::Millimetre, 1_000_000),
    ("千米", Unit::Millimetre, 1_000_000),
    ("metres", Unit::Millimetre, 1_000),
    ("meters", Unit::Millimetre, 1_000),
    ("米", Unit::Millimetre, 1_000),
    ("°c", Unit::Degree, 1),
    ("°f", Unit::Degree, 1),
    ("° c", Unit::Degree, 1),
    ("°", Unit::Degree, 1),
    ("℃", Unit::Degree, 1),
    ("degrees", Unit::Degree, 1),
    ("摄氏度", Unit::Degree, 1),
    ("度", Unit::Degree, 1),
    ("seconds", Unit::Second, 1),
    ("second", Unit::Second, 1),
    ("secs", Unit::Second, 1),
    ("sec", Unit::Second, 1),
    ("秒", Unit::Second, 1),
    ("minutes", Unit::Second, 60),
    ("minute", Unit::Second, 60),
    ("mins", Unit::Second, 60),
    ("min", Unit::Second, 60),
    ("分钟", Unit::Second, 60),
    ("分鐘", Unit::Second, 60),
    ("hours", Unit::Second, 3_600),
    ("hour", Unit::Second, 3_600),
    ("h", Unit::Second, 3_600),
    ("个小时", Unit::Second, 3_600),
    ("小时", Unit::Second, 3_600),
    ("小時", Unit::Second, 3_600),
    ("个钟头", Unit::Second, 3_600),
    ("days", Unit::Day, 1),
    ("day", Unit::Day, 1),
    ("天", Unit::Day, 1),
    ("日内", Unit::Day, 1),
    ("日以内", Unit::Day, 1),
    ("weeks", Unit::Day, 7),
    ("week", Unit::Day, 7),
    ("个星期", Unit::Day, 7),
    ("星期", Unit::Day, 7),
    ("周", Unit::Day, 7),
    ("months", Unit::Month, 1),
    ("month", Unit::Month, 1),
    ("个月", Unit::Month, 1),
    ("個月", Unit::Month, 1),
    ("years", Unit::Month, 12),
    ("year", Unit::Month, 12),
    ("周年", Unit::Month, 12),
    ("年", Unit::Month, 12),
];

/// Measure words of Chinese: what follows is counted by the piece.
const PIECES: &str =
    "只隻个個件包杯瓶盒张張位名人次款份台本支枝颗顆粒片双雙套袋罐条條家店座趟桌碗根把束串辆种種项項号號";

/// What a number that ends at `at` counts, with the position after it. A bare number counts pieces.
pub(crate) fn after(letters: &Letters, number: &Number) -> Option<(Measure, usize)> {
    if let Some(share) = share(letters, number) {
        return Some(share);
    }
    if let Some((coin, end)) = coin_after(letters, number.end) {
        return Some((Measure::Money(coin), end));
    }
    let at = letters.past_space(number.end);
    // "five-minute", "14-day".
    let at =
        at + usize::from(at == number.end && letters.at(at) == '-' && letters.at(at + 1).is_alphabetic());
    kuai(letters, at, number).or_else(|| unit(letters, at))
}

fn unit(letters: &Letters, at: usize) -> Option<(Measure, usize)> {
    // 周年 stands after 周 in no table of longest words first: the longest that fits counts.
    let fits = UNITS.iter().filter_map(|(word, unit, by)| Some((*unit, *by, letters.past_word(at, word)?)));
    if let Some((unit, by, end)) = fits.max_by_key(|(_, _, end)| *end) {
        return Some((Measure::Of(unit, by), end));
    }
    PIECES.contains(letters.at(at)).then_some((Measure::Of(Unit::Piece, 1), at + 1))
}

fn share(letters: &Letters, number: &Number) -> Option<(Measure, usize)> {
    let at = letters.past_space(number.end);
    if let Some(end) = letters.past(at, "折") {
        // 折叠 is to fold.
        let fold = "叠疊线線".contains(letters.at(end));
        return (!fold).then_some((Measure::Zhe, end));
    }
    let signs = ["%", "percent", "per cent", "pct"];
    let end = signs.iter().filter_map(|sign| letters.past_word(at, sign)).max()?;
    let taken = past_off(letters, end);
    let off = taken.is_some() || is_taken_off(letters, at) || is_range_off(letters, end);
    Some((Measure::Percent { off }, taken.unwrap_or(end)))
}

fn past_off(letters: &Letters, at: usize) -> Option<usize> {
    let at = letters.past_space(at);
    OFF.iter().filter_map(|word| letters.past_word(at, word)).max()
}

/// Whether a share that ends at `at` is the first of two that are taken off: 20%-30% off.
fn is_range_off(letters: &Letters, at: usize) -> bool {
    let second = past_until(letters, at).and_then(|from| decimal(letters, from));
    let sign = second.filter(|second| letters.at(second.end) == '%');
    sign.is_some_and(|second| past_off(letters, second.end + 1).is_some())
}

/// Words after a share that is taken off a price.
const OFF: [&str; 12] = [
    "off",
    "discount",
    "less",
    "lower",
    "cheaper",
    "reduction",
    "rebate",
    "的折扣",
    "折扣",
    "的优惠",
    "优惠",
    "優惠",
];

/// Words before it.
const TAKE: [&str; 18] = [
    "save",
    "saves",
    "saving",
    "discount of",
    "reduced by",
    "cut by",
    "立减",
    "立減",
    "减",
    "減",
    "直降",
    "降",
    "便宜",
    "优惠",
    "優惠",
    "省",
    "立省",
    "折扣",
];

/// Whether a share whose sign stands at `at` follows a word such as "save".
fn is_taken_off(letters: &Letters, at: usize) -> bool {
    let from = at.saturating_sub(24);
    // Only what leads to the number may stand between: digits, spaces, "up to".
    let leads = |end: usize| (end..at).all(|at| "0123456789., upto达達了至".contains(letters.at(at)));
    let starts = (from..at).filter(|start| !is_latin(letters.before(*start)));
    let mut ends =
        starts.flat_map(|start| TAKE.iter().filter_map(move |word| letters.past_word(start, word)));
    ends.any(|end| end <= at && leads(end)) || is_minus(letters, at)
}

/// Whether the number before `at` has a minus of its own: -20 %, not 10-20 %.
fn is_minus(letters: &Letters, at: usize) -> bool {
    let digits =
        (0..at).rev().take(12).take_while(|at| matches!(letters.at(*at), '0'..='9' | '.' | ' ')).count();
    let minus = at - digits;
    letters.before(minus) == '-'
        && !letters.before(minus - 1).is_alphanumeric()
        && letters.at(minus).is_ascii_digit()
}
