//! What nobody knows the end of, and what a person can say of it.

use maud::{Markup, html};
use store::{DeliveryRow, DeliveryState, Run, RunState};

use super::{SEND_AGAIN, WENT_OUT};
use crate::parts;
use crate::words;

/// Above everything else: how many there are, what the two answers mean, and both for all of them at once.
pub(super) fn all(run: &Run) -> Markup {
    let count = parts::tallied(run, "uncertain");
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
    let path = |action: &str| format!("/runs/{}/deliveries/{}/{action}", run.id, delivery.contact_id);
    html! {
        @if delivery.state == DeliveryState::Uncertain {
            div.answers {
                (button(&path(WENT_OUT), words::WENT_OUT, "plain"))
                @if may_send(run) { (button(&path(SEND_AGAIN), words::SEND_AGAIN, "plain")) }
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
