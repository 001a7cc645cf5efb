//! Runs the selected trials one after the other.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::{Options, Part, pds, synapse, trial};
use crate::build;
use crate::repository::Repository;
use crate::servers::Servers;

/// Runs each selected trial and prints its results; fails if a server cannot be installed or a
/// check fails.
pub(crate) fn run(repository: &Repository, options: &Options) -> Result<()> {
    let servers = Servers::find(repository, false)?;
    let chorus = options.chorus.clone().map_or_else(|| build::debug(repository), Ok)?;
    let parts = [Part::Pds, Part::Synapse];
    let is_selected = |part: &Part| options.parts.is_empty() || options.parts.contains(part);
    let mut failed = Vec::new();
    for part in parts.into_iter().filter(is_selected) {
        let start = Instant::now();
        let name = part.name();
        match part.run(repository, &servers, &chorus) {
            Ok(results) => {
                println!("\n{name}, {:.0} s", start.elapsed().as_secs_f64());
                results.iter().for_each(|line| println!("  {line}"));
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

    /// Installs and starts the server, runs the trial, and returns its result lines.
    fn run(self, repository: &Repository, servers: &Servers, chorus: &Path) -> Result<Vec<String>> {
        let fetcher = servers.fetcher(repository)?;
        let installed = "it cannot be installed on this machine";
        match self {
            Self::Pds => {
                let programs = pds::Programs::fetch(&fetcher, servers.path("node")?).context(installed)?;
                trial::run(chorus, &repository.root, &pds::Pds::start(&programs)?)
            }
            Self::Synapse => {
                let programs =
                    synapse::Programs::fetch(&fetcher, servers.path("python3")?).context(installed)?;
                trial::run(chorus, &repository.root, &synapse::Synapse::start(&programs)?)
            }
        }
    }
}
