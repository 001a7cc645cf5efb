//! The parser of templates: that of Handlebars, with the limits that it lacks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use handlebars::Template;

use super::finding::{Findings, Source};
use super::placeholder::without_placeholders;

/// A parsed template with its source.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) source: Source,
    pub(super) template: Template,
}

/// The maximum length of a template, in bytes.
const MAX_SOURCE: usize = 1 << 20;

/// The maximum product of a template's tags and bytes. The parser counts the lines before each tag
/// again, which takes seconds above this limit.
const MAX_WORK: usize = 300_000_000;

/// The maximum depth of nested blocks. The parser and the evaluation recurse, so it is checked
/// before they run.
const MAX_NESTING: usize = 64;

/// Parses `source`; `None` if it is invalid, which is reported.
pub(super) fn parse(mut source: Source, findings: &mut Findings) -> Option<Parsed> {
    source.text = without_placeholders(&source.text);
    if source.text.len() > MAX_SOURCE {
        let message = format!("the template has {} bytes; the limit is {MAX_SOURCE}", source.text.len());
        findings.error("template-too-long", message, source.whole(), "split it into partials, or shorten it");
        return None;
    }
    if let Err((at, message)) = check_nesting(&source.text) {
        let place = source.at(at..(at + 2).min(source.text.len()));
        findings.error("template-too-deep", message, place, "take blocks or brackets out of one another");
        return None;
    }
    let tags = source.text.matches("{{").count();
    if tags.saturating_mul(source.text.len()) > MAX_WORK {
        let message =
            format!("the template has {tags} tags in {} bytes, which is too much", source.text.len());
        findings.error("template-too-long", message, source.whole(), "split it into partials, or shorten it");
        return None;
    }
    // The parser has `unwrap`s that some text may still reach; a located finding is better than a
    // panic.
    match catch_unwind(AssertUnwindSafe(|| Template::compile(&source.text))) {
        Ok(Ok(template)) => Some(Parsed { source, template }),
        Ok(Err(error)) => {
            let place = error.pos().map_or_else(|| source.whole(), |(line, column)| source.tag(line, column));
            let message = format!("the template cannot be read: {}", error.reason());
            findings.error(
                "template-syntax",
                message,
                place,
                "every {{#block}} needs its {{/block}}, every {{ its }}",
            );
            None
        }
        Err(_) => {
            let message = "the template cannot be read".to_owned();
            findings.error("template-syntax", message, source.whole(), "simplify its {{…}} tags");
            None
        }
    }
}

/// Checks the depth of blocks and brackets without parsing. The error is a position and a message.
fn check_nesting(text: &str) -> Result<(), (usize, String)> {
    // An `else if` is a nested block to the parser and the evaluation.
    let (mut open, mut at) = (Vec::new(), 0);
    while let Some(found) = text[at..].find("{{") {
        let start = at + found;
        let inside = &text[start + 2..];
        if inside.starts_with("{{") {
            return Err((start, "raw blocks, {{{{…}}}}, are not supported".to_owned()));
        }
        let (body, length) = tag(inside);
        at = start + 2 + length;
        let content = body.trim_start_matches(['~', '{']).trim_start();
        match content.bytes().next() {
            Some(b'#') => open.push(1),
            Some(b'/') => drop(open.pop()),
            Some(b'!') => continue,
            _ if content.starts_with("else") || content.starts_with('^') => {
                if let Some(chain) = open.last_mut() {
                    *chain += 1;
                }
            }
            _ => {}
        }
        if open.iter().sum::<usize>() > MAX_NESTING || brackets(body) > MAX_NESTING / 4 {
            return Err((
                start,
                format!("more than {MAX_NESTING} blocks, or too many brackets, in one another"),
            ));
        }
    }
    Ok(())
}

/// Returns the content of a tag, and its length with the closing braces; `inside` starts after the
/// `{{`.
fn tag(inside: &str) -> (&str, usize) {
    let end = if inside.starts_with("!--") { "--}}" } else { "}}" };
    inside.find(end).map_or((inside, inside.len()), |found| (&inside[..found], found + end.len()))
}

fn brackets(body: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in body.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// The start of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The root scope: `@root.…`.
    Root,
    /// The scope this number of levels above: `../`.
    Up(usize),
    /// The current scope: `this`, `this.…`, `./…`.
    Here,
    /// A name, which is looked up in the current scope first.
    Name,
}

/// Parses a path, such as `../a.b`, `@root.brand.name`, `this`, `@index` or `items.[first one]`,
/// into its start and its names.
pub(super) fn path(raw: &str) -> (Start, Vec<String>) {
    let mut rest = raw;
    let mut start = Start::Name;
    if let Some(below) = rest.strip_prefix("@root") {
        (start, rest) = (Start::Root, below);
    } else if rest == "this" || rest == "." {
        return (Start::Here, Vec::new());
    } else if let Some(below) = ["this.", "this/", "./"].iter().find_map(|here| rest.strip_prefix(here)) {
        (start, rest) = (Start::Here, below);
    }
    let local = start == Start::Name && rest.starts_with('@');
    rest = if local { &rest[1..] } else { rest };
    let mut up = 0;
    while let Some(above) = rest.strip_prefix("../").or_else(|| rest.strip_prefix("..")) {
        (up, rest) = (up + 1, above);
    }
    let mut names = names(rest);
    if local && let Some(first) = names.first_mut() {
        first.insert(0, '@');
    }
    (if up > 0 { Start::Up(up) } else { start }, names)
}

fn names(mut rest: &str) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        rest = rest.trim_start_matches(['.', '/']);
        if rest.is_empty() {
            return names;
        }
        let (name, after) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']').unwrap_or((inside, "")),
            None => rest.find(['.', '/']).map_or((rest, ""), |end| rest.split_at(end)),
        };
        if name != "this" || names.is_empty() && after.is_empty() && rest != "this" {
            names.push(name.to_owned());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn findings(text: String) -> Vec<source::Diagnostic> {
        let mut findings = Findings::default();
        let _ = parse(Source::file(Path::new("t.html"), text), &mut findings);
        findings.into_list()
    }

    #[test]
    fn paths_are_parsed() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(path("facts.offer"), (Start::Name, names(&["facts", "offer"])));
        assert_eq!(path("@root.brand.name"), (Start::Root, names(&["brand", "name"])));
        assert_eq!(path("@root/brand"), (Start::Root, names(&["brand"])));
        assert_eq!(path("../../x"), (Start::Up(2), names(&["x"])));
        assert_eq!(path("../this"), (Start::Up(1), names(&[])));
        assert_eq!(path("this"), (Start::Here, names(&[])));
        assert_eq!(path("this.a/b"), (Start::Here, names(&["a", "b"])));
        assert_eq!(path("@index"), (Start::Name, names(&["@index"])));
        assert_eq!(path("@../index"), (Start::Up(1), names(&["@index"])));
        assert_eq!(path("contact.[first name].x"), (Start::Name, names(&["contact", "first name", "x"])));
    }

    #[test]
    fn excessive_depth_is_refused_before_parsing() {
        for (open, close) in
            [("{{#if a}}", "{{/if}}"), ("{{#each a}}", ""), ("{{~ #with a}}", ""), ("{{else if b}}", "")]
        {
            let text = format!("{{{{#if a}}}}{}{}", open.repeat(10_000), close.repeat(10_000));
            let found = findings(text);
            assert_eq!((found.len(), found[0].code), (1, "template-too-deep"), "{open}");
            assert!(found[0].span.is_some());
        }
        for brackets in ["(", "[", "{\"a\":"] {
            assert_eq!(findings(format!("{{{{x {}", brackets.repeat(10_000)))[0].code, "template-too-deep");
        }
    }

    #[test]
    fn syntax_errors_are_located() {
        let found = findings("fine\n{{#if a}} never closed".into());
        assert_eq!(found[0].code, "template-syntax");
        assert!(found[0].span.is_some());
        assert_eq!(findings("{{#if a}}{{/each}}".into())[0].code, "template-syntax");
        assert_eq!(findings("{{{{raw}}}}x{{{{/raw}}}}".into())[0].code, "template-too-deep");
        assert_eq!(findings("x".repeat((1 << 20) + 1))[0].code, "template-too-long");
        assert!(findings("{{!-- {{#if --}} {{! {{#if }} fine".into()).is_empty());
    }
}
