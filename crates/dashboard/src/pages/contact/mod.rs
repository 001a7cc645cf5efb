//! `/contacts` and `/contacts/{id}`: who do you write to, and what happened with one of them?

mod handlers;
mod timeline;
mod view;

use store::{Contact, ContactId, Suppression};

use self::timeline::Entry;
pub(crate) use handlers::{get, list};

/// The data of the list.
pub(crate) struct ContactList {
    contacts: Vec<Contact>,
    total: i64,
    /// The address that was searched for and not found.
    not_found: Option<String>,
    page_end: Option<ContactId>,
    has_previous: bool,
}

/// The data of a contact's page.
pub(crate) struct ContactPage {
    contact: Contact,
    suppressions: Vec<Suppression>,
    timeline: Vec<Entry>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::AutoRefresh;
    use crate::layout::Section;
    use crate::sample;

    #[test]
    fn a_contact_page_shows_its_timeline() {
        let context = sample::context(source::Diagnostics::default(), false);
        let deliveries = sample::deliveries();
        let timeline = timeline::merge(deliveries, sample::events(), &[sample::live_run()]);
        let times: Vec<_> = timeline.iter().map(|entry| entry.at).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
        assert!(times.iter().all(Option::is_some), "suppressed deliveries take the time of their run");
        let page =
            ContactPage { contact: sample::contact(), suppressions: vec![sample::suppression()], timeline };
        let layout = context.layout(Section::Contacts, AutoRefresh::Off);
        let html = layout.page("ada@example.org", &view::page(&page, &context)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn the_list_says_that_no_contact_was_found() {
        let context = sample::context(source::Diagnostics::default(), false);
        let list = ContactList {
            contacts: vec![sample::contact()],
            total: 1_003,
            not_found: Some(sample::HOSTILE.into()),
            page_end: Some(ContactId(1)),
            has_previous: true,
        };
        let html =
            context.layout(Section::Contacts, AutoRefresh::Off).page("Contacts", &view::list(&list)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }
}
