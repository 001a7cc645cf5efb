//! What a template may name: the same for every recipient, but for `contact`, which stays open.

use std::collections::BTreeMap;

use campaign::{Campaign, Message, Step, Workspace};
use serde_json::{Map, Value, json};

use super::hole::without_holes;

/// The declared names and their values. `contact` is not among them: it is always open.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    root: Map<String, Value>,
}

/// Every name that a template may start a path with.
pub(super) const ROOTS: [&str; 7] = ["brand", "message", "facts", "campaign", "step", "contact", "links"];

impl Scope {
    /// The scope of the texts of a message: all but `message` itself.
    pub(super) fn of_texts(
        workspace: &Workspace,
        campaign: &Campaign,
        step: &Step,
        message: &Message,
    ) -> Self {
        let brand = &workspace.brand;
        let root = json!({
            "brand": {
                "name": brand.name,
                "url": brand.url.as_str().trim_end_matches('/'),
                "address": brand.address,
                "language": brand.language.as_str(),
            },
            "campaign": {
                "id": campaign.id.as_str(),
                "title": campaign.title,
                "objective": campaign.objective,
            },
            "step": { "id": step.id.as_str() },
            "facts": message.facts,
        });
        let mut scope = Self { root: Map::new() };
        if let Value::Object(root) = root {
            scope.root = root.into_iter().map(|(name, value)| (name, cleaned(value))).collect();
        }
        scope
    }

    /// The same with `links`.
    pub(super) fn with_links(mut self, unsubscribe: char) -> Self {
        self.root.insert("links".to_owned(), json!({ "unsubscribe": unsubscribe.to_string() }));
        self
    }

    /// The same with `message`, whose texts have been worked out.
    pub(super) fn with_message(mut self, texts: &BTreeMap<&'static str, Option<String>>) -> Self {
        let mut message = json!(texts);
        message["facts"] = self.root.get("facts").cloned().unwrap_or_default();
        self.root.insert("message".to_owned(), message);
        self
    }

    /// The same with another text of the message.
    pub(super) fn with_text(mut self, name: &str, text: Option<String>) -> Self {
        if let Some(Value::Object(message)) = self.root.get_mut("message") {
            message.insert(name.to_owned(), text.into());
        }
        self
    }

    /// A root and all below it.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.root.get(name)
    }

    /// The names below a root, to suggest from.
    pub(super) fn names_in(&self, root: &str) -> Vec<&str> {
        match self.root.get(root) {
            Some(Value::Object(map)) => map.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => without_holes(&text).into(),
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, cleaned(value))).collect(),
        other => other,
    }
}

/// `message` in `language`: what the translation does not say is said as in the base.
#[must_use]
pub fn in_language(message: &Message, language: Option<&str>) -> Message {
    let mut said = message.clone();
    let Some(other) = language.and_then(|language| message.translations.get(language)) else {
        return said;
    };
    let take = |ours: &mut Option<String>, theirs: &Option<String>| {
        if theirs.is_some() {
            ours.clone_from(theirs);
        }
    };
    take(&mut said.subject, &other.subject);
    take(&mut said.preheader, &other.preheader);
    take(&mut said.headline, &other.headline);
    take(&mut said.body, &other.body);
    take(&mut said.call_to_action, &other.call_to_action);
    take(&mut said.link, &other.link);
    take(&mut said.image, &other.image);
    take(&mut said.image_alt, &other.image_alt);
    said.facts.extend(other.facts.clone());
    said
}
