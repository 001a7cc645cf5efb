//! Rendering of posts to networks.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::ContactAddress;
use message::{
    Action, Content, Parts, Person, Picture, PictureFile, PictureSource, Post, Recipient, RenderError,
};

use super::PieceWriter;
use crate::compiled::{Draft, DraftParts, File, Image};
use crate::piece::Pieces;

/// Decodes the pictures among the files, by their ids.
pub(super) fn pictures(files: &[File]) -> Result<BTreeMap<String, Arc<PictureFile>>, RenderError> {
    let with_id = files.iter().filter_map(|file| file.id.as_ref().map(|id| (id, file)));
    let decoded = with_id.map(|(id, file)| {
        let encoded: Vec<u8> = file.body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(encoded).map_err(|_| RenderError(format!("{} is damaged", file.name)))?;
        let picture = PictureFile { name: file.name.clone(), media: file.media.clone(), bytes };
        Ok((id.clone(), Arc::new(picture)))
    });
    decoded.collect()
}

/// Renders the post for one recipient.
pub(super) fn post(
    writer: &PieceWriter<'_>,
    draft: &Draft,
    language: &str,
    recipient: &Recipient<'_>,
    pictures: &BTreeMap<String, Arc<PictureFile>>,
) -> Result<Post, RenderError> {
    let to = match &draft.to {
        Some(place) => address(place, recipient.person)?,
        None => None,
    };
    let content = match &draft.body {
        Some(body) => Content::Json(writer.write(body)?),
        None => Content::Parts(Box::new(parts(writer, &draft.parts, pictures)?)),
    };
    Ok(Post {
        id: recipient.message_id.to_owned(),
        at: recipient.date,
        possible_duplicate: recipient.possible_duplicate,
        to,
        language: language.to_owned(),
        content,
    })
}

/// Returns the address of a contact for a post; `None` if the network needs none.
fn address(place: &ContactAddress, person: Option<&Person>) -> Result<Option<String>, RenderError> {
    let person = person.ok_or_else(|| RenderError("it is for a contact, and there is none".to_owned()))?;
    let missing = |what: &str| RenderError(format!("the contact has no {what}"));
    let found = match place {
        ContactAddress::NotNeeded => return Ok(None),
        ContactAddress::Email => person.email.clone().ok_or_else(|| missing("e-mail address"))?,
        ContactAddress::Phone => person.phone.clone().ok_or_else(|| missing("phone number"))?,
        ContactAddress::Attribute(name) => match person.attributes.get(name) {
            Some(serde_json::Value::String(text)) if !text.trim().is_empty() => text.trim().to_owned(),
            Some(serde_json::Value::Number(number)) => number.to_string(),
            _ => return Err(missing(name)),
        },
    };
    Ok(Some(found))
}

fn parts(
    writer: &PieceWriter<'_>,
    parts: &DraftParts,
    pictures: &BTreeMap<String, Arc<PictureFile>>,
) -> Result<Parts, RenderError> {
    let line = |pieces: &Pieces| writer.write(pieces).map(|text| one_line(&text));
    let source = match &parts.image {
        None => None,
        Some(Image::Url(url)) => Some(PictureSource::Url(url.clone())),
        Some(Image::File(id)) => {
            let file = pictures.get(id).ok_or_else(|| RenderError("its picture is not there".to_owned()))?;
            Some(PictureSource::File(Arc::clone(file)))
        }
    };
    let alt = line(&parts.alt)?;
    let title = parts.title.as_ref().map(line).transpose()?.filter(|title| !title.is_empty());
    let action = match &parts.action {
        Some((label, url)) => Some(Action { label: line(label)?, url: writer.write(url)? }),
        None => None,
    };
    Ok(Parts {
        title,
        text: writer.write(&parts.text)?.trim().to_owned(),
        plain: writer.write(&parts.plain)?.trim().to_owned(),
        action: action.filter(|action| !action.label.is_empty()),
        link: parts.link.as_ref().map(|link| writer.write(link)).transpose()?,
        picture: source.map(|source| Picture { source, alt }),
        mention: parts.mention.clone(),
    })
}

/// Returns a text on one line, with single spaces between words.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
