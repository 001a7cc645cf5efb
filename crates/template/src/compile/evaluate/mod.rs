//! Works a template out as far as it goes without a contact.
//!
//! Handlebars parses; this walks over what it parsed. What is the same for everybody is written now, what
//! depends on the contact becomes a [`Hole`]. Handlebars' own renderer cannot stop half way, and has no limit
//! on recursion, time or output (a template that includes itself ends the process); here each has one.

mod frame;
mod page;
mod partial;
mod state;
mod value;

use std::rc::Rc;

use handlebars::Template;
use handlebars::template::{HelperTemplate, TemplateElement};
use serde_json::Value;

use super::finding::{Findings, Place};
use super::hole::{Hole, Holes};
use super::scope::Scope;
use super::syntax::Parsed;
use crate::expression::{Expression, Position, is_true};
use frame::{Frame, Worked};
pub(super) use page::{Dialect, MAX_OUTPUT, Quotes};
use page::{Full, Page};
pub(super) use state::Partials;
use state::{Evaluation, Stop};

/// The most elements that one template may work through, partials and repetitions counted.
const MAX_STEPS: usize = 200_000;

/// Works out `parsed` in `scope` and gives its text, open places and all, if nothing is wrong with it.
pub(super) fn evaluate(
    parsed: &Rc<Parsed>,
    dialect: Dialect,
    scope: &Scope,
    partials: &dyn Partials,
    holes: &mut Holes,
    findings: &mut Findings,
) -> Option<String> {
    let before = findings.count();
    let mut evaluation = Evaluation {
        scope,
        partials,
        holes,
        findings,
        frames: vec![Frame::root()],
        including: Vec::new(),
        blocks: Vec::new(),
        inline: Vec::new(),
        parsed: Rc::clone(parsed),
        at: (1, 1),
        steps: 0,
        written: 0,
        loops: 0,
        unused: 0,
        page: Page::new(dialect),
    };
    let whole = evaluation.template(&parsed.template);
    let text = std::mem::replace(&mut evaluation.page, Page::new(dialect)).into_text();
    (whole.is_ok() && findings.count() == before).then_some(text)
}

impl Evaluation<'_> {
    fn template(&mut self, template: &Template) -> Result<(), Stop> {
        for (index, element) in template.elements.iter().enumerate() {
            if let Some(mapping) = template.mapping.get(index) {
                self.at = (mapping.0, mapping.1);
            }
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(
                    self.stop("template-explodes", format!("the template has more than {MAX_STEPS} parts"))
                );
            }
            if matches!(element, TemplateElement::Expression(_)) {
                let ahead = template.elements[index + 1..].iter();
                self.page.look_ahead(ahead.filter_map(|element| match element {
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
            TemplateElement::RawString(text) => self.raw(text),
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
            Some(Worked::Known(Value::String(text))) if unescaped => self.raw(&text),
            Some(Worked::Known(Value::Object(_))) => {
                self.error(
                    "unknown-name",
                    "this names a group of values".to_owned(),
                    "name one of them: {{facts.offer}}",
                );
                Ok(())
            }
            Some(Worked::Open(Expression::Contact(path))) if path.is_empty() => {
                self.error(
                    "unknown-name",
                    "this names a whole contact".to_owned(),
                    "name a part: {{contact.email}}",
                );
                Ok(())
            }
            Some(Worked::Known(_)) if self.unused > 0 => Ok(()),
            Some(Worked::Known(value)) => {
                let full = self.page.value(&value).err();
                self.checked(full)
            }
            Some(Worked::Open(_)) if unescaped => {
                let help = "write it with two braces: what people put into their data is never HTML";
                self.error("contact-unescaped", "contact data may not be written unescaped".to_owned(), help);
                Ok(())
            }
            Some(Worked::Open(of)) => self.hole(Hole::Value(of, None)),
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
            ("if", Worked::Known(value)) => self.choose(is_true(&value), sides),
            ("unless", Worked::Known(value)) => self.choose(!is_true(&value), sides),
            ("if", Worked::Open(test)) => self.either(test, sides),
            ("unless", Worked::Open(test)) => self.either(test, (sides.1, sides.0)),
            ("with", Worked::Known(value)) if is_true(&value) => {
                self.within(Frame::with(Worked::Known(value), block), sides.0)?;
                self.look_over(sides.1)
            }
            ("with", Worked::Known(_)) => self.choose(false, (None, sides.1)),
            ("with", Worked::Open(of)) => self.with(&of, block, sides),
            (_, Worked::Known(value)) => self.each(&value, block, sides),
            (_, Worked::Open(list)) => self.repeat(list, block, sides),
        }
    }

    /// Writes the side that holds and looks over the other.
    fn choose(&mut self, holds: bool, sides: (Option<&Template>, Option<&Template>)) -> Result<(), Stop> {
        let (used, other) = if holds { sides } else { (sides.1, sides.0) };
        used.map_or(Ok(()), |template| self.template(template))?;
        self.look_over(other)
    }

    /// Checks a side that nobody will see, so that it is right when somebody does.
    fn look_over(&mut self, side: Option<&Template>) -> Result<(), Stop> {
        let Some(template) = side else { return Ok(()) };
        self.unused += 1;
        let result = self.template(template);
        self.unused -= 1;
        result
    }

    fn either(
        &mut self,
        test: Expression,
        sides: (Option<&Template>, Option<&Template>),
    ) -> Result<(), Stop> {
        self.hole(Hole::If(test))?;
        sides.0.map_or(Ok(()), |template| self.template(template))?;
        if let Some(template) = sides.1 {
            self.hole(Hole::Else)?;
            self.template(template)?;
        }
        self.hole(Hole::End)
    }

    fn with(
        &mut self,
        of: &Expression,
        block: &HelperTemplate,
        sides: (Option<&Template>, Option<&Template>),
    ) -> Result<(), Stop> {
        self.hole(Hole::If(of.clone()))?;
        self.within(Frame::with(Worked::Open(of.clone()), block), sides.0)?;
        if let Some(template) = sides.1 {
            self.hole(Hole::Else)?;
            self.template(template)?;
        }
        self.hole(Hole::End)
    }

    fn each(
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
            self.within(Frame::item(item, key, index, index == last, block), sides.0)?;
        }
        self.choose(!items.is_empty(), (None, sides.1))
    }

    fn repeat(
        &mut self,
        list: Expression,
        block: &HelperTemplate,
        sides: (Option<&Template>, Option<&Template>),
    ) -> Result<(), Stop> {
        let depth = self.loops;
        let position = |position| Worked::Open(Expression::Position(depth, position));
        let mut frame = Frame::with(Worked::Open(Expression::Item(depth, Vec::new())), block);
        frame.set("@index", position(Position::Index));
        frame.set("@first", position(Position::First));
        frame.set("@last", position(Position::Last));
        self.hole(Hole::Each(list))?;
        self.loops += 1;
        let body = self.within(frame, sides.0);
        self.loops -= 1;
        body?;
        if let Some(template) = sides.1 {
            self.hole(Hole::Else)?;
            self.template(template)?;
        }
        self.hole(Hole::End)
    }

    fn within(&mut self, frame: Frame, template: Option<&Template>) -> Result<(), Stop> {
        let Some(template) = template else { return Ok(()) };
        self.frames.push(frame);
        let result = self.template(template);
        self.frames.pop();
        result
    }

    /// What `template` writes, on a page of its own.
    fn aside(&mut self, template: &Template) -> Result<String, Stop> {
        let page = self.page.continued();
        let kept = std::mem::replace(&mut self.page, page);
        let result = self.template(template);
        let text = std::mem::replace(&mut self.page, kept).into_text();
        self.written += text.len();
        result.map(|()| text)
    }

    fn raw(&mut self, text: &str) -> Result<(), Stop> {
        if self.unused > 0 {
            return Ok(());
        }
        let full = self.page.raw(text).err();
        self.checked(full)
    }

    fn hole(&mut self, hole: Hole) -> Result<(), Stop> {
        if self.unused > 0 {
            return Ok(());
        }
        let c = self.holes.put(hole);
        self.raw(c.encode_utf8(&mut [0; 4]))
    }

    fn checked(&mut self, result: Option<Full>) -> Result<(), Stop> {
        // What was put aside counts too, or doubling partials would double without end.
        if result.is_none() && self.written + self.page.len() <= 4 * MAX_OUTPUT {
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
