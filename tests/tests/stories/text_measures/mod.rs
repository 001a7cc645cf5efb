//! Text lengths compared with the networks' own libraries: twitter-text, @atproto/api, Twilio's
//! calculator.

mod checkers;
mod corpus;

use std::sync::LazyLock;

use measure::facet::{Facet, RichText, Span};
use measure::sms::Sms;
use measure::{Measure, first_forbidden, limit};
use serde_json::{Value, json};

use crate::{fixture, node};

/// The results of the libraries for a text, with the text and the facets that we found in it.
struct LibraryResult {
    text: String,
    facets: Vec<Facet>,
    result: Value,
}

/// Runs all libraries on all texts.
fn run_libraries(texts: Vec<String>) -> Vec<LibraryResult> {
    let tools = fixture::tools();
    // The library puts the handle in the place of the DID; a record with it would be refused.
    let facets =
        |text: &str| RichText::new(&[Span { text, link: None }], &|handle| Some(format!("did:web:{handle}")));
    let inputs: Vec<_> = texts.into_iter().map(|text| (facets(&text).facets, text)).collect();
    let questions: Vec<_> =
        inputs.iter().map(|(facets, text)| json!({ "text": text, "facets": facets })).collect();
    let packages = [&tools.twitter_text, &tools.atproto, &tools.sms_segments];
    let results: Vec<Value> =
        node::run_script(&tools, "text_measures/library_results.cjs", &packages, questions);
    inputs
        .into_iter()
        .zip(results)
        .map(|((facets, text), result)| LibraryResult { text, facets, result })
        .collect()
}

/// The results for the whole corpus, computed once for all tests.
static CORPUS: LazyLock<Vec<LibraryResult>> = LazyLock::new(|| run_libraries(corpus()));

fn corpus() -> Vec<String> {
    let mut texts = corpus::texts(20_261_122, 1_500);
    texts.extend(corpus::emojis());
    texts.extend(corpus::lengths());
    texts
}

fn assert_no_differences(differences: &[String]) {
    let some: Vec<_> = differences.iter().take(20).collect();
    assert!(differences.is_empty(), "{} differences: {some:#?}", differences.len());
}

#[test]
fn weighted_lengths_agree_with_x() {
    let mut differences = Vec::new();
    let results = &*CORPUS;
    let long = results.iter().filter(|one| one.result["x"]["weight"].as_u64() > Some(280)).count();
    assert!(long > 100 && results.len() - long > 500, "{long} of {}", results.len());
    for LibraryResult { text, result, .. } in results {
        let (budget, result) = (limit::x(text), &result["x"]);
        let valid = budget.fits() && budget.measured > 0 && first_forbidden(text).is_none();
        if (json!(budget.measured), json!(valid)) != (result["weight"].clone(), result["valid"].clone()) {
            differences.push(format!("{text:?}: {} {valid}, not {result}", budget.measured));
        }
    }
    assert_no_differences(&differences);
}

#[test]
fn lengths_and_facets_agree_with_bluesky() {
    let mut differences = Vec::new();
    let mut facets_seen = 0;
    for LibraryResult { text, facets, result } in &*CORPUS {
        let result = &result["bluesky"];
        let [graphemes, bytes] = limit::bluesky(text);
        let counts = (json!(graphemes.measured), json!(bytes.measured));
        let resolved = json!(facets).to_string().replace("did:web:", "");
        let fits = graphemes.fits() && bytes.fits();
        facets_seen += facets.len();
        if counts != (result["graphemes"].clone(), result["bytes"].clone())
            || serde_json::from_str::<Value>(&resolved).unwrap() != result["facets"]
            || fits != result["refused"].is_null()
        {
            differences.push(format!("{text:?}: {counts:?} {resolved} {fits}, not {result}"));
        }
    }
    assert_no_differences(&differences);
    assert!(facets_seen > 1_000, "{facets_seen} facets");
}

#[test]
fn segments_agree_with_twilio() {
    let mut differences = Vec::new();
    let mut several = 0;
    for LibraryResult { text, result, .. } in &*CORPUS {
        let (sms, result) = (Sms::of(text), &result["sms"]);
        let segments = result["segments"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap();
        // Twilio's calculator keeps characters of several code points in one segment; the standard
        // allows a split wherever the encoding does. The bill never has more segments than the
        // calculator.
        let agrees =
            if result["single"] == true { sms.segments == segments } else { sms.segments <= segments };
        several += usize::from(segments > 1);
        if json!(sms.encoding) != result["encoding"] || !agrees {
            differences.push(format!("{text:?}: {sms:?}, not {result}"));
        }
    }
    assert_no_differences(&differences);
    assert!(several > 300, "{several} of several segments");
}

#[test]
fn a_cut_text_has_the_longest_allowed_length() {
    let texts: Vec<String> = corpus().into_iter().filter(|text| !limit::x(text).fits()).collect();
    let cut: Vec<String> =
        texts.iter().map(|text| text[..Measure::Weighted.cut_point(text, 280)].to_owned()).collect();
    let weights: Vec<u64> =
        run_libraries(cut).iter().filter_map(|one| one.result["x"]["weight"].as_u64()).collect();
    assert_eq!(weights.len(), texts.len());
    assert!(weights.iter().all(|weight| *weight <= 280), "{weights:?}");
    // The part that was cut off begins with at most a URL, or a letter with many marks.
    let short = weights.iter().filter(|weight| **weight < 257).count();
    assert!(short * 20 < weights.len(), "{weights:?}");
}

#[test]
fn top_level_domains_are_those_that_bluesky_and_x_know() {
    let list = fixture::tools().atproto.join("../../tlds/index.json");
    let names: Vec<String> = serde_json::from_slice(&std::fs::read(list).unwrap()).unwrap();
    assert!(names.len() > 1_000);
    let texts = names.iter().map(|name| format!("harbour.{name}/a")).collect();
    let (mut bluesky, mut x) = (Vec::new(), Vec::new());
    for LibraryResult { text, facets, result } in run_libraries(texts) {
        if facets.len() != result["bluesky"]["facets"].as_array().map_or(0, Vec::len) {
            bluesky.push(text.clone());
        }
        if json!(Measure::Weighted.of(&text)) != result["x"]["weight"] {
            x.push(text);
        }
    }
    // Domains come and go, and the lists are of different years: .amazon, .kids and .music are
    // younger than X's list; .goo and .helsinki no longer exist.
    assert!(bluesky.len() < 10 && x.len() < 20, "of {}: {bluesky:?}, {x:?}", names.len());
}
