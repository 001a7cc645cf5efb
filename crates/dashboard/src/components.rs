//! Elements that several pages share, and the context that every page is rendered in.

use std::sync::Arc;

use campaign::Workspace;
use insight::{Counts, Figures, Proportion};
use maud::{Markup, html};
use money::Money;
use source::Diagnostics;
use store::{DeliveryState, Millis, Run, RunState, Stopped};

use crate::error::PageError;
use crate::format::{self, Times, number};
pub(crate) use crate::inline_code::text;
use crate::layout::{AutoRefresh, Layout, Section};
use crate::state::Dashboard;
use crate::words;

/// The context of a page: the current files, the time, and notices that concern all pages.
pub(crate) struct PageContext {
    /// The workspace and the findings in its files.
    pub(crate) files: Arc<(Workspace, Diagnostics)>,
    /// The current time and the brand's time zone.
    pub(crate) times: Times,
    /// The stop of all sending, if there is one.
    pub(crate) stopped: Option<Stopped>,
    /// Names and notes of live workers that report something, such as that they plan nothing.
    pub(crate) worker_notes: Vec<(String, String)>,
    simulated: bool,
}

impl PageContext {
    /// Loads the context from the database and the current files.
    pub(crate) async fn load(dashboard: &Dashboard) -> Result<Self, PageError> {
        let files = Arc::clone(&dashboard.workspace.borrow());
        let times = Times { zone: files.0.brand.timezone.clone(), now: dashboard.clock.now() };
        let stopped = dashboard.store.stopped().await?;
        let now = Millis::from(times.now);
        let leases = dashboard.store.lease_list().await?.into_iter().filter(|lease| lease.expires_at > now);
        let worker_notes = leases.filter_map(|lease| Some((lease.worker, lease.note?))).collect();
        Ok(Self { files, times, stopped, worker_notes, simulated: dashboard.simulated })
    }

    /// Builds the context of a test.
    #[cfg(test)]
    pub(crate) fn with(files: Arc<(Workspace, Diagnostics)>, times: Times, simulated: bool) -> Self {
        Self { files, times, stopped: None, worker_notes: Vec::new(), simulated }
    }

    /// Returns the loaded workspace.
    pub(crate) fn workspace(&self) -> &Workspace {
        &self.files.0
    }

    /// Returns the layout of a page.
    pub(crate) fn layout(&self, section: Section, live: AutoRefresh) -> Layout {
        Layout {
            brand: self.workspace().brand.name.clone(),
            times: self.times.clone(),
            section,
            live,
            stopped: self.stopped.as_ref().map(words::stopped),
            worker_notes: self
                .worker_notes
                .iter()
                .map(|(worker, note)| words::worker_note(worker, note))
                .collect(),
            simulated: self.simulated,
        }
    }

    /// Returns the refresh of a page whose numbers change if `changing`. `requested` is the page's
    /// `live` parameter, `path` its address without it.
    pub(crate) fn live(&self, changing: bool, requested: Option<&str>, path: &str) -> AutoRefresh {
        let mark = if path.contains('?') { '&' } else { '?' };
        match (changing || self.simulated, requested) {
            (false, _) => AutoRefresh::Off,
            (true, Some("off")) => AutoRefresh::Paused { resume_path: path.to_owned() },
            (true, _) => AutoRefresh::On { pause_path: format!("{path}{mark}live=off") },
        }
    }

    /// Returns the title of a campaign; its id if its file no longer exists.
    pub(crate) fn title_of(&self, campaign: &str) -> String {
        self.workspace()
            .campaigns
            .get(campaign)
            .map_or_else(|| campaign.to_owned(), |found| found.title.clone())
    }

    /// Returns the figures of a channel's counts. Rates are left out for a feed, whose number of
    /// readers is unknown.
    pub(crate) fn figures(&self, channel: &str, counts: &Counts) -> Figures {
        if self.is_feed(channel) { Figures::of_feed(counts) } else { Figures::of(counts) }
    }

    /// Returns true if the channel is a feed, with one post for all its followers.
    pub(crate) fn is_feed(&self, channel: &str) -> bool {
        let found = self.workspace().channels.get(channel);
        found.is_some_and(|channel| channel.kind.per() == campaign::Per::Feed)
    }
}

/// Renders a time with its machine-readable form.
pub(crate) fn time(times: &Times, at: Millis) -> Markup {
    html! { time datetime=(times.machine(at)) { (times.minute(at)) } }
}

/// Returns the share of a run's deliveries that have ended.
pub(crate) fn progress(run: &Run) -> Proportion {
    Proportion::new(run.ended().clamp(0, run.total.max(0)), run.total.max(0))
}

/// Renders a progress bar with its numbers beside it.
pub(crate) fn bar(part: Proportion, what: &str) -> Markup {
    html! {
        span.bar {
            progress max=(part.denominator.max(1)) value=(part.numerator) aria-label=(what) {}
            span.num { (number(part.numerator)) span.quiet { " " (words::of(&number(part.denominator))) } }
        }
    }
}

/// Returns true if a run can still change without a person's action.
pub(crate) const fn is_live(run: &Run) -> bool {
    matches!(run.state, RunState::Planned | RunState::Running)
}

/// Renders the state of a run as a badge.
pub(crate) fn state_badge(state: RunState) -> Markup {
    let class = match state {
        RunState::Running => "badge going",
        RunState::Paused => "badge held",
        RunState::FinishedWithFailures => "badge bad",
        RunState::Planned | RunState::Finished | RunState::Cancelled => "badge",
    };
    html! { span class=(class) { (words::run_state(state)) } }
}

/// Renders runs as a table; `named` adds the campaign of each. On small screens the style sheet
/// turns the rows into blocks, which would lose their roles, so the roles are explicit.
pub(crate) fn run_table(runs: &[Run], context: &PageContext, named: bool) -> Markup {
    let names = [words::RUN, words::CAMPAIGN, words::STEP, words::WHEN, words::STATE, words::PROGRESS];
    let numbers = [words::SENT, words::FAILED, words::LEFT_OUT];
    html! {
        div.scroll.stack tabindex="0" role="region" aria-label=(words::RUNS) {
            table role="table" {
                thead role="rowgroup" { tr role="row" {
                    @for name in names.into_iter().filter(|name| named || *name != words::CAMPAIGN) {
                        th role="columnheader" scope="col" { (name) }
                    }
                    @for name in numbers { th.num role="columnheader" scope="col" { (name) } }
                } }
                tbody role="rowgroup" { @for run in runs { (run_row(run, context, named)) } }
            }
        }
    }
}

fn run_row(run: &Run, context: &PageContext, named: bool) -> Markup {
    let link = |state: DeliveryState| format!("/runs/{}?state={state}#deliveries", run.id);
    let counts = [DeliveryState::Sent, DeliveryState::Failed, DeliveryState::Suppressed]
        .map(|state| (state, words::delivery_state(state)));
    html! {
        tr role="row" {
            th role="rowheader" scope="row" { a href={ "/runs/" (run.id) } { (words::run_name(run.id.0)) } }
            @if named {
                td role="cell" data-label=(words::CAMPAIGN) {
                    a href={ "/campaigns/" (run.campaign) } { (context.title_of(&run.campaign)) }
                }
            }
            td role="cell" data-label=(words::STEP) { span { (run.step) " " span.quiet { (run.channel) } } }
            td role="cell" data-label=(words::WHEN) { time datetime=(context.times.machine(run.instant)) { (context.run_time(run)) } }
            td role="cell" data-label=(words::STATE) { (state_badge(run.state)) }
            td role="cell" data-label=(words::PROGRESS) { (bar(progress(run), words::PROGRESS)) }
            @for (state, name) in counts {
                td.num role="cell" data-label=(name) { (linked_count(run.tally(state), &link(state))) }
            }
        }
    }
}

/// Renders a count as a link to its rows, unless it is 0.
pub(crate) fn linked_count(count: i64, path: &str) -> Markup {
    html! { @if count == 0 { span.quiet { "0" } } @else { a href=(path) { (number(count)) } } }
}

/// Renders a count with its rate below.
pub(crate) fn count_with_rate(count: i64, rate: Option<Proportion>) -> Markup {
    html! {
        (number(count))
        @if let Some(rate) = rate { small { (format::rate(rate)) } }
    }
}

/// Renders a rate with its base and its 95% interval: `3.4% of 12,041 delivered (95%: 2.9–3.5%)`.
pub(crate) fn rate_line(rate: Proportion, base: &str) -> Markup {
    html! {
        @match (rate.value(), rate.interval()) {
            (Some(value), Some(range)) => {
                strong { (format::percent(value)) }
                " " (words::of(&format!("{} {base}", number(rate.denominator))))
                " " span.interval { (words::interval(&format::interval(range))) }
            }
            // People react to messages sent before the period: then the count is not a share of
            // those sent in it.
            _ if rate.denominator > 0 => { (words::more_than_all(&number(rate.denominator), base)) }
            _ => { (words::no_rate(base)) }
        }
    }
}

/// Renders amounts by currency, one below the other; a dash if all are zero.
pub(crate) fn amounts<'a>(amounts: impl IntoIterator<Item = (&'a String, Money)>) -> Markup {
    let known: Vec<_> = amounts.into_iter().filter(|(_, amount)| !amount.is_zero()).collect();
    html! {
        @if known.is_empty() { span.quiet { (words::NONE) } }
        @for (index, (currency, amount)) in known.into_iter().enumerate() {
            @if index > 0 { br; }
            (money(amount, currency))
        }
    }
}

/// Renders an amount with its currency in small type.
pub(crate) fn money(amount: Money, currency: &str) -> Markup {
    html! { span.money { span.unit { (currency) } " " (amount.rounded_amount(currency)) } }
}

/// Renders the return on investment in the first currency that has one; a dash if none has.
pub(crate) fn returns(figures: &Figures) -> Markup {
    let roi = figures.money.values().find_map(|money| money.roi);
    html! {
        @match roi {
            Some(roi) => { (format::signed_percent(roi)) }
            None => { span.quiet { (words::NONE) } }
        }
    }
}
