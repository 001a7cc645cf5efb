//! How much memory a run takes, and how little more a ten times larger one.

use ::tests::{Database, Sink, Tools};
use anyhow::Result;

use super::Options;
use super::round::send;
use super::subject::{Subject, Way, reader};
use super::table::Figure;

pub(super) fn measure(tools: &Tools, options: &Options) -> Result<Vec<Figure>> {
    let sink = Sink::start(&tools.smtp_sink, &[])?;
    let mut peaks = Vec::new();
    let mut figures = Vec::new();
    for people in [options.contacts / 10, options.contacts] {
        let way = Way::Smtp { connections: options.connections, rate: None };
        let subject = Subject::new(tools, Database::Sqlite, way, people, reader)?;
        let round = send(&subject, sink.port)?;
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
