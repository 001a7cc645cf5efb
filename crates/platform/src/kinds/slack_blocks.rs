//! Slack's Block Kit (docs.slack.dev/reference/block-kit/blocks; limits as in
//! slack_sdk/models/blocks).

use std::collections::HashSet;

use fake_server::text::{chars, is_web, links, unescaped};
use fake_server::{Button, Picture, text_field};
use serde_json::Value;

/// The largest number of blocks in a message.
const MAX_BLOCKS: usize = 50;
/// The longest text of all markdown blocks together, in characters.
const MAX_MARKDOWN_CHARS: usize = 12_000;

/// The readable content of blocks.
#[derive(Debug, Default)]
pub(crate) struct BlockContent {
    pub(crate) blocks: usize,
    pub(crate) text: String,
    pub(crate) title: Option<String>,
    pub(crate) links: Vec<String>,
    pub(crate) image: Option<Picture>,
    pub(crate) buttons: Vec<Button>,
    markdown: usize,
    ids: HashSet<String>,
}

/// The reason for which Slack refuses blocks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBlocks {
    #[error("blocks are no list")]
    NoList,
    #[error("{0} blocks, {MAX_BLOCKS} at most")]
    TooMany(usize),
    #[error("/blocks/{0}: {1}")]
    Block(usize, #[source] BlockError),
}

impl BadBlocks {
    /// Returns Slack's name of the error.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoList => "invalid_blocks_format",
            Self::TooMany(_) | Self::Block(..) => "invalid_blocks",
        }
    }
}

/// The reason for which Slack refuses one block.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlockError {
    #[error("{0}")]
    Rule(&'static str),
    #[error("additional property {0}")]
    Additional(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{name} has {found} characters, 1 to {max}")]
    Length { name: &'static str, found: usize, max: usize },
    #[error("{name} has {found}, 1 to {max}")]
    Count { name: &'static str, found: usize, max: usize },
    #[error("unsupported type {0:?}")]
    Block(String),
    #[error("unsupported element {0:?}")]
    Element(String),
    #[error("text object of type {0:?}")]
    TextObject(Option<String>),
}

impl From<&'static str> for BlockError {
    fn from(rule: &'static str) -> Self {
        Self::Rule(rule)
    }
}

/// Checks blocks and returns their readable content.
pub(crate) fn read(blocks: &Value) -> Result<BlockContent, BadBlocks> {
    let blocks = blocks.as_array().ok_or(BadBlocks::NoList)?;
    if blocks.len() > MAX_BLOCKS {
        return Err(BadBlocks::TooMany(blocks.len()));
    }
    let mut content = BlockContent { blocks: blocks.len(), ..BlockContent::default() };
    for (number, block) in blocks.iter().enumerate() {
        content.block(block).map_err(|error| BadBlocks::Block(number, error))?;
    }
    Ok(content)
}

/// Returns the visible text and the links in it: `<https://a|label>`, `<!here>` and `&amp;` are
/// resolved.
pub(crate) fn mrkdwn(text: &str) -> (String, Vec<String>) {
    let (mut shown, mut found, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, (inside, after))) =
        rest.split_once('<').and_then(|(before, tail)| Some((before, tail.split_once('>')?)))
    {
        shown.push_str(&unescaped(before));
        let (target, label) = inside.split_once('|').unwrap_or((inside, inside));
        let (target, label) = (unescaped(target), unescaped(label));
        if is_web(&target) {
            found.push(target);
        }
        shown.push_str(&label);
        rest = after;
    }
    shown.push_str(&unescaped(rest));
    (shown, found)
}

fn require(fits: bool, error: impl Into<BlockError>) -> Result<(), BlockError> {
    if fits { Ok(()) } else { Err(error.into()) }
}

/// Checks that a block has only these fields beside `type` and `block_id`.
fn only(value: &Value, known: &[&str]) -> Result<(), BlockError> {
    let fields = value.as_object().ok_or("no object")?;
    let other = fields
        .keys()
        .find(|key| !known.contains(&key.as_str()) && !["type", "block_id"].contains(&key.as_str()));
    other.map_or(Ok(()), |key| Err(BlockError::Additional(key.clone())))
}

fn bounded_text<'a>(value: &'a Value, name: &'static str, max: usize) -> Result<&'a str, BlockError> {
    let text = text_field(value, name).ok_or(BlockError::Missing(name))?;
    let found = chars(text);
    require((1..=max).contains(&found), BlockError::Length { name, found, max })?;
    Ok(text)
}

fn items<'a>(block: &'a Value, name: &'static str, max: usize) -> Result<&'a Vec<Value>, BlockError> {
    let items = block.get(name).and_then(Value::as_array).ok_or(BlockError::Missing(name))?;
    let found = items.len();
    require((1..=max).contains(&found), BlockError::Count { name, found, max })?;
    Ok(items)
}

impl BlockContent {
    fn block(&mut self, block: &Value) -> Result<(), BlockError> {
        if let Some(id) = block.get("block_id") {
            let id =
                id.as_str().filter(|id| chars(id) <= 255).ok_or("block_id is to be a text of up to 255")?;
            require(self.ids.insert(id.to_owned()), "block_id is there twice")?;
        }
        match text_field(block, "type").unwrap_or_default() {
            "header" => {
                only(block, &["text"])?;
                let text = self.text_object(block.get("text"), 150, true)?;
                self.title.get_or_insert_with(|| text.clone());
                self.push_text(&text);
                Ok(())
            }
            "section" => self.section(block),
            "divider" => only(block, &[]),
            "image" => self.image(block),
            "context" => self.context(block),
            "actions" => self.actions(block),
            "markdown" => {
                only(block, &["text"])?;
                let text = bounded_text(block, "text", MAX_MARKDOWN_CHARS)?;
                self.markdown += chars(text);
                require(self.markdown <= MAX_MARKDOWN_CHARS, "the markdown blocks are too long together")?;
                self.links.extend(links(text));
                self.push_text(text);
                Ok(())
            }
            // Slack accepts these; their content is not checked here.
            "rich_text" | "video" | "file" | "table" => Ok(()),
            other => Err(BlockError::Block(other.to_owned())),
        }
    }

    fn section(&mut self, block: &Value) -> Result<(), BlockError> {
        only(block, &["text", "fields", "accessory", "expand"])?;
        require(block.get("text").is_some() || block.get("fields").is_some(), "neither text nor fields")?;
        if block.get("text").is_some() {
            let text = self.text_object(block.get("text"), 3000, false)?;
            self.push_text(&text);
        }
        if block.get("fields").is_some() {
            for field in items(block, "fields", 10)? {
                let text = self.text_object(Some(field), 2000, false)?;
                self.push_text(&text);
            }
        }
        match block.get("accessory") {
            None => Ok(()),
            Some(image) if text_field(image, "type") == Some("image") => self.image(image),
            Some(element) => self.element(element),
        }
    }

    fn context(&mut self, block: &Value) -> Result<(), BlockError> {
        only(block, &["elements"])?;
        for element in items(block, "elements", 10)? {
            if text_field(element, "type") == Some("image") {
                self.image(element)?;
            } else {
                let text = self.text_object(Some(element), 3000, false)?;
                self.push_text(&text);
            }
        }
        Ok(())
    }

    fn actions(&mut self, block: &Value) -> Result<(), BlockError> {
        only(block, &["elements"])?;
        let mut ids = HashSet::new();
        for element in items(block, "elements", 25)? {
            let id = text_field(element, "action_id");
            require(id.is_none_or(|id| ids.insert(id)), "action_id is there twice")?;
            self.element(element)?;
        }
        Ok(())
    }

    fn element(&mut self, element: &Value) -> Result<(), BlockError> {
        match text_field(element, "type").unwrap_or_default() {
            "button" => self.button(element),
            "static_select" | "overflow" | "datepicker" | "users_select" | "checkboxes" | "radio_buttons" => {
                Ok(())
            }
            other => Err(BlockError::Element(other.to_owned())),
        }
    }

    fn button(&mut self, button: &Value) -> Result<(), BlockError> {
        only(button, &["text", "action_id", "url", "value", "style", "confirm", "accessibility_label"])?;
        let text = self.text_object(button.get("text"), 75, true)?;
        for (name, max) in [("action_id", 255), ("url", 3000), ("value", 2000), ("accessibility_label", 75)] {
            if button.get(name).is_some() {
                bounded_text(button, name, max)?;
            }
        }
        let style = button.get("style").is_none_or(|style| *style == "primary" || *style == "danger");
        require(style, "style is primary or danger")?;
        if let Some(url) = text_field(button, "url") {
            require(is_web(url), "url is no address")?;
            self.links.push(url.to_owned());
            self.buttons.push(Button { text, url: url.to_owned() });
        }
        Ok(())
    }

    fn image(&mut self, block: &Value) -> Result<(), BlockError> {
        only(block, &["image_url", "slack_file", "alt_text", "title"])?;
        let alt = bounded_text(block, "alt_text", 2000)?;
        if block.get("title").is_some() {
            self.text_object(block.get("title"), 2000, true)?;
        }
        if block.get("slack_file").is_some() {
            return Ok(());
        }
        let url = bounded_text(block, "image_url", 3000)?;
        require(is_web(url), "image_url is no address")?;
        self.image.get_or_insert_with(|| Picture::at(url, Some(alt)));
        Ok(())
    }

    /// Returns a text object's visible text.
    fn text_object(&mut self, object: Option<&Value>, max: usize, plain: bool) -> Result<String, BlockError> {
        let object = object.ok_or("text is missing")?;
        let text = bounded_text(object, "text", max)?;
        match text_field(object, "type") {
            Some("plain_text") => {
                only(object, &["text", "emoji"])?;
                Ok(text.to_owned())
            }
            Some("mrkdwn") if !plain => {
                only(object, &["text", "verbatim"])?;
                let (text, links) = mrkdwn(text);
                self.links.extend(links);
                Ok(text)
            }
            other => Err(BlockError::TextObject(other.map(str::to_owned))),
        }
    }

    fn push_text(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }
}
