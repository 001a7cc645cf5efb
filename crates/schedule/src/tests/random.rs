//! Random cron expressions, each with its values, worked out independently of the parser.

use jiff::civil::DateTime;
use proptest::prelude::*;

/// A cron expression with the values of its fields.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) text: String,
    /// Minutes, hours, days of the month, months, days of the week with Sunday as 0.
    pub(super) values: [Vec<i8>; 5],
    /// True if both day fields are restricted, so that either is enough.
    pub(super) either: bool,
}

impl Expression {
    /// Returns true if the expression fires at this minute, straight from the definition.
    pub(super) fn matches(&self, wall: DateTime) -> bool {
        let [minutes, hours, days, months, weekdays] = &self.values;
        let day = days.contains(&wall.day());
        let weekday = weekdays.contains(&wall.weekday().to_sunday_zero_offset());
        minutes.contains(&wall.minute())
            && hours.contains(&wall.hour())
            && months.contains(&wall.month())
            && if self.either { day || weekday } else { day && weekday }
    }
}

/// Generates expressions of which most fire within a few days.
pub(super) fn dense() -> impl Strategy<Value = Expression> {
    let days = prop_oneof![3 => star(1, 31), 1 => field(1, 31)];
    let months = prop_oneof![9 => star(1, 12), 1 => field(1, 12)];
    let weekdays = prop_oneof![3 => star(0, 6), 1 => weekday()];
    expression(field(0, 59), prop_oneof![1 => star(0, 23), 3 => field(0, 23)], days, months, weekdays)
}

/// Generates any valid expression.
pub(super) fn any_expression() -> impl Strategy<Value = Expression> {
    let weekdays = prop_oneof![star(0, 6), weekday()];
    expression(field(0, 59), field(0, 23), field(1, 31), month(), weekdays)
}

type FieldCase = (String, Vec<i8>);

fn expression(
    minutes: impl Strategy<Value = FieldCase>,
    hours: impl Strategy<Value = FieldCase>,
    days: impl Strategy<Value = FieldCase>,
    months: impl Strategy<Value = FieldCase>,
    weekdays: impl Strategy<Value = FieldCase>,
) -> impl Strategy<Value = Expression> {
    let possible = |(.., d, m, w): &(FieldCase, FieldCase, FieldCase, FieldCase, FieldCase)| {
        let starred = d.0 != "*" && w.0 != "*" && (d.0.contains('*') || w.0.contains('*'));
        let longest =
            m.1.iter().map(|month| [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][index(month - 1)]);
        let happens = w.0 != "*" || d.1.iter().min() <= longest.max().as_ref();
        !starred && happens
    };
    (minutes, hours, days, months, weekdays).prop_filter("refused by design", possible).prop_map(
        |(minute, hour, day, month, weekday)| Expression {
            text: [&*minute.0, &hour.0, &day.0, &month.0, &weekday.0].join(" "),
            either: day.0 != "*" && weekday.0 != "*",
            values: [minute.1, hour.1, day.1, month.1, weekday.1],
        },
    )
}

fn star(low: i8, high: i8) -> impl Strategy<Value = FieldCase> {
    Just(("*".to_owned(), (low..=high).collect()))
}

fn field(low: i8, high: i8) -> impl Strategy<Value = FieldCase> {
    let list = prop::collection::vec(item(low, high), 1..4).prop_map(|items| {
        let texts: Vec<_> = items.iter().map(|item| item.0.as_str()).collect();
        (texts.join(","), items.iter().flat_map(|item| item.1.clone()).collect())
    });
    let every = (1..=(high - low) / 2)
        .prop_map(move |step| (format!("*/{step}"), (low..=high).step_by(index(step)).collect()));
    prop_oneof![1 => star(low, high), 4 => list, 2 => every]
}

fn item(low: i8, high: i8) -> impl Strategy<Value = FieldCase> {
    let one = (low..=high).prop_map(|value| (value.to_string(), vec![value]));
    let range = (low..high).prop_flat_map(move |a| (Just(a), a + 1..=high)).prop_flat_map(|(a, b)| {
        let plain = Just((format!("{a}-{b}"), (a..=b).collect::<Vec<_>>()));
        let stepped = (1..=b - a)
            .prop_map(move |step| (format!("{a}-{b}/{step}"), (a..=b).step_by(index(step)).collect()));
        prop_oneof![plain, stepped]
    });
    prop_oneof![one, range]
}

fn month() -> impl Strategy<Value = FieldCase> {
    const NAMES: [&str; 12] =
        ["jan", "FEB", "Mar", "apr", "MAY", "Jun", "jul", "AUG", "Sep", "oct", "NOV", "Dec"];
    let named = (0..12i8).prop_map(|at| (NAMES[index(at)].to_owned(), vec![at + 1]));
    prop_oneof![2 => field(1, 12), 1 => named]
}

/// Generates numbers up to 7, names, and ranges that end on Sunday.
fn weekday() -> impl Strategy<Value = FieldCase> {
    const NAMES: [&str; 7] = ["SUN", "mon", "Tue", "WED", "thu", "FRI", "Sat"];
    let named = (0..7i8).prop_map(|at| (NAMES[index(at)].to_owned(), vec![at]));
    let to_sunday =
        (1..7i8).prop_map(|at| (format!("{}-SUN", NAMES[index(at)]), (at..7).chain([0]).collect()));
    let number = field(0, 6);
    let seven = (1..7i8).prop_map(|low| (format!("{low}-7"), (low..7).chain([0]).collect()));
    prop_oneof![named, to_sunday, number, seven, Just(("7".to_owned(), vec![0]))]
}

pub(super) fn index(value: i8) -> usize {
    usize::try_from(value).unwrap()
}
