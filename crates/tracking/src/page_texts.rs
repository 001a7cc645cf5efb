//! All texts of the public pages. `{brand}` is the placeholder of the brand's name.

/// The texts of the public pages in one language.
pub(crate) struct PageTexts {
    /// BCP 47 tag of the language, for the page's `lang` attribute.
    pub language: &'static str,
    pub confirm_title: &'static str,
    pub confirm_text: &'static str,
    pub confirm_button: &'static str,
    pub test_copy_title: &'static str,
    pub test_copy_text: &'static str,
    pub unsubscribed_title: &'static str,
    pub unsubscribed_text: &'static str,
    pub undo_text: &'static str,
    pub undo_button: &'static str,
    pub resubscribed_title: &'static str,
    pub resubscribed_text: &'static str,
    pub unavailable_title: &'static str,
    pub unavailable_text: &'static str,
    pub not_found_title: &'static str,
    pub not_found_text: &'static str,
}

/// The English texts of the public pages.
pub(crate) const ENGLISH: PageTexts = PageTexts {
    language: "en",
    confirm_title: "Unsubscribe from {brand}?",
    confirm_text: "Press the button and {brand} will send you no more newsletters or offers by e-mail.",
    confirm_button: "Unsubscribe",
    test_copy_title: "This was a test copy",
    test_copy_text: "{brand} sent this message as a test, so nothing was changed. To unsubscribe, use the link in a message that is not a test.",
    unsubscribed_title: "You are unsubscribed",
    unsubscribed_text: "{brand} will send you no more newsletters or offers by e-mail. One that is already on its way may still arrive.",
    undo_text: "Was that a mistake? For an hour you can take it back.",
    undo_button: "Keep me subscribed",
    resubscribed_title: "You stay subscribed",
    resubscribed_text: "If you unsubscribed within the last hour, that is undone: {brand} will go on writing to you.",
    unavailable_title: "That did not work yet",
    unavailable_text: "We could not do that just now. Nothing was changed. Please try again in a minute.",
    not_found_title: "This link leads nowhere",
    not_found_text: "It may have been cut short on its way. Try the link in the message itself once more.",
};

/// Returns the text with the brand's name in place of `{brand}`.
pub(crate) fn with_brand(text: &str, brand: &str) -> String {
    text.replace("{brand}", brand)
}
