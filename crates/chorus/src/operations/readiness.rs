//! What must be true of a process that is ready, each check with its name and why it fails.

use std::path::Path;
use std::time::Duration;

use campaign::{Channel, Workspace};
use serde::Serialize;
use store::{Clock, StopReason, Stopped, Store};

use super::answer::{ANSWER_LIMIT, NoAnswer};
use super::figures::Figures;
use crate::disk;

/// The lag behind schedule from which on a channel that does not get on is a fault.
pub(super) const LAG_LIMIT: Duration = Duration::from_secs(300);

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// `database`, `lease`, `lag`, `disk` or `files`.
    name: &'static str,
    /// True if it is passed.
    pub(super) ok: bool,
    /// The finding, in words.
    why: String,
}

/// The finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is as it should be.
    Good(String),
    /// It is not, and why.
    Bad(String),
}

impl Found {
    /// Returns a good finding, or the reason why there is none.
    pub(super) fn of<E: std::fmt::Display>(found: Result<impl Into<String>, E>) -> Self {
        match found {
            Ok(found) => Self::Good(found.into()),
            Err(error) => Self::Bad(error.to_string()),
        }
    }
}

impl Check {
    /// A check with what was found.
    pub(super) fn new(name: &'static str, found: Found) -> Self {
        let ok = matches!(found, Found::Good(_));
        let (Found::Good(why) | Found::Bad(why)) = found;
        Self { name, ok, why }
    }
}

/// The database takes rows and is no copy. What a person stopped with `chorus stop` is no fault.
pub(super) fn database(written: Result<(), NoAnswer>, stopped: Option<Stopped>) -> Found {
    match (written, stopped) {
        (Err(error), _) => Found::Bad(error.to_string()),
        (Ok(()), None) => Found::Good("a row was written within the last seconds".to_owned()),
        (Ok(()), Some(Stopped { reason: StopReason::Stop, .. })) => {
            Found::Good("everything is stopped by `chorus stop`; `chorus start` goes on".to_owned())
        }
        (Ok(()), Some(Stopped { reason: StopReason::Copy, detail, .. })) => Found::Bad(format!(
            "everything is stopped, because this database is a copy: {detail}; `chorus start` goes on"
        )),
    }
}

/// Commits a small row.
pub(super) async fn write(store: &Store, clock: &Clock) -> Result<(), NoAnswer> {
    match tokio::time::timeout(ANSWER_LIMIT, store.health_write(clock.millis())).await {
        Ok(written) => Ok(written?),
        Err(_late) => Err(NoAnswer::NotWritten),
    }
}

/// Channels that are late and do not get on. What a rate, a day's cap or a receiver's limit holds back is not late:
/// such a channel gets on as fast as it may.
pub(super) fn lag(figures: &Figures, workspace: &Workspace) -> Found {
    let mut worst = None;
    for (id, lag) in &figures.lag {
        worst = worst.max(Some((*lag, id)));
        let since = telemetry::since_progress(id);
        let patience = workspace.channels.get(id.as_str()).map_or(LAG_LIMIT, patience);
        if *lag > LAG_LIMIT && since.is_none_or(|since| since > patience) && !figures.spent.contains(id) {
            let stood = since.map_or_else(
                || "since this process started".to_owned(),
                |since| format!("for {} s", since.as_secs()),
            );
            return Found::Bad(format!(
                "{id} is {} s behind, and nothing of it went out {stood}",
                lag.as_secs()
            ));
        }
    }
    Found::Good(match worst {
        Some((lag, id)) if lag > LAG_LIMIT => {
            format!("{id} is {} s behind, and goes out as fast as its limits allow", lag.as_secs())
        }
        Some((lag, _)) => format!("at most {} s behind", lag.as_secs()),
        None => "there is no channel".to_owned(),
    })
}

/// The time within which a channel that gets on sends something: two intervals of its rate, or [`LAG_LIMIT`] where
/// that is longer.
fn patience(channel: &Channel) -> Duration {
    let interval = channel.rate.map_or(Duration::ZERO, |rate| rate.per / rate.count.max(1));
    LAG_LIMIT.max(interval * 2)
}

/// Room on the disk of a SQLite file; `None` for a database that is elsewhere.
pub(super) fn disk(file: Option<&Path>) -> Found {
    let Some(file) = file else {
        return Found::Good("the database is not a file of this machine".to_owned());
    };
    match disk::free(file) {
        Some(free) => enough(free),
        None => Found::Good("the system does not tell".to_owned()),
    }
}

fn enough(free: u64) -> Found {
    let found = format!("{} MiB are free beside the database", free >> 20);
    if free < disk::TOO_LITTLE {
        Found::Bad(format!("{found}, and {} MiB are needed: make room", disk::TOO_LITTLE >> 20))
    } else {
        Found::Good(found)
    }
}

#[cfg(test)]
mod tests {
    use store::Millis;

    use super::*;

    fn figures(channel: &str, lag: u64) -> Figures {
        let lag = [(channel.to_owned(), Duration::from_secs(lag))].into();
        Figures { lag, ..Figures::default() }
    }

    fn workspace() -> Workspace {
        let folder = tempfile::tempdir().unwrap();
        crate::embedded::write_sample(folder.path()).unwrap();
        std::fs::write(folder.path().join("chorus.toml"), crate::embedded::CHORUS_TOML).unwrap();
        Workspace::load(folder.path(), &|_| None).map(|(workspace, _)| workspace).ok().unwrap()
    }

    #[test]
    fn a_channel_that_is_late_and_stands_still_is_a_fault() {
        let workspace = workspace();
        assert_eq!(lag(&figures("quiet", 300), &workspace), Found::Good("at most 300 s behind".to_owned()));
        let told = "quiet is 301 s behind, and nothing of it went out since this process started";
        assert_eq!(lag(&figures("quiet", 301), &workspace), Found::Bad(told.to_owned()));
        let channel = telemetry::Channel::of("busy");
        channel.counted(telemetry::Outcome::Returned);
        assert!(
            matches!(lag(&figures("busy", 301), &workspace), Found::Bad(_)),
            "a relay that cannot be reached is no progress"
        );
        channel.counted(telemetry::Outcome::Sent);
        let told = "busy is 301 s behind, and goes out as fast as its limits allow";
        assert_eq!(lag(&figures("busy", 301), &workspace), Found::Good(told.to_owned()));
        let spent = Figures { spent: ["capped".to_owned()].into(), ..figures("capped", 40_000) };
        assert!(matches!(lag(&spent, &workspace), Found::Good(_)), "tomorrow it goes on");
        assert_eq!(lag(&Figures::default(), &workspace), Found::Good("there is no channel".to_owned()));
    }

    #[test]
    fn a_copy_of_a_database_is_a_fault_and_a_stop_is_not() {
        let stopped = |reason| Stopped {
            reason,
            since: Millis::EPOCH,
            detail: "it is older than its marker".to_owned(),
        };
        assert!(matches!(database(Ok(()), None), Found::Good(_)));
        assert!(matches!(database(Ok(()), Some(stopped(StopReason::Stop))), Found::Good(_)));
        let copy = database(Ok(()), Some(stopped(StopReason::Copy)));
        assert!(
            matches!(copy, Found::Bad(why) if why.contains("older than its marker") && why.contains("chorus start"))
        );
        assert!(matches!(database(Err(NoAnswer::NotWritten), None), Found::Bad(_)));
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_a_fault() {
        assert!(matches!(enough(disk::TOO_LITTLE), Found::Good(_)));
        let told = "99 MiB are free beside the database, and 100 MiB are needed: make room";
        assert_eq!(enough(disk::TOO_LITTLE - 1), Found::Bad(told.to_owned()));
        assert!(matches!(disk(None), Found::Good(_)));
        let there = disk(Some(Path::new("/tmp/not/there/yet.db")));
        assert!(matches!(there, Found::Good(found) if found.contains("MiB")));
    }
}
