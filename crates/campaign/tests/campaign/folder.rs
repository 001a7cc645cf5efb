//! A valid workspace in a temporary folder, for tests to break.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use campaign::Workspace;
use source::Diagnostics;

pub(crate) const CHORUS: &str = r#"[brand]
name      = "Harbour Coffee"
url       = "https://harbour.example"
address   = "1 Pier Road, Shanghai"
timezone  = "Asia/Shanghai"
never_say = ["guaranteed", "the cheapest"]

[attributes]
tier   = "text"
visits = "number"
joined = "date"
vip    = "boolean"

[purposes.news]
title    = "News and offers"
opt_in   = "soft"
channels = ["email", "relay"]

[purposes.orders]
title     = "About your orders"
marketing = false

[channels.email]
kind = "outbox"
rate = "100/s"
cost = { per_message = 0.001, currency = "CNY" }

[channels.relay]
kind = "smtp"
url  = "smtps://news:${SMTP_PASSWORD}@smtp.example.com"
from = "Harbour Coffee <news@harbour.example>"

[channels.team]
kind   = "webhook"
url    = "https://hooks.example/${TOKEN}"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"#;

pub(crate) const CAMPAIGN: &str = r#"title     = "Spring renewal"
objective = "400 renewals by the end of April"
owner     = "growth@harbour.example"
audience  = "lapsing-members"
purpose   = "news"
starts    = 2027-03-01
ends      = 2027-04-30

[message]
subject        = "Your spring month is on us"
headline       = "One free month when you renew"
body           = "Renew by {{facts.deadline}} and get {{facts.offer}}."
call_to_action = "Renew now"
link           = "https://harbour.example/renew"
image          = "images/spring.png"
image_alt      = "A cup by the harbour"

[message.facts]
offer    = "one free month"
deadline = "30 April 2027"

[message.translations."zh-CN"]
subject = "春季续费"
body    = "{{facts.deadline}}前续费，{{facts.offer}}。"

[message.translations."zh-CN".facts]
offer    = "送一个月"
deadline = "2027 年 4 月 30 日"

[goal]
event  = "renewed"
target = 400
window = "14d"

[budget]
amount   = 20000
currency = "CNY"

[[steps]]
id       = "mail"
channel  = "email"
template = "newsletter"
when     = { cron = "0 10 * * TUE", timezone = "contact" }

[[steps]]
id           = "team-post"
channel      = "team"
template     = "newsletter"
when         = { at = 2027-03-02T10:05:00 }
on_uncertain = "hold"

[[steps]]
id       = "reminder"
channel  = "relay"
template = "newsletter"
audience = "everyone"
message  = { subject = "Last days: {{facts.offer}}", translations = { "zh-CN" = { subject = "最后几天" } } }
when     = { after = "mail", delay = "3d", unless = "clicked", catch_up = "all", catch_up_window = "6h", overlap = "queue" }
expires  = "24h"
"#;

/// A campaign with the keys that continue its history after an edit, and with a step that is sent
/// only by hand.
pub(crate) const CAMPAIGN_WITH_HISTORY: &str = r#"title    = "Spring renewal"
audience = "everyone"
was      = "winter-renewal"
hold     = true
starts   = 2027-03-01
ends     = 2027-04-30

[message]
subject        = "Your spring month is on us"
headline       = "One free month when you renew"
body           = "Renew now."
call_to_action = "Renew now"
link           = "https://harbour.example/renew"

[[steps]]
id       = "by-hand"
was      = "letter"
channel  = "email"
template = "newsletter"

[[steps]]
id       = "follow-up"
was      = "reminder"
channel  = "email"
template = "newsletter"
when     = { after = "by-hand", delay = "3d", if = "opened", overlap = "allow" }

[[steps]]
id       = "once"
channel  = "email"
template = "newsletter"
when     = { at = 2027-03-02T10:05:00, timezone = "contact", overlap = "allow" }
"#;

pub(crate) const AUDIENCE: &str = r#"title = "Lapsing members"
all = [
  { attribute = "tier", in = ["gold", "silver"] },
  { attribute = "visits", at_least = 3, less_than = 40.5 },
  { attribute = "joined", before = 2026-06-01 },
  { attribute = "vip", is = true },
  { attribute = "city", starts_with = "Shang", is_not = "Shangrao" },
  { event = "purchase", within = "365d", at_least = 2 },
  { campaign = "spring-renewal", did = "opened" },
  { audience = "everyone" },
  { none = [ { event = "purchase", within = "60d" }, { did = "clicked", campaign = "any", within = "2d" } ] },
]
"#;

/// A workspace without findings in a temporary folder; edits break it.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("chorus.toml", CHORUS);
        folder.write("campaigns/spring-renewal.toml", CAMPAIGN);
        folder.write("audiences/lapsing-members.toml", AUDIENCE);
        folder.write("audiences/everyone.toml", "title = \"Everyone\"\n");
        folder.write("templates/newsletter/email.mjml", "<mjml>{{message.body}}</mjml>");
        folder.write("templates/newsletter/email.zh-CN.mjml", "<mjml>{{message.body}}</mjml>");
        folder.write("templates/newsletter/post.md", "{{message.body}}");
        folder.write("templates/partials/button.mjml", "<mj-button/>");
        folder.write("images/spring.png", "");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn secret(&self, path: &str, text: &str) -> &Self {
        self.write(path, text);
        fs::set_permissions(self.path().join(path), fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    /// Appends `text` to a file.
    pub(crate) fn append(&self, path: &str, text: &str) -> &Self {
        let before = fs::read_to_string(self.path().join(path)).unwrap();
        self.write(path, before + text)
    }

    /// Replaces the first `from`, which must be there, by `to`.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = fs::read_to_string(self.path().join(path)).unwrap();
        assert!(text.contains(from), "{from:?} is not in {path}");
        self.write(path, text.replacen(from, to, 1))
    }

    pub(crate) fn load(&self) -> (Option<Workspace>, Diagnostics) {
        let env = |name: &str| match name {
            "SMTP_PASSWORD" => Some("hunter2".to_owned()),
            "NOT_A_KEY" => Some("hunter2".to_owned()),
            "TOKEN" => Some("T0/B0".to_owned()),
            _ => None,
        };
        match Workspace::load(self.path(), &env) {
            Ok((workspace, findings)) => (Some(workspace), findings),
            Err(findings) => (None, findings),
        }
    }

    /// Returns all findings as people see them.
    pub(crate) fn findings_text(&self) -> String {
        self.load().1.to_text(false)
    }
}
