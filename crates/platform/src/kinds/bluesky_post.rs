//! The rules for a post on Bluesky (lexicons app.bsky.feed.post, app.bsky.richtext.facet,
//! app.bsky.embed.*).

use fake_server::text::graphemes;
use fake_server::{NetworkState, Picture, text_field};
use serde_json::Value;

/// The reason for which the PDS refuses a record, in the PDS's words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("{0}")]
    Rule(&'static str),
    #[error("Record/facets/index/{0} can not be less than 0")]
    Index(&'static str),
    #[error("a facet's feature {0:?} is not known")]
    Feature(String),
    #[error("a facet's {0} is not valid")]
    FeatureField(&'static str),
    #[error("external must have the property \"{0}\"")]
    External(&'static str),
    #[error("embed {0:?} is not known")]
    Embed(String),
    #[error("Could not find blob: {0}")]
    NoBlob(String),
    #[error("Wrong type of file. It is {0} but it must match image/*.")]
    WrongType(String),
    #[error("This file is too large. It is {bytes} but the maximum size is {max}.")]
    TooLarge { bytes: usize, max: usize },
}

impl From<&'static str> for RecordError {
    fn from(rule: &'static str) -> Self {
        Self::Rule(rule)
    }
}

/// Checks a record and returns its picture.
pub(crate) fn check_record(state: &NetworkState, record: &Value) -> Result<Option<Picture>, RecordError> {
    let text = text_field(record, "text").ok_or("Record must have the property \"text\"")?;
    require(text.len() <= 3000, "Record/text must not be longer than 3000 characters")?;
    require(graphemes(text) <= 300, "Record/text must not be longer than 300 graphemes")?;
    let at = text_field(record, "createdAt").ok_or("Record must have the property \"createdAt\"")?;
    require(at.parse::<jiff::Timestamp>().is_ok(), "Record/createdAt must be an valid atproto datetime")?;
    let langs = record.get("langs").and_then(Value::as_array).map_or(0, Vec::len);
    require(langs <= 3, "Record/langs must not have more than 3 elements")?;
    let tags = record.get("tags").and_then(Value::as_array).map_or(0, Vec::len);
    require(tags <= 8, "Record/tags must not have more than 8 elements")?;
    if let Some(facets) = record.get("facets") {
        for one in facets.as_array().ok_or("Record/facets must be an array")? {
            facet(text, one)?;
        }
    }
    record.get("embed").map_or(Ok(None), |embed| self::embed(state, embed))
}

/// Returns the URLs that people can follow: those of facets, and that of the card.
pub(crate) fn links(record: &Value) -> Vec<String> {
    let facets = record.get("facets").and_then(Value::as_array).into_iter().flatten();
    let features = facets.filter_map(|facet| facet.get("features")?.as_array()).flatten();
    let card = record.pointer("/embed/external/uri").and_then(Value::as_str);
    features.filter_map(|feature| text_field(feature, "uri")).chain(card).map(str::to_owned).collect()
}

fn require(fits: bool, error: impl Into<RecordError>) -> Result<(), RecordError> {
    if fits { Ok(()) } else { Err(error.into()) }
}

/// The lexicon allows numbers from 0; clients drop facets outside the text or inside a character,
/// so such facets are refused here.
fn facet(text: &str, facet: &Value) -> Result<(), RecordError> {
    let place = |name: &'static str| {
        let number = facet.pointer(&format!("/index/{name}")).and_then(Value::as_u64);
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.ok_or(RecordError::Index(name))
    };
    let (from, to) = (place("byteStart")?, place("byteEnd")?);
    require(from < to && to <= text.len(), "a facet's bytes are outside the text")?;
    require(text.is_char_boundary(from) && text.is_char_boundary(to), "a facet cuts a character")?;
    let features =
        facet.get("features").and_then(Value::as_array).ok_or("facet must have the property \"features\"")?;
    for feature in features {
        let (field, valid): (&'static str, fn(&str) -> bool) =
            match text_field(feature, "$type").unwrap_or_default() {
                "app.bsky.richtext.facet#link" => ("uri", |uri| url::Url::parse(uri).is_ok()),
                "app.bsky.richtext.facet#mention" => ("did", |did| did.starts_with("did:")),
                "app.bsky.richtext.facet#tag" => ("tag", |tag| tag.len() <= 640 && graphemes(tag) <= 64),
                other => return Err(RecordError::Feature(other.to_owned())),
            };
        require(text_field(feature, field).is_some_and(valid), RecordError::FeatureField(field))?;
    }
    Ok(())
}

fn embed(state: &NetworkState, embed: &Value) -> Result<Option<Picture>, RecordError> {
    match text_field(embed, "$type").unwrap_or_default() {
        "app.bsky.embed.images" => {
            let images = embed.get("images").and_then(Value::as_array).ok_or("embed must have images")?;
            require(images.len() <= 4, "Record/embed/images must not have more than 4 elements")?;
            let mut first = None;
            for image in images {
                let alt = text_field(image, "alt").ok_or("image must have the property \"alt\"")?;
                let blob = image.get("image").ok_or("image must have the property \"image\"")?;
                let picture = self::blob(state, blob, 2_000_000)?;
                first.get_or_insert(Picture {
                    alt: Some(alt.to_owned()).filter(|alt| !alt.is_empty()),
                    ..picture
                });
            }
            Ok(first)
        }
        "app.bsky.embed.external" => {
            let card = embed.get("external").ok_or("embed must have external")?;
            for field in ["uri", "title", "description"] {
                require(text_field(card, field).is_some(), RecordError::External(field))?;
            }
            let uri = text_field(card, "uri").is_some_and(|uri| url::Url::parse(uri).is_ok());
            require(uri, "Record/embed/external/uri must be a uri")?;
            card.get("thumb").map(|thumb| blob(state, thumb, 1_000_000)).transpose()
        }
        other => Err(RecordError::Embed(other.to_owned())),
    }
}

/// Returns an uploaded blob that is a picture of at most `max` bytes.
fn blob(state: &NetworkState, blob: &Value, max: usize) -> Result<Picture, RecordError> {
    require(text_field(blob, "$type") == Some("blob"), "Should be a blob ref")?;
    let id = blob.pointer("/ref/$link").and_then(Value::as_str).ok_or("a blob has no ref")?;
    let picture = state.picture(id, None).ok_or_else(|| RecordError::NoBlob(id.to_owned()))?;
    let kind = text_field(blob, "mimeType").unwrap_or_default();
    require(kind.starts_with("image/"), RecordError::WrongType(kind.to_owned()))?;
    require(picture.bytes <= max, RecordError::TooLarge { bytes: picture.bytes, max })?;
    require(
        blob.get("size").and_then(Value::as_u64) == u64::try_from(picture.bytes).ok(),
        "a blob's size is not its size",
    )?;
    Ok(picture)
}
