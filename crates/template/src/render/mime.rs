//! The MIME form of an e-mail, built with lettre. The same arguments give the same bytes.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use message::{Email, Recipient, RenderError};

use super::body_encoding;
use crate::compiled::{Envelope, File, Sender};

/// A builder of a step's e-mails, with the headers and files that all of them share.
#[derive(Debug)]
pub(super) struct MimeBuilder {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    /// The constant headers: `List-ID`, `Feedback-ID` and others.
    headers: Vec<HeaderValue>,
    pictures: Vec<SinglePart>,
    attachments: Vec<SinglePart>,
}

/// The texts of one message.
#[derive(Debug)]
pub(super) struct RenderedTexts {
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: String,
}

const LIST_UNSUBSCRIBE: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe");
const LIST_UNSUBSCRIBE_POST: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe-Post");
const LIST_ID: HeaderName = HeaderName::new_from_ascii_str("List-ID");
const FEEDBACK_ID: HeaderName = HeaderName::new_from_ascii_str("Feedback-ID");
const PRECEDENCE: HeaderName = HeaderName::new_from_ascii_str("Precedence");

impl MimeBuilder {
    pub(super) fn new(envelope: &Envelope, files: &[File]) -> Result<Self, RenderError> {
        let part = |file: &File| {
            let media = ContentType::parse(&file.media).map_err(|error| RenderError(error.to_string()))?;
            let body = file.body.clone().into_bytes();
            let body = Body::dangerous_pre_encoded(body, ContentTransferEncoding::Base64);
            let attachment = match &file.id {
                Some(id) => Attachment::new_inline_with_name(id.clone(), file.name.clone()),
                None => Attachment::new(file.name.clone()),
            };
            Ok(attachment.body(body, media))
        };
        let (pictures, attachments): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.id.is_some());
        Ok(Self {
            from: mailbox(&envelope.from)?,
            reply_to: envelope.reply_to.as_ref().map(mailbox).transpose()?,
            headers: vec![
                // RFC 8058 §3.1: exactly this value, together with an https URL that accepts POST.
                HeaderValue::new(LIST_UNSUBSCRIBE_POST, "List-Unsubscribe=One-Click".to_owned()),
                HeaderValue::new(LIST_ID, envelope.list_id.clone()),
                HeaderValue::new(FEEDBACK_ID, envelope.feedback_id.clone()),
                HeaderValue::new(PRECEDENCE, "bulk".to_owned()),
            ],
            pictures: pictures.into_iter().map(part).collect::<Result<_, RenderError>>()?,
            attachments: attachments.into_iter().map(part).collect::<Result<_, RenderError>>()?,
        })
    }

    pub(super) fn email(
        &self,
        recipient: &Recipient<'_>,
        texts: RenderedTexts,
        unsubscribe: &str,
    ) -> Result<Email, RenderError> {
        let address = recipient.person.and_then(|person| person.email.as_deref());
        let to = address.ok_or_else(|| RenderError("the contact has no e-mail address".to_owned()))?;
        let to = parse(to)?;
        let id = recipient.message_id;
        let mut builder = lettre::Message::builder()
            .date(date(recipient.date)?)
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(texts.subject.as_str())
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let unsubscribe = format!("<{unsubscribe}{}>", recipient.token);
        builder = builder.raw_header(HeaderValue::new(LIST_UNSUBSCRIBE, unsubscribe));
        for header in &self.headers {
            builder = builder.raw_header(header.clone());
        }
        let message =
            builder.multipart(self.parts(id, &texts)).map_err(|error| RenderError(error.to_string()))?;
        Ok(Email {
            envelope_from: self.from.email.to_string(),
            envelope_to: to.to_string(),
            subject: texts.subject,
            raw: message.formatted(),
            html: texts.html,
            text: texts.text,
        })
    }

    /// Returns the MIME parts: the plain text first, then the HTML (RFC 2046 §5.1.4) with its
    /// pictures in `multipart/related`, and attachments in an outer `multipart/mixed`.
    fn parts(&self, id: &str, texts: &RenderedTexts) -> MultiPart {
        let boundary = |name: &str| format!("chorus_{name}_{}", id.get(..48).unwrap_or(id));
        let text =
            SinglePart::builder().header(ContentType::TEXT_PLAIN).body(body_encoding::encode(&texts.text));
        let html =
            SinglePart::builder().header(ContentType::TEXT_HTML).body(body_encoding::encode(&texts.html));
        let both = MultiPart::alternative().boundary(boundary("a")).singlepart(text);
        let both = if self.pictures.is_empty() {
            both.singlepart(html)
        } else {
            let related = MultiPart::related().boundary(boundary("r")).singlepart(html);
            both.multipart(self.pictures.iter().cloned().fold(related, MultiPart::singlepart))
        };
        if self.attachments.is_empty() {
            return both;
        }
        let mixed = MultiPart::mixed().boundary(boundary("m")).multipart(both);
        self.attachments.iter().cloned().fold(mixed, MultiPart::singlepart)
    }
}

fn mailbox(sender: &Sender) -> Result<Mailbox, RenderError> {
    Ok(Mailbox::new(sender.name.clone(), parse(&sender.address)?))
}

/// Parses an address that every server accepts: ASCII, at most 254 bytes (RFC 5321 §4.5.3.1.3).
fn parse(address: &str) -> Result<Address, RenderError> {
    if !address.is_ascii() || address.len() > 254 {
        return Err(RenderError("the address is too long or not in ASCII".to_owned()));
    }
    address.parse().map_err(|error| RenderError(format!("the address cannot be written to: {error}")))
}

fn date(date: Timestamp) -> Result<SystemTime, RenderError> {
    if date < Timestamp::UNIX_EPOCH {
        return Err(RenderError("the date is before 1970".to_owned()));
    }
    Ok(SystemTime::from(date))
}
