//! What nobody knows the end of, and what a person can say of it.

use maud::{Markup, html};
use store::{DeliveryRow, DeliveryState, Run, RunState};

use super::{SEND_AGAIN, WENT_OUT};
use crate::words;

/// Above everything else: how many there are, what the two answers mean, and both for all of them at once.
pub(super) fn all(run: &Run) -> Markup {
    let count = run.tally(DeliveryState::Uncertain);
    html! {
        @if count > 0 {
            section.doubt #doubt {
                h2 { (words::in_doubt(count)) }
                p { (words::IN_DOUBT_WHY) }
                dl {
                    div { dt { (words::WENT_OUT) } dd { (words::WENT_OUT_MEANS) } }
                    @if may_send(run) { div { dt { (words::SEND_AGAIN) } dd { (words::SEND_AGAIN_MEANS) } } }
                }
                div.actions {
                    details.confirm {
                        summary { (words::ALL_WENT_OUT) }
                        (button(&format!("/runs/{}/{WENT_OUT}", run.id), &words::all_went_out_sure(count), "main"))
                    }
                    @if may_send(run) {
                        details.confirm {
                            summary { (words::SEND_ALL_AGAIN) }
                            (button(&format!("/runs/{}/{SEND_AGAIN}", run.id), &words::send_all_again_sure(count), "plain"))
                        }
                    }
                }
            }
        }
    }
}

/// Both answers for one delivery.
pub(super) fn one(delivery: &DeliveryRow, run: &Run) -> Markup {
    // Read aloud, a button says whom it is about.
    let answer = |action: &str, name: &str| {
        let path = format!("/runs/{}/deliveries/{}/{action}", run.id, delivery.contact_id);
        let about = if delivery.address.is_empty() {
            name.to_owned()
        } else {
            format!("{name}: {}", delivery.address)
        };
        html! { form method="post" action=(path) { button.plain type="submit" aria-label=(about) { (name) } } }
    };
    html! {
        @if delivery.state == DeliveryState::Uncertain {
            div.answers {
                (answer(WENT_OUT, words::WENT_OUT))
                @if may_send(run) { (answer(SEND_AGAIN, words::SEND_AGAIN)) }
            }
        }
    }
}

/// A cancelled run sends nothing more from its page.
fn may_send(run: &Run) -> bool {
    run.state != RunState::Cancelled
}

fn button(path: &str, name: &str, class: &str) -> Markup {
    html! { form method="post" action=(path) { button.(class) type="submit" { (name) } } }
}
