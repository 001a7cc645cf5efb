//! Files with one JSON object on each line.

use serde_json::{Map, Value};

use crate::bad_value::BadRow;
use crate::contact::Cell;

/// Keys of Chorus's own export that an import does not read: what they say belongs to the database.
const OWN: [&str; 4] = ["id", "consents", "created_at", "updated_at"];

/// Returns the keys and values of a line. The object `attributes` stands for its own keys.
///
/// # Errors
/// The reason why the line is no object.
pub(crate) fn cells(line: &str) -> Result<Vec<(String, Cell)>, BadRow> {
    let object: Map<String, Value> = serde_json::from_str(line)?;
    let mut cells = Vec::new();
    let is_own = object.contains_key("attributes");
    for (key, value) in object {
        match value {
            Value::Object(attributes) if key == "attributes" => {
                cells.extend(attributes.into_iter().map(|(key, value)| (key, Cell::Typed(value))));
            }
            _ if is_own && OWN.contains(&key.as_str()) => {}
            value => cells.push((key, Cell::Typed(value))),
        }
    }
    Ok(cells)
}
