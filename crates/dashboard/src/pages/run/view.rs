//! The view of a run's page.

use maud::{Markup, html};
use store::{ContactId, DeliveryRow, DeliveryState, Millis, Run, RunState, Tally, TallyState};

use super::{Filter, RunPage, uncertain};
use crate::components::{self, PageContext};
use crate::format::number;
use crate::words;

/// The maximum number of receivers on hold that are listed; of the others only the count is shown.
const MAX_RECEIVERS_SHOWN: usize = 5;

/// Renders the content of `main`.
pub(super) fn page(page: &RunPage, context: &PageContext) -> Markup {
    let run = &page.run;
    html! {
        div.headline {
            p.crumb { a href={ "/campaigns/" (run.campaign) } { (context.title_of(&run.campaign)) } " / " (run.step) }
            h1 { @if components::is_live(run) { (words::RUN_QUESTION_LIVE) } @else { (words::RUN_QUESTION) } }
            p.lead { (words::run_lead(words::run_state(run.state), &run.channel, &context.run_time(run), words::run_kind(run.kind))) }
            @if let Some(note) = &run.note { p.notice role="status" { (note) } }
            @for held in page.forecast.waits.iter().take(MAX_RECEIVERS_SHOWN) {
                p.notice role="status" { (words::waits(&held.why)) " " (components::time(&context.times, held.until)) "." }
            }
            @if page.forecast.waits.len() > MAX_RECEIVERS_SHOWN { p.quiet { (words::more_wait(page.forecast.waits.len() - MAX_RECEIVERS_SHOWN)) } }
        }
        (standing(page, context))
        (actions(run))
        (uncertain::all(run))
        (tallies(run))
        (deliveries(page, context))
    }
}

fn standing(page: &RunPage, context: &PageContext) -> Markup {
    let run = &page.run;
    let done = components::progress(run);
    let fact = |name: &str, at: Option<Millis>| {
        html! { @if let Some(at) = at { div { dt { (name) } dd { (components::time(&context.times, at)) } } } }
    };
    let back = |name: &str, count: i64| {
        html! { @if count > 0 { div { dt { (name) } dd { (number(count)) } } } }
    };
    html! {
        section.standing aria-label=(words::PROGRESS) {
            p.figure { (number(done.numerator)) " " span.quiet { (words::of_deliveries(done.denominator)) } }
            progress.wide max=(done.denominator.max(1)) value=(done.numerator) aria-label=(words::PROGRESS) {}
            dl.times {
                (fact(words::STARTED, run.started_at))
                (fact(words::ENDED, run.finished_at))
                (fact(words::EXPECTED_FINISH, page.forecast.finish.map(Millis::from)))
                @if run.finished_at.is_none() { (fact(words::EXPIRES, Some(run.expires_at))) }
                (back(words::BOUNCED_LATER, run.feedback.bounced))
                (back(words::MARKED_AS_SPAM, run.feedback.complained))
                @if let Some(parent) = run.parent_id {
                    div { dt { (words::FOLLOWS) } dd { a href={ "/runs/" (parent) } { (words::run_name(parent.0)) } } }
                }
            }
        }
    }
}

/// Renders the buttons for the actions that the run allows. Cancelling needs a confirmation,
/// without a script.
fn actions(run: &Run) -> Markup {
    let button = |action: &str, name: &str, class: &str| {
        html! {
            form method="post" action={ "/runs/" (run.id) "/" (action) } { button.(class) type="submit" { (name) } }
        }
    };
    let open = run.finished_at.is_none() && run.state != RunState::Cancelled;
    let (failed, uncertain) = (run.tally(DeliveryState::Failed), run.tally(DeliveryState::Uncertain));
    html! {
        div.actions {
            @if components::is_live(run) { (button("pause", words::PAUSE, "plain")) }
            @if run.state == RunState::Paused { (button("resume", words::RESUME, "main")) }
            @if run.state == RunState::Cancelled && run.finished_at.is_some() {
                (button("resume", words::RESUME_CANCELLED, "plain"))
            }
            // Deliveries that are only uncertain have their own section below.
            @if failed > 0 && run.state != RunState::Cancelled {
                (button("retry", &words::retry(failed.saturating_add(uncertain), uncertain), "plain"))
            }
            @if open {
                details.confirm {
                    summary { (words::CANCEL) }
                    p { (words::CANCEL_MORE) }
                    (button("cancel", words::CANCEL_SURE, "danger"))
                }
            }
        }
    }
}

fn tallies(run: &Run) -> Markup {
    html! {
        @if !run.tallies.is_empty() {
            section #tallies {
                h2 { (words::RESULTS) }
                div.scroll tabindex="0" role="region" aria-label=(words::RESULTS) {
                    table.tallies {
                        thead { tr {
                            th scope="col" { (words::STATE) }
                            th scope="col" { (words::WHY) }
                            th.num scope="col" { (words::HOW_MANY) }
                        } }
                        tbody {
                            @for tally in in_order(run) {
                                @let path = Filter::of_tally(tally.state).path(run.id);
                                tr {
                                    th scope="row" { (words::tally(tally.state)) }
                                    td { @if tally.reason.is_empty() { span.quiet { (words::NONE) } } @else { (words::sentence(words::reason(&tally.reason))) } }
                                    td.num { (components::linked_count(tally.count, &path)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the tallies in the order sent, failed, uncertain, suppressed, cancelled; within a state
/// the most frequent reason first.
fn in_order(run: &Run) -> Vec<&Tally> {
    const ORDER: [DeliveryState; 5] = [
        DeliveryState::Sent,
        DeliveryState::Failed,
        DeliveryState::Uncertain,
        DeliveryState::Suppressed,
        DeliveryState::Cancelled,
    ];
    let place =
        |state: TallyState| ORDER.iter().position(|known| state == (*known).into()).unwrap_or(ORDER.len());
    let mut tallies: Vec<&Tally> = run.tallies.iter().collect();
    tallies.sort_by_key(|tally| (place(tally.state), std::cmp::Reverse(tally.count)));
    tallies
}

fn deliveries(page: &RunPage, context: &PageContext) -> Markup {
    html! {
        section #deliveries {
            h2 { (words::DELIVERIES) }
            (filters(page))
            @if page.deliveries.is_empty() {
                p.empty { (words::NO_DELIVERIES) }
            } @else {
                div.scroll tabindex="0" role="region" aria-label=(words::DELIVERIES) {
                    table {
                        thead { tr {
                            th scope="col" { (words::WHO) }
                            th scope="col" { (words::STATE) }
                            th scope="col" { (words::WHEN) }
                            th scope="col" { (words::OPENED) }
                            th scope="col" { (words::CLICKED) }
                            th scope="col" { (words::CONVERTED) }
                            th scope="col" { (words::ANSWER) }
                        } }
                        tbody { @for delivery in &page.deliveries { (delivery_row(delivery, page, context)) } }
                    }
                }
            }
            (pages(page))
        }
    }
}

fn delivery_row(delivery: &DeliveryRow, page: &RunPage, context: &PageContext) -> Markup {
    let mark = |at: Option<Millis>| {
        html! { @match at { Some(at) => { (components::time(&context.times, at)) } None => { span.quiet { (words::NONE) } } } }
    };
    html! {
        tr {
            th scope="row" { (who(delivery)) }
            td {
                (words::delivery_state(delivery.state))
                @if let Some(reason) = &delivery.reason { small { (words::reason(reason)) } }
                @if delivery.repeats > 0 { small { (words::repeats(delivery.repeats)) } }
                @else if delivery.attempts > 1 { small { (words::tries(delivery.attempts)) } }
                (uncertain::one(delivery, &page.run))
            }
            td {
                @match (delivery.sent_at, delivery.due_at) {
                    (Some(sent), _) => {
                        @if page.in_outbox { a href={ "/outbox/" (delivery.id) } { (components::time(&context.times, sent)) } }
                        @else { (components::time(&context.times, sent)) }
                    }
                    (None, Some(due)) => { (words::DUE) " " (components::time(&context.times, due)) }
                    (None, None) => { span.quiet { (words::NONE) } }
                }
                @if let Some(link) = delivery.link() {
                    small { a href=(link) rel="noopener noreferrer nofollow" { (words::SEE_POST) } }
                }
            }
            td { (mark(delivery.opened_at)) }
            td { (mark(delivery.clicked_at)) }
            td { (mark(delivery.converted_at)) }
            td.answer { @if let Some(answer) = &delivery.answer { (answer) } @else { span.quiet { (words::NONE) } } }
        }
    }
}

/// Renders the recipient of a delivery, as a link to the contact.
fn who(delivery: &DeliveryRow) -> Markup {
    html! {
        @if delivery.contact_id == ContactId::FEED { (words::FEED) }
        @else {
            a href={ "/contacts/" (delivery.contact_id) } {
                @if delivery.address.is_empty() { (words::contact_name(delivery.contact_id.0)) } @else { (delivery.address) }
            }
        }
    }
}

fn filters(page: &RunPage) -> Markup {
    let entry = |filter: Filter, name: &str| {
        html! {
            a href={ (filter.path(page.run.id)) "#deliveries" } aria-current=[(filter == page.filter).then_some("true")] { (name) }
        }
    };
    let open = page.run.finished_at.is_none();
    html! {
        nav.periods aria-label=(words::FILTER) {
            (entry(Filter::All, words::ALL))
            @for state in DeliveryState::ALL.iter().copied() {
                @let (filter, count) = (Filter::State(state), page.run.tally(state));
                @if count > 0 { (entry(filter, &words::with_count(words::delivery_state(state), count))) }
                @else if filter == page.filter || (open && state.is_open()) { (entry(filter, words::delivery_state(state))) }
            }
            @let repeats = page.run.tally(TallyState::Repeat);
            @if repeats > 0 || page.filter == Filter::Repeated {
                (entry(Filter::Repeated, &words::with_count(words::tally(TallyState::Repeat), repeats)))
            }
        }
    }
}

fn pages(page: &RunPage) -> Markup {
    let path = page.filter.path(page.run.id);
    let mark = if path.contains('?') { "&" } else { "?" };
    html! {
        p.pages {
            @if page.has_previous { a href={ (path) "#deliveries" } { (words::FIRST_PAGE) } }
            @if let Some(last) = page.page_end { a href={ (path) (mark) "after=" (last) "#deliveries" } { (words::NEXT_PAGE) } }
        }
    }
}
