//! `/contacts` and `/contacts/{id}`: who do you write to, and what happened with one of them?

mod handlers;
mod timeline;
mod view;

use store::{Contact, ContactId, Suppression};

use self::timeline::Entry;
pub(crate) use handlers::{get, list};

/// What stands on the list.
pub(crate) struct ContactList {
    contacts: Vec<Contact>,
    total: i64,
    /// An address nobody has.
    missed: Option<String>,
    more: Option<ContactId>,
    later: bool,
}

/// What stands on a contact's page.
pub(crate) struct ContactPage {
    contact: Contact,
    suppressions: Vec<Suppression>,
    timeline: Vec<Entry>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::shell::Live;
    use crate::shell::Section;

    #[test]
    fn a_contact_has_a_story() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let deliveries = sample::deliveries();
        let timeline = timeline::merge(deliveries, sample::events(), &[sample::live_run()]);
        let times: Vec<_> = timeline.iter().map(|entry| entry.at).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
        assert!(times.iter().all(Option::is_some), "those left out take the time of their run");
        let page =
            ContactPage { contact: sample::contact(), suppressions: vec![sample::suppression()], timeline };
        let shell = scene.shell(Section::Contacts, Live::Still);
        let html = shell.page("ada@example.org", &view::page(&page, &scene)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn the_list_says_when_nobody_is_found() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let list = ContactList {
            contacts: vec![sample::contact()],
            total: 1_003,
            missed: Some(sample::HOSTILE.into()),
            more: Some(ContactId(1)),
            later: true,
        };
        let html = scene.shell(Section::Contacts, Live::Still).page("Contacts", &view::list(&list)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        insta::assert_snapshot!(html);
    }
}
