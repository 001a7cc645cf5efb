//! One message on every channel: the sample's launch goes out to all of them, and whatever one of them says otherwise
//! is found, at its place.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::{Ran, Sandbox};

use crate::pier;

/// The sample workspace.
fn sample() -> Sandbox {
    let sandbox = Sandbox::empty(&pier::tools().chorus).unwrap();
    for folder in ["campaigns", "audiences", "templates", "images"] {
        pier::copy(&pier::repository().join(folder), &sandbox.path().join(folder));
    }
    let settings = std::fs::read_to_string(pier::repository().join("chorus.toml")).unwrap();
    sandbox.write("chorus.toml", &settings).unwrap();
    sandbox
}

/// What `chorus check` finds, but for variables that are not set here.
fn check(sandbox: &Sandbox) -> (Ran, Vec<Value>) {
    let ran = sandbox.chorus(&["check", "--format", "json"]).unwrap();
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let found = found["findings"].as_array().unwrap().clone();
    (ran, found.into_iter().filter(|finding| finding["code"] != "missing-variable").collect())
}

const LAUNCH: &str = "campaigns/spring-launch.toml";
const POST: &str = "templates/announcement/post.md";
const CHINESE: &str = "templates/announcement/post.zh-CN.md";

/// A change to the sample; the rule that must find it, the file it is found in, and the words it points at.
struct Break {
    file: &'static str,
    old: &'static str,
    new: &'static str,
    code: &'static str,
    severity: &'static str,
    place: (&'static str, &'static str),
}

const BREAKS: &[Break] = &[
    Break {
        file: POST,
        old: "{{facts.price}}",
        new: "CNY 89 for 250 g",
        code: "fact-contradicted",
        severity: "error",
        place: (POST, "CNY 89"),
    },
    Break {
        file: CHINESE,
        old: "{{facts.price}}",
        new: "250 克只要 89 元",
        code: "fact-contradicted",
        severity: "error",
        place: (CHINESE, "89 元"),
    },
    Break {
        file: CHINESE,
        old: "{{facts.deadline}}",
        new: "2027 年 4 月 12 日",
        code: "fact-contradicted",
        severity: "error",
        place: (CHINESE, "2027 年 4 月 12 日"),
    },
    Break {
        file: POST,
        old: ", until {{facts.deadline}}",
        new: "",
        code: "fact-not-said",
        severity: "warning",
        place: (LAUNCH, "11 April 2027"),
    },
    Break {
        file: POST,
        old: "({{message.link}})",
        new: "(https://elsewhere.example/x)",
        code: "link-differs",
        severity: "error",
        place: (POST, "https://elsewhere.example/x"),
    },
    Break {
        file: CHINESE,
        old: "下单",
        new: "下单，国家级品质",
        code: "never-say",
        severity: "error",
        place: (CHINESE, "国家级"),
    },
    Break {
        file: CHINESE,
        old: "下单",
        new: "下单，全国第一",
        code: "absolute-term",
        severity: "warning",
        place: (CHINESE, "全国第一"),
    },
    Break {
        file: LAUNCH,
        old: "subject        = \"【广告】「春潮」",
        new: "subject        = \"「春潮」",
        code: "ad-label-missing",
        severity: "warning",
        place: (LAUNCH, "「春潮」上新"),
    },
];

#[test]
fn the_sample_says_the_same_everywhere() {
    let (ran, found) = check(&sample());
    assert_eq!((ran.code, found), (Some(0), Vec::new()), "{}", ran.err);
}

#[test]
fn what_one_channel_says_otherwise_is_found_where_it_stands() {
    for broken in BREAKS {
        let sandbox = sample();
        sandbox.edit(broken.file, broken.old, broken.new).unwrap();
        let (ran, found) = check(&sandbox);
        let with_code: Vec<_> = found.iter().filter(|finding| finding["code"] == broken.code).collect();
        let told = format!("{}: {found:#?}", broken.new);
        assert!(!with_code.is_empty(), "{told}");
        let (file, words) = broken.place;
        let text = std::fs::read_to_string(sandbox.path().join(file)).unwrap();
        for finding in with_code {
            assert_eq!(
                (&finding["severity"], &finding["file"]),
                (&broken.severity.into(), &file.into()),
                "{told}"
            );
            let number = |key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
            let line = text.lines().nth(number("line") - 1).unwrap();
            let column = number("column") - 1;
            let rest: String = line.chars().skip(column).collect();
            assert!(rest.starts_with(words), "{told}\n{rest}");
            assert!(!finding["help"].as_str().unwrap().is_empty());
        }
        assert_eq!(ran.code, Some(i32::from(broken.severity == "error")), "{told}");
    }
}

#[test]
fn a_text_that_a_network_cannot_take_is_told_with_the_first_character_over() {
    let sandbox = sample();
    let family = "👨‍👩‍👧‍👦";
    // 301 characters as people see them, each family being one of 11 code points.
    let text =
        format!("{}{{{{facts.price}}}}; {{{{facts.deadline}}}}; {{{{facts.offer}}}}\n", family.repeat(301));
    sandbox.write("templates/announcement/bluesky.md", &text).unwrap();
    let (ran, found) = check(&sandbox);
    let over: Vec<_> = found.iter().filter(|finding| finding["code"] == "text-too-long").collect();
    assert_eq!(ran.code, Some(1), "{found:#?}");
    let said: Vec<_> = over.iter().map(|finding| finding["message"].as_str().unwrap()).collect();
    let graphemes = said.iter().find(|said| said.contains("graphemes")).unwrap();
    assert!(graphemes.contains("`bluesky`") && graphemes.contains("300"), "{graphemes}");
    let bytes = said.iter().find(|said| said.contains("bytes")).unwrap();
    assert!(bytes.contains("3000"), "{bytes}");
    assert!(over.iter().all(|finding| finding["file"] == "templates/announcement/bluesky.md"), "{over:#?}");
    // The other channels' texts are what they were.
    let steps: BTreeSet<_> = said.iter().map(|said| said.split('`').nth(1).unwrap()).collect();
    assert_eq!(steps, BTreeSet::from(["bluesky"]));
}

#[test]
fn a_finding_is_silenced_with_a_reason_and_a_silence_of_nothing_is_told() {
    let sandbox = sample();
    sandbox.edit(CHINESE, "下单", "下单，全国第一").unwrap();
    let silence = |text: &str| {
        format!(
            "[[silence]]\nrule = \"absolute-term\"\nreason = \"a prize of 2026, named on the bag\"\ntext = \"{text}\"\n\n[goal]"
        )
    };
    sandbox.edit(LAUNCH, "[goal]", &silence("全国第一")).unwrap();
    let (_, found) = check(&sandbox);
    assert_eq!(found, Vec::<Value>::new());
    sandbox.edit(LAUNCH, "text = \"全国第一\"", "text = \"somewhere else\"").unwrap();
    let codes: BTreeSet<_> = check(&sandbox).1.iter().map(|finding| finding["code"].to_string()).collect();
    assert_eq!(codes, BTreeSet::from(["\"absolute-term\"".to_owned(), "\"useless-silence\"".to_owned()]));
}

#[test]
fn a_network_that_cannot_tell_a_second_try_is_never_tried_twice_by_a_file() {
    let sandbox = sample();
    let at = "when     = { at = 2027-03-02T12:31:00 }";
    sandbox.edit(LAUNCH, at, &format!("{at}\non_uncertain = \"resend\"")).unwrap();
    let codes: Vec<_> = check(&sandbox).1.iter().map(|finding| finding["code"].to_string()).collect();
    assert!(codes.contains(&"\"would-post-twice\"".to_owned()), "{codes:?}");
}
