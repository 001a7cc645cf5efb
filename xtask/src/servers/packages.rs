//! Debian's packages, fetched and unpacked without installing anything.
//!
//! apt gets its own folders, so this needs no root, waits for no other process's lock, and changes
//! nothing outside.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::programs::{FONTS, RequiredProgram};
use super::search::ProgramSearch;

/// The machine's list of installed packages.
const STATUS: &str = "/var/lib/dpkg/status";

/// Unpacks the packages of the `missing` programs, with their dependencies that this machine lacks,
/// into the folder of the search. With `fresh`, the packages of all required programs count as
/// absent.
pub(super) fn unpack(
    home: &Path,
    search: &ProgramSearch,
    missing: &[&RequiredProgram],
    fresh: bool,
) -> Result<()> {
    ensure!(Path::new("/usr/bin/apt-get").exists(), "this machine has no apt-get: install them yourself");
    let apt = Apt::new(home, fresh)?;
    apt.run(&["-qq", "update"])?;
    let needed = apt.needed(missing)?;
    ensure!(
        !needed.contains("libc6"),
        "these packages need another libc than this machine's: run apt-get upgrade first"
    );
    for package in apt.download(&needed)? {
        let unpacked = Command::new("dpkg").arg("-x").arg(&package).arg(&search.unpacked).status()?;
        ensure!(unpacked.success(), "dpkg cannot unpack {}", package.display());
        fs::remove_file(package)?;
    }
    fs::remove_dir_all(&apt.home)?;
    complete_fonts(&search.unpacked)
}

/// Installs packages on the machine itself, where unpacking was not enough; only root may.
pub(super) fn install(missing: &[&RequiredProgram]) -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "install their packages, or run this as root");
    let packages = missing.iter().map(|program| program.package);
    for (args, packages) in [
        (["-qq", "update"].as_slice(), Vec::new()),
        (["-qq", "install", "-y", "--no-install-recommends"].as_slice(), packages.collect()),
    ] {
        let mut command = Command::new("apt-get");
        command.args(args).args(packages).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        ensure!(command.status()?.success(), "{command:?} failed");
    }
    Ok(())
}

/// An apt with its own lists and archives.
struct Apt {
    home: PathBuf,
    settings: Vec<String>,
}

impl Apt {
    fn new(home: &Path, fresh: bool) -> Result<Self> {
        let home = home.join("apt");
        for folder in ["state/lists/partial", "cache/archives/partial", "packages"] {
            fs::create_dir_all(home.join(folder))?;
        }
        let mut status = PathBuf::from(STATUS);
        if fresh {
            let installed = fs::read_to_string(&status).with_context(|| format!("cannot read {STATUS}"))?;
            status = home.join("status");
            fs::write(&status, without_servers(&installed))?;
        }
        let settings = vec![
            format!("Dir::State={}", home.join("state").display()),
            format!("Dir::State::status={}", status.display()),
            format!("Dir::Cache={}", home.join("cache").display()),
            // As root, apt drops to a user who may not enter our folder.
            "APT::Sandbox::User=root".to_owned(),
        ];
        Ok(Self { home, settings })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for setting in &self.settings {
            command.args(["-o", setting]);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null()).current_dir(self.home.join("packages"));
        command
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        let output = self.command("apt-get").args(args).output().context("cannot run apt-get")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "apt-get {args:?} failed\n{said}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Returns the names of the packages that `missing` need and that this machine lacks.
    fn needed(&self, missing: &[&RequiredProgram]) -> Result<BTreeSet<String>> {
        let mut packages: BTreeSet<&str> = missing.iter().map(|program| program.package).collect();
        if packages.contains("chromium-driver") {
            // The driver and the browser must be of one version.
            packages.insert("chromium");
        }
        if packages.contains("chromium") {
            packages.extend(FONTS);
        }
        let packages: Vec<&str> = packages.into_iter().collect();
        let plan =
            self.run(&[&["install", "-s", "--no-install-recommends"], packages.as_slice()].concat())?;
        Ok(inst_lines(&plan).map(str::to_owned).collect())
    }

    fn download(&self, packages: &BTreeSet<String>) -> Result<Vec<PathBuf>> {
        let names: Vec<&str> = packages.iter().map(String::as_str).collect();
        self.run(&[&["-qq", "download"], names.as_slice()].concat())?;
        let mut files = Vec::new();
        for entry in fs::read_dir(self.home.join("packages"))? {
            files.push(entry?.path());
        }
        if files.len() < packages.len() {
            bail!("of {} packages only {} came", packages.len(), files.len());
        }
        Ok(files)
    }
}

/// Returns the packages that a simulated installation would unpack, from lines such as `Inst cpio
/// (2.13 Debian:12 [amd64])`.
fn inst_lines(plan: &str) -> impl Iterator<Item = &str> {
    plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next())
}

/// Returns the list of installed packages without those we would fetch.
fn without_servers(status: &str) -> String {
    let ours = ["postgres", "postfix", "chromium", "sqlite3", "python3-pip"];
    status
        .split("\n\n")
        .filter(|stanza| {
            let name = stanza.trim_start().strip_prefix("Package: ").unwrap_or_default();
            !ours.iter().any(|start| name.starts_with(start))
        })
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Adds the folder of unpacked fonts to their configuration, which only names folders of an
/// installed system.
fn complete_fonts(unpacked: &Path) -> Result<()> {
    let settings = unpacked.join("etc/fonts/fonts.conf");
    let folder = unpacked.join("usr/share/fonts");
    let Ok(text) = fs::read_to_string(&settings) else { return Ok(()) };
    let ours = format!("<dir>{}</dir>", folder.display());
    if !text.contains(&ours) {
        let text =
            text.replacen("<dir>/usr/share/fonts</dir>", &format!("<dir>/usr/share/fonts</dir>{ours}"), 1);
        fs::write(&settings, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_names_its_packages() {
        let plan = "Reading package lists...\nInst cpio (2.13+dfsg-7.1 Debian:12.15 [amd64])\n\
                    Inst libpq5 [15.18] (15.20 Debian-Security:12 [amd64]) []\nConf cpio (2.13)\n";
        assert_eq!(inst_lines(plan).collect::<Vec<_>>(), ["cpio", "libpq5"]);
    }

    #[test]
    fn a_fresh_machine_has_none_of_our_servers() {
        let status =
            "Package: bash\nStatus: ok\n\nPackage: postfix\nStatus: ok\n\nPackage: zlib1g\nStatus: ok\n";
        assert_eq!(without_servers(status), "Package: bash\nStatus: ok\n\nPackage: zlib1g\nStatus: ok\n");
    }
}
