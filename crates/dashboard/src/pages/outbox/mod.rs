//! `/outbox`: what did they get, exactly?

mod handlers;
mod preview;
mod view;

use store::{DeliveryId, OutboxRow};

pub(crate) use handlers::{eml, get, html, list};
pub(crate) use preview::html as framed;

/// The data of the list.
pub(crate) struct Outbox {
    messages: Vec<OutboxRow>,
    campaign: Option<String>,
    page_end: Option<DeliveryId>,
    has_previous: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::AutoRefresh;
    use crate::layout::Section;
    use crate::sample;

    #[test]
    fn the_outbox_is_a_mailbox() {
        let context = sample::context(source::Diagnostics::default(), false);
        let outbox = Outbox {
            messages: vec![sample::message(), sample::message()],
            campaign: Some("spring-tide".into()),
            page_end: Some(DeliveryId(7)),
            has_previous: true,
        };
        let html = context
            .layout(Section::Outbox, AutoRefresh::Off)
            .page("Outbox", &view::list(&outbox, &context))
            .text();
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn a_message_is_shown_in_a_sandbox() {
        let context = sample::context(source::Diagnostics::default(), false);
        let message = sample::message();
        let html = context
            .layout(Section::Outbox, AutoRefresh::Off)
            .page("x", &view::page(&message, &context))
            .text();
        assert!(!html.contains("<script"), "hostile text is text");
        assert!(html.contains("sandbox=\"\""), "{html}");
        insta::assert_snapshot!(html);
    }
}
