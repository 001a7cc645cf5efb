//! A real browser, driven by chromedriver over the WebDriver protocol
//! (<https://www.w3.org/TR/webdriver2/>).

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{Guard, child_command, free_port, until};
use crate::http::HttpClient;
use crate::tools::Tools;

/// Command-line switches for a browser without a screen and without a network. The browser's own
/// sandbox is not available to root.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];

/// A browser with one window, closed when this is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: HttpClient,
    session: String,
    _profile: TempDir,
    _guard: Guard,
}

impl Browser {
    /// Starts chromedriver and a headless Chromium with a new profile.
    ///
    /// # Errors
    /// Fails when chromedriver or Chromium does not start.
    pub fn start(tools: &Tools) -> Result<Self> {
        let profile = tempfile::Builder::new().prefix("chorus-browser-").tempdir()?;
        let port = free_port()?;
        let mut command = child_command(&tools.chromedriver);
        command.arg(format!("--port={port}")).env("HOME", profile.path()).env("TMPDIR", profile.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut guard = Guard::spawn("chromedriver", &mut command)?;
        until("chromedriver to listen", Duration::from_secs(60), || {
            ensure!(guard.exit_status()?.is_none(), "chromedriver ended at once");
            Ok(TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        let driver = HttpClient::local(port);
        let session = open(driver, &write_launcher(&tools.chromium, profile.path())?, profile.path())?;
        Ok(Self { driver, session, _profile: profile, _guard: guard })
    }

    /// Sets the size of the window, in pixels.
    ///
    /// # Errors
    /// As for every method here, fails when the browser refuses or is gone.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.post("window/rect", &json!({ "width": width, "height": height })).map(|_| ())
    }

    /// Opens a page and waits until it is loaded.
    ///
    /// # Errors
    /// Fails when the page cannot be loaded.
    pub fn open(&self, url: &str) -> Result<()> {
        self.post("url", &json!({ "url": url })).map(|_| ())
    }

    /// Returns the URL of the current page.
    ///
    /// # Errors
    /// Fails when the browser is gone.
    pub fn address(&self) -> Result<String> {
        self.text("url")
    }

    /// Returns the visible text of the current page.
    ///
    /// # Errors
    /// Fails when there is no page.
    pub fn page_text(&self) -> Result<String> {
        Ok(self.run("return document.body.innerText")?.as_str().unwrap_or_default().to_owned())
    }

    /// Runs JavaScript in the page and returns its result.
    ///
    /// # Errors
    /// Fails when the script throws.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Clicks the first element that matches a CSS selector.
    ///
    /// # Errors
    /// Fails when no element matches, or it cannot be clicked.
    pub fn click(&self, selector: &str) -> Result<()> {
        let found = self.post("element", &json!({ "using": "css selector", "value": selector }))?;
        let id = found.as_object().and_then(|object| object.values().next()?.as_str());
        let id = id.with_context(|| format!("no element matches {selector}"))?;
        self.post(&format!("element/{id}/click"), &json!({})).map(|_| ())
    }

    /// Returns the console entries since the last call: script errors, blocked content, missing
    /// files.
    ///
    /// # Errors
    /// Fails when the browser is gone.
    pub fn complaints(&self) -> Result<Vec<String>> {
        let log = self.post("se/log", &json!({ "type": "browser" }))?;
        let lines = log.as_array().context("the log is no list")?.iter();
        Ok(lines.map(|line| format!("{}: {}", line["level"], line["message"])).collect())
    }

    fn post(&self, command: &str, body: &Value) -> Result<Value> {
        call(self.driver, &format!("/session/{}/{command}", self.session), body)
    }

    fn text(&self, command: &str) -> Result<String> {
        let answer = self.driver.get(&format!("/session/{}/{command}", self.session))?;
        let value: Value = serde_json::from_slice(&answer.body)?;
        Ok(value["value"].as_str().unwrap_or_default().to_owned())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium as well: killing chromedriver alone would leave it running.
        let _ = self.driver.delete(&format!("/session/{}", self.session));
    }
}

/// Writes a shell script that starts Chromium such that it dies with chromedriver, even when that
/// is killed.
fn write_launcher(chromium: &Path, folder: &Path) -> Result<PathBuf> {
    let script = folder.join("chromium");
    let command = child_command(chromium);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    fs::write(&script, format!("#!/bin/sh\nexec {} \"$@\"\n", quoted.join(" ")))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

fn open(driver: HttpClient, chromium: &Path, profile: &Path) -> Result<String> {
    let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
    arguments.push(format!("--user-data-dir={}", profile.join("profile").display()));
    let wanted = json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": { "binary": chromium, "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    } } });
    let session = call(driver, "/session", &wanted).context("Chromium does not start")?;
    Ok(session["sessionId"].as_str().context("chromedriver opened no session")?.to_owned())
}

fn call(driver: HttpClient, path: &str, body: &Value) -> Result<Value> {
    let answer = driver.post(path, "application/json", body.to_string().as_bytes())?;
    let mut response: Value =
        serde_json::from_slice(&answer.body).context("chromedriver answered without JSON")?;
    if answer.status != 200 {
        bail!("{}: {}", response["value"]["error"], response["value"]["message"]);
    }
    Ok(response["value"].take())
}
