//! The evaluation of partials: `{{> name}}`, `{{#> name}}…{{/name}}`, `{{> @partial-block}}` and
//! `{{#*inline "name"}}`.

use std::rc::Rc;

use handlebars::template::{DecoratorTemplate, Parameter};
use serde_json::Value;
use source::nearest;

use super::state::{Evaluation, Stop};
use crate::compile::syntax::Parsed;

/// The maximum depth of partials within partials.
const MAX_PARTIALS: usize = 32;

impl Evaluation<'_> {
    pub(super) fn partial(&mut self, tag: &DecoratorTemplate) -> Result<(), Stop> {
        let name = match &tag.name {
            Parameter::Name(name) => name.trim_matches(['[', ']', '\'']).to_owned(),
            other => other.as_name().unwrap_or_default().to_owned(),
        };
        if name == "@partial-block" {
            return self.partial_block(tag);
        }
        if self.including.contains(&name) || self.including.len() >= MAX_PARTIALS {
            let way = self.including.join(" → ");
            return Err(
                self.stop("template-recursion", format!("partials include one another: {way} → {name}"))
            );
        }
        let Some(frame) = self.partial_frame(tag) else { return Ok(()) };
        let inline = self.inline.len();
        self.frames.push(frame);
        let found = self.find(&name, tag.template.is_some());
        let content = match &tag.template {
            Some(template) => Some(self.render_aside(template)?),
            None => None,
        };
        let result = match found {
            Some(parsed) => self.include(name, &parsed, content, tag.indent.as_deref()),
            None => content.map_or(Ok(()), |text| self.push_raw(&text)),
        };
        self.frames.pop();
        self.inline.truncate(inline);
        result
    }

    fn include(
        &mut self,
        name: String,
        parsed: &Rc<Parsed>,
        content: Option<String>,
        indent: Option<&str>,
    ) -> Result<(), Stop> {
        let caller = (std::mem::replace(&mut self.parsed, Rc::clone(parsed)), self.at);
        self.including.push(name);
        self.blocks.push(content);
        let result = match indent {
            None => self.template(&parsed.template),
            Some(indent) => self.render_aside(&parsed.template).and_then(|text| self.indented(&text, indent)),
        };
        self.blocks.pop();
        self.including.pop();
        (self.parsed, self.at) = caller;
        result
    }

    /// Writes the lines of `text`, each with `indent` before it. The first line is indented only at
    /// the start of a line.
    fn indented(&mut self, text: &str, indent: &str) -> Result<(), Stop> {
        for (index, line) in text.split_inclusive('\n').enumerate() {
            if index > 0 || self.output.is_at_line_start() && !line.trim().is_empty() {
                self.push_raw(indent)?;
            }
            self.push_raw(line)?;
        }
        Ok(())
    }

    fn partial_block(&mut self, tag: &DecoratorTemplate) -> Result<(), Stop> {
        match (self.blocks.last(), &tag.template) {
            (Some(Some(text)), _) => {
                let text = text.clone();
                self.push_raw(&text)
            }
            (_, Some(otherwise)) => self.template(otherwise),
            (None, None) => {
                let help = "use {{> @partial-block}} only in templates/partials and templates/layouts";
                self.error("template-partial", "no block was given here".to_owned(), help);
                Ok(())
            }
            (Some(None), None) => {
                let help = "include it as {{#> name}}…{{/name}}";
                self.error("template-partial", "this partial needs a block".to_owned(), help);
                Ok(())
            }
        }
    }

    /// Defines an inline partial: `{{#*inline "name"}}…{{/inline}}`.
    pub(super) fn define(&mut self, tag: &DecoratorTemplate) -> Result<(), Stop> {
        let (Some("inline"), [Parameter::Literal(Value::String(name))], Some(template)) =
            (tag.name.as_name(), tag.params.as_slice(), &tag.template)
        else {
            self.error(
                "template-tag",
                "this kind of tag is not supported".to_owned(),
                "use {{#*inline \"name\"}}",
            );
            return Ok(());
        };
        let parsed = Parsed { source: self.parsed.source.clone(), template: template.clone() };
        self.inline.push((name.clone(), Rc::new(parsed)));
        Ok(())
    }

    fn find(&mut self, name: &str, has_fallback: bool) -> Option<Rc<Parsed>> {
        if let Some((_, parsed)) = self.inline.iter().rev().find(|(inline, _)| inline == name) {
            return Some(Rc::clone(parsed));
        }
        let names = self.partials.names();
        if names.contains(&name) {
            return self.partials.partial(name, self.findings);
        }
        if !has_fallback {
            let near = nearest(name, names.iter().copied());
            let help = near.map_or_else(
                || "partials are files in templates/partials and templates/layouts".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.error("template-partial", format!("there is no partial `{name}`"), &help);
        }
        None
    }
}
