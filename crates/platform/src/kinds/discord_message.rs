//! The rules for a message on Discord (discord.com/developers/docs/resources/message, "Embed
//! limits").

use fake_server::text::{chars, is_web};
use fake_server::{Button, Picture, text_field};
use serde_json::Value;

/// An error in a message, with its path: `embeds.0.title`.
#[derive(Debug)]
pub(crate) struct FieldError {
    pub(crate) path: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The readable content of a message.
#[derive(Debug, Default)]
pub(crate) struct MessageContent {
    pub(crate) text: String,
    pub(crate) title: Option<String>,
    pub(crate) links: Vec<String>,
    pub(crate) image: Option<Picture>,
    pub(crate) file_alt: Option<String>,
    pub(crate) buttons: Vec<Button>,
    /// True if the message has no visible content.
    pub(crate) empty: bool,
    embedded: usize,
}

type Checked = Result<(), FieldError>;

/// Checks a message and returns its readable content.
pub(crate) fn read(body: &Value, with_components: bool) -> Result<MessageContent, FieldError> {
    let mut message = MessageContent::default();
    let content = message.text_of(body, "", "content", 2000)?;
    message.push_text(content);
    message.embedded = 0;
    if let Some(name) = text_field(body, "username") {
        let length = "Must be between 1 and 80 in length.";
        require((1..=80).contains(&chars(name)), "username", "BASE_TYPE_BAD_LENGTH", length)?;
        let small = name.to_lowercase();
        let word = ["clyde", "discord"].into_iter().find(|word| small.contains(word));
        let message = format!("Username cannot contain \"{}\"", word.unwrap_or_default());
        require(word.is_none(), "username", "USERNAME_INVALID_CONTAINS", &message)?;
    }
    let embeds = list(body, "embeds", "embeds", 10)?;
    for (number, embed) in embeds.iter().enumerate() {
        message.embed(&format!("embeds.{number}"), embed)?;
    }
    let max = "Embed size exceeds maximum size of 6000";
    require(message.embedded <= 6000, "embeds", "MAX_EMBED_SIZE_EXCEEDED", max)?;
    let attachments = list(body, "attachments", "attachments", 10)?;
    message.file_alt = attachments.first().and_then(|one| text_field(one, "description")).map(str::to_owned);
    let components = list(body, "components", "components", 40)?;
    if with_components {
        for (number, row) in components.iter().enumerate() {
            message.row(&format!("components.{number}"), row)?;
        }
    }
    let buttons = with_components && !components.is_empty();
    message.empty = content.is_empty() && embeds.is_empty() && !buttons && body.get("poll").is_none();
    Ok(message)
}

fn require(fits: bool, path: &str, code: &'static str, message: &str) -> Checked {
    if fits { Ok(()) } else { Err(FieldError { path: path.to_owned(), code, message: message.to_owned() }) }
}

fn list<'a>(parent: &'a Value, name: &str, path: &str, max: usize) -> Result<&'a [Value], FieldError> {
    match parent.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => {
            let message = format!("Must be {max} or fewer in length.");
            require(items.len() <= max, path, "BASE_TYPE_MAX_LENGTH", &message)?;
            Ok(items)
        }
        Some(_) => Err(FieldError {
            path: path.to_owned(),
            code: "LIST_TYPE_CONVERT",
            message: "Only iterables may be used in a ListType".to_owned(),
        }),
    }
}

fn required(parent: &Value, path: &str, name: &str) -> Checked {
    let is_present = text_field(parent, name).is_some_and(|text| !text.is_empty());
    require(is_present, &format!("{path}.{name}"), "BASE_TYPE_REQUIRED", "This field is required")
}

fn web(parent: &Value, path: &str, name: &str) -> Checked {
    let Some(url) = text_field(parent, name) else { return Ok(()) };
    let scheme = is_web(url) || url.starts_with("attachment://");
    let message = format!(
        "Scheme \"{}\" is not supported. Scheme must be one of ('http', 'https').",
        url.split(':').next().unwrap_or_default()
    );
    require(scheme, &format!("{path}.{name}"), "URL_TYPE_INVALID_SCHEME", &message)?;
    require(
        url.len() <= 2048,
        &format!("{path}.{name}"),
        "URL_TYPE_MAX_LENGTH",
        "Must be 2048 or fewer in length.",
    )
}

impl MessageContent {
    /// Checks an optional text against its limit, and counts it for the embeds' sum.
    fn text_of<'a>(
        &mut self,
        parent: &'a Value,
        path: &str,
        name: &str,
        max: usize,
    ) -> Result<&'a str, FieldError> {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let text = match parent.get(name) {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) => text,
            Some(_) => {
                return Err(FieldError {
                    path,
                    code: "STRING_TYPE_CONVERT",
                    message: "Could not interpret as string.".to_owned(),
                });
            }
        };
        require(
            chars(text) <= max,
            &path,
            "BASE_TYPE_MAX_LENGTH",
            &format!("Must be {max} or fewer in length."),
        )?;
        self.embedded += chars(text);
        Ok(text)
    }

    fn embed(&mut self, path: &str, embed: &Value) -> Checked {
        let title = self.text_of(embed, path, "title", 256)?.to_owned();
        let description = self.text_of(embed, path, "description", 4096)?;
        self.push_text(description);
        for (number, field) in list(embed, "fields", &format!("{path}.fields"), 25)?.iter().enumerate() {
            let path = format!("{path}.fields.{number}");
            required(field, &path, "name")?;
            required(field, &path, "value")?;
            let (name, value) =
                (self.text_of(field, &path, "name", 256)?, self.text_of(field, &path, "value", 1024)?);
            self.push_text(&format!("{name}: {value}"));
        }
        if let Some(footer) = embed.get("footer") {
            let footer = self.text_of(footer, &format!("{path}.footer"), "text", 2048)?;
            self.push_text(footer);
        }
        if let Some(author) = embed.get("author") {
            self.text_of(author, &format!("{path}.author"), "name", 256)?;
        }
        web(embed, path, "url")?;
        self.links.extend(text_field(embed, "url").map(str::to_owned));
        if let Some(image) = embed.get("image") {
            web(image, &format!("{path}.image"), "url")?;
            let alt = text_field(image, "description");
            self.image =
                self.image.take().or_else(|| text_field(image, "url").map(|url| Picture::at(url, alt)));
        }
        if !title.is_empty() {
            self.title.get_or_insert(title);
        }
        Ok(())
    }

    /// Checks a row of link buttons, the only components that a webhook without an application may
    /// send.
    fn row(&mut self, path: &str, row: &Value) -> Checked {
        require(
            row["type"] == 1,
            &format!("{path}.type"),
            "UNION_TYPE_CHOICES",
            "Value of field \"type\" must be one of (1,).",
        )?;
        for (number, button) in list(row, "components", &format!("{path}.components"), 5)?.iter().enumerate()
        {
            let path = format!("{path}.components.{number}");
            let link = button["type"] == 2 && button["style"] == 5;
            require(
                link,
                &format!("{path}.style"),
                "COMPONENT_INVALID",
                "only link buttons may be sent by this webhook",
            )?;
            let label = self.text_of(button, &path, "label", 80)?.to_owned();
            required(button, &path, "url")?;
            web(button, &path, "url")?;
            if let Some(url) = text_field(button, "url") {
                self.links.push(url.to_owned());
                self.buttons.push(Button { text: label, url: url.to_owned() });
            }
        }
        Ok(())
    }

    fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }
}
