//! Runs the trials that were asked for, one after the other.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::{Options, Part, pds, synapse, trial};
use crate::build;
use crate::place::Place;
use crate::servers::Servers;

/// Tries each and says what came of it; an error when one could not be had or something was wrong.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    let servers = Servers::find(place, false)?;
    let chorus = options.chorus.clone().map_or_else(|| build::debug(place), Ok)?;
    let parts = [Part::Pds, Part::Synapse];
    let asked = |part: &Part| options.parts.is_empty() || options.parts.contains(part);
    let mut failed = Vec::new();
    for part in parts.into_iter().filter(asked) {
        let start = Instant::now();
        let name = part.name();
        match part.tried(place, &servers, &chorus) {
            Ok(shown) => {
                println!("\n{name}, {:.0} s", start.elapsed().as_secs_f64());
                shown.iter().for_each(|line| println!("  {line}"));
            }
            Err(error) => {
                println!("\n{name}: {error:#}");
                failed.push(name);
            }
        }
    }
    ensure!(failed.is_empty(), "not everything held: {}", failed.join(", "));
    println!("\nEvery post arrived once, as it was meant.");
    Ok(())
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Pds => pds::NAME,
            Self::Synapse => synapse::NAME,
        }
    }

    /// Installs it, starts it and posts to it; what was shown.
    fn tried(self, place: &Place, servers: &Servers, chorus: &Path) -> Result<Vec<String>> {
        let fetcher = servers.fetcher(place)?;
        let installed = "it cannot be installed on this machine";
        match self {
            Self::Pds => {
                let programs = pds::Programs::fetch(&fetcher, servers.path("node")?).context(installed)?;
                trial::run(chorus, &place.root, &pds::Pds::start(&programs)?)
            }
            Self::Synapse => {
                let programs =
                    synapse::Programs::fetch(&fetcher, servers.path("python3")?).context(installed)?;
                trial::run(chorus, &place.root, &synapse::Synapse::start(&programs)?)
            }
        }
    }
}
