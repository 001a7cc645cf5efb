//! A description of the machine that the figures were measured on.

use std::fs;

use anyhow::{Context, Result};

/// Returns processor, cores, memory and kernel in one line.
pub(super) fn line() -> Result<String> {
    let processor = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
    let memory = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = processor.lines().filter(|line| line.starts_with("processor")).count();
    let model = value(&processor, "model name").unwrap_or("unknown processor");
    let kilobytes: u64 =
        value(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
    Ok(format!("{cores} cores of {model}, {} GiB, Linux {}", kilobytes.div_ceil(1024 * 1024), kernel.trim()))
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}
