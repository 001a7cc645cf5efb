//! Tests of schedules.

mod calendar;
mod catch_up;
mod counted;
mod describe;
mod dst;
mod oracle;
mod parse;
mod random;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::*;

/// Returns a zone of the built-in database, so that the machine's database does not matter.
fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn fixed(cron: &str, name: &str) -> Schedule {
    schedule(Trigger::Cron(Cron::parse(cron).unwrap()), ScheduleZone::Fixed(zone(name)))
}

fn contact(cron: &str) -> Schedule {
    schedule(
        Trigger::Cron(Cron::parse(cron).unwrap()),
        ScheduleZone::Contact { fallback: zone("Asia/Shanghai") },
    )
}

fn schedule(trigger: Trigger, zone: ScheduleZone) -> Schedule {
    Schedule {
        trigger,
        zone,
        catch_up: CatchUp::Latest,
        catch_up_window: Duration::from_secs(3600),
        overlap: Overlap::Skip,
    }
}

fn instants(schedule: &Schedule, after: &str, until: &str) -> Vec<String> {
    let found = schedule.occurrences(instant(after), instant(until), 100_000);
    found.iter().map(|occurrence| occurrence.instant.to_string()).collect()
}
