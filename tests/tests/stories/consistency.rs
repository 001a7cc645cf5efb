//! Consistency across channels: the sample's launch is the same on all channels, and `chorus check`
//! reports any deviation with its position.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::{CommandOutput, Sandbox};

use crate::fixture;

/// A copy of the sample workspace of this repository.
fn sample() -> Sandbox {
    let sandbox = Sandbox::empty(&fixture::tools().chorus).unwrap();
    for folder in ["campaigns", "audiences", "templates", "images"] {
        fixture::copy(&fixture::repository().join(folder), &sandbox.path().join(folder));
    }
    let settings = std::fs::read_to_string(fixture::repository().join("chorus.toml")).unwrap();
    sandbox.write("chorus.toml", &settings).unwrap();
    sandbox
}

/// Runs `chorus check` and returns its findings, except those about variables that are not set
/// here.
fn check(sandbox: &Sandbox) -> (CommandOutput, Vec<Value>) {
    let ran = sandbox.chorus(&["check", "--format", "json"]).unwrap();
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let found = found["findings"].as_array().unwrap().clone();
    (ran, found.into_iter().filter(|finding| finding["code"] != "missing-variable").collect())
}

const LAUNCH: &str = "campaigns/spring-launch.toml";
const POST: &str = "templates/announcement/post.md";
const CHINESE: &str = "templates/announcement/post.zh-CN.md";

/// A change to the sample, the finding it must cause, the file of the finding, and the text at its
/// position.
struct Deviation {
    file: &'static str,
    old: &'static str,
    new: &'static str,
    code: &'static str,
    severity: &'static str,
    place: (&'static str, &'static str),
}

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        file: POST,
        old: "{{facts.price}}",
        new: "CNY 89 for 250 g",
        code: "fact-contradicted",
        severity: "error",
        place: (POST, "CNY 89"),
    },
    Deviation {
        file: CHINESE,
        old: "{{facts.price}}",
        new: "250 克只要 89 元",
        code: "fact-contradicted",
        severity: "error",
        place: (CHINESE, "89 元"),
    },
    Deviation {
        file: CHINESE,
        old: "{{facts.deadline}}",
        new: "2027 年 4 月 12 日",
        code: "fact-contradicted",
        severity: "error",
        place: (CHINESE, "2027 年 4 月 12 日"),
    },
    Deviation {
        file: POST,
        old: ", until {{facts.deadline}}",
        new: "",
        code: "fact-not-said",
        severity: "warning",
        place: (LAUNCH, "11 April 2027"),
    },
    Deviation {
        file: POST,
        old: "({{message.link}})",
        new: "(https://elsewhere.example/x)",
        code: "link-differs",
        severity: "error",
        place: (POST, "https://elsewhere.example/x"),
    },
    Deviation {
        file: CHINESE,
        old: "下单",
        new: "下单，国家级品质",
        code: "never-say",
        severity: "error",
        place: (CHINESE, "国家级"),
    },
    Deviation {
        file: CHINESE,
        old: "下单",
        new: "下单，全国第一",
        code: "absolute-term",
        severity: "warning",
        place: (CHINESE, "全国第一"),
    },
    Deviation {
        file: LAUNCH,
        old: "subject        = \"【广告】「春潮」",
        new: "subject        = \"「春潮」",
        code: "ad-label-missing",
        severity: "warning",
        place: (LAUNCH, "「春潮」上新"),
    },
];

#[test]
fn the_sample_is_consistent_on_all_channels() {
    let (ran, found) = check(&sample());
    assert_eq!((ran.code, found), (Some(0), Vec::new()), "{}", ran.err);
}

#[test]
fn a_deviation_on_one_channel_is_reported_at_its_position() {
    for deviation in DEVIATIONS {
        let sandbox = sample();
        sandbox.edit(deviation.file, deviation.old, deviation.new).unwrap();
        let (ran, found) = check(&sandbox);
        let with_code: Vec<_> = found.iter().filter(|finding| finding["code"] == deviation.code).collect();
        let context = format!("{}: {found:#?}", deviation.new);
        assert!(!with_code.is_empty(), "{context}");
        let (file, words) = deviation.place;
        let text = std::fs::read_to_string(sandbox.path().join(file)).unwrap();
        for finding in with_code {
            assert_eq!(
                (&finding["severity"], &finding["file"]),
                (&deviation.severity.into(), &file.into()),
                "{context}"
            );
            let number = |key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
            let line = text.lines().nth(number("line") - 1).unwrap();
            let column = number("column") - 1;
            let rest: String = line.chars().skip(column).collect();
            assert!(rest.starts_with(words), "{context}\n{rest}");
            assert!(!finding["help"].as_str().unwrap().is_empty());
        }
        assert_eq!(ran.code, Some(i32::from(deviation.severity == "error")), "{context}");
    }
}

#[test]
fn a_text_that_is_too_long_for_a_network_is_reported_with_the_first_character_over() {
    let sandbox = sample();
    let family = "👨‍👩‍👧‍👦";
    // 301 grapheme clusters, each of 7 code points.
    let text =
        format!("{}{{{{facts.price}}}}; {{{{facts.deadline}}}}; {{{{facts.offer}}}}\n", family.repeat(301));
    sandbox.write("templates/announcement/bluesky.md", &text).unwrap();
    let (ran, found) = check(&sandbox);
    let over: Vec<_> = found.iter().filter(|finding| finding["code"] == "text-too-long").collect();
    assert_eq!(ran.code, Some(1), "{found:#?}");
    let messages: Vec<_> = over.iter().map(|finding| finding["message"].as_str().unwrap()).collect();
    let graphemes = messages.iter().find(|message| message.contains("graphemes")).unwrap();
    assert!(graphemes.contains("`bluesky`") && graphemes.contains("300"), "{graphemes}");
    let bytes = messages.iter().find(|message| message.contains("bytes")).unwrap();
    assert!(bytes.contains("3000"), "{bytes}");
    assert!(over.iter().all(|finding| finding["file"] == "templates/announcement/bluesky.md"), "{over:#?}");
    // The texts of the other channels are unchanged.
    let steps: BTreeSet<_> = messages.iter().map(|message| message.split('`').nth(1).unwrap()).collect();
    assert_eq!(steps, BTreeSet::from(["bluesky"]));
}

#[test]
fn a_finding_is_silenced_with_a_reason_and_a_useless_silence_is_reported() {
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
fn resend_is_refused_for_a_network_that_does_not_recognize_repeats() {
    let sandbox = sample();
    let at = "when     = { at = 2027-03-02T12:31:00 }";
    sandbox.edit(LAUNCH, at, &format!("{at}\non_uncertain = \"resend\"")).unwrap();
    let codes: Vec<_> = check(&sandbox).1.iter().map(|finding| finding["code"].to_string()).collect();
    assert!(codes.contains(&"\"would-post-twice\"".to_owned()), "{codes:?}");
}
