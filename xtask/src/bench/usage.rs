//! The processor time and memory of a process, as the kernel reports them.

use std::fs;

use anyhow::{Context, Result};

/// Returns the processor time that a process has used so far in seconds, user and system. A process
/// that has exited is readable until its parent waits for it.
pub(super) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    let ticks = ticks(&stat).context("/proc/PID/stat has another form")?;
    #[expect(clippy::cast_precision_loss, reason = "a tick is a hundredth of a second")]
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Returns the sum of utime and stime, the fields 14 and 15; the second field is a name that may
/// contain anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.trim().parse::<u64>().ok()?)
}

/// Returns the resident memory in megabytes, current (`VmRSS`) or peak (`VmHWM`); `None` when the
/// process has exited.
pub(super) fn megabytes(pid: u32, what: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(what))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_may_contain_anything() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100";
        assert_eq!(ticks(stat), Some(300));
    }

    #[test]
    fn this_process_takes_memory_and_time() {
        let pid = std::process::id();
        assert!(megabytes(pid, "VmHWM").unwrap() > 0.1);
        assert!(cpu_seconds(pid).unwrap() >= 0.0);
        assert_eq!(megabytes(u32::MAX, "VmRSS"), None);
    }
}
