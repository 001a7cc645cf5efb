//! Tests of the test tools: the browser reports errors of a page, and servers end with their
//! values.

use std::time::Duration;

use tests::{Browser, SmtpSink, until};

use crate::fixture;

#[test]
fn the_browser_reads_clicks_and_reports_errors_of_a_page() {
    let browser = Browser::start(&fixture::tools()).unwrap();
    browser.open("data:text/html,<h1>Hello</h1><a onclick='document.title=1'>on</a>").unwrap();
    assert_eq!(browser.page_text().unwrap(), "Hello\non");
    assert_eq!(browser.complaints().unwrap().len(), 0);
    browser.click("a").unwrap();
    assert_eq!(browser.run("return document.title").unwrap(), "1");
    assert!(browser.click("button").is_err());
    browser.open("data:text/html,<h1>Hello</h1><script>undefined.function()</script>").unwrap();
    assert_eq!(browser.complaints().unwrap().len(), 1);
}

#[test]
fn dropping_a_server_stops_it() {
    let sink = SmtpSink::start(&fixture::tools().smtp_sink, &[]).unwrap();
    let address = ("127.0.0.1", sink.port);
    assert!(std::net::TcpStream::connect(address).is_ok());
    drop(sink);
    until("the port to be free", Duration::from_secs(60), || {
        Ok(std::net::TcpStream::connect(address).is_err().then_some(()))
    })
    .unwrap();
}
