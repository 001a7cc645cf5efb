//! The comparison of a text's values with the facts: missing facts, contradictions, undeclared
//! claims.

use std::collections::BTreeMap;
use std::ops::Range;

use super::finding::{ConsistencyFinding, shorten};
use super::matrix::FactStatus;
use campaign::ConsistencyRule;
use facts::MICROS_PER_ONE;
use facts::TokenizedText;
use facts::Value;
use facts::{Fact, MIN_CONTEXT};
use source::Severity;

/// The facts of a message and the parts of a text that must state them.
pub(super) struct FactComparison<'a> {
    pub(super) facts: &'a [Fact<'a>],
    pub(super) parts: &'a [TokenizedText<'a>],
}

/// A value in a text that agrees with no value of any fact.
struct UnmatchedValue<'a> {
    part: usize,
    text: &'a TokenizedText<'a>,
    value: Value,
    range: Range<usize>,
    tokens: Range<usize>,
    is_reported: bool,
}

/// Reports facts that the text misses or contradicts, and claims that no fact declares. Returns the
/// status of each fact by name.
pub(super) fn compare(
    comparison: &FactComparison<'_>,
    findings: &mut Vec<ConsistencyFinding>,
) -> BTreeMap<String, FactStatus> {
    let mut unmatched = comparison.unmatched();
    let mut cells = BTreeMap::new();
    let mut roles = BTreeMap::new();
    for fact in comparison.facts {
        let cell = match comparison.find_fact(fact) {
            Some((text, place)) => {
                roles.insert(fact.name, date_role(text, &place).or_else(|| role_from_name(fact.name)));
                FactStatus::Stated
            }
            None => comparison.find_contradiction(fact, &mut unmatched, findings),
        };
        cells.insert(fact.name.to_owned(), cell);
    }
    for candidate in unmatched.iter().filter(|candidate| !candidate.is_reported) {
        if candidate.value.is_claim() && !is_hundred_percent(&candidate.value) {
            findings.push(comparison.report_claim(candidate, &roles, &mut cells));
        }
    }
    cells
}

/// Returns true for 100 %, which is never a claim about a price ("100% arabica").
fn is_hundred_percent(value: &Value) -> bool {
    *value == Value::Percent { micros: 100 * MICROS_PER_ONE, off: false }
}

impl<'a> FactComparison<'a> {
    fn find_fact(&self, fact: &Fact<'_>) -> Option<(&'a TokenizedText<'a>, Range<usize>)> {
        self.parts.iter().find_map(|text| Some((text, fact.find_in(text)?)))
    }

    fn unmatched(&self) -> Vec<UnmatchedValue<'a>> {
        let values = self
            .parts
            .iter()
            .enumerate()
            .flat_map(|(part, text)| text.values.iter().map(move |found| (part, text, found)));
        let explained =
            |value: &Value| self.facts.iter().flat_map(|fact| &fact.values).any(|own| own.agrees(value));
        let unmatched = values.filter(|(.., found)| !explained(&found.value));
        unmatched
            .map(|(part, text, found)| UnmatchedValue {
                part,
                text,
                value: found.value,
                range: found.range.clone(),
                tokens: text.tokens_of(&found.range),
                is_reported: false,
            })
            .collect()
    }

    /// Reports a fact that the text does not state: as contradicted by the unmatched value with the
    /// most context in common, or else as missing.
    fn find_contradiction(
        &self,
        fact: &Fact<'_>,
        unmatched: &mut [UnmatchedValue<'_>],
        findings: &mut Vec<ConsistencyFinding>,
    ) -> FactStatus {
        let scored = unmatched.iter_mut().filter_map(|candidate| {
            let context = fact.context(candidate.text, &candidate.tokens, &candidate.value);
            let fits = fact.is_contradicted_by(&candidate.value, context) && !is_exempt(candidate);
            fits.then_some((context, candidate))
        });
        let closest = scored.first_max();
        let Some(candidate) = closest else {
            findings.push(missing_fact(fact));
            return FactStatus::Missing;
        };
        candidate.is_reported = true;
        let finding = contradiction(fact, candidate);
        let words = finding.words.clone();
        findings.push(finding);
        FactStatus::Contradicted(words)
    }

    /// Returns the finding for a price, percentage or date that is in no fact: a contradiction of
    /// the fact with the most context in common, or else an undeclared claim.
    fn report_claim(
        &self,
        candidate: &UnmatchedValue<'_>,
        roles: &DateRoles<'_>,
        cells: &mut BTreeMap<String, FactStatus>,
    ) -> ConsistencyFinding {
        let contradicted = self.facts.iter().filter_map(|fact| {
            let context = fact.context(candidate.text, &candidate.tokens, &candidate.value);
            // A fact with words of its own that is mentioned elsewhere is not meant here.
            let elsewhere = context < MIN_CONTEXT
                && !fact.words.is_empty()
                && cells.get(fact.name) != Some(&FactStatus::Missing);
            (fact.is_contradicted_by(&candidate.value, context) && !elsewhere).then_some((context, fact))
        });
        let fact = contradicted
            .first_max()
            .filter(|fact| !is_exempt(candidate) && !is_unrelated(fact, candidate, roles));
        let Some(fact) = fact else { return undeclared_claim(candidate) };
        let finding = contradiction(fact, candidate);
        if let Some(cell) = cells.get_mut(fact.name).filter(|cell| **cell == FactStatus::Stated) {
            *cell = FactStatus::Contradicted(finding.words.clone());
        }
        finding
    }
}

/// The facts that the text states, each with its role as a date.
type DateRoles<'a> = BTreeMap<&'a str, Option<DateRole>>;

/// Returns true if the text states the fact elsewhere, and the value is about another matter: it
/// stands near another quantity, or is the other end of a period.
fn is_unrelated(fact: &Fact<'_>, candidate: &UnmatchedValue<'_>, roles: &DateRoles<'_>) -> bool {
    let Some(own) = roles.get(fact.name) else { return false };
    match candidate.value {
        Value::Money { .. } => values_near(candidate, 5).any(|other| is_other_amount(fact, &other)),
        Value::Date { .. } => {
            own.zip(date_role(candidate.text, &candidate.tokens)).is_some_and(|(own, other)| own != other)
        }
        _ => false,
    }
}

/// An extension of iterators over pairs of a context score and an item.
trait MostContext<T> {
    /// Returns the item with the highest score; of equals the first.
    fn first_max(self) -> Option<T>;
}

impl<T, I: Iterator<Item = (usize, T)>> MostContext<T> for I {
    fn first_max(self) -> Option<T> {
        self.fold(None, |best: Option<(usize, T)>, (context, thing)| match best {
            Some((most, _)) if most >= context => best,
            _ => Some((context, thing)),
        })
        .map(|(_, thing)| thing)
    }
}

/// Iterates over the values within `tokens` tokens of a value.
fn values_near(candidate: &UnmatchedValue<'_>, tokens: usize) -> impl Iterator<Item = Value> {
    let end = (candidate.tokens.end + tokens).min(candidate.text.tokens.len());
    let around = candidate.tokens.start.saturating_sub(tokens)..end;
    let bytes = candidate.text.bytes_of(&around);
    let from = candidate.text.values.partition_point(|found| found.range.end <= bytes.start);
    let values = candidate.text.values.iter().skip(from);
    values.take_while(move |found| found.range.start < bytes.end).map(|found| found.value)
}

fn is_other_amount(fact: &Fact<'_>, other: &Value) -> bool {
    matches!(other, Value::Quantity { .. })
        && fact.values.iter().any(|own| own.is_comparable(other))
        && !fact.values.iter().any(|own| own.agrees(other))
}

/// Words that mark an amount of money as another one than the price: a former price, a saving, a
/// threshold, a fee.
const NOT_A_PRICE: [&str; 30] = [
    "was",
    "were",
    "instead",
    "worth",
    "save",
    "saves",
    "saving",
    "savings",
    "usually",
    "usual",
    "regular",
    "regularly",
    "normally",
    "rrp",
    "shipping",
    "delivery",
    "postage",
    "deposit",
    "over",
    "above",
    "minimum",
    "value",
    "formerly",
    "原",
    "省",
    "满",
    "滿",
    "减",
    "運",
    "运",
];

/// Words of two Chinese characters that mark an amount as [`NOT_A_PRICE`] does.
const NOT_A_PRICE_HAN: [&str; 8] = ["价值", "價值", "市场", "市場", "日常", "平时", "押金", "起送"];

/// Words that mark a percentage or an amount as additional to the stated one.
const ADDITIONAL: [&str; 6] = ["再", "另", "extra", "additional", "another", "further"];

/// Returns true if the words around a value, in its sentence, mark it as additional or as no price,
/// so that it contradicts no fact.
fn is_exempt(candidate: &UnmatchedValue<'_>) -> bool {
    let is_money = matches!(candidate.value, Value::Money { .. });
    if !is_money && !matches!(candidate.value, Value::Percent { .. }) {
        return false;
    }
    let end = (candidate.tokens.end + 3).min(candidate.text.tokens.len());
    let around = candidate.tokens.start.saturating_sub(5)..end;
    let sentence = candidate.text.tokens.get(candidate.tokens.start).map(|token| token.sentence);
    let tokens = candidate.text.tokens.get(around).unwrap_or_default();
    let words: Vec<_> = tokens
        .iter()
        .filter(|token| Some(token.sentence) == sentence)
        .map(|token| candidate.text.word(token))
        .collect();
    let mut pairs = words.windows(2).map(<[&str]>::concat);
    let is_no_price = words.iter().any(|word| NOT_A_PRICE.contains(word))
        || pairs.any(|pair| NOT_A_PRICE_HAN.contains(&pair.as_str()));
    words.iter().any(|word| ADDITIONAL.contains(word)) || (is_money && is_no_price)
}

/// The role of a date: the start or end of a period, or a single day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DateRole {
    Start,
    On,
    End,
}

/// Returns the role of the date at `tokens`, from the two words after it and the three before it.
fn date_role(text: &TokenizedText<'_>, tokens: &Range<usize>) -> Option<DateRole> {
    let word = |at: usize| text.tokens.get(at).map_or("", |token| text.word(token));
    let after = (tokens.end..tokens.end + 2).map(word).find_map(|word| match word {
        "前" | "止" | "截" => Some(DateRole::End),
        "起" | "开" | "開" => Some(DateRole::Start),
        _ => None,
    });
    let before = (1..=3).filter_map(|back| tokens.start.checked_sub(back)).map(word);
    after.or_else(|| before.into_iter().find_map(role_from_word))
}

fn role_from_word(word: &str) -> Option<DateRole> {
    match word {
        "until" | "till" | "by" | "before" | "ends" | "end" | "ending" | "through" | "deadline"
        | "expires" | "to" | "至" | "到" | "止" => Some(DateRole::End),
        "from" | "starts" | "start" | "starting" | "since" | "opens" | "begins" | "自" | "从" | "從"
        | "由" => Some(DateRole::Start),
        "on" | "于" | "於" => Some(DateRole::On),
        _ => None,
    }
}

fn role_from_name(name: &str) -> Option<DateRole> {
    name.split('_').find_map(role_from_word)
}

fn contradiction(fact: &Fact<'_>, candidate: &UnmatchedValue<'_>) -> ConsistencyFinding {
    let words = candidate.text.slice(&candidate.range).to_owned();
    let message = format!(
        "\"{}\" is not what the fact `{}` says: \"{}\"",
        shorten(&words),
        fact.name,
        shorten(fact.tokenized.text)
    );
    let help = format!(
        "Write {{{{facts.{}}}}} in its place, or change the fact. If both are true, declare this {} as a separate fact.",
        fact.name,
        candidate.value.noun()
    );
    ConsistencyFinding {
        rule: ConsistencyRule::FactContradicted,
        severity: Severity::Error,
        part: candidate.part,
        range: candidate.range.clone(),
        words,
        message,
        help,
        fact: Some(fact.name.to_owned()),
    }
}

fn missing_fact(fact: &Fact<'_>) -> ConsistencyFinding {
    let text = fact.tokenized.text;
    ConsistencyFinding {
        rule: ConsistencyRule::FactNotSaid,
        severity: Severity::Warning,
        part: 0,
        range: 0..0,
        words: text.to_owned(),
        message: format!("the fact `{}` is not said: \"{}\"", fact.name, shorten(text)),
        help: format!("Put {{{{facts.{}}}}} into a text of the message, or into the template.", fact.name),
        fact: Some(fact.name.to_owned()),
    }
}

fn undeclared_claim(candidate: &UnmatchedValue<'_>) -> ConsistencyFinding {
    let words = candidate.text.slice(&candidate.range).to_owned();
    let noun = candidate.value.noun();
    ConsistencyFinding {
        rule: ConsistencyRule::ClaimNotAFact,
        severity: Severity::Warning,
        part: candidate.part,
        range: candidate.range.clone(),
        message: format!("\"{}\" is a {noun} that no fact declares", shorten(&words)),
        help: format!(
            "Declare it under [message.facts] and write {{{{facts.…}}}} here, so that every channel says the same {noun}."
        ),
        words,
        fact: None,
    }
}
