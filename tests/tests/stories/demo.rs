//! The demo in a browser: it shows live numbers shortly after its start, and its pages are readable
//! at every width.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tests::{Browser, Guard, HttpClient, Sandbox, free_port, until};

use crate::fixture;

/// The smallest and the largest width in pixels that pages are made for.
const WIDTHS: [u32; 2] = [360, 1920];

#[test]
fn the_demo_shows_live_numbers_in_a_browser() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    let port = free_port().unwrap();
    let mut command = sandbox.command(&["demo", "--port", &port.to_string()]);
    let log = fs::File::create(sandbox.path().join("demo.log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let mut demo = Guard::spawn("chorus demo", &mut command).unwrap();
    let log_text = || fs::read_to_string(sandbox.path().join("demo.log")).unwrap();
    let http = HttpClient::local(port);
    until("the demo to be ready", Duration::from_secs(60), || {
        assert_eq!(demo.exit_status()?, None, "{}", log_text());
        Ok(http.get("/healthz").ok().filter(|answer| answer.status == 200))
    })
    .unwrap();
    until("the demo to say that its people are made up", Duration::from_secs(60), || {
        Ok(log_text().contains("simulated").then_some(()))
    })
    .unwrap();

    let browser = Browser::start(&tools).unwrap();
    let home = format!("http://127.0.0.1:{port}/");
    let overview = until("numbers on the overview", Duration::from_secs(60), || {
        browser.open(&home)?;
        let drawn = browser.run("return document.querySelectorAll('svg').length")?.as_u64();
        let text = browser.page_text()?;
        Ok((drawn > Some(0) && text.contains("The Harbour Letter")).then_some(text))
    })
    .unwrap();
    assert!(overview.to_lowercase().contains("simulated"), "{overview}");

    let campaign = until("people to click and to buy", Duration::from_secs(240), || {
        let report: Value = serde_json::from_slice(&http.get("/api/v1/report")?.body)?;
        assert_eq!(report["simulated"], true);
        let counts = &report["all"]["counts"];
        let alive = counts["clicked"].as_i64() > Some(0) && counts["converted"].as_i64() > Some(0);
        Ok(report["rows"][0]["campaign"].as_str().filter(|_| alive).map(str::to_owned))
    })
    .unwrap();

    let mut offences = Vec::new();
    check_page(&browser, &mut offences);
    follow(&browser, &mut offences, &home, "a[href^='/campaigns/']");
    follow(&browser, &mut offences, &format!("{home}campaigns/{campaign}"), "a[href^='/runs/']");
    follow(&browser, &mut offences, &format!("{home}contacts"), "a[href^='/contacts/']");
    follow(&browser, &mut offences, &format!("{home}outbox"), "a[href^='/outbox/']");
    let frames = browser.run("return document.querySelectorAll(\"iframe[sandbox='']\").length").unwrap();
    assert_eq!(frames, 1, "a message is shown as it looks, and may do nothing");
    assert!(offences.is_empty(), "{}", offences.join("\n"));
    drop(browser);
    assert!(demo.stop(Duration::from_secs(10)).unwrap().success(), "{}", log_text());
}

/// Opens a page, waits until it has a link, follows it, and checks both pages.
fn follow(browser: &Browser, offences: &mut Vec<String>, page: &str, link: &str) {
    until(&format!("{link} on {page}"), Duration::from_secs(60), || {
        browser.open(page)?;
        Ok((browser.run(&format!("return document.querySelectorAll(\"main {link}\").length"))? != 0)
            .then_some(()))
    })
    .unwrap();
    check_page(browser, offences);
    browser.click(&format!("main {link}")).unwrap();
    assert_ne!(browser.address().unwrap(), page);
    check_page(browser, offences);
}

/// Checks that the current page has a heading, needs no horizontal scrolling at any width, and
/// causes no error in the browser.
fn check_page(browser: &Browser, offences: &mut Vec<String>) {
    let address = browser.address().unwrap();
    for width in WIDTHS {
        browser.resize(width, 900).unwrap();
        let beyond = browser.run("return document.documentElement.scrollWidth - window.innerWidth").unwrap();
        if beyond.as_i64() > Some(0) {
            offences.push(format!("{address} is {beyond} px too wide for {width} px"));
        }
    }
    let heading = browser.run("return document.querySelector('h1')?.innerText ?? ''").unwrap();
    if heading == "" {
        offences.push(format!("{address} has no heading"));
    }
    offences
        .extend(browser.complaints().unwrap().into_iter().map(|complaint| format!("{address}: {complaint}")));
}
