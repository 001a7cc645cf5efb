//! A strict parser of Prometheus' text format 0.0.4, after
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>. It panics at anything that a
//! strict consumer might refuse.

use std::collections::{BTreeMap, BTreeSet};

/// Label names with their values.
type Labels = BTreeMap<String, String>;

/// One metric family with its samples.
#[derive(Debug)]
pub(super) struct MetricFamily {
    /// The type: `counter`, `gauge` or `histogram`.
    pub(super) kind: String,
    /// The name, labels and value of each sample.
    samples: Vec<(String, Labels, f64)>,
}

/// All metric families of one response, by name.
#[derive(Debug)]
pub(super) struct Exposition(pub(super) BTreeMap<String, MetricFamily>);

impl Exposition {
    /// Parses the body of a response.
    pub(super) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has an end");
        let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
        let (mut described, mut current) = (BTreeSet::new(), None);
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("no help: {line}"));
                assert!(is_name(name) && !help.trim().is_empty(), "{line}");
                assert!(described.insert(name.to_owned()), "described twice: {name}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(described.contains(name), "{name} has no help before its type");
                let family = MetricFamily { kind: kind.to_owned(), samples: Vec::new() };
                assert!(families.insert(name.to_owned(), family).is_none(), "two groups of {name}");
                current = Some(name.to_owned());
            } else {
                let sample = sample(line);
                let name = current.as_ref().unwrap_or_else(|| panic!("of no metric: {line}"));
                let family = families.get_mut(name).unwrap();
                family.add_sample(name, sample);
            }
        }
        for (name, family) in &families {
            family.validate(name);
        }
        Self(families)
    }

    /// Returns the value of the sample with exactly these labels; `None` if there is none.
    pub(super) fn value(&self, sample: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut samples = self.0.values().flat_map(|family| &family.samples);
        samples.find(|(name, labels, _)| name == sample && *labels == wanted).map(|(_, _, value)| *value)
    }

    /// Returns the value of a sample that must exist and be a whole number.
    #[expect(clippy::cast_possible_truncation, reason = "a whole number, and a small one")]
    pub(super) fn count(&self, sample: &str, labels: &[(&str, &str)]) -> i64 {
        let value = self.value(sample, labels).unwrap_or_else(|| panic!("no {sample} {labels:?}"));
        assert_eq!(value.fract(), 0.0, "{sample} {labels:?}");
        value as i64
    }

    /// Returns every value of each label, over all samples.
    pub(super) fn values_of_labels(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_, labels, _) in self.0.values().flat_map(|family| &family.samples) {
            for (label, value) in labels {
                all.entry(label.clone()).or_default().insert(value.clone());
            }
        }
        all
    }
}

impl MetricFamily {
    fn add_sample(&mut self, name: &str, (sample, labels, value): (String, Labels, f64)) {
        let suffix = sample.strip_prefix(name).unwrap_or_else(|| panic!("{sample} stands under {name}"));
        let fits = if self.kind == "histogram" {
            ["_bucket", "_sum", "_count"].contains(&suffix)
        } else {
            suffix.is_empty()
        };
        assert!(fits, "{sample} is no sample of the {} {name}", self.kind);
        let twice = self.samples.iter().any(|(other, known, _)| *other == sample && *known == labels);
        assert!(!twice, "{sample} {labels:?} is there twice");
        self.samples.push((sample, labels, value));
    }

    fn validate(&self, name: &str) {
        assert!(name.starts_with("chorus_"), "{name}");
        assert_eq!(name.ends_with("_total"), self.kind == "counter", "{name} is a {}", self.kind);
        match self.kind.as_str() {
            "counter" => assert!(self.samples.iter().all(|(.., value)| *value >= 0.0), "{self:?}"),
            "histogram" => self.validate_histogram(name),
            _ => {}
        }
    }

    /// Checks that bucket counts increase, and that the last bucket is infinite and equals the
    /// count.
    fn validate_histogram(&self, name: &str) {
        assert!(name.ends_with("_seconds"), "{name} has no unit");
        let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        for (sample, labels, value) in &self.samples {
            if sample.ends_with("_bucket") {
                let mut labels = labels.clone();
                let bound = number(&labels.remove("le").unwrap_or_else(|| panic!("no bound: {sample}")));
                buckets.entry(labels).or_default().push((bound, *value));
            }
        }
        for (labels, buckets) in &buckets {
            let grows = buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1);
            assert!(grows, "{name} {labels:?}: {buckets:?}");
            let last = buckets.last().unwrap();
            let of = |suffix: &str| {
                let sample = format!("{name}{suffix}");
                let mut samples = self.samples.iter();
                samples.find(|(n, l, _)| *n == sample && l == labels).map(|(.., value)| *value)
            };
            assert_eq!((last.0, Some(last.1)), (f64::INFINITY, of("_count")), "{name} {labels:?}");
            assert!(of("_sum").is_some_and(|sum| sum >= 0.0), "{name} {labels:?}");
        }
    }
}

/// Parses `name{label="value"} number`, with nothing after it.
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest, line),
        None => (Labels::new(), rest),
    };
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no space before the value: {line}"));
    (name.to_owned(), labels, number(value))
}

/// Parses labels up to the closing brace, and returns them with the rest of the line.
fn labels<'a>(mut rest: &'a str, line: &str) -> (Labels, &'a str) {
    let mut labels = Labels::new();
    loop {
        let (name, quoted) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        assert!(is_name(name) && !name.contains(':') && !name.starts_with("__"), "{line}");
        let (value, after) = text(quoted, line);
        assert!(labels.insert(name.to_owned(), value).is_none(), "a label is there twice: {line}");
        match after.split_at_checked(1) {
            Some((",", more)) => rest = more,
            Some(("}", end)) => return (labels, end),
            _ => panic!("labels do not end: {line}"),
        }
    }
}

/// Parses a label value up to its closing quote, with escapes decoded, and returns it with the rest
/// of the line.
fn text<'a>(quoted: &'a str, line: &str) -> (String, &'a str) {
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => match letters.next() {
                Some((_, '\\')) => value.push('\\'),
                Some((_, '"')) => value.push('"'),
                Some((_, 'n')) => value.push('\n'),
                other => panic!("no such escape {other:?}: {line}"),
            },
            letter => value.push(letter),
        }
    }
    panic!("a value does not end: {line}")
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        _ => text.parse().unwrap_or_else(|_| panic!("no number: {text:?}")),
    }
}

fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.chars().all(fits) && text.starts_with(|c: char| !c.is_ascii_digit()) && !text.is_empty()
}

#[test]
fn well_formed_text_is_parsed_and_other_text_is_refused() {
    let read = Exposition::read(
        "# HELP chorus_a_total A.\n# TYPE chorus_a_total counter\nchorus_a_total{x=\"a\\\"}\"} 2\n",
    );
    assert_eq!(read.value("chorus_a_total", &[("x", "a\"}")]), Some(2.0));
    for bad in [
        "chorus_a_total 1\n",
        "# HELP chorus_a_total A.\n# TYPE chorus_a_total counter\nchorus_a_total 1",
        "# HELP chorus_a_total A.\n# TYPE chorus_a_total counter\nchorus_a_total{x=\"a} 1\n",
        "# HELP chorus_a_total A.\n# TYPE chorus_a_total counter\nchorus_a_total{x=\"a\"\"} 1\n",
        "# HELP chorus_a_total A.\n# TYPE chorus_a_total counter\nchorus_a_total 1\nchorus_a_total 2\n",
        "# HELP chorus_a_total A.\n# TYPE chorus_a_total counter\nchorus_b_total 1\n",
        "# HELP chorus_a A.\n# TYPE chorus_a counter\nchorus_a 1\n",
    ] {
        assert!(std::panic::catch_unwind(|| Exposition::read(bad)).is_err(), "{bad:?}");
    }
}
