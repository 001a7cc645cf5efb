//! The resolution of names and function calls in tags.

use std::borrow::Cow;

use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use serde_json::Value;
use source::nearest;

use super::frame::{Binding, Frame, Locals};
use super::state::Evaluation;
use crate::compile::scope::ROOTS;
use crate::compile::syntax::{Start, path};
use crate::expression::{CONTACT_FIELDS, Expression, Function};

/// A name that cannot be resolved, with the root below which it was looked up.
struct Unresolved {
    root: Option<String>,
    name: String,
}

impl Evaluation<'_> {
    /// Evaluates `{{name}}`, `{{a.b}}` or `{{function x y}}`. `None` after an error, which has been
    /// reported.
    pub(super) fn tag(&mut self, tag: &HelperTemplate) -> Option<Binding> {
        if !tag.params.is_empty() || !tag.hash.is_empty() {
            return self.call(tag);
        }
        match &tag.name {
            Parameter::Subexpression(_) => self.parameter(&tag.name, false),
            name => {
                let raw = name.as_name().unwrap_or_default().to_owned();
                self.resolve_name(&raw, false)
            }
        }
    }

    /// Evaluates an argument of a block or function. `tested` is set if the argument may be
    /// missing, as only its truth matters.
    pub(super) fn parameter(&mut self, parameter: &Parameter, tested: bool) -> Option<Binding> {
        match parameter {
            Parameter::Literal(value) => Some(Binding::Static(value.clone())),
            Parameter::Subexpression(sub) => match sub.as_element() {
                TemplateElement::Expression(tag) if tag.params.is_empty() && tag.hash.is_empty() => {
                    let raw = tag.name.as_name().unwrap_or_default().to_owned();
                    self.resolve_name(&raw, tested)
                }
                TemplateElement::Expression(tag) => self.call(tag),
                _ => None,
            },
            other => {
                let raw = other.as_name().unwrap_or_default().to_owned();
                self.resolve_name(&raw, tested)
            }
        }
    }

    /// Returns the frame of a partial: its arguments, and its `this`.
    pub(super) fn partial_frame(&mut self, tag: &DecoratorTemplate) -> Option<Frame> {
        let this = match tag.params.as_slice() {
            [] => self.frames.last().and_then(|frame| frame.this.clone()),
            [parameter] => Some(self.parameter(parameter, false)?),
            _ => {
                let help = "give other values by name: {{> partials/button label=\"Go\"}}";
                self.error(
                    "template-partial",
                    "a partial takes at most one value without a name".to_owned(),
                    help,
                );
                return None;
            }
        };
        let mut frame = Frame { this, locals: Locals::new() };
        for (name, parameter) in &tag.hash {
            let value = self.parameter(parameter, false)?;
            frame.set(name, value);
        }
        Some(frame)
    }

    fn call(&mut self, tag: &HelperTemplate) -> Option<Binding> {
        let name = tag.name.as_name().unwrap_or_default().to_owned();
        if name == "lookup" {
            return self.lookup(tag);
        }
        let Some((_, function, count)) = Function::ALL.into_iter().find(|(known, ..)| *known == name) else {
            let names = Function::ALL.iter().map(|(known, ..)| *known);
            let help = nearest(&name, names).map_or_else(
                || format!("functions are {}", Function::ALL.map(|(known, ..)| known).join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.error("template-function", format!("there is no function `{name}`"), &help);
            return None;
        };
        if !tag.hash.is_empty() || !count.contains(&tag.params.len()) {
            let message = format!("`{name}` takes {} to {} values", count.start(), count.end());
            self.error("template-function", message, "write them after its name, with spaces between");
            return None;
        }
        let tested = matches!(function, Function::Default | Function::And | Function::Or | Function::Not);
        let values: Option<Vec<_>> = tag.params.iter().map(|p| self.parameter(p, tested)).collect();
        Some(apply_or_defer(function, values?))
    }

    fn lookup(&mut self, tag: &HelperTemplate) -> Option<Binding> {
        let [of, key] = tag.params.as_slice() else {
            self.error(
                "template-function",
                "`lookup` takes 2 values".to_owned(),
                "{{lookup facts \"offer\"}}",
            );
            return None;
        };
        let of = self.parameter(of, false)?;
        let Some(Binding::Static(key)) = self.parameter(key, false) else {
            let help = "name it: {{contact.city}}";
            self.error(
                "template-function",
                "the key of `lookup` cannot depend on the contact".to_owned(),
                help,
            );
            return None;
        };
        let key = crate::expression::text(&key).into_owned();
        descend(&of, &[key]).or(Some(Binding::Static(Value::Null)))
    }

    fn resolve_name(&mut self, raw: &str, tested: bool) -> Option<Binding> {
        let (start, names) = path(raw);
        match self.resolve(start, &names) {
            Ok(value) => Some(value),
            // A shared template may use facts that some campaigns lack.
            Err(unresolved)
                if (tested || self.unused_depth > 0) && unresolved.root.as_deref() == Some("facts") =>
            {
                Some(Binding::Static(Value::Null))
            }
            // A partial may use arguments that some callers do not pass.
            Err(unresolved)
                if tested && unresolved.root.is_none() && names.len() == 1 && self.is_in_partial() =>
            {
                Some(Binding::Static(Value::Null))
            }
            Err(_) if self.unused_depth > 0 && names.len() == 1 && self.is_in_partial() => {
                Some(Binding::Static(Value::Null))
            }
            Err(unresolved) => {
                self.report_unknown(raw, &unresolved);
                None
            }
        }
    }

    fn report_unknown(&mut self, raw: &str, unresolved: &Unresolved) {
        let near = match &unresolved.root {
            Some(root) => {
                let near = nearest(&unresolved.name, self.scope.names_in(root));
                near.map(|near| format!("{root}.{near}"))
            }
            None => {
                let contact = CONTACT_FIELDS.contains(&unresolved.name.as_str()).then_some("contact");
                let root = ["message", "facts", "brand", "campaign"]
                    .into_iter()
                    .find(|root| self.scope.names_in(root).contains(&unresolved.name.as_str()));
                let inside = root.or(contact).map(|root| format!("{root}.{}", unresolved.name));
                inside.or_else(|| nearest(&unresolved.name, ROOTS).map(str::to_owned))
            }
        };
        let help = near.map_or_else(
            || match unresolved.root.as_deref() {
                Some(root) => format!("there are {}", names(&self.scope.names_in(root), root)),
                None => format!("a template sees {}", ROOTS.join(", ")),
            },
            |near| format!("did you mean `{near}`?"),
        );
        self.error("unknown-name", format!("`{raw}` is not defined here"), &help);
    }

    fn resolve(&self, start: Start, names: &[String]) -> Result<Binding, Unresolved> {
        let here = self.frames.len().saturating_sub(1);
        match start {
            Start::Root => self.lookup_in_frame(0, names),
            Start::Here => self.lookup_in_frame(here, names),
            Start::Up(levels) => match names.first() {
                Some(name) if name.starts_with('@') => self.lookup_local(here.saturating_sub(levels), names),
                _ => self.lookup_in_frame(here.saturating_sub(levels), names),
            },
            Start::Name => {
                let declared = names.first().is_some_and(|name| ROOTS.contains(&name.as_str()));
                // The declared names mean the same inside a block as outside. An item of a
                // contact's list could have any field, so declared names come first there; a field
                // is reached as `this.name`.
                let open = matches!(self.frames[here].this, Some(Binding::Dynamic(_)));
                let local = self.lookup_local(here, names);
                match local {
                    Err(unresolved) if names.first().is_some_and(|name| name.starts_with('@')) => {
                        Err(unresolved)
                    }
                    Err(_) if declared && open => self.lookup_in_frame(0, names),
                    Err(_) => self.lookup_in_frame(here, names).or_else(|unresolved| {
                        if declared && here > 0 { self.lookup_in_frame(0, names) } else { Err(unresolved) }
                    }),
                    found => found,
                }
            }
        }
    }

    fn lookup_local(&self, from: usize, names: &[String]) -> Result<Binding, Unresolved> {
        let unresolved = || Unresolved { root: None, name: names.first().cloned().unwrap_or_default() };
        let (name, rest) = names.split_first().ok_or_else(unresolved)?;
        let holder = self.frames[..=from].iter().rev().find_map(|frame| frame.locals.get(name));
        descend(holder.ok_or_else(unresolved)?, rest).ok_or_else(unresolved)
    }

    fn lookup_in_frame(&self, frame: usize, names: &[String]) -> Result<Binding, Unresolved> {
        let unresolved = |root: Option<&String>, name: Option<&String>| Unresolved {
            root: root.cloned(),
            name: name.cloned().unwrap_or_default(),
        };
        if let Some(this) = self.frames.get(frame).and_then(|frame| frame.this.as_ref()) {
            return descend(this, names).ok_or_else(|| unresolved(None, names.first()));
        }
        match names.split_first() {
            Some((root, rest)) if root == "contact" => {
                Ok(Binding::Dynamic(Expression::Contact(rest.to_vec())))
            }
            Some((root, rest)) => {
                let value = self.scope.get(root).ok_or_else(|| unresolved(None, Some(root)))?;
                get_path(value, rest)
                    .cloned()
                    .map(Binding::Static)
                    .ok_or_else(|| unresolved(Some(root), rest.first()))
            }
            None => Err(unresolved(None, None)),
        }
    }
}

fn names(known: &[&str], root: &str) -> String {
    if known.is_empty() {
        return format!("no names in `{root}`");
    }
    known.iter().map(|name| format!("{root}.{name}")).collect::<Vec<_>>().join(", ")
}

fn descend(value: &Binding, names: &[String]) -> Option<Binding> {
    match value {
        Binding::Static(value) => get_path(value, names).cloned().map(Binding::Static),
        Binding::Dynamic(Expression::Contact(path)) => {
            Some(Binding::Dynamic(Expression::Contact(extend_path(path, names))))
        }
        Binding::Dynamic(Expression::Item(depth, path)) => {
            Some(Binding::Dynamic(Expression::Item(*depth, extend_path(path, names))))
        }
        other => names.is_empty().then(|| other.clone()),
    }
}

fn extend_path(path: &[String], names: &[String]) -> Vec<String> {
    path.iter().chain(names).cloned().collect()
}

/// Returns the value at the path `names`. Unlike [`crate::expression::value_at`], it returns `None`
/// and not null for a missing one.
fn get_path<'a>(value: &'a Value, names: &[String]) -> Option<&'a Value> {
    names.iter().try_fold(value, |value, name| match value {
        Value::Object(map) => map.get(name),
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Returns the result of a function call if all arguments are static, and a dynamic call otherwise.
fn apply_or_defer(function: Function, values: Vec<Binding>) -> Binding {
    let known: Option<Vec<_>> = values
        .iter()
        .map(|value| match value {
            Binding::Static(value) => Some(Cow::Borrowed(value)),
            Binding::Dynamic(_) => None,
        })
        .collect();
    if let Some(known) = known {
        return Binding::Static(function.apply(&known));
    }
    let open = values.into_iter().map(|value| match value {
        Binding::Static(value) => Expression::Constant(value),
        Binding::Dynamic(expression) => expression,
    });
    Binding::Dynamic(Expression::Call(function, open.collect()))
}
