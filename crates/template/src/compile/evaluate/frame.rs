//! Values, and the names that are visible at a place of a template.

use std::collections::BTreeMap;

use handlebars::template::{BlockParam, HelperTemplate};
use serde_json::Value;

use crate::expression::Expression;

/// The value of a name: known at compile time, or evaluated for each recipient.
#[derive(Debug, Clone)]
pub(super) enum Binding {
    /// A value that is the same for all recipients.
    Static(Value),
    /// An expression that is evaluated for each recipient.
    Dynamic(Expression),
}

/// The names of one level of blocks or partials.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The value of `this`; `None` for the root scope.
    pub(super) this: Option<Binding>,
    pub(super) locals: Locals,
}

impl Frame {
    /// Returns the frame of the root scope.
    pub(super) const fn root() -> Self {
        Self { this: None, locals: Locals::new() }
    }

    /// Returns a frame in which `this` is `value`, which also has the name that the block declares
    /// (`as |name|`).
    pub(super) fn with(value: Binding, block: &HelperTemplate) -> Self {
        let mut frame = Self { this: Some(value.clone()), locals: Locals::new() };
        if let Some(BlockParam::Single(name) | BlockParam::Pair((name, _))) = &block.block_param {
            frame.set(name.as_name().unwrap_or_default(), value);
        }
        frame
    }

    /// Returns a frame in which `this` is the item at `index` of a static list.
    pub(super) fn item(item: &Value, key: &Value, index: usize, last: bool, block: &HelperTemplate) -> Self {
        let mut frame = Self::with(Binding::Static(item.clone()), block);
        if let Some(BlockParam::Pair((_, name))) = &block.block_param {
            frame.set(name.as_name().unwrap_or_default(), Binding::Static(key.clone()));
        }
        frame.set("@index", Binding::Static(index.into()));
        frame.set("@first", Binding::Static((index == 0).into()));
        frame.set("@last", Binding::Static(last.into()));
        if key.is_string() {
            frame.set("@key", Binding::Static(key.clone()));
        }
        frame
    }

    /// Sets the value of a local name.
    pub(super) fn set(&mut self, name: &str, value: Binding) {
        self.locals.insert(name.to_owned(), value);
    }
}

/// The local names of a frame with their values.
pub(super) type Locals = BTreeMap<String, Binding>;
