//! Rules about dependencies: the levels of the crates, and the external packages that each may use.

use std::collections::BTreeSet;
use std::process::Command;

use toml::Table;

use super::sources::Source;
use super::{assert_none, entries, root, text, toml};

/// The crates and their levels. A crate may depend only on crates of lower levels.
const LEVELS: [(&str, u8); 26] = [
    ("database", 0),
    ("facts", 0),
    ("fake_server", 0),
    ("measure", 0),
    ("money", 0),
    ("schedule", 0),
    ("source", 0),
    ("telemetry", 0),
    ("campaign", 1),
    ("egress", 1),
    ("insight", 1),
    ("message", 1),
    ("platform", 1),
    ("contacts", 2),
    ("import", 2),
    ("network", 2),
    ("smtp", 2),
    ("template", 2),
    ("channel", 3),
    ("store", 3),
    ("dashboard", 4),
    ("tracking", 4),
    ("scheduler", 5),
    ("simulation", 5),
    ("terminal", 6),
    ("chorus", 7),
];

fn level(name: &str) -> Option<u8> {
    LEVELS.iter().find(|(known, _)| *known == name).map(|(_, level)| *level)
}

/// Returns the names in the given tables of a manifest.
fn named(manifest: &Table, tables: &[&str]) -> BTreeSet<String> {
    tables
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// The tables of all dependencies of a crate, tests included.
const ALL: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn members() -> Vec<(String, Table)> {
    let crates = entries("crates", false).into_iter().map(|name| (format!("crates/{name}"), name));
    let others = ["tests", "xtask"].map(|name| (name.to_owned(), name.to_owned()));
    crates.chain(others).map(|(folder, name)| (name, toml(&format!("{folder}/Cargo.toml")))).collect()
}

fn upward_dependencies(name: &str, manifest: &Table) -> Vec<String> {
    let Some(own) = level(name) else { return Vec::new() };
    named(manifest, &ALL)
        .into_iter()
        .filter(|dependency| level(dependency).is_some_and(|level| level >= own))
        .map(|dependency| format!("{name} depends on {dependency}"))
        .collect()
}

#[test]
fn crates_depend_on_lower_levels_only() {
    let offences: Vec<String> =
        members().iter().flat_map(|(name, manifest)| upward_dependencies(name, manifest)).collect();
    assert_none("a crate may depend on lower levels only", &offences);
}

#[test]
fn a_dependency_on_a_higher_level_is_noticed() {
    let manifest = "[dependencies]\nchorus.workspace = true\n[dev-dependencies]\nstore.workspace = true";
    assert_eq!(
        upward_dependencies("store", &manifest.parse().unwrap()),
        ["store depends on chorus", "store depends on store"]
    );
}

#[test]
fn the_crates_are_those_of_the_architecture_and_named_like_their_folders() {
    let mut known: Vec<&str> = LEVELS.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(entries("crates", false), known);
    for (folder, manifest) in members() {
        assert_eq!(manifest["package"]["name"].as_str(), Some(folder.as_str()));
        assert_eq!(
            manifest["lints"]["workspace"].as_bool(),
            Some(true),
            "{folder} does not use the lints of the workspace"
        );
    }
}

#[test]
fn the_architecture_shows_each_crate_at_its_level() {
    let shown = text("ARCHITECTURE.md");
    let rows: Vec<(String, u8)> = shown
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let level = cells.next()?.parse().ok()?;
            Some((cells.next()?.trim_matches('`').to_owned(), level))
        })
        .collect();
    assert_eq!(rows, LEVELS.map(|(name, level)| (name.to_owned(), level)));
}

#[test]
fn restricted_libraries_are_used_by_their_owners_only() {
    // `simulation` simulates people who follow its links; the rule about sources limits it
    // to that. `template` builds messages with lettre and opens no connection.
    let owners: [(&str, &[&str]); 6] = [
        ("sqlx", &["database", "contacts", "store"]),
        ("database", &["contacts", "store"]),
        ("contacts", &["store"]),
        ("lettre", &["smtp", "template"]),
        ("reqwest", &["egress", "simulation"]),
        ("hyper", &["egress"]),
    ];
    for (library, allowed) in owners {
        let users: Vec<String> = members()
            .into_iter()
            .filter(|(_, manifest)| {
                named(manifest, &["dependencies", "build-dependencies"]).contains(library)
            })
            .map(|(name, _)| name)
            .collect();
        assert!(!users.is_empty(), "no crate uses {library}");
        let others: Vec<String> =
            users.into_iter().filter(|user| !allowed.contains(&user.as_str())).collect();
        assert_none(library, &others);
    }
}

#[test]
fn pure_crates_have_no_async_or_random_dependencies() {
    let impure = ["tokio", "tokio-util", "rand", "axum", "futures-util", "governor"];
    for name in ["campaign", "facts", "insight", "money", "schedule", "source"] {
        let manifest = toml(&format!("crates/{name}/Cargo.toml"));
        let offences: Vec<String> = named(&manifest, &["dependencies"])
            .into_iter()
            .filter(|d| impure.contains(&d.as_str()))
            .collect();
        assert_none(name, &offences);
    }
}

#[test]
fn every_dependency_is_declared_in_the_workspace_and_used() {
    let declared = named(toml("Cargo.toml")["workspace"].as_table().unwrap(), &["dependencies"]);
    let mut used = BTreeSet::new();
    let mut offences = Vec::new();
    for (name, manifest) in members() {
        for table in ALL {
            for (dependency, value) in
                manifest.get(table).and_then(toml::Value::as_table).into_iter().flatten()
            {
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    offences
                        .push(format!("{name}: {dependency} is declared outside [workspace.dependencies]"));
                }
                used.insert(dependency.clone());
            }
        }
    }
    // No crate depends on the executable.
    let idle = declared.difference(&used).filter(|name| *name != "chorus");
    offences.extend(idle.map(|name| format!("{name} is declared and not used")));
    assert_none("dependencies", &offences);
}

#[test]
fn every_dependency_of_a_crate_is_named_in_its_code() {
    let sources = Source::all();
    let mut offences = Vec::new();
    for (name, manifest) in members() {
        for dependency in named(&manifest, &ALL) {
            let word = dependency.replace('-', "_");
            let mut own = sources.iter().filter(|source| source.owner == name);
            if !own.any(|source| has_word(&source.text, &word)) {
                offences.push(format!("{name} does not use {dependency}"));
            }
        }
    }
    assert_none("dependencies that nothing needs", &offences);
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !letter(text[..start].chars().next_back()) && !letter(text[start + word.len()..].chars().next())
    })
}

#[test]
fn has_word_matches_whole_words_only() {
    assert!(has_word("use url::Url;", "url"));
    assert!(!has_word("let public_url = curl;", "url"));
}

#[test]
fn every_dependency_has_its_line_in_the_architecture() {
    let own: BTreeSet<String> = members().into_iter().map(|(name, _)| name).collect();
    let architecture = text("ARCHITECTURE.md");
    let offences: Vec<String> = named(toml("Cargo.toml")["workspace"].as_table().unwrap(), &["dependencies"])
        .into_iter()
        .filter(|name| !own.contains(name) && !architecture.contains(&format!("\n| {name} | ")))
        .collect();
    assert_none("ARCHITECTURE.md does not say why these are there", &offences);
}

#[test]
fn every_licence_is_one_that_deny_toml_allows() {
    let deny = toml("deny.toml");
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}\t{l}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let packages: BTreeSet<(&str, &str)> = listed
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(package, licence)| (package, licence.trim_end_matches(" (*)")))
        .collect();
    assert!(packages.len() > 100, "cargo tree listed {} packages", packages.len());
    let offences: Vec<String> = packages
        .iter()
        .filter(|(_, licence)| !is_permitted(licence, &allowed))
        .map(|(package, licence)| format!("{package}: {licence:?}"))
        .collect();
    assert_none("licences", &offences);
}

/// Returns true if a licence expression can be satisfied by allowed licences: one side of each
/// `OR`, every side of each `AND`.
fn is_permitted(expression: &str, allowed: &[&str]) -> bool {
    let flat = expression.replace(['(', ')'], "").replace('/', " OR ");
    flat.split(" AND ").all(|part| part.split(" OR ").any(|licence| allowed.contains(&licence.trim())))
}

#[test]
fn licence_expressions_are_evaluated() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
    assert!(is_permitted("MIT OR GPL-3.0", &allowed));
    assert!(is_permitted("(MIT OR Apache-2.0) AND Unicode-3.0", &allowed));
    assert!(is_permitted("Apache-2.0/MIT", &allowed));
    assert!(!is_permitted("MIT AND GPL-3.0", &allowed));
    assert!(!is_permitted("", &allowed));
}
