//! Runs the selected benchmarks one after the other.

use ::tests::Tools;
use anyhow::{Result, ensure};

use super::table::Figure;
use super::{
    Options, Part, audience, channels, check, idle, machine, memory, plan, postgres, rate, rejects, send,
    sign, table, tarpit, waits,
};
use crate::build;
use crate::repository::Repository;
use crate::servers::{Durability, Servers};

/// Builds the executable, runs the selected benchmarks and prints their figures.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    ensure!(options.rounds > 0 && options.messages > 0 && options.contacts > 0, "nothing to measure");
    let servers = Servers::find(repository, false)?;
    let chorus = options.chorus.clone().map_or_else(|| build::release(repository), Ok)?;
    let tools = servers.tools(chorus)?;
    let asked = |part: &Part| options.parts.is_empty() || options.parts.contains(part);
    let mut figures: Vec<Figure> = Vec::new();
    for part in Part::ALL.into_iter().filter(asked) {
        let measured = measure(part, repository, &servers, &tools, options)?;
        println!("\n{}", table::markdown(&measured));
        figures.extend(measured);
    }
    println!("\n{}\n", machine::line()?);
    println!("{}", table::markdown(&figures));
    Ok(())
}

fn measure(
    part: Part,
    repository: &Repository,
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
            let server = servers.start_postgres(Durability::Default)?;
            postgres::measure(tools, options, &server.url)
        }
        Part::Rate => rate::measure(tools, options),
        Part::Tarpit => tarpit::measure(tools, options),
        Part::Sign => sign::measure(options.rounds),
        Part::Channels => channels::measure(repository, tools, &servers.path("wrk")?, options),
        Part::Check => check::measure(repository, tools, options.rounds),
        Part::Audience => {
            let server = servers.start_postgres(Durability::Default)?;
            audience::measure(tools, options, &server.url)
        }
        Part::Waits => {
            let server = servers.start_postgres(Durability::Default)?;
            waits::measure(tools, options, &server.url)
        }
        Part::Idle => idle::measure(tools, options.rounds, options.seconds),
    }
}
