//! Benchmark figures and their Markdown table.

use std::fmt::Write;

/// One measured figure beside its promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    /// The description of the measurement.
    what: String,
    /// The measured value with its unit.
    value: String,
    /// The promised value; empty if there is none.
    promise: &'static str,
}

impl Figure {
    pub(super) fn new(what: impl Into<String>, value: impl Into<String>, promise: &'static str) -> Self {
        Self { what: what.into(), value: value.into(), promise }
    }
}

/// Returns the figures as a Markdown table.
pub(super) fn markdown(figures: &[Figure]) -> String {
    let mut text = String::from("| what | measured | promised |\n|---|---|---|\n");
    for Figure { what, value, promise } in figures {
        let _ = writeln!(text, "| {what} | {value} | {promise} |");
    }
    text
}

/// Returns the median; the mean of the two middle values for an even number of values; NaN for
/// none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Returns the median with the smallest and the largest value, with a number of decimals.
pub(super) fn spread(values: &[f64], decimals: usize, unit: &str) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = median(values);
    format!("{middle:.decimals$} {unit} ({least:.decimals$}–{most:.decimals$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_table_is_markdown() {
        let figure = Figure::new("idle", spread(&[1.0, 3.0, 2.0], 1, "MB"), "≤ 30 MB");
        let table = markdown(&[figure]);
        assert!(table.ends_with("| idle | 2.0 MB (1.0–3.0) | ≤ 30 MB |\n"), "{table}");
    }
}
