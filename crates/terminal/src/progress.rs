//! Progress bars on the error stream, such as
//! `importing ▕███   ▏ 12,345 / 1,000,000 contacts · 8,210/s · 2 min left`.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::output::number;

/// What a progress bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// People in a file or a database.
    Contacts,
    /// Messages of a run.
    Messages,
    /// Checks of the doctor.
    Checks,
    /// Bytes, shown in thousands.
    Bytes,
}

impl Unit {
    const fn word(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Messages => "messages",
            Self::Checks => "checks",
            Self::Bytes => "kB",
        }
    }

    /// Formats a number of this unit. Bytes are rounded down to thousands.
    fn count(self, count: u64) -> String {
        let count = if self == Self::Bytes { count / 1_000 } else { count };
        number(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Formats a rate, given in units per second, without decimals: per minute if it is below one
    /// per second. `None` if it is below one per minute.
    fn rate(self, per_second: f64) -> Option<String> {
        let (name, scaled) = match self {
            Self::Bytes => (" kB/s", per_second / 1_000.0),
            _ if per_second < 1.0 => ("/min", per_second * 60.0),
            _ => ("/s", per_second),
        };
        let is_shown = scaled.is_finite() && scaled.round() >= 1.0;
        is_shown.then(|| format!("{}{name}", grouped(scaled)))
    }
}

/// Formats a positive number without decimals, with thousands separators.
#[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest i64")]
fn grouped(value: f64) -> String {
    number(value.round() as i64)
}

/// Returns a progress bar on the error stream. It is drawn if that is a terminal; in a pipe or a
/// file nothing is written. `activity` is a verb such as `importing`. A `total` of 0 is unknown.
pub fn bar(activity: &'static str, total: u64, unit: Unit) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(activity);
    if let Ok(style) = style(unit) {
        bar.set_style(style);
    }
    bar
}

fn style(unit: Unit) -> Result<ProgressStyle, indicatif::style::TemplateError> {
    let style = ProgressStyle::with_template("{msg} ▕{wide_bar}▏ {count} {unit}{pace}")?;
    Ok(style
        .progress_chars("█▉▊▋▌▍▎▏ ")
        .with_key("count", move |state: &ProgressState, to: &mut dyn Write| {
            let _ = to.write_str(&count(unit, state));
        })
        .with_key("unit", move |_: &ProgressState, to: &mut dyn Write| {
            let _ = to.write_str(unit.word());
        })
        .with_key("pace", move |state: &ProgressState, to: &mut dyn Write| {
            let _ = to.write_str(&pace(unit, state.per_sec(), state.eta()));
        }))
}

/// Returns `12,345 / 1,000,000`, or the first number alone if the total is unknown.
fn count(unit: Unit, state: &ProgressState) -> String {
    let done = unit.count(state.pos());
    match state.len() {
        None | Some(0) => done,
        Some(total) => format!("{done} / {}", unit.count(total)),
    }
}

/// Returns ` · 8,210/s · 2 min left`; nothing before the rate is known.
fn pace(unit: Unit, per_second: f64, left: Duration) -> String {
    let Some(rate) = unit.rate(per_second) else { return String::new() };
    match left.as_secs() {
        0 => format!(" · {rate}"),
        seconds => format!(" · {rate} · {} left", duration(seconds)),
    }
}

/// Formats a duration in its largest one or two units, rounded up to the smaller one.
fn duration(seconds: u64) -> String {
    let minutes = seconds.div_ceil(60);
    let hours = minutes / 60;
    match (seconds, hours) {
        (..60, _) => format!("{seconds} s"),
        (_, 0) => format!("{minutes} min"),
        (_, ..24) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// A terminal that keeps what is written.
    #[derive(Debug, Clone, Default)]
    struct Recorder(Arc<Mutex<String>>);

    impl TermLike for Recorder {
        fn width(&self) -> u16 {
            100
        }

        fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> std::io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> std::io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> std::io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bar_shows_its_numbers_with_their_unit() {
        let terminal = Recorder::default();
        let bar = bar("importing", 1_000_000, Unit::Contacts);
        bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(terminal.clone())));
        bar.set_position(500_000);
        bar.tick();
        let shown = terminal.0.lock().unwrap().clone();
        assert!(shown.contains("importing ▕█"), "{shown}");
        assert!(shown.contains("▏ 500,000 / 1,000,000 contacts"), "{shown}");
        bar.abandon();
    }

    #[test]
    fn rates_have_no_decimals() {
        assert_eq!(Unit::Contacts.rate(8_209.7).as_deref(), Some("8,210/s"));
        assert_eq!(Unit::Messages.rate(0.2).as_deref(), Some("12/min"));
        assert_eq!(Unit::Bytes.rate(12_345_678.0).as_deref(), Some("12,346 kB/s"));
        assert_eq!(Unit::Messages.rate(0.0), None);
        assert_eq!(Unit::Messages.rate(f64::INFINITY), None);
    }

    #[test]
    fn the_time_left_is_said_in_words() {
        let left = |seconds| pace(Unit::Contacts, 8_210.0, Duration::from_secs(seconds));
        assert_eq!(left(0), " · 8,210/s");
        assert_eq!(left(40), " · 8,210/s · 40 s left");
        assert_eq!(left(119), " · 8,210/s · 2 min left");
        assert_eq!(left(3_600 + 300), " · 8,210/s · 1 h 5 min left");
        assert_eq!(left(50 * 3_600), " · 8,210/s · 2 d 2 h left");
        assert_eq!(pace(Unit::Contacts, 0.0, Duration::from_secs(9)), "");
    }
}
