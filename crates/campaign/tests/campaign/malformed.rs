//! Bad files are reported: everything at once, with the place and the fix.

use std::fs;

use campaign::CampaignId;

use crate::folder::{CAMPAIGN, Folder};

findings_snapshot!(a_misspelt_key_is_reported_with_the_nearest_key, |folder| folder
    .edit("campaigns/spring-renewal.toml", "headline ", "hedline ")
    .edit("chorus.toml", "timezone ", "timezoen "));

findings_snapshot!(all_errors_of_a_campaign_are_reported_at_once, |folder| folder.write(
    "campaigns/spring-renewal.toml",
    r#"title     = 3
objectiv  = "400 renewals"
owner     = "growth at harbour"
starts    = 2027-05-01
ends      = "the end of April"
stop_at   = { complaints = "3 %", bounces = 5, refusals = 0, complants = 1 }

[message]
subject    = ["Your", "month"]
body       = "Renew by {{facts.deadlin}}, guaranteed, and read {{message.headline}}."
link       = "harbour.example/renew"
image      = "../secret.png"

[message.facts]
deadline = "30 April 2027"
"of er"  = "one free month"

[message.translations."chinese please"]
subject = "x"

[goal]
target = -4
window = "a fortnight"

[budget]
amount   = 1.1234567
currency = "yuan"

[[steps]]
id       = "Mail"
channel  = "emial"
template = "newsleter"
when     = { cron = "0 25 * * TUE", every = "day 09:00" }

[[steps]]
id           = "reminder"
channel      = "email"
audience     = "everybody"
when         = { after = "mial", unless = "cliked" }
on_uncertain = "resnd"
expires      = 48
"#
));

findings_snapshot!(missing_keys_are_reported_together, |folder| folder
    .write("campaigns/spring-renewal.toml", "[[steps]]\n[message]\n[goal]\n[budget]\n")
    .write("audiences/everyone.toml", "")
    .write(
        "chorus.toml",
        "[brand]\n[channels.email]\n[channels.relay]\nkind = \"smtp\"\n[channels.team]\nkind = \"webhook\"\n"
    ));

findings_snapshot!(a_file_that_is_not_toml_reports_each_line_and_other_errors, |folder| folder
    .edit("campaigns/spring-renewal.toml", "title     = \"Spring renewal\"", "title     = Spring renewal")
    .edit("campaigns/spring-renewal.toml", "[message.facts]", "[message.facts")
    .edit("campaigns/spring-renewal.toml", "channel  = \"email\"", "channel  = \"emial\""));

findings_snapshot!(an_unknown_kind_lists_the_known_ones, |folder| folder
    .edit("chorus.toml", "kind = \"outbox\"", "kind = \"wecom\"")
    .edit("chorus.toml", "kind = \"smtp\"", "kind = \"smpt\""));

findings_snapshot!(all_errors_of_chorus_toml_are_reported_at_once, |folder| folder.write(
    "chorus.toml",
    r#"[brand]
name      = ""
url       = "ftp://harbour.example"
timezone  = "Asia/Shangai"
language  = "english please"
never_say = "guaranteed"
markets   = ["cn", "UK", "China", 86]
slogan    = "${SLOGAN}"

[database]
url = "sqlite:../outside.db"

[server]
listen     = "localhost:8080"
public_url = "https://news.harbour.example/?a=b"

[attributes]
email    = "text"
"a b"    = "text"
birthday = "day"

[channels."E-Mail"]
kind        = "outbox"
url         = "smtps://news:letmein@smtp.example.com"
rate        = "100 per second"
connections = 0
cost        = { per_message = -1, curency = "CNY" }

[channels.relay]
kind     = "smtp"
url      = "https://news:letmein@smtp.example.com"
from     = "Harbour Coffee"
reply_to = "a@b"
sceret   = "letmein"

[channels.team]
kind   = "webhook"
url    = 5
secret = "letmein"
per    = "everyone"
"#
));

findings_snapshot!(all_errors_of_sending_limits_are_reported_at_once, |folder| folder.edit(
    "chorus.toml",
    "cost = { per_message = 0.001, currency = \"CNY\" }\n",
    r#"daily_cap = 0
warm_up   = { start = 0, growth = 0.5, from = "soon" }
[channels.email.groups.gmial]
rate = "20/s"
[channels.email.groups.gmail]
rate        = "20"
connections = 0
dialy_cap   = 4000
[channels.email.groups.house]
domains = ["harbour.example", "Gmail.com", "pier", 5]
[channels.email.groups.pier]
domains = ["harbour.example"]
warm_up = {}
[channels.email.groups."gmail.com"]
rate = "1/s"
[channels.email.groups.default]
domains = ["gmail.com"]
"#
));

findings_snapshot!(a_secret_is_never_shown_even_in_a_broken_file, |folder| {
    folder.write(
    "chorus.toml",
    "[brand]\nname = \"B\"\n[channels.relay]\nurl = \"smtps://news:letmein@smtp.example.com\nsecret = 'letmein\n"
)
});

findings_snapshot!(a_silence_names_a_rule_and_a_reason, |folder| folder.edit(
    "campaigns/spring-renewal.toml",
    "[goal]\n",
    r#"[[silence]]
rule   = "fact-contradict"
reason = ""

[[silence]]
rule = "never-say"
step = "mial"
text = " "

[[silence]]
reason = "nobody reads it"
why    = "because"

[goal]
"#
));

findings_snapshot!(an_unset_variable_is_a_warning, |folder| folder
    .edit("chorus.toml", "${TOKEN}", "${TEAM_TOKEN}")
    .edit(
        "chorus.toml",
        "[attributes]",
        "[database]\nurl = \"postgres://chorus:${PGPASSWORD}@db/chorus\"\n[attributes]"
    ));

findings_snapshot!(a_variable_is_allowed_only_in_a_secret, |folder| folder
    .edit("chorus.toml", "1 Pier Road", "${STREET}")
    .edit("campaigns/spring-renewal.toml", "Renew now", "Renew, ${NAME}")
    .edit("audiences/lapsing-members.toml", "\"gold\"", "\"${TIER}\""));

findings_snapshot!(mail_needs_the_postal_address, |folder| folder.edit(
    "chorus.toml",
    "address   = \"1 Pier Road, Shanghai\"\n",
    ""
));

findings_snapshot!(a_history_belongs_to_one_campaign_and_one_step, |folder| folder
    .write("campaigns/itself.toml", format!("was = \"itself\"\n{CAMPAIGN}"))
    .write("campaigns/still-there.toml", format!("was = \"spring-renewal\"\n{CAMPAIGN}"))
    .write("campaigns/bad-name.toml", format!("was = \"Winter Renewal.toml\"\n{CAMPAIGN}"))
    .write("campaigns/first.toml", format!("was = \"winter-renewal\"\n{CAMPAIGN}"))
    .write("campaigns/second.toml", format!("hold = \"yes\"\nwas = \"winter-renewal\"\n{CAMPAIGN}"))
    .write("campaigns/number.toml", format!("was = 3\nhold = 1\n{CAMPAIGN}"))
    .edit("campaigns/spring-renewal.toml", "id       = \"mail\"", "id       = \"mail\"\nwas      = \"mail\"")
    .edit(
        "campaigns/spring-renewal.toml",
        "id           = \"team-post\"",
        "id = \"team-post\"\nwas = \"reminder\""
    )
    .append(
        "campaigns/spring-renewal.toml",
        r#"
[[steps]]
id       = "third"
was      = "letter"
channel  = "email"
template = "newsletter"

[[steps]]
id       = "fourth"
was      = "letter"
channel  = "email"
template = "newsletter"

[[steps]]
id       = "fifth"
was      = "Our Letter"
channel  = "email"
template = "newsletter"
"#
    ));

findings_snapshot!(an_empty_when_is_an_error, |folder| folder
    .edit("campaigns/spring-renewal.toml", "{ at = 2027-03-02T10:05:00 }", "{}")
    .edit("campaigns/spring-renewal.toml", "overlap = \"queue\"", "overlap = \"alow\""));

findings_snapshot!(a_time_outside_the_campaign_is_a_warning, |folder| folder
    .edit("campaigns/spring-renewal.toml", "{ at = 2027-03-02T10:05:00 }", "{ at = 2027-05-01T00:00:00 }")
    .append(
        "campaigns/spring-renewal.toml",
        r#"
[[steps]]
id       = "too-early"
channel  = "email"
template = "newsletter"
when     = { at = 2027-02-28T23:59:59 }

[[steps]]
id       = "just-in-time"
channel  = "email"
template = "newsletter"
when     = { at = 2027-03-01T00:00:00 }

[[steps]]
id       = "last-moment"
channel  = "email"
template = "newsletter"
when     = { at = 2027-04-30T23:59:59, timezone = "contact" }

[[steps]]
id       = "too-late"
channel  = "email"
template = "newsletter"
when     = { at = 2027-05-01T00:00:00, timezone = "contact" }

[[steps]]
id       = "early-in-the-west"
channel  = "email"
template = "newsletter"
when     = { at = 2027-02-28T08:00:00, timezone = "America/Los_Angeles" }
"#
    ));

findings_snapshot!(seeds_are_few_unique_addresses, |folder| folder.edit(
    "chorus.toml",
    "[attributes]",
    &format!(
        "seeds = [\"Test@Harbour.example\", \"harbour\", 5, \"test@harbour.example\", {}]\n[attributes]",
        (0..17).map(|number| format!("\"s{number}@harbour.example\"")).collect::<Vec<_>>().join(", ")
    )
));

findings_snapshot!(all_errors_of_a_message_are_reported_at_once, |folder| folder
    .edit("campaigns/spring-renewal.toml", "subject        = \"Your spring month is on us\"\n", "")
    .edit("campaigns/spring-renewal.toml", "image_alt      = \"A cup by the harbour\"\n", "")
    .edit("campaigns/spring-renewal.toml", "and get {{facts.offer}}", "at THE  cheapest price")
    .edit("campaigns/spring-renewal.toml", "One free month when you renew", "Guaranteed\\u0020renewal")
    .edit(
        "campaigns/spring-renewal.toml",
        "deadline = \"30 April 2027\"",
        "deadline = \"30 April {{year}}\"\nseats = \"40\""
    )
    .edit("campaigns/spring-renewal.toml", "送一个月\"", "送一个月\"\nplaces = \"x\"")
    .edit("campaigns/spring-renewal.toml", "\"Renew now\"", "\"\""));

findings_snapshot!(a_step_override_needs_every_language, |folder| folder.edit(
    "campaigns/spring-renewal.toml",
    ", translations = { \"zh-CN\" = { subject = \"最后几天\" } }",
    ""
));

findings_snapshot!(a_template_must_fit_its_channel, |folder| {
    fs::remove_file(folder.path().join("templates/newsletter/email.mjml")).unwrap();
    fs::rename(
        folder.path().join("templates/newsletter/post.md"),
        folder.path().join("templates/newsletter/pots.md"),
    )
    .unwrap();
});

findings_snapshot!(unusable_templates_are_reported, |folder| folder
    .write("templates/newsletter/email.html", "")
    .write("templates/newsletter/email.chinese-please.md", "")
    .write("templates/newsletter/logo.png", "")
    .write("templates/newsletter/email.txt", [0xff, 0xfe])
    .write("templates/Old Stuff/email.md", "")
    .write("templates/note.md", "")
    .write("templates/partials/button.txt", ""));

findings_snapshot!(all_errors_of_an_audience_are_reported_at_once, |folder| folder.write(
    "audiences/lapsing-members.toml",
    r#"titel = "Lapsing"
all = [
  { attribute = "tier", in = [] },
  { attribute = "tier", at_least = 3 },
  { attribute = "visits", is = "many", contains = "x" },
  { attribute = "joined", less_than = "last week" },
  { attribute = "age", more_than = 18 },
  { attribute = "age", less_than = "18" },
  { attribute = "vip" },
  { attribute = "a.b", exists = true },
  { attribute = "city", event = "purchase" },
  { event = "pur chase", within = "forever", at_least = 0, exists = true },
  { campaign = "spring-renewl", did = "oppened" },
  { campaign = "spring-renewal" },
  { audience = "everyboby" },
  { any = [], none = [] },
  { none = [ {} ] },
  "gold",
]
any = []
"#
));

findings_snapshot!(audiences_cannot_use_themselves, |folder| folder
    .write("audiences/everyone.toml", "title = \"E\"\nall = [{ audience = \"lapsing-members\" }]\n")
    .write("audiences/self.toml", "title = \"S\"\nnone = [{ audience = \"self\" }]\n")
    .write("audiences/user.toml", "title = \"U\"\nnone = [{ audience = \"self\" }]\n"));

findings_snapshot!(users_of_a_broken_file_are_reported_too, |folder| folder
    .edit("audiences/everyone.toml", "title", "titel")
    .edit("chorus.toml", "rate = \"100/s\"", "rate = \"100\""));

findings_snapshot!(unreadable_files_are_reported, |folder| {
    folder
        .write("campaigns/huge.toml", vec![b'#'; (1 << 20) + 1])
        .write("campaigns/binary.toml", b"title = \"\xff\"")
        .write("campaigns/Bad Name.toml", CAMPAIGN)
        .write("campaigns/2027/spring.toml", CAMPAIGN)
        .write("audiences/everyone.toml", b"title = \"\xff\"");
    let outside = folder.path().parent().unwrap().join("no-such-file.toml");
    std::os::unix::fs::symlink(outside, folder.path().join("campaigns/dangling.toml")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("audiences/outside.toml")).unwrap();
});

findings_snapshot!(a_folder_without_chorus_toml_is_no_workspace, |folder| {
    fs::remove_file(folder.path().join("chorus.toml")).unwrap();
});

#[test]
fn a_campaign_with_an_error_is_left_out_and_the_others_stay() {
    let folder = Folder::new();
    folder.write("campaigns/other.toml", CAMPAIGN);
    folder.edit("campaigns/spring-renewal.toml", "channel  = \"email\"", "channel  = \"emial\"");
    let (workspace, findings) = folder.load();
    let names: Vec<_> = workspace.unwrap().campaigns.into_keys().collect();
    assert_eq!(names, [CampaignId::parse("other").unwrap()]);
    assert_eq!(findings.errors().map(|finding| finding.code).collect::<Vec<_>>(), ["unknown-channel"]);
}

#[test]
fn a_finding_has_its_line_and_column_in_characters() {
    let folder = Folder::new();
    folder.edit(
        "campaigns/spring-renewal.toml",
        "subject = \"春季续费\"",
        "subject = \"春季guaranteed续费\"",
    );
    let findings = folder.load().1.to_json();
    let line = CAMPAIGN.lines().position(|line| line.contains("春季续费")).unwrap() + 1;
    assert_eq!(findings[0]["code"], "never-say");
    assert_eq!(findings[0]["line"], line);
    assert_eq!(findings[0]["column"], "subject = \"春季".chars().count() + 1);
}

#[test]
fn a_flood_of_findings_is_cut_off() {
    let folder = Folder::new();
    let keys: String = (0..5000).map(|i| format!("key{i} = 1\n")).collect();
    folder.write("campaigns/spring-renewal.toml", keys);
    let (_, findings) = folder.load();
    assert!((100..110).contains(&findings.len()), "{}", findings.len());
    assert!(findings.errors().any(|finding| finding.code == "more-findings"));
}

/// An error after a hundred other findings still counts as an error.
#[test]
fn an_error_that_is_cut_off_is_still_an_error() {
    let folder = Folder::new();
    let silences = "[[silence]]\nrule = \"never-say\"\nreason = \"\"\n".repeat(101);
    folder.append("campaigns/spring-renewal.toml", &silences);
    let (workspace, findings) = folder.load();
    assert!(!workspace.unwrap().campaigns.contains_key("spring-renewal"));
    assert!(findings.is_fatal());
}

#[test]
fn a_folder_with_too_many_files_is_an_error_with_their_number() {
    for (name, file) in [("campaigns", "x.toml"), ("audiences", "x.toml"), ("templates/partials", "x.md")] {
        let folder = Folder::new();
        let before = fs::read_dir(folder.path().join(name)).unwrap().count();
        for number in before..20_001 {
            fs::File::create(folder.path().join(format!("{name}/{number}-{file}"))).unwrap();
        }
        let (workspace, findings) = folder.load();
        let reported: Vec<_> = findings.errors().filter(|finding| finding.file.ends_with(name)).collect();
        let [finding] = reported.as_slice() else { panic!("{name}: {findings}") };
        assert_eq!(finding.code, "unreadable");
        assert!(finding.message.contains("20001 entries, and at most 20000"), "{}", finding.message);
        assert_eq!(workspace.unwrap().campaigns_listed, name != "campaigns");
    }
}

#[test]
fn every_file_of_a_large_folder_is_read() {
    let folder = Folder::new();
    let broken = CAMPAIGN.replace("channel  = \"email\"", "channel  = \"emial\"");
    for number in 0..3_000 {
        let text = if number % 1_000 == 7 { &broken } else { CAMPAIGN };
        folder.write(&format!("campaigns/c{number:04}.toml"), text);
    }
    let (workspace, findings) = folder.load();
    let workspace = workspace.unwrap();
    assert_eq!((workspace.campaigns.len(), workspace.campaign_files.len()), (2_998, 3_001));
    let broken: Vec<_> = findings.errors().map(|finding| finding.file.to_str().unwrap()).collect();
    assert_eq!(broken, ["campaigns/c0007.toml", "campaigns/c1007.toml", "campaigns/c2007.toml"]);
}

findings_snapshot!(an_unusable_signing_key_is_reported_with_the_reason, |folder| {
    use crate::sample_key::{ed25519_pem, rsa_pem};
    let dkim = |name: &str, rest: &str| {
        format!(
            "\n[channels.{name}]\nkind = \"smtp\"\nurl = \"smtps://smtp.example.com\"\n\
             from = \"News <news@harbour.example>\"\n[channels.{name}.dkim]\n{rest}\n"
        )
    };
    let key = |path: &str| format!("selector = \"s\"\nkey = \"{path}\"");
    folder
        .secret("keys/good.pem", &rsa_pem(2048))
        .secret("keys/short.pem", &rsa_pem(1024))
        .secret("keys/curve.pem", &ed25519_pem())
        .secret("keys/locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----")
        .secret("keys/open.pem", &rsa_pem(2048));
    let others = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    fs::set_permissions(folder.path().join("keys/open.pem"), others).unwrap();
    let channels = [
        dkim("absent", &key("keys/absent.pem")),
        dkim("short", &key("keys/short.pem")),
        dkim("curve", &key("keys/curve.pem")),
        dkim("locked", &key("keys/locked.pem")),
        dkim("open", &key("keys/open.pem")),
        dkim("outside", &key("../dkim.pem")),
        dkim("text", &key("${NOT_A_KEY}")),
        dkim("unset", &key("${NOT_SET}")),
        dkim("nothing", ""),
        dkim("strange", "domain = \"a b\"\nselector = \"two words\"\nkey = \"keys/good.pem\""),
        dkim("far", &format!("domain = \"pier.example\"\n{}", key("keys/good.pem"))),
        dkim(
            "twins",
            &format!("{}\ned25519 = {{ selector = \"S\", key = \"keys/curve.pem\" }}", key("keys/good.pem")),
        ),
        dkim(
            "second",
            &format!("{}\ned25519 = {{ selector = \"e\", key = \"keys/good.pem\" }}", key("keys/good.pem")),
        ),
        "\n[channels.box]\nkind = \"outbox\"\ndkim = { selector = \"s\", key = \"keys/good.pem\" }\n"
            .to_owned(),
    ];
    folder.append("chorus.toml", &channels.concat())
});

#[test]
fn a_keyword_is_only_for_robots_that_require_one() {
    let folder = Folder::new();
    folder.append(
        "chorus.toml",
        "\n[channels.robot]\nkind = \"dingtalk\"\nurl = \"https://oapi.dingtalk.com/robot/send\"\nkeyword = \"茶\"\n\
         [channels.lark]\nkind = \"feishu\"\nurl = \"https://open.feishu.cn/hook\"\nkeyword = \"a\\nb\"\n\
         [channels.room]\nkind = \"slack\"\nurl = \"https://hooks.slack.com/1\"\nkeyword = \"Tea\"\n",
    );
    let reported = folder.findings_text();
    assert!(!reported.contains("[channels.robot]"), "{reported}");
    assert!(reported.contains("a channel of this kind has no `keyword`"), "{reported}");
    assert!(reported.contains("`keyword`"), "{reported}");
}

#[test]
fn a_mention_must_be_known_to_the_network() {
    let folder = Folder::new();
    folder.append(
        "chorus.toml",
        "\n[channels.room]\nkind = \"slack\"\nurl = \"https://hooks.slack.com/1\"\n\
         [channels.town]\nkind = \"mastodon\"\nbase_url = \"https://social.example\"\ntoken = \"${TOKEN}\"\n",
    );
    let step = |id: &str, channel: &str, mention: &str| {
        format!(
            "\n[[steps]]\nid = \"{id}\"\nchannel = \"{channel}\"\ntemplate = \"newsletter\"\n\
             when = {{ at = 2027-03-02T10:00:00 }}\nmessage = {{ mention = {mention} }}\n"
        )
    };
    let steps = [
        step("s1", "room", "[\"@channel\", \"@here\"]"),
        step("s2", "town", "[\"@ada@social.example\"]"),
        step("s3", "room", "[\"@everybody\"]"),
        step("s4", "town", "[\"@ada\"]"),
        step("s5", "email", "[\"@all\"]"),
        step("s6", "room", "\"@here\""),
    ];
    folder.append("campaigns/spring-renewal.toml", &steps.concat());
    let (_, findings) = folder.load();
    let unknown: Vec<_> = findings.errors().filter(|found| found.code == "unknown-mention").collect();
    let reported: Vec<_> =
        unknown.iter().map(|found| (&*found.message, found.help.as_deref().unwrap())).collect();
    assert_eq!(
        reported,
        [
            ("step `s3`: Slack has no mention \"@everybody\"", "It knows @channel, @here, @everyone."),
            ("step `s4`: Mastodon has no mention \"@ada\"", "It knows @name@host."),
            (
                "step `s5`: an e-mail has no mention \"@all\"",
                "Write `mention` under the message of the steps that can: [steps.message]."
            ),
        ]
    );
    assert!(unknown.iter().all(|found| found.span.is_some()));
    assert!(findings.errors().any(|found| found.code != "unknown-mention" && found.span.is_some()));
}
