//! The demo: everything at once, alive within seconds, looked at in a browser.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::{Http, Sandbox, Tools, free_port, until};

use crate::pier;

#[test]
fn the_demo_shows_living_numbers_in_a_browser() {
    let tools = pier::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    let port = free_port().unwrap();
    let mut command = sandbox.command(&["demo", "--port", &port.to_string()]);
    let log = fs::File::create(sandbox.path().join("demo.log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let mut demo = tests::Guard::spawn("chorus demo", &mut command).unwrap();
    let said = || fs::read_to_string(sandbox.path().join("demo.log")).unwrap();
    let http = Http::local(port);
    until("the demo to be ready", Duration::from_secs(20), || {
        assert_eq!(demo.ended()?, None, "{}", said());
        Ok(http.get("/healthz").ok().filter(|answer| answer.status == 200))
    })
    .unwrap();
    assert!(said().contains("simulated"), "it says that its audience is made up: {}", said());

    let overview = until("numbers on the overview", Duration::from_secs(30), || {
        let page = dom(&tools, sandbox.path(), port, "/");
        Ok((page.contains("<svg") && page.contains("Harbour")).then_some(page))
    })
    .unwrap();
    for heading in ["Sent", "Clicked"] {
        assert!(overview.to_lowercase().contains(&heading.to_lowercase()), "no {heading} in {overview}");
    }
    for path in ["/campaigns/weekly-newsletter", "/outbox"] {
        let page = dom(&tools, sandbox.path(), port, path);
        assert!(page.contains("<h1"), "{path}: {page}");
    }
    let picture = screenshot(&tools, sandbox.path(), port, "/");
    assert!(picture > 20_000, "the overview is nearly empty: {picture} bytes of PNG");
}

fn browser(tools: &Tools, folder: &Path) -> Command {
    let mut command = tests::bound(&tools.chromium);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--window-size=1280,900", "--timeout=10000"])
        .arg(format!("--user-data-dir={}", folder.join("browser").display()))
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A page as the browser understood it.
fn dom(tools: &Tools, folder: &Path, port: u16, path: &str) -> String {
    let output = browser(tools, folder)
        .arg("--dump-dom")
        .arg(format!("http://127.0.0.1:{port}{path}"))
        .output()
        .unwrap();
    assert!(output.status.success(), "Chromium: {}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// How many bytes a picture of the page has.
fn screenshot(tools: &Tools, folder: &Path, port: u16, path: &str) -> u64 {
    let file = folder.join("page.png");
    let status = browser(tools, folder)
        .arg(format!("--screenshot={}", file.display()))
        .arg(format!("http://127.0.0.1:{port}{path}"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "Chromium: {status}");
    fs::metadata(file).unwrap().len()
}
