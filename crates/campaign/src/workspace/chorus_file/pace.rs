//! Reads rates, caps, warm-ups and groups into the sending limits of channels and receivers.

use std::collections::BTreeMap;
use std::ops::Range;

use source::{Entries, Field, Located, Name, Scalar, SourceFile, nearest, optional};

use crate::pace::{DailyLimit, Rate, WarmUp};
use crate::receiver::{self, ReceiverLimits, Receivers};
use crate::text::EmailAddress;
use crate::workspace::chorus_file::format::{GroupByFile, GroupFile, WarmUpFile};
use crate::workspace::date_time;
use crate::workspace::date_time::BadDate;

/// Reads `rate`, such as `100/s`.
pub(crate) fn rate(source: &SourceFile, rate: &Located<String>) -> Option<Rate> {
    let help = "Write it like `100/s`, `30/min`, `500/h` or `2000/d`.";
    source.ok_or_report("bad-rate", &rate.span, Rate::parse(rate), "`rate`", help)
}

/// Reads `connections`, from 1 to 1000.
pub(crate) fn connections(source: &SourceFile, count: &Located<u32>) -> Option<usize> {
    let fits = (1..=1000).contains(&count.value);
    if !fits {
        let message = format!("`connections` is {}", count.value);
        source.error("bad-connections", count.span.clone(), message, "Write a number from 1 to 1000.");
    }
    fits.then_some(count.value as usize)
}

/// Reads `daily_cap` and `warm_up`; `None` if one of them cannot be used.
pub(crate) fn daily(
    source: &SourceFile,
    cap: &Field<u32>,
    warm_up: &Field<WarmUpFile>,
) -> Option<DailyLimit> {
    let cap = optional(cap, |cap| at_least_one(source, "daily_cap", cap));
    let warm_up = optional(warm_up, |table| self::warm_up(source, table));
    Some(DailyLimit { cap: cap?, warm_up: warm_up? })
}

fn at_least_one(source: &SourceFile, key: &str, count: &Located<u32>) -> Option<u32> {
    if count.value == 0 {
        let help = "Write how many messages may go out, or leave the line out.";
        source.error("bad-cap", count.span.clone(), format!("`{key}` is 0: nothing would ever go out"), help);
    }
    Some(count.value).filter(|count| *count > 0)
}

fn warm_up(source: &SourceFile, table: &Located<WarmUpFile>) -> Option<WarmUp> {
    let owner = Some(&table.span);
    let start = source.require(&table.start, "start", "start = 50", owner);
    let start = start.and_then(|start| at_least_one(source, "start", start));
    let growth = source.require(&table.growth, "growth", "growth = 1.4", owner);
    let growth = growth.and_then(|growth| self::growth(source, growth));
    let from = source.require(&table.from, "from", "from = 2027-03-01", owner);
    let from = from.and_then(|from| {
        let day = from.as_date().ok_or(BadDate::NotADate).and_then(date_time::day);
        source.ok_or_report("bad-date", &from.span, day, "`from`", "Write a date: `from = 2027-03-01`.")
    });
    Some(WarmUp { start: start?, growth: growth?, from: from? })
}

fn growth(source: &SourceFile, growth: &Located<Scalar>) -> Option<f64> {
    let number = growth.as_number().and_then(|digits| digits.parse::<f64>().ok());
    let number = number.filter(|growth| (1.0..=10.0).contains(growth));
    if number.is_none() {
        let help = "Write a number from 1 to 10; `1.4` is usual: 40 % more each day.";
        source.error("bad-growth", growth.span.clone(), "`growth` is not a number from 1 to 10", help);
    }
    number
}

/// Reads `[channels.NAME.groups]` and `group_by`; `None` if a part of them cannot be used.
pub(crate) fn receivers(
    source: &SourceFile,
    groups: &Field<Entries<GroupFile>>,
    by: &Field<GroupByFile>,
) -> Option<Receivers> {
    let mut receivers = Receivers::default();
    receivers.set_group_by_mx(by.value() == Some(&GroupByFile::Mx));
    let mut taken = BTreeMap::new();
    let mut is_valid = !matches!(groups, Field::Invalid) && !matches!(by, Field::Invalid);
    for (name, field) in groups.value().into_iter().flat_map(|entries| &entries.0) {
        match field.get().and_then(|table| group(source, name, table, &mut taken)) {
            Some((domains, limits)) => receivers.add(&name.text, domains, limits),
            None => is_valid = false,
        }
    }
    is_valid.then_some(receivers)
}

/// Reads the domains and limits of a group. `taken` maps the domains of earlier groups to the
/// groups' names.
fn group(
    source: &SourceFile,
    name: &Name,
    table: &Located<GroupFile>,
    taken: &mut BTreeMap<String, String>,
) -> Option<(Vec<String>, ReceiverLimits)> {
    let (domains, mut is_valid) = domains(source, name, table);
    let rate = optional(&table.rate, |rate| self::rate(source, rate));
    let connections = optional(&table.connections, |count| self::connections(source, count));
    let daily = daily(source, &table.daily_cap, &table.warm_up);
    for (domain, span) in &domains {
        if let Some(other) = taken.insert(domain.clone(), name.text.clone()) {
            let message = format!("{domain} belongs to the group `{other}` already");
            source.error("domain-twice", span.clone(), message, "Leave it in one of them.");
            is_valid = false;
        }
    }
    let limits = ReceiverLimits { rate: rate?, connections: connections?, daily: daily? };
    is_valid.then(|| (domains.into_iter().map(|(domain, _)| domain).collect(), limits))
}

/// A domain with its byte range in the file.
type LocatedDomain = (String, Range<usize>);

/// Reads the domains of a group: those it lists, or its name if that is a domain. The flag is false
/// if a domain cannot be used.
fn domains(source: &SourceFile, name: &Name, table: &Located<GroupFile>) -> (Vec<LocatedDomain>, bool) {
    let listed = match &table.domains {
        Field::Invalid => return (Vec::new(), false),
        Field::Present(listed) => listed,
        Field::Absent if name.text == receiver::DEFAULT_GROUP || receiver::is_provider(&name.text) => {
            return (Vec::new(), true);
        }
        Field::Absent => {
            let domain = domain(&name.text);
            if domain.is_none() {
                report_unknown_group(source, name);
            }
            return (
                domain.iter().map(|domain| (domain.clone(), name.span.clone())).collect(),
                domain.is_some(),
            );
        }
    };
    if name.text == receiver::DEFAULT_GROUP {
        let message = "the group `default` is every receiver without a group of its own";
        let help = "Leave `domains` out, or give the group a name.";
        source.error("useless-key", listed.span.clone(), message, help);
        return (Vec::new(), false);
    }
    let read: Vec<_> =
        listed.iter().map(|field| field.get().and_then(|text| located_domain(source, text))).collect();
    let is_valid = read.iter().all(Option::is_some);
    (read.into_iter().flatten().collect(), is_valid)
}

fn located_domain(source: &SourceFile, text: &Located<String>) -> Option<LocatedDomain> {
    let domain = domain(text);
    if domain.is_none() {
        let shown: String = text.chars().take(80).collect();
        let help = "Write what stands after the `@`, such as `gmail.com`.";
        source.error("bad-domain", text.span.clone(), format!("{shown:?} is not a domain"), help);
    }
    domain.map(|domain| (domain, text.span.clone()))
}

/// Reports a group without domains whose name is no well-known receiver.
fn report_unknown_group(source: &SourceFile, name: &Name) {
    let shown: String = name.text.chars().take(40).collect();
    let message = format!("the group `{shown}` has no `domains`, and no receiver is known by that name");
    let known: Vec<_> = receiver::provider_names().collect();
    let meant = nearest(&shown, known.iter().copied());
    let help = meant.map_or_else(
        || format!("Add `domains = [\"…\"]`, or name one of {}.", known.join(", ")),
        |meant| format!("Did you mean `{meant}`? Else add `domains = [\"…\"]`."),
    );
    source.error("unknown-group", name.span.clone(), message, help);
}

/// Returns a domain in its normal form: lower case, A-labels.
fn domain(text: &str) -> Option<String> {
    EmailAddress::parse(&format!("a@{text}")).ok().map(|address| address.domain().to_owned())
}
