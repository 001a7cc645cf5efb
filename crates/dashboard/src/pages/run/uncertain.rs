//! Uncertain deliveries: those that may have arrived, with buttons for a person who has checked.

use maud::{Markup, html};
use store::{DeliveryRow, DeliveryState, Run, RunState};

use super::{SEND_AGAIN, WENT_OUT};
use crate::words;

/// Renders the section on uncertain deliveries: their number, the meaning of the two answers, and
/// buttons for all of them at once.
pub(super) fn all(run: &Run) -> Markup {
    let count = run.tally(DeliveryState::Uncertain);
    html! {
        @if count > 0 {
            section.doubt #doubt {
                h2 { (words::uncertain_question(count)) }
                p { (words::UNCERTAIN_WHY) }
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

/// Renders the buttons of one uncertain delivery.
pub(super) fn one(delivery: &DeliveryRow, run: &Run) -> Markup {
    // The label for screen readers names the recipient.
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

/// Returns true if deliveries can be sent again from the page: not those of a cancelled run.
fn may_send(run: &Run) -> bool {
    run.state != RunState::Cancelled
}

fn button(path: &str, name: &str, class: &str) -> Markup {
    html! { form method="post" action=(path) { button.(class) type="submit" { (name) } } }
}
