//! The demo: everything at once, alive within seconds, looked at in a browser.

use std::fs;
use std::time::Duration;

use tests::{Browser, Guard, Http, Sandbox, free_port, until};

use crate::pier;

/// The narrowest phone and the widest desk that pages are made for.
const WIDTHS: [u32; 2] = [360, 1920];

#[test]
fn the_demo_shows_living_numbers_in_a_browser() {
    let tools = pier::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    let port = free_port().unwrap();
    let mut command = sandbox.command(&["demo", "--port", &port.to_string()]);
    let log = fs::File::create(sandbox.path().join("demo.log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let mut demo = Guard::spawn("chorus demo", &mut command).unwrap();
    let said = || fs::read_to_string(sandbox.path().join("demo.log")).unwrap();
    let http = Http::local(port);
    until("the demo to be ready", Duration::from_secs(20), || {
        assert_eq!(demo.ended()?, None, "{}", said());
        Ok(http.get("/healthz").ok().filter(|answer| answer.status == 200))
    })
    .unwrap();
    until("the demo to say that its people are made up", Duration::from_secs(5), || {
        Ok(said().contains("simulated").then_some(()))
    })
    .unwrap();

    let browser = Browser::start(&tools).unwrap();
    let home = format!("http://127.0.0.1:{port}/");
    let overview = until("numbers on the overview", Duration::from_secs(30), || {
        browser.open(&home)?;
        let drawn = browser.run("return document.querySelectorAll('svg').length")?.as_u64();
        let text = browser.page_text()?;
        Ok((drawn > Some(0) && text.contains("The Harbour Letter")).then_some(text))
    })
    .unwrap();
    assert!(overview.to_lowercase().contains("simulated"), "{overview}");

    browser.click("a[href*='/campaigns/']").unwrap();
    assert!(browser.address().unwrap().contains("/campaigns/"));
    readable(&browser);
    for path in ["", "outbox"] {
        browser.open(&format!("{home}{path}")).unwrap();
        readable(&browser);
    }
    drop(browser);
    assert!(demo.stop(Duration::from_secs(10)).unwrap().success(), "{}", said());
}

/// The page that is shown says something at every width, needs no sideways scrolling, and leaves the browser
/// nothing to complain about.
fn readable(browser: &Browser) {
    let address = browser.address().unwrap();
    for width in WIDTHS {
        browser.resize(width, 900).unwrap();
        let beyond = browser.run("return document.documentElement.scrollWidth - window.innerWidth").unwrap();
        assert!(beyond.as_i64() <= Some(0), "{address} is {beyond} px too wide for {width} px");
    }
    let heading = browser.run("return document.querySelector('h1')?.innerText ?? ''").unwrap();
    assert_ne!(heading, "", "{address} has no heading");
    let complaints = browser.complaints().unwrap();
    assert!(complaints.is_empty(), "{address}: {complaints:#?}");
}
