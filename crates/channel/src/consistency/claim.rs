//! What a text says besides the facts, or against them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::finding::{Finding, shown};
use super::matrix::Cell;
use campaign::consistency::Rule;
use facts::ONE;
use facts::Reading;
use facts::Value;
use facts::{Fact, NEAR};
use source::Severity;

/// What the facts are held against.
pub(super) struct Against<'a> {
    pub(super) facts: &'a [Fact<'a>],
    pub(super) parts: &'a [Reading<'a>],
}

/// A value that no fact explains.
struct Stray<'a> {
    part: usize,
    text: &'a Reading<'a>,
    value: Value,
    range: Range<usize>,
    tokens: Range<usize>,
    told: bool,
}

/// Finds what is not said, said otherwise, and said besides; a cell for each fact.
pub(super) fn compare(against: &Against<'_>, findings: &mut Vec<Finding>) -> BTreeMap<String, Cell> {
    let mut strays = against.strays();
    let mut cells = BTreeMap::new();
    let mut roles = BTreeMap::new();
    for fact in against.facts {
        let cell = match against.place_of(fact) {
            Some((text, place)) => {
                roles.insert(fact.name, role(text, &place).or_else(|| role_of_name(fact.name)));
                Cell::Said
            }
            None => against.otherwise(fact, &mut strays, findings),
        };
        cells.insert(fact.name.to_owned(), cell);
    }
    for stray in
        strays.iter().filter(|stray| !stray.told && stray.value.is_claim() && !is_whole(&stray.value))
    {
        findings.push(against.claim(stray, &roles, &mut cells));
    }
    cells
}

/// 100 % of something is no promise about a price.
fn is_whole(value: &Value) -> bool {
    *value == Value::Percent { micros: 100 * ONE, off: false }
}

impl<'a> Against<'a> {
    fn place_of(&self, fact: &Fact<'_>) -> Option<(&'a Reading<'a>, Range<usize>)> {
        self.parts.iter().find_map(|text| Some((text, fact.place_in(text)?)))
    }

    fn strays(&self) -> Vec<Stray<'a>> {
        let values = self
            .parts
            .iter()
            .enumerate()
            .flat_map(|(part, text)| text.values.iter().map(move |found| (part, text, found)));
        let explained =
            |value: &Value| self.facts.iter().flat_map(|fact| &fact.values).any(|own| own.agrees(value));
        let strays = values.filter(|(.., found)| !explained(&found.value));
        strays
            .map(|(part, text, found)| Stray {
                part,
                text,
                value: found.value,
                range: found.range.clone(),
                tokens: text.tokens_of(&found.range),
                told: false,
            })
            .collect()
    }

    /// A fact that is not said: the closest place that says something else, or none.
    fn otherwise(&self, fact: &Fact<'_>, strays: &mut [Stray<'_>], findings: &mut Vec<Finding>) -> Cell {
        let scored = strays.iter_mut().filter_map(|stray| {
            let context = fact.context(stray.text, &stray.tokens, &stray.value);
            let fits = fact.is_asked(&stray.value, context) && !is_excused(stray);
            fits.then_some((context, stray))
        });
        // Of equals the first counts.
        let closest = scored.rev_max();
        let Some(stray) = closest else {
            findings.push(unsaid(fact));
            return Cell::Unsaid;
        };
        stray.told = true;
        let finding = contradicted(fact, stray);
        let words = finding.words.clone();
        findings.push(finding);
        Cell::SaidOtherwise(words)
    }

    /// A price, share or date that is no fact.
    fn claim(&self, stray: &Stray<'_>, roles: &Roles<'_>, cells: &mut BTreeMap<String, Cell>) -> Finding {
        let asked = self.facts.iter().filter_map(|fact| {
            let context = fact.context(stray.text, &stray.tokens, &stray.value);
            // A fact with a name of its own that is spoken of elsewhere is not spoken of here.
            let elsewhere =
                context < NEAR && !fact.words.is_empty() && cells.get(fact.name) != Some(&Cell::Unsaid);
            (fact.is_asked(&stray.value, context) && !elsewhere).then_some((context, fact))
        });
        let fact = asked.rev_max().filter(|fact| !is_excused(stray) && !is_other_matter(fact, stray, roles));
        let Some(fact) = fact else { return bypass(stray) };
        let finding = contradicted(fact, stray);
        if let Some(cell) = cells.get_mut(fact.name).filter(|cell| **cell == Cell::Said) {
            *cell = Cell::SaidOtherwise(finding.words.clone());
        }
        finding
    }
}

/// The facts that are said, with the end of a period that each is.
type Roles<'a> = BTreeMap<&'a str, Option<Role>>;

/// Whether a value stands beside something of its own, while the fact is said: another weight, the other end of a
/// period.
fn is_other_matter(fact: &Fact<'_>, stray: &Stray<'_>, roles: &Roles<'_>) -> bool {
    let Some(own) = roles.get(fact.name) else { return false };
    match stray.value {
        Value::Money { .. } => near(stray, 5).any(|other| is_other_amount(fact, &other)),
        Value::Date { .. } => {
            own.zip(role(stray.text, &stray.tokens)).is_some_and(|(own, other)| own != other)
        }
        _ => false,
    }
}

/// Takes the thing with the most context; of equals the first.
trait MostContext<T> {
    fn rev_max(self) -> Option<T>;
}

impl<T, I: Iterator<Item = (usize, T)>> MostContext<T> for I {
    fn rev_max(self) -> Option<T> {
        self.fold(None, |best: Option<(usize, T)>, (context, thing)| match best {
            Some((most, _)) if most >= context => best,
            _ => Some((context, thing)),
        })
        .map(|(_, thing)| thing)
    }
}

/// The values within so many tokens of a stray one.
fn near(stray: &Stray<'_>, tokens: usize) -> impl Iterator<Item = Value> {
    let around =
        stray.tokens.start.saturating_sub(tokens)..(stray.tokens.end + tokens).min(stray.text.tokens.len());
    let bytes = stray.text.bytes_of(&around);
    let from = stray.text.values.partition_point(|found| found.range.end <= bytes.start);
    let values = stray.text.values.iter().skip(from);
    values.take_while(move |found| found.range.start < bytes.end).map(|found| found.value)
}

fn is_other_amount(fact: &Fact<'_>, other: &Value) -> bool {
    matches!(other, Value::Quantity { .. })
        && fact.values.iter().any(|own| own.is_alike(other))
        && !fact.values.iter().any(|own| own.agrees(other))
}

/// Words that say that an amount of money is not the price: a former one, a saving, a threshold, a fee.
const BESIDES: [&str; 30] = [
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

/// The same in two Chinese signs.
const BESIDES_HAN: [&str; 8] = ["价值", "價值", "市场", "市場", "日常", "平时", "押金", "起送"];

/// Words that say that a share or an amount comes on top.
const ON_TOP: [&str; 6] = ["再", "另", "extra", "additional", "another", "further"];

fn is_excused(stray: &Stray<'_>) -> bool {
    let is_money = matches!(stray.value, Value::Money { .. });
    if !is_money && !matches!(stray.value, Value::Percent { .. }) {
        return false;
    }
    let around = stray.tokens.start.saturating_sub(5)..(stray.tokens.end + 3).min(stray.text.tokens.len());
    let sentence = stray.text.tokens.get(stray.tokens.start).map(|token| token.sentence);
    let tokens = stray.text.tokens.get(around).unwrap_or_default();
    let words: Vec<_> = tokens
        .iter()
        .filter(|token| Some(token.sentence) == sentence)
        .map(|token| stray.text.word(token))
        .collect();
    let mut pairs = words.windows(2).map(<[&str]>::concat);
    let besides = words.iter().any(|word| BESIDES.contains(word))
        || pairs.any(|pair| BESIDES_HAN.contains(&pair.as_str()));
    words.iter().any(|word| ON_TOP.contains(word)) || (is_money && besides)
}

/// Which end of a period a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Start,
    On,
    End,
}

fn role(text: &Reading<'_>, tokens: &Range<usize>) -> Option<Role> {
    let word = |at: usize| text.tokens.get(at).map_or("", |token| text.word(token));
    let after = (tokens.end..tokens.end + 2).map(word).find_map(|word| match word {
        "前" | "止" | "截" => Some(Role::End),
        "起" | "开" | "開" => Some(Role::Start),
        _ => None,
    });
    let before = (1..=3).filter_map(|back| tokens.start.checked_sub(back)).map(word);
    after.or_else(|| before.into_iter().find_map(role_of))
}

fn role_of(word: &str) -> Option<Role> {
    match word {
        "until" | "till" | "by" | "before" | "ends" | "end" | "ending" | "through" | "deadline"
        | "expires" | "to" | "至" | "到" | "止" => Some(Role::End),
        "from" | "starts" | "start" | "starting" | "since" | "opens" | "begins" | "自" | "从" | "從"
        | "由" => Some(Role::Start),
        "on" | "于" | "於" => Some(Role::On),
        _ => None,
    }
}

fn role_of_name(name: &str) -> Option<Role> {
    name.split('_').find_map(role_of)
}

fn contradicted(fact: &Fact<'_>, stray: &Stray<'_>) -> Finding {
    let words = stray.text.cut(&stray.range).to_owned();
    let message = format!(
        "\"{}\" is not what the fact `{}` says: \"{}\"",
        shown(&words),
        fact.name,
        shown(fact.reading.text)
    );
    let help = format!(
        "Write {{{{facts.{}}}}} in its place, or change the fact. If both are true, declare this {} as a fact of its own.",
        fact.name,
        stray.value.noun()
    );
    Finding {
        rule: Rule::FactContradicted,
        severity: Severity::Error,
        part: stray.part,
        range: stray.range.clone(),
        words,
        message,
        help,
        fact: Some(fact.name.to_owned()),
    }
}

fn unsaid(fact: &Fact<'_>) -> Finding {
    let text = fact.reading.text;
    Finding {
        rule: Rule::FactNotSaid,
        severity: Severity::Warning,
        part: 0,
        range: 0..0,
        words: text.to_owned(),
        message: format!("the fact `{}` is not said: \"{}\"", fact.name, shown(text)),
        help: format!("Put {{{{facts.{}}}}} into a text of the message, or into the template.", fact.name),
        fact: Some(fact.name.to_owned()),
    }
}

fn bypass(stray: &Stray<'_>) -> Finding {
    let words = stray.text.cut(&stray.range).to_owned();
    let noun = stray.value.noun();
    Finding {
        rule: Rule::ClaimNotAFact,
        severity: Severity::Warning,
        part: stray.part,
        range: stray.range.clone(),
        message: format!("\"{}\" is a {noun} that no fact declares", shown(&words)),
        help: format!(
            "Declare it under [message.facts] and write {{{{facts.…}}}} here, so that every channel says the same {noun}."
        ),
        words,
        fact: None,
    }
}
