//! Every text that people see on the public pages, in one place. `{brand}` stands for the brand's name.

/// The texts in one language.
pub(crate) struct Words {
    /// BCP 47, for the page.
    pub language: &'static str,
    pub ask_title: &'static str,
    pub ask_text: &'static str,
    pub ask_button: &'static str,
    pub test_title: &'static str,
    pub test_text: &'static str,
    pub done_title: &'static str,
    pub done_text: &'static str,
    pub undo_text: &'static str,
    pub undo_button: &'static str,
    pub back_title: &'static str,
    pub back_text: &'static str,
    pub busy_title: &'static str,
    pub busy_text: &'static str,
    pub lost_title: &'static str,
    pub lost_text: &'static str,
}

/// English.
pub(crate) const ENGLISH: Words = Words {
    language: "en",
    ask_title: "Unsubscribe from {brand}?",
    ask_text: "Press the button and {brand} will send you no more newsletters or offers by e-mail.",
    ask_button: "Unsubscribe",
    test_title: "This was a test copy",
    test_text: "{brand} sent this message as a test, so nothing was changed. To unsubscribe, use the link in a message that is not a test.",
    done_title: "You are unsubscribed",
    done_text: "{brand} will send you no more newsletters or offers by e-mail. One that is already on its way may still arrive.",
    undo_text: "Was that a mistake? For an hour you can take it back.",
    undo_button: "Keep me subscribed",
    back_title: "You stay subscribed",
    back_text: "If you unsubscribed within the last hour, that is undone: {brand} will go on writing to you.",
    busy_title: "That did not work yet",
    busy_text: "We could not do that just now. Nothing was changed. Please try again in a minute.",
    lost_title: "This link leads nowhere",
    lost_text: "It may have been cut short on its way. Try the link in the message itself once more.",
};

/// Puts the brand's name into a text.
pub(crate) fn with_brand(text: &str, brand: &str) -> String {
    text.replace("{brand}", brand)
}
