//! Invalid input in every file: it is reported with its position, causes no panic, and leaves
//! nothing half done.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::{CommandOutput, Guard, Sandbox, until};

use crate::fixture;

/// One mistake in a valid workspace, and a word that the finding must contain.
struct Mistake {
    file: &'static str,
    old: &'static str,
    new: &'static str,
    says: &'static str,
}

const fn mistake(file: &'static str, old: &'static str, new: &'static str, says: &'static str) -> Mistake {
    Mistake { file, old, new, says }
}

const MISTAKES: &[Mistake] = &[
    mistake("chorus.toml", "[brand]", "[brand", "chorus.toml:"),
    mistake("chorus.toml", "name     = ", "nmae     = ", "nmae"),
    mistake("chorus.toml", "timezone = \"UTC\"", "timezone = \"Moon/Crater\"", "Moon/Crater"),
    mistake("chorus.toml", "sqlite:data/chorus.db", "sqlite:../../etc/chorus.db", "workspace"),
    mistake("chorus.toml", "\"https://example.com\"", "\"javascript:alert(1)\"", "http"),
    mistake("chorus.toml", "<news@example.com>", "<news@@example..com>", "news@@example..com"),
    mistake(
        "campaigns/hello.toml",
        "audience  = \"everyone\"",
        "audience  = \"nobody-knows\"",
        "nobody-knows",
    ),
    mistake("campaigns/hello.toml", "channel  = \"email\"", "channel  = \"pigeon\"", "pigeon"),
    mistake("campaigns/hello.toml", "template = \"newsletter\"", "template = \"../../etc\"", "template"),
    mistake("campaigns/hello.toml", "every = \"tuesday 10:00\"", "cron = \"61 * * * *\"", "61"),
    mistake("campaigns/hello.toml", "every = \"tuesday 10:00\"", "every = \"someday\"", "someday"),
    mistake("campaigns/hello.toml", "{{facts.offer}}", "{{facts.ofer}}", "ofer"),
    mistake("campaigns/hello.toml", "{{facts.offer}}", "{{facts.offer", "hello.toml:"),
    mistake("campaigns/hello.toml", "https://example.com/hello", "data:text/html,hi", "http"),
    mistake(
        "audiences/everyone.toml",
        "title = ",
        "all = [{ attribute = \"city\", above = 3, below = 1, is = 2 }]\ntitle = ",
        "audiences/everyone.toml:",
    ),
    mistake("chorus.toml", "kind = \"outbox\"", "kind = \"carrier\"", "carrier"),
    mistake("chorus.toml", "kind = \"outbox\"", "kind = \"outbox\"\nrate = \"0/s\"", "0/s"),
    mistake(
        "chorus.toml",
        "kind = \"outbox\"",
        "kind = \"outbox\"\nconnections = 99999999999999999999",
        "chorus.toml:",
    ),
    mistake("campaigns/hello.toml", "every = \"tuesday 10:00\"", "after = \"mail\", delay = \"3d\"", "mail"),
    mistake(
        "campaigns/hello.toml",
        "every = \"tuesday 10:00\"",
        "every = \"tuesday 10:00\", cron = \"0 0 * * *\"",
        "cron",
    ),
    mistake("campaigns/hello.toml", "every = \"tuesday 10:00\"", "at = 2027-13-45T99:00:00", "hello.toml:"),
    mistake("campaigns/hello.toml", "every = \"tuesday 10:00\"", "", "when"),
    mistake(
        "campaigns/hello.toml",
        "every = \"tuesday 10:00\"",
        "every = \"tuesday 10:00\", timezone = \"Local\"",
        "Local",
    ),
    mistake(
        "audiences/everyone.toml",
        "title = ",
        "all = [{ audience = \"everyone\" }]\ntitle = ",
        "everyone",
    ),
    mistake("templates/newsletter/email.mjml", "{{> partials/hero}}", "{{> partials/heron}}", "heron"),
    mistake("templates/newsletter/email.mjml", "{{> partials/footer}}", "", "unsubscribe"),
    mistake("templates/newsletter/email.mjml", "</mj-wrapper>", "", "email.mjml"),
    mistake("templates/newsletter/email.mjml", "{{message.headline}}", "{{secret.key}}", "secret"),
    mistake("templates/partials/hero.mjml", "", "{{#if brand}}{{> partials/hero}}{{/if}}", "hero"),
];

fn new_workspace() -> Sandbox {
    let sandbox = Sandbox::empty(&fixture::tools().chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "contacts.csv"]).unwrap();
    sandbox
}

fn all_output(ran: &CommandOutput) -> String {
    format!("{}{}", ran.out, ran.err)
}

#[track_caller]
fn assert_no_panic(ran: &CommandOutput, what: &str) {
    assert!(ran.code.is_some_and(|code| code <= 3), "{what} ended with {:?}\n{}", ran.code, all_output(ran));
    assert!(!all_output(ran).contains("panicked"), "{what}\n{}", all_output(ran));
}

#[test]
fn every_mistake_is_reported_with_its_position_and_nothing_is_sent() {
    let sandbox = new_workspace();
    let mut offences = Vec::new();
    for Mistake { file, old, new, says } in MISTAKES {
        let right = fs::read_to_string(sandbox.path().join(file)).unwrap();
        assert!(right.contains(old), "{file} does not say {old:?} any more");
        let wrong = if old.is_empty() { format!("{new}\n{right}") } else { right.replacen(old, new, 1) };
        sandbox.write(file, &wrong).unwrap();
        let checked = sandbox.chorus(&["check"]).unwrap();
        assert_no_panic(&checked, new);
        let report = all_output(&checked);
        // A finding about something missing in a template has no line.
        let place = if file.ends_with(".toml") { format!("{file}:") } else { (*file).to_owned() };
        if checked.code != Some(1) || !report.contains(says) || !report.contains(&place) {
            offences.push(format!("{file}: {old:?} -> {new:?} ended with {:?}\n{report}", checked.code));
        }
        let sent = sandbox.chorus(&["send", "--yes", "hello"]).unwrap();
        assert_no_panic(&sent, new);
        if sent.code != Some(1) {
            offences.push(format!("{file}: {old:?} -> {new:?} was sent anyway\n{}", all_output(&sent)));
        }
        sandbox.write(file, &right).unwrap();
    }
    assert!(offences.is_empty(), "{}", offences.join("\n\n"));
    assert_eq!(
        sandbox.json(&["runs", "list"]).unwrap(),
        serde_json::json!([]),
        "a refused campaign left a run"
    );
}

#[test]
fn a_bad_channel_is_reported_in_chorus_toml_and_not_in_the_campaigns_that_use_it() {
    let sandbox = new_workspace();
    sandbox.edit("chorus.toml", "kind = \"outbox\"", "kind = \"pigeon\"").unwrap();
    for args in [
        &["check"][..],
        &["send", "hello", "--yes"],
        &["plan"],
        &["plan", "hello"],
        &["preview", "hello"],
        &["audiences"],
        &["explain", "ada@example.com", "hello"],
    ] {
        let ran = sandbox.chorus(args).unwrap();
        assert_blames_chorus_toml(&format!("{}{}", ran.err, ran.out), &format!("chorus {args:?}"));
    }
    let check = sandbox.chorus(&["check"]).unwrap();
    assert!(check.out.contains("1 error, 0 warnings; 0 campaigns ready to run"), "{}", check.out);
    let log = sandbox.path().join("serve.log");
    let said = fs::File::create(&log).unwrap();
    let mut serve = sandbox.command(&["serve", "--listen", &format!("127.0.0.1:{}", sandbox.port)]);
    let _serve = Guard::spawn("chorus serve", serve.stdout(said.try_clone().unwrap()).stderr(said)).unwrap();
    let text = until("the server to say what is wrong", Duration::from_secs(30), || {
        let text = fs::read_to_string(&log)?;
        Ok(Some(text).filter(|text| text.contains("Dashboard")))
    })
    .unwrap();
    assert_blames_chorus_toml(&text, "chorus serve");
    assert!(text.contains("Until chorus.toml is right, these cannot run: hello."), "{text}");
}

#[test]
fn an_error_in_a_campaign_of_its_own_is_reported_beside_that_of_chorus_toml() {
    let sandbox = new_workspace();
    sandbox.edit("chorus.toml", "kind = \"outbox\"", "kind = \"pigeon\"").unwrap();
    sandbox.edit("campaigns/hello.toml", "{{facts.offer}}", "{{facts.ofer}}").unwrap();
    let check = sandbox.chorus(&["check"]).unwrap().out;
    let (settings, campaign) = (check.find("pigeon").unwrap(), check.find("ofer").unwrap());
    assert!(settings < campaign, "{check}");
    let plan = sandbox.chorus(&["plan"]).unwrap().err;
    assert!(plan.contains("1 file has an error and is left out: campaigns/hello.toml."), "{plan}");
    sandbox.edit("chorus.toml", "[brand]", "[brand").unwrap();
    let plan = sandbox.chorus(&["plan"]).unwrap();
    assert_eq!(plan.code, Some(1));
    assert!(plan.err.contains("error[not-toml]") && !plan.err.contains("hello.toml"), "{}", plan.err);
}

/// Checks that the output begins with the finding about the channel of kind `pigeon`, and has none
/// about a campaign.
fn assert_blames_chorus_toml(text: &str, what: &str) {
    assert!(text.starts_with("error[wrong-value]: `kind` cannot be `pigeon`"), "{what}: {text}");
    assert!(text.contains("--> chorus.toml:"), "{what}: {text}");
    assert!(!text.contains("--> campaigns/"), "{what}: {text}");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let sandbox = new_workspace();
    sandbox.edit("campaigns/hello.toml", "channel  = \"email\"", "channel  = \"pigeon\"").unwrap();
    sandbox.edit("campaigns/hello.toml", "audience  = \"everyone\"", "audience  = \"nobody-knows\"").unwrap();
    sandbox.edit("chorus.toml", "timezone = \"UTC\"", "timezone = \"Moon/Crater\"").unwrap();
    let checked = sandbox.chorus(&["check"]).unwrap();
    assert_eq!(checked.code, Some(1));
    for word in ["pigeon", "nobody-knows", "Moon/Crater"] {
        assert!(checked.out.contains(word), "{word} is not in\n{}", checked.out);
    }
}

#[test]
fn truncated_and_garbled_files_cause_no_panic() {
    let sandbox = new_workspace();
    let files = [
        "chorus.toml",
        "campaigns/hello.toml",
        "audiences/everyone.toml",
        "templates/newsletter/email.mjml",
        "templates/partials/footer.mjml",
    ];
    let garbage: [&[u8]; 4] = [b"\xff\xfe\x00\x01", b"", b"[[[[[[[[[[", "\u{202e}\u{0}💥 = \"".as_bytes()];
    for file in files {
        let path = sandbox.path().join(file);
        let right = fs::read(&path).unwrap();
        let cut = (1..8).map(|eighth| right[..right.len() * eighth / 8].to_vec());
        let mixed = garbage
            .iter()
            .map(|bytes| [&right[..right.len() / 2], bytes, &right[right.len() / 2..]].concat());
        for wrong in cut.chain(mixed).chain(garbage.iter().map(|bytes| bytes.to_vec())) {
            fs::write(&path, &wrong).unwrap();
            let what = format!("{file} with {:?}", String::from_utf8_lossy(&wrong));
            assert_no_panic(&sandbox.chorus(&["check"]).unwrap(), &what);
        }
        fs::write(&path, right).unwrap();
    }
    assert_eq!(sandbox.chorus(&["check"]).unwrap().code, Some(0), "the workspace is right again");
}

#[test]
fn special_files_and_links_out_of_the_workspace_are_refused() {
    let sandbox = new_workspace();
    let outside = tempfile::tempdir().unwrap();
    fs::write(
        outside.path().join("secret.md"),
        "the secret of the brand {{links.unsubscribe}} {{brand.address}}",
    )
    .unwrap();
    let inside = |path: &str| sandbox.path().join(path);
    fs::create_dir_all(inside("templates/stolen")).unwrap();
    symlink(outside.path().join("secret.md"), inside("templates/stolen/email.md")).unwrap();
    symlink("/dev/zero", inside("campaigns/endless.toml")).unwrap();
    fs::create_dir(inside("audiences/folder.toml")).unwrap();
    assert!(Command::new("mkfifo").arg(inside("campaigns/pipe.toml")).status().unwrap().success());
    sandbox.edit("campaigns/hello.toml", "\"newsletter\"", "\"stolen\"").unwrap();

    let output = fs::File::create(inside("check.txt")).unwrap();
    let mut command = sandbox.command(&["check"]);
    command.stdout(output.try_clone().unwrap()).stderr(output);
    let mut check = Guard::spawn("chorus check", &mut command).unwrap();
    let status = until("check to end", Duration::from_secs(60), || check.exit_status()).unwrap();
    let report = fs::read_to_string(inside("check.txt")).unwrap();
    assert_eq!(status.code(), Some(1), "{report}");
    for file in [
        "templates/stolen/email.md",
        "campaigns/endless.toml",
        "campaigns/pipe.toml",
        "audiences/folder.toml",
    ] {
        assert!(report.contains(file), "nothing is said of {file}:\n{report}");
    }
    let shown = sandbox.chorus(&["preview", "hello"]).unwrap();
    assert_eq!(shown.code, Some(1), "{}", all_output(&shown));
    assert!(!all_output(&shown).contains("secret of the brand"), "{}", all_output(&shown));
}

#[test]
fn bad_rows_of_an_import_are_reported_by_line_and_good_ones_are_imported() {
    let sandbox = new_workspace();
    let mut rows = b"email,first_name,timezone,language\r\n".to_vec();
    rows.extend_from_slice("good.one@example.com,Zoë,Europe/Berlin,de\r\n".as_bytes());
    rows.extend_from_slice(b"not an address,Bad,,\r\n");
    rows.extend_from_slice(b"moon@example.com,Neil,Moon/Crater,\r\n");
    rows.extend_from_slice(b"too@example.com,many,,,columns,here\r\n");
    rows.extend_from_slice(b"\xff\xfe@example.com,latin,,\r\n");
    rows.extend_from_slice(b"good.two@example.com,\"said \"\"hi\"\"\nover two lines\",,\r\n");
    rows.extend_from_slice(b"inject@example.com\nBcc: all@example.com,x,,\r\n");
    rows.extend_from_slice(b"good.three@example.com,Last,,\r\n");
    fs::write(sandbox.path().join("mixed.csv"), rows).unwrap();
    let ran = sandbox.chorus(&["contacts", "import", "mixed.csv", "--format", "json"]).unwrap();
    assert_no_panic(&ran, "a bad import");
    assert_eq!(ran.code, Some(1), "some rows were bad: {}", all_output(&ran));
    let imported: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&imported["created"], &imported["rejected"]), (&5.into(), &4.into()), "{imported:#}");
    let lines: Vec<u64> =
        imported["problems"].as_array().unwrap().iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [3, 4, 5, 6, 10], "{imported:#}");
    for good in ["good.one@example.com", "good.two@example.com", "good.three@example.com"] {
        sandbox.chorus_ok(&["contacts", "show", good]).unwrap();
    }
    for bad in ["too@example.com", "all@example.com"] {
        assert_eq!(sandbox.chorus(&["contacts", "show", bad]).unwrap().code, Some(1), "{bad} came in");
    }
}

#[test]
fn a_wrong_command_is_a_usage_error_and_a_wrong_request_is_not() {
    let sandbox = new_workspace();
    assert_eq!(sandbox.chorus(&["dance"]).unwrap().code, Some(2));
    assert_eq!(sandbox.chorus(&["send", "no-such-campaign"]).unwrap().code, Some(1));
    assert_eq!(sandbox.chorus(&["explain", "nobody@example.com", "hello"]).unwrap().code, Some(1));
    assert_eq!(sandbox.chorus(&["--workspace", "/nowhere", "check"]).unwrap().code, Some(1));
}
