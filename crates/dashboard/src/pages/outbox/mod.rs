//! `/outbox`: what did they get, exactly?

mod handlers;
mod preview;
mod view;

use store::{DeliveryId, OutboxRow};

pub(crate) use handlers::{eml, get, html, list};
pub(crate) use preview::html as framed;

/// What stands on the list.
pub(crate) struct Outbox {
    messages: Vec<OutboxRow>,
    campaign: Option<String>,
    more: Option<DeliveryId>,
    later: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::shell::Live;
    use crate::shell::Section;

    #[test]
    fn the_outbox_is_a_mailbox() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let outbox = Outbox {
            messages: vec![sample::message(), sample::message()],
            campaign: Some("spring-tide".into()),
            more: Some(DeliveryId(7)),
            later: true,
        };
        let html =
            scene.shell(Section::Outbox, Live::Still).page("Outbox", &view::list(&outbox, &scene)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn a_message_is_shown_in_a_sandbox() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let message = sample::message();
        let html = scene.shell(Section::Outbox, Live::Still).page("x", &view::page(&message, &scene)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        assert!(html.contains("sandbox=\"\""), "{html}");
        insta::assert_snapshot!(html);
    }
}
