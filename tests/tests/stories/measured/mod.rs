//! How long a text is, asked of the networks' own libraries: twitter-text, @atproto/api, Twilio's calculator.

mod corpus;
mod judges;

use std::sync::LazyLock;

use measure::facet::{Facet, RichText, Span};
use measure::sms::Sms;
use measure::{Measure, first_forbidden, limit};
use serde_json::{Value, json};

use crate::{node, pier};

/// What a network's library says of a text, beside the text and the facets we made of it.
struct Asked {
    text: String,
    facets: Vec<Facet>,
    said: Value,
}

/// Asks all libraries about all texts.
fn ask(texts: Vec<String>) -> Vec<Asked> {
    let tools = pier::tools();
    // The library leaves the handle where the DID will be; a record is refused for it.
    let facets =
        |text: &str| RichText::new(&[Span { text, link: None }], &|handle| Some(format!("did:web:{handle}")));
    let asked: Vec<_> = texts.into_iter().map(|text| (facets(&text).facets, text)).collect();
    let questions: Vec<_> =
        asked.iter().map(|(facets, text)| json!({ "text": text, "facets": facets })).collect();
    let packages = [&tools.twitter_text, &tools.atproto, &tools.sms_segments];
    let said: Vec<Value> = node::ask(&tools, "measured/opinions.cjs", &packages, questions);
    asked.into_iter().zip(said).map(|((facets, text), said)| Asked { text, facets, said }).collect()
}

/// What is said of the whole corpus, asked once for all stories.
static CORPUS: LazyLock<Vec<Asked>> = LazyLock::new(|| ask(corpus()));

fn corpus() -> Vec<String> {
    let mut texts = corpus::texts(20_261_122, 1_500);
    texts.extend(corpus::emojis());
    texts.extend(corpus::lengths());
    texts
}

fn told(differences: &[String]) {
    let some: Vec<_> = differences.iter().take(20).collect();
    assert!(differences.is_empty(), "{} differences: {some:#?}", differences.len());
}

#[test]
fn texts_weigh_and_end_where_x_says_so() {
    let mut differences = Vec::new();
    let asked = &*CORPUS;
    let long = asked.iter().filter(|asked| asked.said["x"]["weight"].as_u64() > Some(280)).count();
    assert!(long > 100 && asked.len() - long > 500, "{long} of {}", asked.len());
    for Asked { text, said, .. } in asked {
        let (budget, said) = (limit::x(text), &said["x"]);
        let valid = budget.fits() && budget.measured > 0 && first_forbidden(text).is_none();
        if (json!(budget.measured), json!(valid)) != (said["weight"].clone(), said["valid"].clone()) {
            differences.push(format!("{text:?}: {} {valid}, not {said}", budget.measured));
        }
    }
    told(&differences);
}

#[test]
fn texts_count_and_link_as_bluesky_says() {
    let mut differences = Vec::new();
    let mut facets_seen = 0;
    for Asked { text, facets, said } in &*CORPUS {
        let said = &said["bluesky"];
        let [graphemes, bytes] = limit::bluesky(text);
        let counts = (json!(graphemes.measured), json!(bytes.measured));
        let resolved = json!(facets).to_string().replace("did:web:", "");
        let fits = graphemes.fits() && bytes.fits();
        facets_seen += facets.len();
        if counts != (said["graphemes"].clone(), said["bytes"].clone())
            || serde_json::from_str::<Value>(&resolved).unwrap() != said["facets"]
            || fits != said["refused"].is_null()
        {
            differences.push(format!("{text:?}: {counts:?} {resolved} {fits}, not {said}"));
        }
    }
    told(&differences);
    assert!(facets_seen > 1_000, "{facets_seen} facets");
}

#[test]
fn texts_take_as_many_segments_as_twilio_says() {
    let mut differences = Vec::new();
    let mut several = 0;
    for Asked { text, said, .. } in &*CORPUS {
        let (sms, said) = (Sms::of(text), &said["sms"]);
        let segments = said["segments"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap();
        // Twilio's page keeps characters of several code points in one part; the standard parts only what its
        // encoding cannot. The bill is never longer than the page says.
        let agrees = if said["single"] == true { sms.segments == segments } else { sms.segments <= segments };
        several += usize::from(segments > 1);
        if json!(sms.encoding) != said["encoding"] || !agrees {
            differences.push(format!("{text:?}: {sms:?}, not {said}"));
        }
    }
    told(&differences);
    assert!(several > 300, "{several} of several segments");
}

#[test]
fn what_is_cut_is_as_long_as_it_may_be() {
    let texts: Vec<String> = corpus().into_iter().filter(|text| !limit::x(text).fits()).collect();
    let cut: Vec<String> =
        texts.iter().map(|text| text[..Measure::Weighted.cut_point(text, 280)].to_owned()).collect();
    let weights: Vec<u64> = ask(cut).iter().filter_map(|asked| asked.said["x"]["weight"].as_u64()).collect();
    assert_eq!(weights.len(), texts.len());
    assert!(weights.iter().all(|weight| *weight <= 280), "{weights:?}");
    // What comes next is at most an address, or a letter with many marks.
    let short = weights.iter().filter(|weight| **weight < 257).count();
    assert!(short * 20 < weights.len(), "{weights:?}");
}

#[test]
fn top_level_domains_are_those_that_bluesky_and_x_know() {
    let list = pier::tools().atproto.join("../../tlds/index.json");
    let names: Vec<String> = serde_json::from_slice(&std::fs::read(list).unwrap()).unwrap();
    assert!(names.len() > 1_000);
    let texts = names.iter().map(|name| format!("harbour.{name}/a")).collect();
    let (mut bluesky, mut x) = (Vec::new(), Vec::new());
    for Asked { text, facets, said } in ask(texts) {
        if facets.len() != said["bluesky"]["facets"].as_array().map_or(0, Vec::len) {
            bluesky.push(text.clone());
        }
        if json!(Measure::Weighted.of(&text)) != said["x"]["weight"] {
            x.push(text);
        }
    }
    // Domains come and go, and the lists are of different years: .amazon, .kids and .music are younger than X's,
    // .goo and .helsinki are no more.
    assert!(bluesky.len() < 10 && x.len() < 20, "of {}: {bluesky:?}, {x:?}", names.len());
}
