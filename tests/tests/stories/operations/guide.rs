//! The accuracy of docs/operations.md: its table of metrics, its settings and its example of
//! `/readyz`.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::HttpClient;

use super::{ready, scrape};
use crate::{docs, fixture};

/// Returns the text of every code block that has only a language in its info string.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let all = docs::blocks(page).unwrap().into_iter();
    all.filter(|block| block.info == language).map(|block| block.text).collect()
}

#[test]
fn the_guide_for_operators_is_accurate() {
    let tools = fixture::tools();
    let page = docs::read("docs/operations.md");
    let sandbox = fixture::workspace_with_port(&tools, 9, "{ cron = \"0 9 1 1 *\" }");
    let settings = blocks(&page, "toml").remove(0);
    let port = tests::free_port().unwrap();
    let settings = settings.replace("8080", &sandbox.port.to_string()).replace("9090", &port.to_string());
    let own = std::fs::read_to_string(sandbox.path().join("chorus.toml")).unwrap();
    let (head, tail) = own.split_once("[server]").unwrap();
    let (_, tail) = tail.split_once("[channels").unwrap();
    sandbox.write("chorus.toml", &format!("{head}{settings}\n[channels{tail}")).unwrap();
    assert_eq!(sandbox.chorus_ok(&["check"]).unwrap().code, Some(0));
    let server = sandbox.serve().unwrap();
    let admin = HttpClient::local(port);

    let metrics = scrape(&admin);
    let served: BTreeMap<&str, &str> =
        metrics.0.iter().map(|(name, family)| (name.as_str(), family.kind.as_str())).collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `chorus_"));
    let documented: BTreeMap<String, String> = rows
        .map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let name = format!("chorus_{}", cells.next().unwrap().trim_end_matches('`'));
            (name, cells.next().unwrap().to_owned())
        })
        .collect();
    let documented: BTreeMap<&str, &str> =
        documented.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(served, documented, "the table has every metric with its type, and no other");

    let (_, body) = ready(&admin);
    let names = |body: &Value| -> Vec<String> {
        body["checks"].as_array().unwrap().iter().map(|check| check["name"].to_string()).collect()
    };
    let examples = blocks(&page, "json");
    let example: Value = serde_json::from_str(&examples[0]).unwrap();
    assert_eq!(names(&body), names(&example));
    let line: Value = serde_json::from_str(examples[1].trim()).unwrap();
    assert!(line["fields"]["message"].is_string() && !examples[1].trim().contains('\n'), "one object a line");
    server.stop().unwrap();
}
