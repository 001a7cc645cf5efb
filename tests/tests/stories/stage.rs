//! The stage itself: a browser that complains when there is something to complain about, and servers that end.

use std::time::Duration;

use tests::{Browser, Sink, until};

use crate::pier;

#[test]
fn the_browser_reads_clicks_and_tells_what_is_wrong_with_a_page() {
    let browser = Browser::start(&pier::tools()).unwrap();
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
fn a_server_ends_with_the_value_that_stands_for_it() {
    let sink = Sink::start(&pier::tools().smtp_sink, &[]).unwrap();
    let address = ("127.0.0.1", sink.port);
    assert!(std::net::TcpStream::connect(address).is_ok());
    drop(sink);
    until("the port to be free", Duration::from_secs(60), || {
        Ok(std::net::TcpStream::connect(address).is_err().then_some(()))
    })
    .unwrap();
}
