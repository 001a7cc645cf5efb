//! The final inspection of an e-mail's HTML: rewrites links for tracking, embeds pictures of the
//! workspace, and refuses contact data where it could become code.

use super::files::Files;
use super::html_tokenizer::{Tag, Token, Tokenizer};
use super::link::{Links, Target};
use super::placeholder::{Placeholder, Placeholders, is_placeholder};

/// A problem in HTML: the finding, and the text by which its place in the files is found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadHtml {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) near: String,
    pub(super) help: String,
}

/// The maximum number of problems that are reported for one text.
const MAX_PROBLEMS: usize = 50;

/// Attributes that hold readable text, and so may hold contact data.
const TEXT_ATTRIBUTES: [&str; 5] = ["alt", "title", "aria-label", "aria-description", "abbr"];

/// Elements that mail programs do not display and spam filters distrust.
const REFUSED_ELEMENTS: [&str; 9] =
    ["script", "iframe", "object", "embed", "form", "base", "applet", "frame", "svg"];

/// Inspects and rewrites `html`, which must be in the form that the CSS inliner writes.
pub(super) fn inspect(
    html: &str,
    links: &mut Links,
    files: &mut Files,
    placeholders: &mut Placeholders,
) -> Result<String, Vec<BadHtml>> {
    let mut inspector = Inspector {
        links,
        files,
        placeholders,
        out: String::with_capacity(html.len() + 256),
        bad: Vec::new(),
    };
    inspector.inspect_html(html);
    if inspector.bad.is_empty() { Ok(inspector.out) } else { Err(inspector.bad) }
}

struct Inspector<'a> {
    links: &'a mut Links,
    files: &'a mut Files,
    placeholders: &'a mut Placeholders,
    out: String,
    bad: Vec<BadHtml>,
}

impl Inspector<'_> {
    fn inspect_html(&mut self, html: &str) {
        for token in Tokenizer::new(html) {
            match token {
                Token::Text(text) | Token::Declaration(text) => self.out.push_str(text),
                Token::Raw(text) => self.code(text),
                Token::Comment(text) => self.comment(text),
                Token::Open(tag) => self.tag(&tag),
                Token::Close(name) => self.close(name),
            }
        }
    }

    fn code(&mut self, text: &str) {
        if text.contains(is_placeholder) {
            let help = "put it into the text instead";
            self.refuse("contact-in-code", "contact data may not stand in styles or scripts", text, help);
        }
        self.out.push_str(text);
    }

    /// Unwraps block marks from their comments, keeps Outlook's conditional comments, and drops all
    /// others.
    fn comment(&mut self, text: &str) {
        if !text.is_empty() && text.chars().all(|c| self.placeholders.is_block_mark(c)) {
            self.out.push_str(text);
        } else if let Some((head, rest)) = text.split_once("]>").filter(|(head, _)| head.starts_with("[if")) {
            self.out.push_str("<!--");
            self.out.push_str(head);
            self.out.push_str("]>");
            match rest.strip_suffix("<![endif]") {
                Some(inside) => {
                    self.inspect_html(inside);
                    self.out.push_str("<![endif]-->");
                }
                None => {
                    self.out.push_str(rest);
                    self.out.push_str("-->");
                }
            }
        } else if text == "<![endif]" {
            self.out.push_str("<!--<![endif]-->");
        }
    }

    fn close(&mut self, name: &str) {
        if name == "body" {
            let open = self.placeholders.insert(Placeholder::OpenPixel);
            self.out.push_str("<img src=\"");
            self.out.push(open);
            self.out.push_str(
                "\" alt=\"\" width=\"1\" height=\"1\" style=\"display:block;width:1px;height:1px;border:0\">",
            );
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        if REFUSED_ELEMENTS.contains(&tag.name) {
            let message = format!("mail programs do not show <{}>", tag.name);
            self.refuse("html-element", &message, &format!("<{}", tag.name), "take it out");
        }
        if tag.name.starts_with("mj-") {
            let message = format!("<{}> is no MJML element, or may not stand where it does", tag.name);
            self.refuse("mjml", &message, &format!("<{}", tag.name), "see the MJML documentation");
        }
        if tag.name == "img" && tag.attribute("alt").is_none() {
            let near = tag.attribute("src").unwrap_or_default();
            let help = "say what the picture shows: alt=\"…\"; alt=\"\" if it shows nothing";
            self.refuse("image-alt-missing", "a picture has no alt text", &near, help);
        }
        self.out.push('<');
        self.out.push_str(tag.name);
        let attributes = tag.attributes();
        let changed = attributes.iter().any(|(name, _)| matches!(*name, "href" | "src"));
        let kept: Vec<_> =
            attributes.iter().map(|(name, value)| self.attribute(tag.name, name, value)).collect();
        if !changed {
            self.out.push_str(tag.rest);
        } else {
            for ((name, _), value) in attributes.iter().zip(kept) {
                self.out.push(' ');
                self.out.push_str(name);
                self.out.push_str("=\"");
                quoted(&value, &mut self.out);
                self.out.push('"');
            }
        }
        self.out.push('>');
    }

    /// Checks an attribute, and returns its new value.
    fn attribute(&mut self, tag: &str, name: &str, value: &str) -> String {
        let open = value.contains(is_placeholder);
        let lower = name.to_ascii_lowercase();
        if name.contains(is_placeholder) {
            let help = "put the block around the whole element";
            self.refuse("contact-in-code", "a block may not stand inside a tag", value, help);
        } else if lower.starts_with("on") {
            self.refuse(
                "html-element",
                &format!("no mail program runs `{name}`"),
                &format!("{name}="),
                "take it out",
            );
        } else if lower == "href" && !matches!(tag, "link" | "base") {
            return self.href(value);
        } else if lower == "src" {
            return self.src(tag, value);
        } else if open && !TEXT_ATTRIBUTES.contains(&lower.as_str()) {
            let message = format!("contact data may not stand in `{name}`");
            self.refuse("contact-in-code", &message, value, "put it into the text, an alt or a title");
        } else if matches!(lower.as_str(), "background" | "poster" | "srcset") && !is_web(value) {
            self.refuse("image-address", &format!("`{name}` needs an address with https://"), value, "");
        }
        value.to_owned()
    }

    fn href(&mut self, value: &str) -> String {
        match self.links.target(value, self.placeholders) {
            Ok(Target::Stays) => value.trim().to_owned(),
            Ok(Target::Click(position)) => self.placeholders.insert(Placeholder::Click(position)).to_string(),
            Err(bad) => {
                self.refuse("bad-link", &bad.to_string(), value, bad.help());
                String::new()
            }
        }
    }

    fn src(&mut self, tag: &str, value: &str) -> String {
        let source = value.trim();
        if source.contains(is_placeholder) {
            let help = "show the same picture to every contact, or put it into a block";
            self.refuse("contact-in-code", "contact data may not choose a picture", value, help);
        } else if is_web(source) || tag != "img" {
            return source.to_owned();
        } else if source.starts_with("data:") {
            self.refuse(
                "image-address",
                "mail programs do not show pictures written as data:",
                "data:",
                "use a file",
            );
        } else {
            match self.files.picture(source) {
                Ok(id) => return format!("cid:{id}"),
                Err(bad) => self.refuse("image-file", &bad.to_string(), source, bad.help()),
            }
        }
        String::new()
    }

    fn refuse(&mut self, code: &'static str, message: &str, near: &str, help: &str) {
        if self.bad.len() >= MAX_PROBLEMS {
            return;
        }
        let near = near.split(is_placeholder).max_by_key(|part| part.len()).unwrap_or_default().to_owned();
        self.bad.push(BadHtml { code, message: message.to_owned(), near, help: help.to_owned() });
    }
}

fn is_web(address: &str) -> bool {
    let address = address.trim_start().to_ascii_lowercase();
    address.starts_with("https://") || address.starts_with("http://")
}

fn quoted(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Expression;

    fn check(html: &str, placeholders: &mut Placeholders) -> Result<String, Vec<&'static str>> {
        let mut links = Links::new("c", "email", "k", "s");
        let mut files = Files::new(std::path::Path::new("/nowhere"));
        inspect(html, &mut links, &mut files, placeholders)
            .map_err(|bad| bad.into_iter().map(|bad| bad.code).collect())
    }

    fn value(placeholders: &mut Placeholders) -> char {
        placeholders.insert(Placeholder::Value(Expression::Contact(vec!["x".into()]), None))
    }

    #[test]
    fn contact_data_is_allowed_only_in_text() {
        let mut placeholders = Placeholders::default();
        let v = value(&mut placeholders);
        for html in
            [format!("<p title=\"{v}\">{v}</p>"), format!("<img src=\"https://a.example/i\" alt=\"{v}\">")]
        {
            assert!(check(&html, &mut placeholders).is_ok(), "{html}");
        }
        for html in [
            format!("<p style=\"color:{v}\">"),
            format!("<p class=\"{v}\">"),
            format!("<p {v}=\"\">"),
            format!("<style>a{{color:{v}}}</style>"),
            format!("<img alt=\"\" src=\"https://a.example/{v}\">"),
            format!("<!--[if mso]><p style=\"{v}\"><![endif]-->"),
            format!("<td background=\"{v}\">"),
        ] {
            assert_eq!(check(&html, &mut placeholders), Err(vec!["contact-in-code"]), "{html}");
        }
        assert_eq!(
            check(&format!("<a href=\"https://a.example/{v}\">"), &mut placeholders),
            Err(vec!["bad-link"])
        );
    }

    #[test]
    fn code_and_invalid_addresses_are_refused() {
        for (html, code) in [
            ("<p onclick=\"x\">", "html-element"),
            ("<script>x</script>", "html-element"),
            ("<mj-sction>x</mj-sction>", "mjml"),
            ("<a href=\"javascript:x\">", "bad-link"),
            ("<img src=\"https://a.example\">", "image-alt-missing"),
            ("<img alt=\"\" src=\"data:image/png;base64,x\">", "image-address"),
            ("<img alt=\"\" src=\"../../etc/passwd\">", "image-file"),
            ("<td background=\"file:///x\">", "image-address"),
        ] {
            assert_eq!(check(html, &mut Placeholders::default()), Err(vec![code]), "{html}");
        }
    }

    #[test]
    fn links_become_placeholders_and_comments_are_dropped() {
        let mut placeholders = Placeholders::default();
        let html = "<body><!-- note --><!--[if mso]><a href=\"https://a.example\">x</a><![endif]-->\
                    <!--[if !mso]><!--><link href=\"https://f.example\"><!--<![endif]--><a href=\"https://a.example\" id=\"b\">y</a></body>";
        let made = check(html, &mut placeholders).unwrap();
        let shown: String = made.chars().map(|c| if is_placeholder(c) { '@' } else { c }).collect();
        assert!(
            shown.starts_with(
                "<body><!--[if mso]><a href=\"@\">x</a><![endif]--><!--[if !mso]><!-->\
             <link href=\"https://f.example\"><!--<![endif]--><a href=\"@\" id=\"b\">y</a><img src=\"@\""
            ),
            "{shown}"
        );
    }
}
