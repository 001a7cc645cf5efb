//! The parser of currencies, percentages and units before or after a number.

use crate::calendar::past_range_word;
use crate::normalized_text::{NormalizedText, is_han, is_latin};
use crate::number::{MICROS_PER_ONE, Number, decimal};
use crate::value::{QuantityUnit, StatedCurrency, Value};

/// The kind of amount that a number states.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Measure {
    Money(StatedCurrency),
    Percent {
        off: bool,
    },
    /// 折, a discount given as the rest of the price: in tenths (8折) or hundredths (85折).
    Zhe,
    /// A quantity, with the number of base units in the unit that the text names.
    Quantity(QuantityUnit, i64),
}

impl Measure {
    /// Returns the value of an amount in millionths; `None` if it is out of range.
    pub(crate) fn value(self, micros: i64) -> Option<Value> {
        Some(match self {
            Self::Money(currency) => Value::Money { micros, currency },
            Self::Percent { off } => Value::Percent { micros, off },
            Self::Zhe if micros < 10 * MICROS_PER_ONE => {
                Value::Percent { micros: 100 * MICROS_PER_ONE - micros * 10, off: true }
            }
            Self::Zhe if micros < 100 * MICROS_PER_ONE => {
                Value::Percent { micros: 100 * MICROS_PER_ONE - micros, off: true }
            }
            Self::Zhe => return None,
            Self::Quantity(unit, by) => Value::Quantity { micros: micros.checked_mul(by)?, unit },
        })
    }
}

/// Currency signs and codes before an amount; a longer one precedes its own prefixes.
const CURRENCY_PREFIXES: [(&str, StatedCurrency); 37] = [
    ("cn¥", StatedCurrency::Code(*b"CNY")),
    ("jp¥", StatedCurrency::Code(*b"JPY")),
    ("us$", StatedCurrency::Code(*b"USD")),
    ("hk$", StatedCurrency::Code(*b"HKD")),
    ("nt$", StatedCurrency::Code(*b"TWD")),
    ("s$", StatedCurrency::Code(*b"SGD")),
    ("a$", StatedCurrency::Code(*b"AUD")),
    ("au$", StatedCurrency::Code(*b"AUD")),
    ("c$", StatedCurrency::Code(*b"CAD")),
    ("ca$", StatedCurrency::Code(*b"CAD")),
    ("nz$", StatedCurrency::Code(*b"NZD")),
    ("¥", StatedCurrency::YuanOrYen),
    ("€", StatedCurrency::Code(*b"EUR")),
    ("£", StatedCurrency::Code(*b"GBP")),
    ("₩", StatedCurrency::Code(*b"KRW")),
    ("₹", StatedCurrency::Code(*b"INR")),
    ("$", StatedCurrency::Dollar),
    ("rmb", StatedCurrency::Code(*b"CNY")),
    ("cny", StatedCurrency::Code(*b"CNY")),
    ("usd", StatedCurrency::Code(*b"USD")),
    ("eur", StatedCurrency::Code(*b"EUR")),
    ("gbp", StatedCurrency::Code(*b"GBP")),
    ("jpy", StatedCurrency::Code(*b"JPY")),
    ("hkd", StatedCurrency::Code(*b"HKD")),
    ("twd", StatedCurrency::Code(*b"TWD")),
    ("sgd", StatedCurrency::Code(*b"SGD")),
    ("aud", StatedCurrency::Code(*b"AUD")),
    ("cad", StatedCurrency::Code(*b"CAD")),
    ("nzd", StatedCurrency::Code(*b"NZD")),
    ("chf", StatedCurrency::Code(*b"CHF")),
    ("krw", StatedCurrency::Code(*b"KRW")),
    ("inr", StatedCurrency::Code(*b"INR")),
    ("人民币", StatedCurrency::Code(*b"CNY")),
    ("人民幣", StatedCurrency::Code(*b"CNY")),
    ("港币", StatedCurrency::Code(*b"HKD")),
    ("港幣", StatedCurrency::Code(*b"HKD")),
    ("新台币", StatedCurrency::Code(*b"TWD")),
];

/// Parses a currency at `at` that is followed by an amount; returns it with the position of the
/// amount.
pub(crate) fn currency_before(chars: &NormalizedText, at: usize) -> Option<(StatedCurrency, usize)> {
    // No code is longer than three letters, so most words can be skipped.
    let is_word = (at..at + 4).all(|at| chars.at(at).is_ascii_alphabetic());
    if is_word || matches!(chars.at(at), ' ' | ',' | '.' | '\0') {
        return None;
    }
    CURRENCY_PREFIXES.iter().find_map(|(sign, currency)| {
        let mut end = chars.past(at, sign)?;
        // RMB: 199, RMB ¥199.
        end = chars.past_space(end);
        if chars.at(end) == ':' {
            end = chars.past_space(end + 1);
        }
        if chars.at(end) == '¥' {
            end = chars.past_space(end + 1);
        }
        chars.at(end).is_ascii_digit().then_some((*currency, end))
    })
}

/// Currency words and signs after an amount.
const CURRENCY_SUFFIXES: [(&str, StatedCurrency); 38] = [
    ("人民币", StatedCurrency::Code(*b"CNY")),
    ("元人民币", StatedCurrency::Code(*b"CNY")),
    ("港元", StatedCurrency::Code(*b"HKD")),
    ("港币", StatedCurrency::Code(*b"HKD")),
    ("港幣", StatedCurrency::Code(*b"HKD")),
    ("美元", StatedCurrency::Code(*b"USD")),
    ("美金", StatedCurrency::Code(*b"USD")),
    ("欧元", StatedCurrency::Code(*b"EUR")),
    ("歐元", StatedCurrency::Code(*b"EUR")),
    ("英镑", StatedCurrency::Code(*b"GBP")),
    ("英鎊", StatedCurrency::Code(*b"GBP")),
    ("日元", StatedCurrency::Code(*b"JPY")),
    ("日圆", StatedCurrency::Code(*b"JPY")),
    ("円", StatedCurrency::Code(*b"JPY")),
    ("新台币", StatedCurrency::Code(*b"TWD")),
    ("新台幣", StatedCurrency::Code(*b"TWD")),
    ("元", StatedCurrency::Yuan),
    ("圆", StatedCurrency::Yuan),
    ("圓", StatedCurrency::Yuan),
    ("yuan", StatedCurrency::Code(*b"CNY")),
    ("rmb", StatedCurrency::Code(*b"CNY")),
    ("cny", StatedCurrency::Code(*b"CNY")),
    ("kuai", StatedCurrency::Code(*b"CNY")),
    ("usd", StatedCurrency::Code(*b"USD")),
    ("dollars", StatedCurrency::Dollar),
    ("dollar", StatedCurrency::Dollar),
    ("eur", StatedCurrency::Code(*b"EUR")),
    ("euros", StatedCurrency::Code(*b"EUR")),
    ("euro", StatedCurrency::Code(*b"EUR")),
    ("gbp", StatedCurrency::Code(*b"GBP")),
    ("hkd", StatedCurrency::Code(*b"HKD")),
    ("jpy", StatedCurrency::Code(*b"JPY")),
    ("yen", StatedCurrency::Code(*b"JPY")),
    ("sgd", StatedCurrency::Code(*b"SGD")),
    ("€", StatedCurrency::Code(*b"EUR")),
    ("£", StatedCurrency::Code(*b"GBP")),
    ("¥", StatedCurrency::YuanOrYen),
    ("$", StatedCurrency::Dollar),
];

/// Parses the currency after an amount that ends at `at`; returns it with the position after it.
pub(crate) fn currency_after(chars: &NormalizedText, at: usize) -> Option<(StatedCurrency, usize)> {
    let ends_line = chars.ends_line(at);
    let at = chars.past_space(at);
    let (currency, end) = CURRENCY_SUFFIXES
        .iter()
        .find_map(|(word, currency)| Some((*currency, chars.past_word(at, word)?)))?;
    // 2027 元旦 is not a price. In `5 ¥199`, and in CNY 199 on a new line, the sign belongs to the
    // next amount.
    let other_word = currency == StatedCurrency::Yuan && "旦宵气氣素件老勋月年里裡".contains(chars.at(end));
    let next = chars.at(chars.past_space(end));
    let sign = matches!(chars.before(end), '¥' | '$' | '€' | '£');
    let of_next = next.is_ascii_digit() && (sign || ends_line);
    (!other_word && !of_next).then_some((currency, end))
}

/// Parses 块, which counts yuan or pieces of something.
fn kuai(chars: &NormalizedText, at: usize, number: &Number) -> Option<(Measure, usize)> {
    let end = chars.past(at, "块").or_else(|| chars.past(at, "塊"))?;
    if let Some(end) = chars.past(end, "钱").or_else(|| chars.past(end, "錢")) {
        return Some((Measure::Money(StatedCurrency::Code(*b"CNY")), end));
    }
    let alone = !is_han(chars.at(end)) && number.is_digits();
    Some(if alone {
        (Measure::Money(StatedCurrency::Code(*b"CNY")), end)
    } else {
        (Measure::Quantity(QuantityUnit::Piece, 1), end)
    })
}

/// Units after a number, with their base unit and factor.
const UNITS: [(&str, QuantityUnit, i64); 76] = [
    ("kg", QuantityUnit::Gram, 1_000),
    ("kilograms", QuantityUnit::Gram, 1_000),
    ("kilogram", QuantityUnit::Gram, 1_000),
    ("kilos", QuantityUnit::Gram, 1_000),
    ("grams", QuantityUnit::Gram, 1),
    ("gram", QuantityUnit::Gram, 1),
    ("gr", QuantityUnit::Gram, 1),
    ("g", QuantityUnit::Gram, 1),
    ("公斤", QuantityUnit::Gram, 1_000),
    ("千克", QuantityUnit::Gram, 1_000),
    ("斤", QuantityUnit::Gram, 500),
    ("克", QuantityUnit::Gram, 1),
    ("ml", QuantityUnit::Millilitre, 1),
    ("millilitres", QuantityUnit::Millilitre, 1),
    ("milliliters", QuantityUnit::Millilitre, 1),
    ("毫升", QuantityUnit::Millilitre, 1),
    ("litres", QuantityUnit::Millilitre, 1_000),
    ("liters", QuantityUnit::Millilitre, 1_000),
    ("litre", QuantityUnit::Millilitre, 1_000),
    ("liter", QuantityUnit::Millilitre, 1_000),
    ("l", QuantityUnit::Millilitre, 1_000),
    ("升", QuantityUnit::Millilitre, 1_000),
    ("mm", QuantityUnit::Millimetre, 1),
    ("毫米", QuantityUnit::Millimetre, 1),
    ("cm", QuantityUnit::Millimetre, 10),
    ("厘米", QuantityUnit::Millimetre, 10),
    ("km", QuantityUnit::Millimetre, 1_000_000),
    ("公里", QuantityUnit::Millimetre, 1_000_000),
    ("千米", QuantityUnit::Millimetre, 1_000_000),
    ("metres", QuantityUnit::Millimetre, 1_000),
    ("meters", QuantityUnit::Millimetre, 1_000),
    ("米", QuantityUnit::Millimetre, 1_000),
    ("°c", QuantityUnit::Degree, 1),
    ("°f", QuantityUnit::Degree, 1),
    ("° c", QuantityUnit::Degree, 1),
    ("°", QuantityUnit::Degree, 1),
    ("℃", QuantityUnit::Degree, 1),
    ("degrees", QuantityUnit::Degree, 1),
    ("摄氏度", QuantityUnit::Degree, 1),
    ("度", QuantityUnit::Degree, 1),
    ("seconds", QuantityUnit::Second, 1),
    ("second", QuantityUnit::Second, 1),
    ("secs", QuantityUnit::Second, 1),
    ("sec", QuantityUnit::Second, 1),
    ("秒", QuantityUnit::Second, 1),
    ("minutes", QuantityUnit::Second, 60),
    ("minute", QuantityUnit::Second, 60),
    ("mins", QuantityUnit::Second, 60),
    ("min", QuantityUnit::Second, 60),
    ("分钟", QuantityUnit::Second, 60),
    ("分鐘", QuantityUnit::Second, 60),
    ("hours", QuantityUnit::Second, 3_600),
    ("hour", QuantityUnit::Second, 3_600),
    ("h", QuantityUnit::Second, 3_600),
    ("个小时", QuantityUnit::Second, 3_600),
    ("小时", QuantityUnit::Second, 3_600),
    ("小時", QuantityUnit::Second, 3_600),
    ("个钟头", QuantityUnit::Second, 3_600),
    ("days", QuantityUnit::Day, 1),
    ("day", QuantityUnit::Day, 1),
    ("天", QuantityUnit::Day, 1),
    ("日内", QuantityUnit::Day, 1),
    ("日以内", QuantityUnit::Day, 1),
    ("weeks", QuantityUnit::Day, 7),
    ("week", QuantityUnit::Day, 7),
    ("个星期", QuantityUnit::Day, 7),
    ("星期", QuantityUnit::Day, 7),
    ("周", QuantityUnit::Day, 7),
    ("months", QuantityUnit::Month, 1),
    ("month", QuantityUnit::Month, 1),
    ("个月", QuantityUnit::Month, 1),
    ("個月", QuantityUnit::Month, 1),
    ("years", QuantityUnit::Month, 12),
    ("year", QuantityUnit::Month, 12),
    ("周年", QuantityUnit::Month, 12),
    ("年", QuantityUnit::Month, 12),
];

/// Chinese measure words, which count pieces.
const MEASURE_WORDS: &str =
    "只隻个個件包杯瓶盒张張位名人次款份台本支枝颗顆粒片双雙套袋罐条條家店座趟桌碗根把束串辆种種项項号號";

/// Parses the currency, percentage or unit after a number; returns it with the position after it.
pub(crate) fn measure_after(chars: &NormalizedText, number: &Number) -> Option<(Measure, usize)> {
    if let Some(percentage) = percentage(chars, number) {
        return Some(percentage);
    }
    if let Some((currency, end)) = currency_after(chars, number.end) {
        return Some((Measure::Money(currency), end));
    }
    let at = chars.past_space(number.end);
    // "five-minute", "14-day".
    let at = at + usize::from(at == number.end && chars.at(at) == '-' && chars.at(at + 1).is_alphabetic());
    kuai(chars, at, number).or_else(|| unit(chars, at))
}

fn unit(chars: &NormalizedText, at: usize) -> Option<(Measure, usize)> {
    // The table is not sorted by length (周 precedes 周年): the longest match counts.
    let fits = UNITS.iter().filter_map(|(word, unit, by)| Some((*unit, *by, chars.past_word(at, word)?)));
    if let Some((unit, by, end)) = fits.max_by_key(|(_, _, end)| *end) {
        return Some((Measure::Quantity(unit, by), end));
    }
    MEASURE_WORDS.contains(chars.at(at)).then_some((Measure::Quantity(QuantityUnit::Piece, 1), at + 1))
}

fn percentage(chars: &NormalizedText, number: &Number) -> Option<(Measure, usize)> {
    let at = chars.past_space(number.end);
    if let Some(end) = chars.past(at, "折") {
        // 折叠 means to fold.
        let fold = "叠疊线線".contains(chars.at(end));
        return (!fold).then_some((Measure::Zhe, end));
    }
    let signs = ["%", "percent", "per cent", "pct"];
    let end = signs.iter().filter_map(|sign| chars.past_word(at, sign)).max()?;
    let taken = past_discount_word(chars, end);
    let off = taken.is_some() || is_discount(chars, at) || is_discount_range(chars, end);
    Some((Measure::Percent { off }, taken.unwrap_or(end)))
}

fn past_discount_word(chars: &NormalizedText, at: usize) -> Option<usize> {
    let at = chars.past_space(at);
    DISCOUNT_SUFFIXES.iter().filter_map(|word| chars.past_word(at, word)).max()
}

/// Returns true if a percentage that ends at `at` begins a range of discounts: 20%-30% off.
fn is_discount_range(chars: &NormalizedText, at: usize) -> bool {
    let second = past_range_word(chars, at).and_then(|from| decimal(chars, from));
    let sign = second.filter(|second| chars.at(second.end) == '%');
    sign.is_some_and(|second| past_discount_word(chars, second.end + 1).is_some())
}

/// Words after a percentage that make it a discount.
const DISCOUNT_SUFFIXES: [&str; 12] = [
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

/// Words before a percentage that make it a discount.
const DISCOUNT_PREFIXES: [&str; 18] = [
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

/// Returns true if the percentage whose sign is at `at` follows a word such as "save", or a minus
/// sign.
fn is_discount(chars: &NormalizedText, at: usize) -> bool {
    let from = at.saturating_sub(24);
    // Only digits, spaces and "up to" may stand between the word and the sign.
    let leads = |end: usize| (end..at).all(|at| "0123456789., upto达達了至".contains(chars.at(at)));
    let starts = (from..at).filter(|start| !is_latin(chars.before(*start)));
    let mut ends = starts
        .flat_map(|start| DISCOUNT_PREFIXES.iter().filter_map(move |word| chars.past_word(start, word)));
    ends.any(|end| end <= at && leads(end)) || is_minus(chars, at)
}

/// Returns true if the number before `at` has a minus sign: -20 %, not the range 10-20 %.
fn is_minus(chars: &NormalizedText, at: usize) -> bool {
    let digits =
        (0..at).rev().take(12).take_while(|at| matches!(chars.at(*at), '0'..='9' | '.' | ' ')).count();
    let minus = at - digits;
    chars.before(minus) == '-'
        && !chars.before(minus - 1).is_alphanumeric()
        && chars.at(minus).is_ascii_digit()
}
