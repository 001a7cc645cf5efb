//! Runs the benchmarks that were asked for, one after the other.

use ::tests::Tools;
use anyhow::{Result, ensure};

use super::table::Figure;
use super::{
    Options, Part, audience, channels, check, idle, machine, memory, plan, postgres, rate, rejects, send,
    sign, table, tarpit, waits,
};
use crate::build;
use crate::place::Place;
use crate::servers::{Servers, Settings};

/// Builds, measures, prints.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    ensure!(options.rounds > 0 && options.messages > 0 && options.contacts > 0, "nothing to measure");
    let servers = Servers::find(place, false)?;
    let chorus = options.chorus.clone().map_or_else(|| build::release(place), Ok)?;
    let tools = servers.tools(chorus)?;
    let asked = |part: &Part| options.parts.is_empty() || options.parts.contains(part);
    let mut figures: Vec<Figure> = Vec::new();
    for part in Part::ALL.into_iter().filter(asked) {
        let measured = measure(part, place, &servers, &tools, options)?;
        println!("\n{}", table::markdown(&measured));
        figures.extend(measured);
    }
    println!("\n{}\n", machine::line()?);
    println!("{}", table::markdown(&figures));
    Ok(())
}

fn measure(
    part: Part,
    place: &Place,
    servers: &Servers,
    tools: &Tools,
    options: &Options,
) -> Result<Vec<Figure>> {
    match part {
        Part::Plan => plan::measure(tools, options.contacts, options.rounds),
        Part::Send => send::measure(tools, options),
        Part::Rtt => send::far(tools, options),
        Part::Rejects => rejects::measure(tools, options),
        Part::Memory => memory::measure(tools, options),
        Part::Postgres => {
            let server = servers.start_postgres(Settings::Installed)?;
            postgres::measure(tools, options, &server.url)
        }
        Part::Rate => rate::measure(tools, options),
        Part::Tarpit => tarpit::measure(tools, options),
        Part::Sign => sign::measure(options.rounds),
        Part::Channels => channels::measure(place, tools, &servers.path("wrk")?, options),
        Part::Check => check::measure(place, tools, options.rounds),
        Part::Audience => {
            let server = servers.start_postgres(Settings::Installed)?;
            audience::measure(tools, options, &server.url)
        }
        Part::Waits => {
            let server = servers.start_postgres(Settings::Installed)?;
            waits::measure(tools, options, &server.url)
        }
        Part::Idle => idle::measure(tools, options.rounds, options.seconds),
    }
}
