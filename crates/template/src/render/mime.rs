//! An e-mail as bytes, built by lettre: the same for the same arguments.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use message::{Email, Recipient, RenderError};

use super::quoted;
use crate::compiled::{Envelope, File, Sender};

/// What every message of a step has in common, built once.
#[derive(Debug)]
pub(super) struct Mime {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    /// `List-ID`, `Feedback-ID` and the like.
    headers: Vec<HeaderValue>,
    pictures: Vec<SinglePart>,
    attachments: Vec<SinglePart>,
}

/// What one message says.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: String,
}

const LIST_UNSUBSCRIBE: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe");
const LIST_UNSUBSCRIBE_POST: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe-Post");
const LIST_ID: HeaderName = HeaderName::new_from_ascii_str("List-ID");
const FEEDBACK_ID: HeaderName = HeaderName::new_from_ascii_str("Feedback-ID");
const PRECEDENCE: HeaderName = HeaderName::new_from_ascii_str("Precedence");

impl Mime {
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
                // RFC 8058 §3.1: exactly this, beside an https address that takes a POST.
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
        said: Said,
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
            .subject(said.subject.as_str())
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let leave = format!("<{unsubscribe}{}>", recipient.token);
        builder = builder.raw_header(HeaderValue::new(LIST_UNSUBSCRIBE, leave));
        for header in &self.headers {
            builder = builder.raw_header(header.clone());
        }
        let message =
            builder.multipart(self.parts(id, &said)).map_err(|error| RenderError(error.to_string()))?;
        Ok(Email {
            envelope_from: self.from.email.to_string(),
            envelope_to: to.to_string(),
            subject: said.subject,
            raw: message.formatted(),
            html: said.html,
            text: said.text,
        })
    }

    /// RFC 2046 §5.1.4: the simplest first; pictures with the HTML they are in, files beside all of it.
    fn parts(&self, id: &str, said: &Said) -> MultiPart {
        let boundary = |name: &str| format!("chorus_{name}_{}", id.get(..48).unwrap_or(id));
        let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(quoted::body(&said.text));
        let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(quoted::body(&said.html));
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

/// An address that any server takes: ASCII, at most 254 bytes (RFC 5321 §4.5.3.1.3).
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
