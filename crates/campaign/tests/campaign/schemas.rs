//! The JSON Schemas allow exactly what the reader accepts.

use std::path::Path;

use campaign::SchemaKind;
use campaign::workspace::schema;
use serde_json::Value;

use crate::folder::{AUDIENCE, CAMPAIGN, CAMPAIGN_WITH_HISTORY, CHORUS, Folder};

/// Collects everything about `value` that `schema` does not allow, for the part of JSON Schema that
/// is used here.
fn collect_faults(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).unwrap();
        return collect_faults(root, target, value, at, found);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        if !choices.iter().any(|choice| choice["const"] == *value) {
            found.push(format!("{at}: not one of the choices"));
        }
        return;
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        other => panic!("{at}: a schema without a type: {other}"),
    };
    let fits = kinds.iter().any(|kind| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other}"),
    });
    if !fits {
        found.push(format!("{at}: not {kinds:?}"));
    }
    for element in value.as_array().into_iter().flatten() {
        collect_faults(root, &schema["items"], element, at, found);
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Object(_)) => {
                collect_faults(root, &schema["additionalProperties"], inner, &at, found);
            }
            (Value::Null, _) => found.push(format!("{at}: unknown")),
            (known, _) => collect_faults(root, known, inner, &at, found),
        }
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(key).is_none() {
            found.push(format!("{at}.{key}: missing"));
        }
    }
}

/// Converts a TOML file to JSON; dates become strings.
fn json(text: &str) -> Value {
    fn convert(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(date) => Value::String(date.to_string()),
            toml::Value::Array(array) => array.into_iter().map(convert).collect(),
            toml::Value::Table(table) => {
                table.into_iter().map(|(key, value)| (key, convert(value))).collect()
            }
            other => serde_json::to_value(other).unwrap(),
        }
    }
    convert(toml::Value::Table(text.parse().unwrap()))
}

fn faults_of(kind: SchemaKind, file: &Value) -> Vec<String> {
    let schema = schema(kind);
    let mut found = Vec::new();
    collect_faults(&schema, &schema, file, "", &mut found);
    found
}

const FILES: [(SchemaKind, &str, &str); 4] = [
    (SchemaKind::Chorus, "chorus.toml", CHORUS),
    (SchemaKind::Campaign, "campaigns/spring-renewal.toml", CAMPAIGN),
    (SchemaKind::Campaign, "campaigns/spring-renewal.toml", CAMPAIGN_WITH_HISTORY),
    (SchemaKind::Audience, "audiences/lapsing-members.toml", AUDIENCE),
];

#[test]
fn good_files_fit_their_schemas() {
    for (kind, _, text) in FILES {
        assert_eq!(faults_of(kind, &json(text)), [""; 0]);
    }
}

#[test]
fn the_sample_workspace_fits_the_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let fits = |kind, path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(faults_of(kind, &json(&text)), [""; 0], "{}", path.display());
    };
    fits(SchemaKind::Chorus, &root.join("chorus.toml"));
    for (kind, folder) in [(SchemaKind::Campaign, "campaigns"), (SchemaKind::Audience, "audiences")] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            fits(kind, &entry.unwrap().path());
        }
    }
}

/// Returns copies of `value`, each with an unknown key added to one of its tables.
fn with_unknown_keys(value: &Value) -> Vec<Value> {
    let mut variants = Vec::new();
    match value {
        Value::Object(table) => {
            let mut with = table.clone();
            with.insert("unknown_key".to_owned(), Value::from(1));
            variants.push(Value::Object(with));
            for (key, inner) in table {
                for inner in with_unknown_keys(inner) {
                    let mut with = table.clone();
                    with.insert(key.clone(), inner);
                    variants.push(Value::Object(with));
                }
            }
        }
        Value::Array(array) => {
            for (at, inner) in array.iter().enumerate() {
                for inner in with_unknown_keys(inner) {
                    let mut with = array.clone();
                    with[at] = inner;
                    variants.push(Value::Array(with));
                }
            }
        }
        _ => {}
    }
    variants
}

#[test]
fn an_unknown_key_in_any_table_is_refused_by_schema_and_reader_alike() {
    for (kind, path, text) in FILES {
        let variants = with_unknown_keys(&json(text));
        assert!(variants.len() >= 5, "{path}");
        for file in variants {
            assert_ne!(faults_of(kind, &file), [""; 0], "{file}");
            let folder = Folder::new();
            folder.write(path, toml::to_string(&file).unwrap());
            let (_, findings) = folder.load();
            assert!(
                findings.errors().any(|finding| finding.message.contains("unknown_key")
                    || finding.message.contains("`unknown_key`")
                    || finding.code == "wrong-value"),
                "{file}\n{findings}"
            );
        }
    }
}

#[test]
fn a_required_key_is_required_by_both() {
    for (kind, path, text) in FILES {
        let file = json(text);
        for key in schema(kind)["required"].as_array().unwrap().iter().filter_map(Value::as_str) {
            let mut without = file.clone();
            without.as_object_mut().unwrap().remove(key);
            assert_eq!(faults_of(kind, &without), [format!(".{key}: missing")]);
            let folder = Folder::new();
            folder.write(path, toml::to_string(&without).unwrap());
            let (_, findings) = folder.load();
            let is_reported = findings
                .errors()
                .any(|finding| finding.code == "missing-key" && finding.message.contains(key));
            assert!(is_reported, "{key}\n{findings}");
        }
    }
}

#[test]
fn every_key_has_a_description() {
    fn undescribed(value: &Value, at: &str, found: &mut Vec<String>) {
        for (key, inner) in value.as_object().into_iter().flatten() {
            if key == "properties" {
                let keys = inner.as_object().into_iter().flatten();
                found.extend(
                    keys.filter(|(_, schema)| !schema["description"].is_string())
                        .map(|(key, _)| format!("{at}.{key}")),
                );
            }
            undescribed(inner, &format!("{at}.{key}"), found);
        }
    }
    for kind in SchemaKind::ALL {
        let mut found = Vec::new();
        undescribed(&schema(kind), kind.name(), &mut found);
        assert_eq!(found, [""; 0]);
        assert_eq!(SchemaKind::parse(kind.name()), Some(kind));
    }
}
