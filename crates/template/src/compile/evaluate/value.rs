//! What the names and functions in a tag stand for.

use std::borrow::Cow;

use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use serde_json::Value;
use source::nearest;

use super::frame::{Frame, Locals, Worked};
use super::state::Evaluation;
use crate::compile::scope::ROOTS;
use crate::compile::syntax::{Start, path};
use crate::expression::{CONTACT_FIELDS, Expression, Function};

/// A name that stands for nothing.
struct Nothing {
    root: Option<String>,
    name: String,
}

impl Evaluation<'_> {
    /// `{{name}}`, `{{a.b}}` or `{{function x y}}`. `None` if it is wrong, which has been said.
    pub(super) fn tag(&mut self, tag: &HelperTemplate) -> Option<Worked> {
        if !tag.params.is_empty() || !tag.hash.is_empty() {
            return self.call(tag);
        }
        match &tag.name {
            Parameter::Subexpression(_) => self.parameter(&tag.name, false),
            name => {
                let raw = name.as_name().unwrap_or_default().to_owned();
                self.named(&raw, false)
            }
        }
    }

    /// A value given to a block or function; `tested` when all that matters is whether there is one.
    pub(super) fn parameter(&mut self, parameter: &Parameter, tested: bool) -> Option<Worked> {
        match parameter {
            Parameter::Literal(value) => Some(Worked::Known(value.clone())),
            Parameter::Subexpression(sub) => match sub.as_element() {
                TemplateElement::Expression(tag) if tag.params.is_empty() && tag.hash.is_empty() => {
                    let raw = tag.name.as_name().unwrap_or_default().to_owned();
                    self.named(&raw, tested)
                }
                TemplateElement::Expression(tag) => self.call(tag),
                _ => None,
            },
            other => {
                let raw = other.as_name().unwrap_or_default().to_owned();
                self.named(&raw, tested)
            }
        }
    }

    /// The names and `this` that a partial sees.
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

    fn call(&mut self, tag: &HelperTemplate) -> Option<Worked> {
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
        Some(join(function, values?))
    }

    fn lookup(&mut self, tag: &HelperTemplate) -> Option<Worked> {
        let [of, key] = tag.params.as_slice() else {
            self.error(
                "template-function",
                "`lookup` takes 2 values".to_owned(),
                "{{lookup facts \"offer\"}}",
            );
            return None;
        };
        let of = self.parameter(of, false)?;
        let Some(Worked::Known(key)) = self.parameter(key, false) else {
            let help = "name it: {{contact.city}}";
            self.error("template-function", "`lookup` cannot look for what a contact says".to_owned(), help);
            return None;
        };
        let key = crate::expression::text(&key).into_owned();
        below(&of, &[key]).or(Some(Worked::Known(Value::Null)))
    }

    fn named(&mut self, raw: &str, tested: bool) -> Option<Worked> {
        let (start, names) = path(raw);
        match self.resolve(start, &names) {
            Ok(value) => Some(value),
            // A campaign need not have every fact that a shared template can say.
            Err(nothing) if (tested || self.unused > 0) && nothing.root.as_deref() == Some("facts") => {
                Some(Worked::Known(Value::Null))
            }
            // Nor need a partial be given every value that it can use.
            Err(nothing) if tested && nothing.root.is_none() && names.len() == 1 && self.is_in_partial() => {
                Some(Worked::Known(Value::Null))
            }
            Err(_) if self.unused > 0 && names.len() == 1 && self.is_in_partial() => {
                Some(Worked::Known(Value::Null))
            }
            Err(nothing) => {
                self.unknown(raw, &nothing);
                None
            }
        }
    }

    fn unknown(&mut self, raw: &str, nothing: &Nothing) {
        let near = match &nothing.root {
            Some(root) => {
                let near = nearest(&nothing.name, self.scope.names_in(root));
                near.map(|near| format!("{root}.{near}"))
            }
            None => {
                let contact = CONTACT_FIELDS.contains(&nothing.name.as_str()).then_some("contact");
                let root = ["message", "facts", "brand", "campaign"]
                    .into_iter()
                    .find(|root| self.scope.names_in(root).contains(&nothing.name.as_str()));
                let inside = root.or(contact).map(|root| format!("{root}.{}", nothing.name));
                inside.or_else(|| nearest(&nothing.name, ROOTS).map(str::to_owned))
            }
        };
        let help = near.map_or_else(
            || match nothing.root.as_deref() {
                Some(root) => format!("there are {}", names(&self.scope.names_in(root), root)),
                None => format!("a template sees {}", ROOTS.join(", ")),
            },
            |near| format!("did you mean `{near}`?"),
        );
        self.error("unknown-name", format!("`{raw}` stands for nothing here"), &help);
    }

    fn resolve(&self, start: Start, names: &[String]) -> Result<Worked, Nothing> {
        let here = self.frames.len().saturating_sub(1);
        match start {
            Start::Root => self.at(0, names),
            Start::Here => self.at(here, names),
            Start::Up(levels) => match names.first() {
                Some(name) if name.starts_with('@') => self.local(here.saturating_sub(levels), names),
                _ => self.at(here.saturating_sub(levels), names),
            },
            Start::Name => {
                let declared = names.first().is_some_and(|name| ROOTS.contains(&name.as_str()));
                // The declared names mean the same inside a block as outside. What is repeated of a contact
                // could have any name, so there they come first; a field of it is `this.name`.
                let open = matches!(self.frames[here].this, Some(Worked::Open(_)));
                let local = self.local(here, names);
                match local {
                    Err(nothing) if names.first().is_some_and(|name| name.starts_with('@')) => Err(nothing),
                    Err(_) if declared && open => self.at(0, names),
                    Err(_) => self.at(here, names).or_else(|nothing| {
                        if declared && here > 0 { self.at(0, names) } else { Err(nothing) }
                    }),
                    found => found,
                }
            }
        }
    }

    fn local(&self, from: usize, names: &[String]) -> Result<Worked, Nothing> {
        let nothing = || Nothing { root: None, name: names.first().cloned().unwrap_or_default() };
        let (name, rest) = names.split_first().ok_or_else(nothing)?;
        let holder = self.frames[..=from].iter().rev().find_map(|frame| frame.locals.get(name));
        below(holder.ok_or_else(nothing)?, rest).ok_or_else(nothing)
    }

    fn at(&self, frame: usize, names: &[String]) -> Result<Worked, Nothing> {
        let nothing = |root: Option<&String>, name: Option<&String>| Nothing {
            root: root.cloned(),
            name: name.cloned().unwrap_or_default(),
        };
        if let Some(this) = self.frames.get(frame).and_then(|frame| frame.this.as_ref()) {
            return below(this, names).ok_or_else(|| nothing(None, names.first()));
        }
        match names.split_first() {
            Some((root, rest)) if root == "contact" => Ok(Worked::Open(Expression::Contact(rest.to_vec()))),
            Some((root, rest)) => {
                let value = self.scope.get(root).ok_or_else(|| nothing(None, Some(root)))?;
                found(value, rest)
                    .cloned()
                    .map(Worked::Known)
                    .ok_or_else(|| nothing(Some(root), rest.first()))
            }
            None => Err(nothing(None, None)),
        }
    }
}

fn names(known: &[&str], root: &str) -> String {
    if known.is_empty() {
        return format!("no names in `{root}`");
    }
    known.iter().map(|name| format!("{root}.{name}")).collect::<Vec<_>>().join(", ")
}

fn below(value: &Worked, names: &[String]) -> Option<Worked> {
    match value {
        Worked::Known(value) => found(value, names).cloned().map(Worked::Known),
        Worked::Open(Expression::Contact(path)) => {
            Some(Worked::Open(Expression::Contact(longer(path, names))))
        }
        Worked::Open(Expression::Item(depth, path)) => {
            Some(Worked::Open(Expression::Item(*depth, longer(path, names))))
        }
        other => names.is_empty().then(|| other.clone()),
    }
}

fn longer(path: &[String], names: &[String]) -> Vec<String> {
    path.iter().chain(names).cloned().collect()
}

/// The value at `names`, if there is one: unlike [`crate::expression::below`], missing is not null.
fn found<'a>(value: &'a Value, names: &[String]) -> Option<&'a Value> {
    names.iter().try_fold(value, |value, name| match value {
        Value::Object(map) => map.get(name),
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// A call, worked out at once if all is known.
fn join(function: Function, values: Vec<Worked>) -> Worked {
    let known: Option<Vec<_>> = values
        .iter()
        .map(|value| match value {
            Worked::Known(value) => Some(Cow::Borrowed(value)),
            Worked::Open(_) => None,
        })
        .collect();
    if let Some(known) = known {
        return Worked::Known(function.apply(&known));
    }
    let open = values.into_iter().map(|value| match value {
        Worked::Known(value) => Expression::Constant(value),
        Worked::Open(expression) => expression,
    });
    Worked::Open(Expression::Call(function, open.collect()))
}
