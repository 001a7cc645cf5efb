//! An erased contact is nowhere in the files, and what was counted stays.

use std::fs;
use std::path::Path;

use tests::Sandbox;

use crate::fixture;

/// Returns the files below a folder that have a text.
fn files_with(folder: &Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|window| window == text) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn an_erased_address_is_in_no_file_and_the_counts_stay() {
    let sandbox = Sandbox::empty(&fixture::tools().chorus).unwrap();
    sandbox.chorus_ok(&["init", "."]).unwrap();
    let people = "email,phone,first_name,consent\nlovelace@example.com,+442079460000,Ada,yes\nbob@example.com,,Bob,yes\n";
    sandbox.write("people.csv", people).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "people.csv"]).unwrap();
    sandbox.chorus_ok(&["send", "--yes", "hello"]).unwrap();
    let data = sandbox.path().join("data");
    assert_ne!(files_with(&data, b"lovelace"), [""; 0], "the test would find it");

    let everything = sandbox.json(&["contacts", "export", "--of", "lovelace@example.com"]).unwrap();
    assert!(everything["messages"][0]["html"].as_str().unwrap().contains("Hello Ada"), "{everything:#}");
    assert_eq!(everything["consents"].as_array().unwrap().len(), 1, "{everything:#}");

    let asked = sandbox.chorus(&["contacts", "erase", "lovelace@example.com"]).unwrap();
    assert_eq!(asked.code, Some(1), "{asked:?}");
    sandbox.chorus_ok(&["contacts", "show", "lovelace@example.com"]).unwrap();
    let done = sandbox.chorus_ok(&["contacts", "erase", "lovelace@example.com", "--yes"]).unwrap();
    assert!(done.out.contains("is not in"), "{}", done.out);
    assert_eq!(files_with(&data, b"lovelace"), [""; 0]);
    assert_eq!(files_with(&data, b"+442079460000"), [""; 0]);
    assert_eq!(sandbox.json(&["report", "hello"]).unwrap()["total"]["counts"]["sent"], 2);
    sandbox.chorus_ok(&["consent", "verify"]).unwrap();

    sandbox.chorus_ok(&["contacts", "import", "people.csv"]).unwrap();
    let plan = sandbox.json(&["plan", "hello", "--to", "+8d"]).unwrap();
    let counts = &plan["occurrences"][0]["counts"];
    assert_eq!((&counts["reached"], &counts["left_out"]["unsubscribed"]), (&1.into(), &1.into()), "{plan:#}");
}
