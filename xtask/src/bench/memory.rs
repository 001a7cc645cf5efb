//! Benchmark `memory`: the peak memory of a run, and of a ten times larger one.

use ::tests::{SmtpSink, TestDatabase, Tools};
use anyhow::Result;

use super::Options;
use super::round::send;
use super::table::Figure;
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let sink = SmtpSink::start(&tools.smtp_sink, &[])?;
    let mut peaks = Vec::new();
    let mut figures = Vec::new();
    for people in [options.contacts / 10, options.contacts] {
        let channel = ChannelSetup::Smtp { connections: options.connections, rate: None };
        let workspace = BenchWorkspace::new(tools, TestDatabase::Sqlite, channel, people, reader)?;
        let round = send(&workspace, sink.port)?;
        round.ensure_complete(people)?;
        println!("memory: {:.1} MB for {people}, {:.0}/s", round.peak, round.rate(people));
        let what = format!("most memory in a run to {people}");
        figures.push(Figure::new(what, format!("{:.1} MB", round.peak), "≤ 60 MB"));
        peaks.push(round.peak);
    }
    let more = peaks[1] - peaks[0];
    figures.push(Figure::new("ten times the people take", format!("{more:+.1} MB"), "≤ 10 MB more"));
    Ok(figures)
}
