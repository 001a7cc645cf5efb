//! The workspace that is measured: one letter to everyone, through smtp or to the outbox.

use std::fmt::Write;

use ::tests::{Sandbox, Tools};
use anyhow::Result;

/// The channel of a measured workspace.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// smtp-sink on this port, over so many connections.
    Smtp { port: u16, connections: usize },
    /// The database.
    Outbox,
}

/// Makes the workspace. `padding` characters of text make its message as long as wanted.
pub(super) fn make(tools: &Tools, way: Way, padding: usize) -> Result<Sandbox> {
    let sandbox = Sandbox::empty(&tools.chorus)?;
    sandbox.write("chorus.toml", &configuration(sandbox.port, way))?;
    sandbox.write("audiences/members.toml", MEMBERS)?;
    sandbox.write("campaigns/letter.toml", CAMPAIGN)?;
    pad(&sandbox, padding)?;
    Ok(sandbox)
}

const MEMBERS: &str = r#"
title = "Members of the first two tiers"
all   = [{ attribute = "tier", in = ["gold", "silver"] }]
"#;

fn configuration(port: u16, way: Way) -> String {
    let channel = match way {
        Way::Smtp { port, connections } => {
            format!("kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{port}?tls=off\"\nconnections = {connections}")
        }
        // One in a day: what is measured is the making of deliveries, not their sending.
        Way::Outbox => "kind = \"outbox\"\nrate = \"1/d\"".to_owned(),
    };
    format!(
        r#"
[brand]
name     = "Measure"
url      = "https://measure.example"
address  = "1 High Street, Measure"
timezone = "UTC"
language = "en"

[database]
url = "sqlite:data/chorus.db"

[server]
listen     = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"

[channels.email]
{channel}
from = "Measure <news@measure.example>"
"#
    )
}

const CAMPAIGN: &str = r#"
title    = "Letter"
audience = "members"

[message]
subject        = "News for {{contact.first_name}}"
headline       = "News"
body           = "Something to read."
call_to_action = "Read"
link           = "https://measure.example/read"

[[steps]]
id       = "mail"
channel  = "email"
template = "plain"
when     = { cron = "0 0 29 2 *" }
"#;

/// Writes the template with so many characters of filling.
pub(super) fn pad(sandbox: &Sandbox, padding: usize) -> Result<()> {
    let mut filling = String::new();
    while filling.len() < padding {
        filling.push_str("<p>All work and no play makes a dull letter.</p>\n");
    }
    filling.truncate(padding);
    // Cutting a tag in two would change what a browser makes of the rest.
    let whole = filling.rfind("</p>\n").map_or(0, |end| end + 5);
    filling.truncate(whole);
    let html = format!(
        "<!doctype html><html><body><h1>{{{{message.headline}}}}</h1><p>Hello {{{{contact.first_name}}}},</p>\n\
         {filling}<p><a href=\"{{{{message.link}}}}\">{{{{message.call_to_action}}}}</a></p>\n\
         <p>{{{{brand.address}}}} <a href=\"{{{{links.unsubscribe}}}}\">unsubscribe</a></p></body></html>\n"
    );
    sandbox.write("templates/plain/email.html", &html)?;
    let text =
        "Hello {{contact.first_name}},\n\n{{message.link}}\n\n{{brand.address}}\n{{links.unsubscribe}}\n";
    sandbox.write("templates/plain/email.txt", text)
}

/// Writes and imports `count` members.
pub(super) fn import(sandbox: &Sandbox, count: usize) -> Result<()> {
    let mut csv = String::from("email,first_name,tier,city\n");
    for number in 0..count {
        let tier = if number % 3 == 0 { "gold" } else { "silver" };
        let city = ["Shanghai", "Hangzhou", "Berlin", "Lagos"][number % 4];
        let _ = writeln!(csv, "reader.{number}@example.com,Reader {number},{tier},{city}");
    }
    sandbox.write("contacts.csv", &csv)?;
    sandbox.done(&["contacts", "import", "contacts.csv"])?;
    Ok(())
}
