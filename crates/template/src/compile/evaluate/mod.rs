//! The evaluation of a template as far as possible without a contact.
//!
//! Handlebars parses the template; this module walks over its elements. Constants are written at
//! once, and values that depend on the contact become [`Placeholder`]s. Handlebars' own renderer
//! cannot do this, and has no limits on recursion, time and output, so that a template that
//! includes itself would end the process. This module has all three limits.

mod frame;
mod output;
mod partial;
mod state;
mod value;

use std::rc::Rc;

use handlebars::Template;
use handlebars::template::{HelperTemplate, TemplateElement};
use serde_json::Value;

use super::finding::{Findings, Place};
use super::placeholder::{Placeholder, Placeholders};
use super::scope::Scope;
use super::syntax::Parsed;
use crate::expression::{Expression, Position, is_true};
use frame::{Binding, Frame};
pub(super) use output::{JsonStringState, MAX_OUTPUT, TextFormat};
use output::{OutputBuffer, OutputTooLong};
pub(super) use state::Partials;
use state::{Evaluation, Stop};

/// The maximum number of elements that are evaluated for one template, in partials and repetitions
/// too.
const MAX_ELEMENTS: usize = 200_000;

/// Evaluates `parsed` in `scope`, and returns its text with placeholders; `None` if it has an
/// error.
pub(super) fn evaluate(
    parsed: &Rc<Parsed>,
    format: TextFormat,
    scope: &Scope,
    partials: &dyn Partials,
    placeholders: &mut Placeholders,
    findings: &mut Findings,
) -> Option<String> {
    let before = findings.count();
    let mut evaluation = Evaluation {
        scope,
        partials,
        placeholders,
        findings,
        frames: vec![Frame::root()],
        including: Vec::new(),
        blocks: Vec::new(),
        inline: Vec::new(),
        parsed: Rc::clone(parsed),
        at: (1, 1),
        steps: 0,
        aside_bytes: 0,
        dynamic_loops: 0,
        unused_depth: 0,
        output: OutputBuffer::new(format),
    };
    let whole = evaluation.template(&parsed.template);
    let text = std::mem::replace(&mut evaluation.output, OutputBuffer::new(format)).into_text();
    (whole.is_ok() && findings.count() == before).then_some(text)
}

impl Evaluation<'_> {
    fn template(&mut self, template: &Template) -> Result<(), Stop> {
        for (index, element) in template.elements.iter().enumerate() {
            if let Some(mapping) = template.mapping.get(index) {
                self.at = (mapping.0, mapping.1);
            }
            self.steps += 1;
            if self.steps > MAX_ELEMENTS {
                return Err(self
                    .stop("template-explodes", format!("the template has more than {MAX_ELEMENTS} parts")));
            }
            if matches!(element, TemplateElement::Expression(_)) {
                let ahead = template.elements[index + 1..].iter();
                self.output.look_ahead(ahead.filter_map(|element| match element {
                    TemplateElement::RawString(text) => Some(text.as_str()),
                    _ => None,
                }));
            }
            self.element(element)?;
        }
        Ok(())
    }

    fn element(&mut self, element: &TemplateElement) -> Result<(), Stop> {
        match element {
            TemplateElement::RawString(text) => self.push_raw(text),
            TemplateElement::Expression(tag) => self.expression(tag, false),
            TemplateElement::HtmlExpression(tag) => self.expression(tag, true),
            TemplateElement::HelperBlock(block) => self.block(block),
            TemplateElement::PartialExpression(tag) | TemplateElement::PartialBlock(tag) => self.partial(tag),
            TemplateElement::DecoratorBlock(tag) => self.define(tag),
            TemplateElement::Comment(_) => Ok(()),
            _ => {
                self.error("template-tag", "this kind of tag is not supported".to_owned(), "take it out");
                Ok(())
            }
        }
    }

    fn expression(&mut self, tag: &HelperTemplate, unescaped: bool) -> Result<(), Stop> {
        match self.tag(tag) {
            None => Ok(()),
            Some(Binding::Static(Value::String(text))) if unescaped => self.push_raw(&text),
            Some(Binding::Static(Value::Object(_))) => {
                self.error(
                    "unknown-name",
                    "this names a group of values".to_owned(),
                    "name one of them: {{facts.offer}}",
                );
                Ok(())
            }
            Some(Binding::Dynamic(Expression::Contact(path))) if path.is_empty() => {
                self.error(
                    "unknown-name",
                    "this names a whole contact".to_owned(),
                    "name a part: {{contact.email}}",
                );
                Ok(())
            }
            Some(Binding::Static(_)) if self.unused_depth > 0 => Ok(()),
            Some(Binding::Static(value)) => {
                let full = self.output.push_value(&value).err();
                self.check_output(full)
            }
            Some(Binding::Dynamic(_)) if unescaped => {
                let help = "write it with two braces: what people put into their data is never HTML";
                self.error("contact-unescaped", "contact data may not be written unescaped".to_owned(), help);
                Ok(())
            }
            Some(Binding::Dynamic(of)) => self.push_placeholder(Placeholder::Value(of, None)),
        }
    }

    fn block(&mut self, block: &HelperTemplate) -> Result<(), Stop> {
        let name = block.name.as_name().unwrap_or_default();
        let sides = (block.template.as_ref(), block.inverse.as_ref());
        let parameter = match block.params.as_slice() {
            [parameter] if block.hash.is_empty() && matches!(name, "if" | "unless" | "with" | "each") => {
                parameter
            }
            _ => {
                let message = format!("there is no block {{{{#{name}}}}} with these values");
                self.error(
                    "template-block",
                    message,
                    "use {{#if x}}, {{#unless x}}, {{#each x}} or {{#with x}}",
                );
                return Ok(());
            }
        };
        let Some(value) = self.parameter(parameter, matches!(name, "if" | "unless")) else { return Ok(()) };
        match (name, value) {
            ("if", Binding::Static(value)) => self.static_if(is_true(&value), sides),
            ("unless", Binding::Static(value)) => self.static_if(!is_true(&value), sides),
            ("if", Binding::Dynamic(test)) => self.dynamic_if(test, sides),
            ("unless", Binding::Dynamic(test)) => self.dynamic_if(test, (sides.1, sides.0)),
            ("with", Binding::Static(value)) if is_true(&value) => {
                self.with_frame(Frame::with(Binding::Static(value), block), sides.0)?;
                self.check_unused(sides.1)
            }
            ("with", Binding::Static(_)) => self.static_if(false, (None, sides.1)),
            ("with", Binding::Dynamic(of)) => self.dynamic_with(&of, block, sides),
            (_, Binding::Static(value)) => self.static_each(&value, block, sides),
            (_, Binding::Dynamic(list)) => self.dynamic_each(list, block, sides),
        }
    }

    /// Renders the branch that applies, and checks the other.
    fn static_if(&mut self, holds: bool, sides: (Option<&Template>, Option<&Template>)) -> Result<(), Stop> {
        let (used, other) = if holds { sides } else { (sides.1, sides.0) };
        used.map_or(Ok(()), |template| self.template(template))?;
        self.check_unused(other)
    }

    /// Checks a branch that is never rendered, so that it is valid if the condition changes.
    fn check_unused(&mut self, side: Option<&Template>) -> Result<(), Stop> {
        let Some(template) = side else { return Ok(()) };
        self.unused_depth += 1;
        let result = self.template(template);
        self.unused_depth -= 1;
        result
    }

    fn dynamic_if(
        &mut self,
        test: Expression,
        sides: (Option<&Template>, Option<&Template>),
    ) -> Result<(), Stop> {
        self.push_placeholder(Placeholder::If(test))?;
        sides.0.map_or(Ok(()), |template| self.template(template))?;
        if let Some(template) = sides.1 {
            self.push_placeholder(Placeholder::Else)?;
            self.template(template)?;
        }
        self.push_placeholder(Placeholder::End)
    }

    fn dynamic_with(
        &mut self,
        of: &Expression,
        block: &HelperTemplate,
        sides: (Option<&Template>, Option<&Template>),
    ) -> Result<(), Stop> {
        self.push_placeholder(Placeholder::If(of.clone()))?;
        self.with_frame(Frame::with(Binding::Dynamic(of.clone()), block), sides.0)?;
        if let Some(template) = sides.1 {
            self.push_placeholder(Placeholder::Else)?;
            self.template(template)?;
        }
        self.push_placeholder(Placeholder::End)
    }

    fn static_each(
        &mut self,
        value: &Value,
        block: &HelperTemplate,
        sides: (Option<&Template>, Option<&Template>),
    ) -> Result<(), Stop> {
        let items: Vec<(Value, &Value)> = match value {
            Value::Array(list) => list.iter().enumerate().map(|(index, item)| (index.into(), item)).collect(),
            Value::Object(map) => map.iter().map(|(key, item)| (key.as_str().into(), item)).collect(),
            _ => Vec::new(),
        };
        let last = items.len().saturating_sub(1);
        for (index, (key, item)) in items.iter().enumerate() {
            self.with_frame(Frame::item(item, key, index, index == last, block), sides.0)?;
        }
        self.static_if(!items.is_empty(), (None, sides.1))
    }

    fn dynamic_each(
        &mut self,
        list: Expression,
        block: &HelperTemplate,
        sides: (Option<&Template>, Option<&Template>),
    ) -> Result<(), Stop> {
        let depth = self.dynamic_loops;
        let position = |position| Binding::Dynamic(Expression::Position(depth, position));
        let mut frame = Frame::with(Binding::Dynamic(Expression::Item(depth, Vec::new())), block);
        frame.set("@index", position(Position::Index));
        frame.set("@first", position(Position::First));
        frame.set("@last", position(Position::Last));
        self.push_placeholder(Placeholder::Each(list))?;
        self.dynamic_loops += 1;
        let body = self.with_frame(frame, sides.0);
        self.dynamic_loops -= 1;
        body?;
        if let Some(template) = sides.1 {
            self.push_placeholder(Placeholder::Else)?;
            self.template(template)?;
        }
        self.push_placeholder(Placeholder::End)
    }

    fn with_frame(&mut self, frame: Frame, template: Option<&Template>) -> Result<(), Stop> {
        let Some(template) = template else { return Ok(()) };
        self.frames.push(frame);
        let result = self.template(template);
        self.frames.pop();
        result
    }

    /// Renders `template` into a buffer of its own, and returns its text.
    fn render_aside(&mut self, template: &Template) -> Result<String, Stop> {
        let output = self.output.continued();
        let outer = std::mem::replace(&mut self.output, output);
        let result = self.template(template);
        let text = std::mem::replace(&mut self.output, outer).into_text();
        self.aside_bytes += text.len();
        result.map(|()| text)
    }

    fn push_raw(&mut self, text: &str) -> Result<(), Stop> {
        if self.unused_depth > 0 {
            return Ok(());
        }
        let full = self.output.push_raw(text).err();
        self.check_output(full)
    }

    fn push_placeholder(&mut self, placeholder: Placeholder) -> Result<(), Stop> {
        if self.unused_depth > 0 {
            return Ok(());
        }
        let c = self.placeholders.insert(placeholder);
        self.push_raw(c.encode_utf8(&mut [0; 4]))
    }

    fn check_output(&mut self, result: Option<OutputTooLong>) -> Result<(), Stop> {
        // Text in such buffers counts, too: partials that double their content would grow without
        // limit.
        if result.is_none() && self.aside_bytes + self.output.len() <= 4 * MAX_OUTPUT {
            return Ok(());
        }
        Err(self.stop("template-explodes", format!("the template writes more than {MAX_OUTPUT} bytes")))
    }

    fn is_in_partial(&self) -> bool {
        !self.including.is_empty()
    }

    fn here(&self) -> Place {
        self.parsed.source.tag(self.at.0, self.at.1)
    }

    fn error(&mut self, code: &'static str, message: String, help: &str) {
        if self.findings.is_full() {
            return;
        }
        let place = self.here();
        self.findings.error(code, message, place, help);
    }

    fn stop(&mut self, code: &'static str, message: String) -> Stop {
        self.error(code, message, "a template that includes itself, or grows without end, cannot be sent");
        Stop
    }
}
