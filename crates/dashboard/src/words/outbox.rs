//! Texts of the outbox pages.

pub(crate) const A_MESSAGE: &str = "message in the outbox";
pub(crate) const OUTBOX_QUESTION: &str = "What did they get, exactly?";
pub(crate) const OUTBOX_LEAD: &str = "Messages of channels of the kind “outbox”, stored here exactly as they \
    would have been sent.";
pub(crate) const OUTBOX_EMPTY: &str = "The outbox is empty";
pub(crate) const OUTBOX_CHANNEL: &str = "Only a channel with `kind = \"outbox\"` in chorus.toml stores its \
    messages here.";
pub(crate) const OUTBOX_SEND: &str = "Then `chorus send CAMPAIGN --to you@example.com` puts one in.";
pub(crate) const TO: &str = "To";
pub(crate) const STORED_AT: &str = "In the outbox since";
pub(crate) const AS_IT_LOOKS: &str = "As it looks";
pub(crate) const NO_HTML: &str = "This message has no HTML part; its text is below.";
pub(crate) const PREVIEW_NOTE: &str = "Links do not work here and remote pictures are not loaded: viewing a \
    message counts neither as an open nor as a click.";
pub(crate) const AS_TEXT: &str = "As text";
pub(crate) const HEADERS: &str = "Headers";
pub(crate) const SOURCE: &str = "Source";
pub(crate) const SAVE: &str = "Save as a file";
pub(crate) const CUT: &str = "\n… the rest is in the file.";
