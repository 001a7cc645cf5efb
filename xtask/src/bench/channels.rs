//! How fast signed webhooks go out, beside wrk posting the same bytes to the same endpoint; and how long it takes to
//! check many campaigns.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use ::tests::{Database, Guard, Sandbox, Tools};
use anyhow::{Context, Result, ensure};

use super::Options;
use super::round::{Round, run};
use super::subject::{RELAY, Subject, Way, reader};
use super::table::{Figure, median, spread};
use crate::build;
use crate::place::Place;

/// How long wrk posts in each round, in seconds.
const SECONDS: u32 = 5;
/// How many campaigns are checked, each on six channels.
const CAMPAIGNS: usize = 200;

/// The whole pipeline beside wrk, both to an endpoint that checks the signature of every request.
pub(super) fn measure(place: &Place, tools: &Tools, wrk: &Path, options: &Options) -> Result<Vec<Figure>> {
    let program = build::example(place, "platform", "endpoint")?;
    let way = Way::Webhook { connections: options.connections };
    let messages = options.messages;
    let subject = Subject::new(tools, Database::Sqlite, way, messages, reader)?;
    let script = subject.sandbox.path().join("post.lua");
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut endpoint = Guard::spawn("endpoint", &mut command)?;
    let mut input = endpoint.child().stdin.take().context("the endpoint does not listen")?;
    writeln!(input, "{}", script.display())?;
    let mut line = String::new();
    BufReader::new(endpoint.child().stdout.take().context("the endpoint says nothing")?)
        .read_line(&mut line)?;
    let url = line.trim().to_owned();
    let (mut ours, mut theirs): (Vec<Round>, Vec<f64>) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        subject.restore()?;
        let sent = run(&subject, |command| {
            command.env(RELAY, &url);
        })?;
        sent.ensure_complete(messages)?;
        let peer = posted(wrk, &script, &url, options.connections)?;
        let (speed, each) = (sent.rate(messages), sent.cpu_each(messages));
        println!(
            "{messages} webhooks, round {round}: chorus {speed:.0}/s, wrk {peer:.0}/s, {each:.0} µs of CPU each"
        );
        if round > 0 {
            ours.push(sent);
            theirs.push(peer);
        }
    }
    endpoint.ended()?;
    let rates: Vec<_> = ours.iter().map(|round| round.rate(messages)).collect();
    let each: Vec<_> = ours.iter().map(|round| round.cpu_each(messages)).collect();
    let ratio = median(&rates) / median(&theirs);
    let what = format!("{messages} signed webhooks over {} connections", options.connections);
    Ok(vec![
        Figure::new(format!("chorus, {what}, from start to exit"), spread(&rates, 0, "requests/s"), ""),
        Figure::new("wrk, the same bytes", spread(&theirs, 0, "requests/s"), ""),
        Figure::new("chorus ÷ wrk", format!("{ratio:.2}"), "≥ 0.7"),
        Figure::new("CPU per webhook", spread(&each, 0, "µs"), ""),
    ])
}

/// Requests in a second that wrk gets through.
fn posted(wrk: &Path, script: &Path, url: &str, connections: usize) -> Result<f64> {
    let mut command = Command::new(wrk);
    command.args(["-t", "1", "-c", &connections.to_string(), "-d", &SECONDS.to_string()]);
    let output =
        command.arg("-s").arg(script).arg(url).stdin(Stdio::null()).output().context("cannot run wrk")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(!said.contains("Non-2xx"), "the endpoint refused what wrk posted:\n{said}");
    let line = said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    line.with_context(|| format!("wrk told no rate:\n{said}"))?.trim().parse().context("wrk told no rate")
}

/// `chorus check` of a workspace with many campaigns on six channels each.
pub(super) fn check(place: &Place, tools: &Tools, rounds: usize) -> Result<Vec<Figure>> {
    let sandbox = workspace(place, tools)?;
    let mut seconds = Vec::new();
    for _ in 0..=rounds {
        let start = Instant::now();
        sandbox.done(&["check"])?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.remove(0);
    println!("check: {}", spread(&seconds, 2, "s"));
    let what = format!("chorus check of {CAMPAIGNS} campaigns × 6 channels");
    Ok(vec![Figure::new(what, spread(&seconds, 2, "s"), "≤ 2 s")])
}

const CHANNELS: [(&str, &str); 6] = [
    ("email", "kind = \"outbox\"\nfrom = \"News <news@measure.example>\""),
    ("slack", "kind = \"slack\"\nurl = \"https://hooks.slack.com/services/T/B/X\""),
    (
        "wecom",
        "kind = \"wecom\"\nurl = \"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k\"\nlanguage = \"zh-CN\"",
    ),
    ("mastodon", "kind = \"mastodon\"\nbase_url = \"https://mastodon.social\"\ntoken = \"t\""),
    ("bluesky", "kind = \"bluesky\"\naccount = \"measure.example\"\ntoken = \"t\""),
    (
        "feishu",
        "kind = \"feishu\"\nurl = \"https://open.feishu.cn/open-apis/bot/v2/hook/x\"\nlanguage = \"zh-CN\"",
    ),
];

/// The sample's templates and launch message, many times, each with prices of its own.
fn workspace(place: &Place, tools: &Tools) -> Result<Sandbox> {
    let sandbox = Sandbox::empty(&tools.chorus)?;
    for folder in ["templates/announcement", "templates/layouts", "templates/partials", "images"] {
        for entry in std::fs::read_dir(place.root.join(folder))? {
            let (from, to) = (entry?.path(), sandbox.path().join(folder));
            std::fs::create_dir_all(&to)?;
            std::fs::copy(&from, to.join(from.file_name().unwrap_or_default()))?;
        }
    }
    let mut toml = String::from(
        "[brand]\nname = \"Measure\"\nurl = \"https://harbour.example\"\naddress = \"1 Pier Road, Shanghai\"\n\
         timezone = \"Asia/Shanghai\"\nlanguage = \"en\"\nnever_say = [\"guaranteed\", \"the cheapest\"]\n",
    );
    for (name, keys) in CHANNELS {
        toml.push_str(&format!("\n[channels.{name}]\n{keys}\n"));
    }
    sandbox.write("chorus.toml", &toml)?;
    sandbox.write(
        "audiences/members.toml",
        "title = \"Members\"\nall = [{ attribute = \"tier\", in = [\"gold\"] }]\n",
    )?;
    let launch = std::fs::read_to_string(place.root.join("campaigns/spring-launch.toml"))?;
    let message = launch.split("[[steps]]").next().unwrap_or_default();
    for number in 0..CAMPAIGNS {
        let mut campaign = message.replace("CNY 98", &format!("CNY {}", 98 + number));
        campaign = campaign.replace(" 98 元", &format!(" {} 元", 98 + number));
        for (name, _) in CHANNELS {
            campaign.push_str(&format!(
                "[[steps]]\nid = \"{name}\"\nchannel = \"{name}\"\ntemplate = \"announcement\"\n\
                 when = {{ at = 2027-03-02T10:00:00 }}\n\
                 message = {{ image = \"https://harbour.example/images/spring.png\" }}\n\n"
            ));
        }
        sandbox.write(&format!("campaigns/launch-{number}.toml"), &campaign)?;
    }
    Ok(sandbox)
}
