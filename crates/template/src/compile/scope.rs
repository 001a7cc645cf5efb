//! The names that a template can read and their values, which are the same for all recipients. The
//! only exception is `contact`, which is dynamic.

use std::collections::BTreeMap;

use campaign::{Campaign, CampaignMessage, Step, Workspace};
use serde_json::{Map, Value, json};

use super::placeholder::without_placeholders;

/// The declared names and their values, without `contact`, which is always dynamic.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    root: Map<String, Value>,
}

/// The names that a path in a template can start with.
pub(super) const ROOTS: [&str; 7] = ["brand", "message", "facts", "campaign", "step", "contact", "links"];

impl Scope {
    /// Returns the scope for the texts of a message: all names but `message` itself.
    pub(super) fn of_texts(
        workspace: &Workspace,
        campaign: &Campaign,
        step: &Step,
        message: &CampaignMessage,
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

    /// Adds `links`, whose URL of the unsubscribe page is a placeholder.
    pub(super) fn with_links(mut self, unsubscribe: char) -> Self {
        self.root.insert("links".to_owned(), json!({ "unsubscribe": unsubscribe.to_string() }));
        self
    }

    /// Adds `message` with its evaluated texts.
    pub(super) fn with_message(mut self, texts: &BTreeMap<&'static str, Option<String>>) -> Self {
        let mut message = json!(texts);
        message["facts"] = self.root.get("facts").cloned().unwrap_or_default();
        self.root.insert("message".to_owned(), message);
        self
    }

    /// Replaces a text of the message.
    pub(super) fn with_text(mut self, name: &str, text: Option<String>) -> Self {
        if let Some(Value::Object(message)) = self.root.get_mut("message") {
            message.insert(name.to_owned(), text.into());
        }
        self
    }

    /// Returns the value of a root name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.root.get(name)
    }

    /// Returns the names below a root, for suggestions.
    pub(super) fn names_in(&self, root: &str) -> Vec<&str> {
        match self.root.get(root) {
            Some(Value::Object(map)) => map.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => without_placeholders(&text).into(),
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, cleaned(value))).collect(),
        other => other,
    }
}

/// Returns `message` in `language`. A text that the translation lacks is that of the original.
#[must_use]
pub fn in_language(message: &CampaignMessage, language: Option<&str>) -> CampaignMessage {
    let mut localized = message.clone();
    let Some(other) = language.and_then(|language| message.translations.get(language)) else {
        return localized;
    };
    let take = |ours: &mut Option<String>, theirs: &Option<String>| {
        if theirs.is_some() {
            ours.clone_from(theirs);
        }
    };
    take(&mut localized.subject, &other.subject);
    take(&mut localized.preheader, &other.preheader);
    take(&mut localized.headline, &other.headline);
    take(&mut localized.body, &other.body);
    take(&mut localized.call_to_action, &other.call_to_action);
    take(&mut localized.link, &other.link);
    take(&mut localized.image, &other.image);
    take(&mut localized.image_alt, &other.image_alt);
    localized.facts.extend(other.facts.clone());
    localized
}
