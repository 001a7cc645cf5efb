//! The readiness checks, each with its name and the reason for its result.

use std::path::Path;
use std::time::Duration;

use campaign::{Channel, Workspace};
use serde::Serialize;
use store::{Clock, StopReason, Stopped, Store};

use super::backlog::BacklogStatus;
use super::query_failure::{QUERY_TIMEOUT, QueryFailure};
use terminal::disk;

/// The lag behind schedule above which a channel without progress fails the check.
pub(super) const LAG_LIMIT: Duration = Duration::from_secs(300);

/// A readiness check with its result, as it is serialized in `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// The name: `database`, `lease`, `lag`, `disk` or `files`.
    name: &'static str,
    /// True if the check passed.
    pub(super) ok: bool,
    /// The reason for the result, in words.
    why: String,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CheckResult {
    /// The check passed, with a description of the state.
    Passed(String),
    /// The check failed, with the reason.
    Failed(String),
}

impl CheckResult {
    /// Returns a passed check for `Ok`, and a failed one with the error's text for `Err`.
    pub(super) fn of<E: std::fmt::Display>(result: Result<impl Into<String>, E>) -> Self {
        match result {
            Ok(state) => Self::Passed(state.into()),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

impl Check {
    /// Creates a check from its name and result.
    pub(super) fn new(name: &'static str, result: CheckResult) -> Self {
        let ok = matches!(result, CheckResult::Passed(_));
        let (CheckResult::Passed(why) | CheckResult::Failed(why)) = result;
        Self { name, ok, why }
    }
}

/// Checks that the database accepts writes and is not a copy. A stop by `chorus stop` does not fail
/// the check.
pub(super) fn database(written: Result<(), QueryFailure>, stopped: Option<Stopped>) -> CheckResult {
    match (written, stopped) {
        (Err(error), _) => CheckResult::Failed(error.to_string()),
        (Ok(()), None) => CheckResult::Passed("a row was written within the last seconds".to_owned()),
        (Ok(()), Some(Stopped { reason: StopReason::Stop, .. })) => {
            CheckResult::Passed("everything is stopped by `chorus stop`; `chorus start` goes on".to_owned())
        }
        (Ok(()), Some(Stopped { reason: StopReason::Copy, detail, .. })) => CheckResult::Failed(format!(
            "everything is stopped, because this database is a copy: {detail}; `chorus start` goes on"
        )),
    }
}

/// Commits a small row to the database.
pub(super) async fn write(store: &Store, clock: &Clock) -> Result<(), QueryFailure> {
    match tokio::time::timeout(QUERY_TIMEOUT, store.health_write(clock.millis())).await {
        Ok(written) => Ok(written?),
        Err(_elapsed) => Err(QueryFailure::WriteTimeout),
    }
}

/// Checks that no channel is behind schedule without making progress. A channel that is slowed down
/// by its rate, daily cap or a receiver's limit passes.
pub(super) fn lag(backlog: &BacklogStatus, workspace: &Workspace) -> CheckResult {
    let mut worst = None;
    for (id, lag) in &backlog.lag {
        worst = worst.max(Some((*lag, id)));
        let since = telemetry::since_progress(id);
        let timeout = workspace.channels.get(id.as_str()).map_or(LAG_LIMIT, progress_timeout);
        if *lag > LAG_LIMIT && since.is_none_or(|since| since > timeout) && !backlog.capped.contains(id) {
            let duration = since.map_or_else(
                || "since this process started".to_owned(),
                |since| format!("for {} s", since.as_secs()),
            );
            return CheckResult::Failed(format!(
                "{id} is {} s behind, and nothing of it went out {duration}",
                lag.as_secs()
            ));
        }
    }
    CheckResult::Passed(match worst {
        Some((lag, id)) if lag > LAG_LIMIT => {
            format!("{id} is {} s behind, and goes out as fast as its limits allow", lag.as_secs())
        }
        Some((lag, _)) => format!("at most {} s behind", lag.as_secs()),
        None => "there is no channel".to_owned(),
    })
}

/// Returns the time within which a working channel sends something: two intervals of its rate, but
/// at least [`LAG_LIMIT`].
fn progress_timeout(channel: &Channel) -> Duration {
    let interval = channel.rate.map_or(Duration::ZERO, |rate| rate.per / rate.count.max(1));
    LAG_LIMIT.max(interval * 2)
}

/// Checks the free space on the disk of a SQLite file; `None` for a database on a server.
pub(super) fn disk(file: Option<&Path>) -> CheckResult {
    let Some(file) = file else {
        return CheckResult::Passed("the database is not a file of this machine".to_owned());
    };
    match disk::free_bytes(file) {
        Some(free) => check_free(free),
        None => CheckResult::Passed("the system does not report the free space".to_owned()),
    }
}

fn check_free(free: u64) -> CheckResult {
    let found = format!("{} MiB are free beside the database", free >> 20);
    if free < disk::MIN_FREE_BYTES {
        CheckResult::Failed(format!(
            "{found}, and {} MiB are needed: free some space",
            disk::MIN_FREE_BYTES >> 20
        ))
    } else {
        CheckResult::Passed(found)
    }
}

#[cfg(test)]
mod tests {
    use store::Millis;

    use super::*;

    fn backlog(channel: &str, lag: u64) -> BacklogStatus {
        let lag = [(channel.to_owned(), Duration::from_secs(lag))].into();
        BacklogStatus { lag, ..BacklogStatus::default() }
    }

    fn workspace() -> Workspace {
        let folder = tempfile::tempdir().unwrap();
        crate::embedded::write_sample(folder.path()).unwrap();
        std::fs::write(folder.path().join("chorus.toml"), crate::embedded::CHORUS_TOML).unwrap();
        Workspace::load(folder.path(), &|_| None).map(|(workspace, _)| workspace).ok().unwrap()
    }

    #[test]
    fn a_late_channel_without_progress_fails() {
        let workspace = workspace();
        assert_eq!(
            lag(&backlog("quiet", 300), &workspace),
            CheckResult::Passed("at most 300 s behind".to_owned())
        );
        let why = "quiet is 301 s behind, and nothing of it went out since this process started";
        assert_eq!(lag(&backlog("quiet", 301), &workspace), CheckResult::Failed(why.to_owned()));
        let channel = telemetry::ChannelMetrics::of("busy");
        channel.record_outcome(telemetry::OutcomeLabel::Returned);
        assert!(
            matches!(lag(&backlog("busy", 301), &workspace), CheckResult::Failed(_)),
            "a relay that cannot be reached is no progress"
        );
        channel.record_outcome(telemetry::OutcomeLabel::Sent);
        let why = "busy is 301 s behind, and goes out as fast as its limits allow";
        assert_eq!(lag(&backlog("busy", 301), &workspace), CheckResult::Passed(why.to_owned()));
        let capped = BacklogStatus { capped: ["capped".to_owned()].into(), ..backlog("capped", 40_000) };
        assert!(matches!(lag(&capped, &workspace), CheckResult::Passed(_)), "it goes on the next day");
        assert_eq!(
            lag(&BacklogStatus::default(), &workspace),
            CheckResult::Passed("there is no channel".to_owned())
        );
    }

    #[test]
    fn a_copy_of_a_database_fails_and_a_stop_passes() {
        let stopped = |reason| Stopped {
            reason,
            since: Millis::EPOCH,
            detail: "it is older than its marker".to_owned(),
        };
        assert!(matches!(database(Ok(()), None), CheckResult::Passed(_)));
        assert!(matches!(database(Ok(()), Some(stopped(StopReason::Stop))), CheckResult::Passed(_)));
        let copy = database(Ok(()), Some(stopped(StopReason::Copy)));
        assert!(
            matches!(copy, CheckResult::Failed(why) if why.contains("older than its marker") && why.contains("chorus start"))
        );
        assert!(matches!(database(Err(QueryFailure::WriteTimeout), None), CheckResult::Failed(_)));
    }

    #[test]
    fn a_nearly_full_disk_fails() {
        assert!(matches!(check_free(disk::MIN_FREE_BYTES), CheckResult::Passed(_)));
        let why = "99 MiB are free beside the database, and 100 MiB are needed: free some space";
        assert_eq!(check_free(disk::MIN_FREE_BYTES - 1), CheckResult::Failed(why.to_owned()));
        assert!(matches!(disk(None), CheckResult::Passed(_)));
        let there = disk(Some(Path::new("/tmp/not/there/yet.db")));
        assert!(matches!(there, CheckResult::Passed(found) if found.contains("MiB")));
    }
}
