//! How a run's page looks.

use maud::{Markup, html};
use store::{ContactId, DeliveryRow, DeliveryState, Millis, Run, RunState, Tally, TallyState};

use super::{Filter, RunPage, doubt};
use crate::notation::number;
use crate::parts::{self, Scene};
use crate::words;

/// As many receivers that wait are told; more are counted.
const SHOWN: usize = 5;

/// What stands in `main`.
pub(super) fn page(page: &RunPage, scene: &Scene) -> Markup {
    let run = &page.run;
    html! {
        div.headline {
            p.crumb { a href={ "/campaigns/" (run.campaign) } { (scene.title_of(&run.campaign)) } " / " (run.step) }
            h1 { @if parts::is_live(run) { (words::RUN_QUESTION_LIVE) } @else { (words::RUN_QUESTION) } }
            p.lead { (words::run_lead(words::run_state(run.state), &run.channel, &scene.run_time(run), words::run_kind(run.kind))) }
            @if let Some(note) = &run.note { p.notice role="status" { (note) } }
            @for held in page.outlook.waits.iter().take(SHOWN) {
                p.notice role="status" { (words::waits(&held.why)) " " (parts::time(&scene.times, held.until)) "." }
            }
            @if page.outlook.waits.len() > SHOWN { p.quiet { (words::more_wait(page.outlook.waits.len() - SHOWN)) } }
        }
        (standing(page, scene))
        (actions(run))
        (doubt::all(run))
        (tallies(run))
        (deliveries(page, scene))
    }
}

fn standing(page: &RunPage, scene: &Scene) -> Markup {
    let run = &page.run;
    let done = parts::progress(run);
    let fact = |name: &str, at: Option<Millis>| {
        html! { @if let Some(at) = at { div { dt { (name) } dd { (parts::time(&scene.times, at)) } } } }
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
                (fact(words::WOULD_END, page.outlook.finish.map(Millis::from)))
                @if run.finished_at.is_none() { (fact(words::EXPIRES, Some(run.expires_at))) }
                (back(words::CAME_BACK, run.came_back.bounced))
                (back(words::CALLED_SPAM, run.came_back.complained))
                @if let Some(parent) = run.parent_id {
                    div { dt { (words::FOLLOWS) } dd { a href={ "/runs/" (parent) } { (words::run_name(parent.0)) } } }
                }
            }
        }
    }
}

/// What somebody can do with the run now. Cancelling asks once more, without a script.
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
            @if parts::is_live(run) { (button("pause", words::PAUSE, "plain")) }
            @if run.state == RunState::Paused { (button("resume", words::RESUME, "main")) }
            @if run.state == RunState::Cancelled && run.finished_at.is_some() {
                (button("resume", words::RESUME_CANCELLED, "plain"))
            }
            // What is only uncertain is asked for below, with what sending it again means.
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
                h2 { (words::WHAT_BECAME) }
                div.scroll tabindex="0" role="region" aria-label=(words::WHAT_BECAME) {
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
                                    td.num { (parts::linked(tally.count, &path)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The tallies from what went well to what did not, the most frequent reason first.
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

fn deliveries(page: &RunPage, scene: &Scene) -> Markup {
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
                        tbody { @for delivery in &page.deliveries { (delivery_row(delivery, page, scene)) } }
                    }
                }
            }
            (pages(page))
        }
    }
}

fn delivery_row(delivery: &DeliveryRow, page: &RunPage, scene: &Scene) -> Markup {
    let mark = |at: Option<Millis>| {
        html! { @match at { Some(at) => { (parts::time(&scene.times, at)) } None => { span.quiet { (words::NONE) } } } }
    };
    html! {
        tr {
            th scope="row" { (who(delivery)) }
            td {
                (words::delivery_state(delivery.state))
                @if let Some(reason) = &delivery.reason { small { (words::reason(reason)) } }
                @if delivery.repeats > 0 { small { (words::repeats(delivery.repeats)) } }
                @else if delivery.attempts > 1 { small { (words::tries(delivery.attempts)) } }
                (doubt::one(delivery, &page.run))
            }
            td {
                @match (delivery.sent_at, delivery.due_at) {
                    (Some(sent), _) => {
                        @if page.in_outbox { a href={ "/outbox/" (delivery.id) } { (parts::time(&scene.times, sent)) } }
                        @else { (parts::time(&scene.times, sent)) }
                    }
                    (None, Some(due)) => { (words::DUE) " " (parts::time(&scene.times, due)) }
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

/// Whom a delivery is for, leading to the person.
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
            @if page.later { a href={ (path) "#deliveries" } { (words::FIRST_PAGE) } }
            @if let Some(last) = page.more { a href={ (path) (mark) "after=" (last) "#deliveries" } { (words::NEXT_PAGE) } }
        }
    }
}
