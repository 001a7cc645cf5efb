//! Debian's packages, fetched and unpacked without installing anything.
//!
//! apt gets folders of its own, so this needs no root, waits for nobody's lock, and changes nothing outside.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::programs::{FONTS, Wanted};
use super::search::Shelf;

/// Where the machine's package manager keeps what is installed.
const STATUS: &str = "/var/lib/dpkg/status";

/// Unpacks the packages of the `missing` programs, with whatever they need that this machine lacks, into the
/// shelf. With `fresh`, the packages of all wanted programs count as absent.
pub(super) fn unpack(home: &Path, shelf: &Shelf, missing: &[&Wanted], fresh: bool) -> Result<()> {
    ensure!(Path::new("/usr/bin/apt-get").exists(), "this machine has no apt-get: install them yourself");
    let apt = Apt::new(home, fresh)?;
    apt.run(&["-qq", "update"])?;
    let needed = apt.needed(missing)?;
    ensure!(
        !needed.contains("libc6"),
        "these packages need another libc than this machine's: run apt-get upgrade first"
    );
    for package in apt.download(&needed)? {
        let unpacked = Command::new("dpkg").arg("-x").arg(&package).arg(&shelf.unpacked).status()?;
        ensure!(unpacked.success(), "dpkg cannot unpack {}", package.display());
        fs::remove_file(package)?;
    }
    fs::remove_dir_all(&apt.home)?;
    complete_fonts(&shelf.unpacked)
}

/// Installs packages on the machine itself: for root only, where unpacking was not enough.
pub(super) fn install(missing: &[&Wanted]) -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "install their packages, or run this as root");
    let packages = missing.iter().map(|wanted| wanted.package);
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

/// apt with its own lists and archives.
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

    /// Names of the packages that `missing` come from and that this machine lacks.
    fn needed(&self, missing: &[&Wanted]) -> Result<BTreeSet<String>> {
        let mut wanted: BTreeSet<&str> = missing.iter().map(|wanted| wanted.package).collect();
        if wanted.contains("chromium-driver") {
            // The driver and the browser must be of one version.
            wanted.insert("chromium");
        }
        if wanted.contains("chromium") {
            wanted.extend(FONTS);
        }
        let wanted: Vec<&str> = wanted.into_iter().collect();
        let plan = self.run(&[&["install", "-s", "--no-install-recommends"], wanted.as_slice()].concat())?;
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

/// The packages that a simulated installation would unpack: lines such as `Inst cpio (2.13 Debian:12 [amd64])`.
fn inst_lines(plan: &str) -> impl Iterator<Item = &str> {
    plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next())
}

/// The list of installed packages without those we would fetch.
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

/// Makes unpacked fonts findable: their settings name folders of a system they were never installed in.
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
    fn a_fresh_machine_has_none_of_ours() {
        let status =
            "Package: bash\nStatus: ok\n\nPackage: postfix\nStatus: ok\n\nPackage: zlib1g\nStatus: ok\n";
        assert_eq!(without_servers(status), "Package: bash\nStatus: ok\n\nPackage: zlib1g\nStatus: ok\n");
    }
}
