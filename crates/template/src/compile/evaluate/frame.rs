//! Values, and what names mean at a place of a template.

use std::collections::BTreeMap;

use handlebars::template::{BlockParam, HelperTemplate};
use serde_json::Value;

use crate::expression::Expression;

/// A value, as far as it is known.
#[derive(Debug, Clone)]
pub(super) enum Worked {
    /// The same for everybody.
    Known(Value),
    /// Only known when the contact is.
    Open(Expression),
}

/// The meanings of names at a place of a template.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// `this`; `None` is the scope itself.
    pub(super) this: Option<Worked>,
    pub(super) locals: Locals,
}

impl Frame {
    /// The scope itself.
    pub(super) const fn root() -> Self {
        Self { this: None, locals: Locals::new() }
    }

    /// `this` is `value`, which also has the name that the block gives it.
    pub(super) fn with(value: Worked, block: &HelperTemplate) -> Self {
        let mut frame = Self { this: Some(value.clone()), locals: Locals::new() };
        if let Some(BlockParam::Single(name) | BlockParam::Pair((name, _))) = &block.block_param {
            frame.set(name.as_name().unwrap_or_default(), value);
        }
        frame
    }

    /// `this` is the item `index` of a list that is the same for everybody.
    pub(super) fn item(item: &Value, key: &Value, index: usize, last: bool, block: &HelperTemplate) -> Self {
        let mut frame = Self::with(Worked::Known(item.clone()), block);
        if let Some(BlockParam::Pair((_, name))) = &block.block_param {
            frame.set(name.as_name().unwrap_or_default(), Worked::Known(key.clone()));
        }
        frame.set("@index", Worked::Known(index.into()));
        frame.set("@first", Worked::Known((index == 0).into()));
        frame.set("@last", Worked::Known(last.into()));
        if key.is_string() {
            frame.set("@key", Worked::Known(key.clone()));
        }
        frame
    }

    /// Gives a value a name.
    pub(super) fn set(&mut self, name: &str, value: Worked) {
        self.locals.insert(name.to_owned(), value);
    }
}

/// Locals of a frame by name.
pub(super) type Locals = BTreeMap<String, Worked>;
