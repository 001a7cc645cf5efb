//! Benchmark `check`: the time of `chorus check` with many campaigns.

use std::time::Instant;

use ::tests::{Sandbox, Tools};
use anyhow::{Result, ensure};

use super::table::{Figure, spread};
use crate::repository::Repository;

/// The number of campaigns with six channels each.
const CAMPAIGNS: usize = 200;
/// The number of small campaigns.
pub(super) const SMALL_CAMPAIGNS: usize = 10_000;

/// Measures `chorus check` with some campaigns on many channels, and with many small ones.
pub(super) fn measure(repository: &Repository, tools: &Tools, rounds: usize) -> Result<Vec<Figure>> {
    let wide = time_check(&workspace(repository, tools)?, CAMPAIGNS, rounds)?;
    let many = time_check(&small_campaigns(tools, SMALL_CAMPAIGNS)?, SMALL_CAMPAIGNS, rounds)?;
    println!("check: {wide} for {CAMPAIGNS} × 6, {many} for {SMALL_CAMPAIGNS}");
    Ok(vec![
        Figure::new(format!("chorus check of {CAMPAIGNS} campaigns × 6 channels"), wide, "≤ 2 s"),
        Figure::new(format!("chorus check of {SMALL_CAMPAIGNS} small campaigns"), many, "≤ 5 s"),
    ])
}

/// Measures `chorus check` in seconds, after a warm-up round.
fn time_check(sandbox: &Sandbox, campaigns: usize, rounds: usize) -> Result<String> {
    let mut seconds = Vec::new();
    for _ in 0..=rounds {
        let start = Instant::now();
        let ran = sandbox.chorus_ok(&["check"])?;
        seconds.push(start.elapsed().as_secs_f64());
        ensure!(
            ran.out.contains(&format!("{campaigns} campaigns ready to run")),
            "not all were read: {}",
            ran.out
        );
    }
    seconds.remove(0);
    Ok(spread(&seconds, 2, "s"))
}

/// Creates a workspace of small campaigns, each with one e-mail in Markdown at a different time.
pub(super) fn small_campaigns(tools: &Tools, count: usize) -> Result<Sandbox> {
    let sandbox = Sandbox::empty(&tools.chorus)?;
    let server = format!(
        "[server]\nlisten = \"127.0.0.1:{0}\"\npublic_url = \"http://127.0.0.1:{0}\"\n",
        sandbox.port
    );
    sandbox.write(
        "chorus.toml",
        &format!("{BRAND}\n{server}\n[channels.{}]\n{}\n", CHANNELS[0].0, CHANNELS[0].1),
    )?;
    sandbox.write("audiences/members.toml", MEMBERS)?;
    sandbox.write(
        "templates/plain/email.md",
        "# {{message.headline}}\n\nHello {{contact.first_name}},\n\n{{{message.body}}}\n\n\
         [{{message.call_to_action}}]({{message.link}})\n\n\
         {{brand.address}} · [Unsubscribe]({{links.unsubscribe}})\n",
    )?;
    for number in 0..count {
        let campaign =
            SMALL.replace("NUMBER", &number.to_string()).replace("DAY", &format!("{:02}", 1 + number % 28));
        sandbox.write(&format!("campaigns/offer-{number:05}.toml"), &campaign)?;
    }
    Ok(sandbox)
}

const SMALL: &str = r#"
title    = "Offer NUMBER"
audience = "members"

[message]
subject        = "Offer NUMBER: {{facts.price}}"
headline       = "Coffee number NUMBER"
body           = "Coffee number NUMBER is {{facts.price}} until {{facts.deadline}}."
call_to_action = "See the offer"
link           = "https://harbour.example/offers/NUMBER"

[message.facts]
price    = "CNY 98"
deadline = "30 April 2027"

[[steps]]
id       = "mail"
channel  = "email"
template = "plain"
when     = { at = 2027-03-DAYT10:00:00 }
"#;

const BRAND: &str = r#"
[brand]
name      = "Measure"
url       = "https://harbour.example"
address   = "1 Pier Road, Shanghai"
timezone  = "Asia/Shanghai"
language  = "en"
never_say = ["guaranteed", "the cheapest"]
"#;

const MEMBERS: &str = "title = \"Members\"\nall = [{ attribute = \"tier\", in = [\"gold\"] }]\n";

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

/// Creates a workspace with many copies of the sample's launch campaign, each with different
/// prices.
fn workspace(repository: &Repository, tools: &Tools) -> Result<Sandbox> {
    let sandbox = Sandbox::empty(&tools.chorus)?;
    for folder in ["templates/announcement", "templates/layouts", "templates/partials", "images"] {
        for entry in std::fs::read_dir(repository.root.join(folder))? {
            let (from, to) = (entry?.path(), sandbox.path().join(folder));
            std::fs::create_dir_all(&to)?;
            std::fs::copy(&from, to.join(from.file_name().unwrap_or_default()))?;
        }
    }
    let mut toml = BRAND.to_owned();
    for (name, keys) in CHANNELS {
        toml.push_str(&format!("\n[channels.{name}]\n{keys}\n"));
    }
    sandbox.write("chorus.toml", &toml)?;
    sandbox.write("audiences/members.toml", MEMBERS)?;
    let launch = std::fs::read_to_string(repository.root.join("campaigns/spring-launch.toml"))?;
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
