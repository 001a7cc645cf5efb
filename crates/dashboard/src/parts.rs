//! Pieces that several pages share.

use std::sync::Arc;

use campaign::Workspace;
use insight::{Counts, Figures, Proportion};
use maud::{Markup, html};
use money::Money;
use source::Diagnostics;
use store::{DeliveryState, Millis, Run, RunState, Stopped};

use crate::error::PageError;
pub(crate) use crate::inline_code::text;
use crate::notation::{self, Times, number};
use crate::shell::{Live, Section, Shell};
use crate::state::Dashboard;
use crate::words;

/// What every page asks for first: the files as they are now, and the time.
pub(crate) struct Scene {
    /// The workspace, and what is wrong with it.
    pub(crate) files: Arc<(Workspace, Diagnostics)>,
    /// The time, in the brand's zone.
    pub(crate) times: Times,
    /// Whether everything stands still.
    pub(crate) stopped: Option<Stopped>,
    /// Workers of which people should know something, with what: one that plans nothing.
    pub(crate) noted: Vec<(String, String)>,
    simulated: bool,
}

impl Scene {
    /// As things stand now.
    pub(crate) async fn of(dashboard: &Dashboard) -> Result<Self, PageError> {
        let files = Arc::clone(&dashboard.workspace.borrow());
        let times = Times { zone: files.0.brand.timezone.clone(), now: dashboard.clock.now() };
        let stopped = dashboard.store.stopped().await?;
        let now = Millis::from(times.now);
        let leases = dashboard.store.lease_list().await?.into_iter().filter(|lease| lease.expires_at > now);
        let noted = leases.filter_map(|lease| Some((lease.worker, lease.note?))).collect();
        Ok(Self { files, times, stopped, noted, simulated: dashboard.simulated })
    }

    /// As a test arranges them.
    #[cfg(test)]
    pub(crate) fn with(files: Arc<(Workspace, Diagnostics)>, times: Times, simulated: bool) -> Self {
        Self { files, times, stopped: None, noted: Vec::new(), simulated }
    }

    /// The files.
    pub(crate) fn workspace(&self) -> &Workspace {
        &self.files.0
    }

    /// The frame of a page.
    pub(crate) fn shell(&self, section: Section, live: Live) -> Shell {
        Shell {
            brand: self.workspace().brand.name.clone(),
            times: self.times.clone(),
            section,
            live,
            stopped: self.stopped.as_ref().map(words::stopped),
            noted: self.noted.iter().map(|(worker, note)| words::noted(worker, note)).collect(),
            simulated: self.simulated,
        }
    }

    /// Whether the numbers of a page move: `asked` is what its address says about it, `path` that address
    /// without it.
    pub(crate) fn live(&self, moving: bool, asked: Option<&str>, path: &str) -> Live {
        let mark = if path.contains('?') { '&' } else { '?' };
        match (moving || self.simulated, asked) {
            (false, _) => Live::Still,
            (true, Some("off")) => Live::Stopped { go: path.to_owned() },
            (true, _) => Live::Moving { stop: format!("{path}{mark}live=off") },
        }
    }

    /// What a campaign is called; its id when there is no file of it any more.
    pub(crate) fn title_of(&self, campaign: &str) -> String {
        self.workspace()
            .campaigns
            .get(campaign)
            .map_or_else(|| campaign.to_owned(), |found| found.title.clone())
    }

    /// What the counts of a channel mean: a feed has no known readers.
    pub(crate) fn figures(&self, channel: &str, counts: &Counts) -> Figures {
        if self.is_feed(channel) { Figures::of_feed(counts) } else { Figures::of(counts) }
    }

    /// Whether a channel speaks once to everybody who follows it.
    pub(crate) fn is_feed(&self, channel: &str) -> bool {
        let found = self.workspace().channels.get(channel);
        found.is_some_and(|channel| channel.kind.per() == campaign::Per::Feed)
    }
}

/// A time with its machine-readable form.
pub(crate) fn time(times: &Times, at: Millis) -> Markup {
    html! { time datetime=(times.machine(at)) { (times.minute(at)) } }
}

/// How many deliveries of a run have ended, of how many.
pub(crate) fn progress(run: &Run) -> Proportion {
    Proportion::new(run.ended().clamp(0, run.total.max(0)), run.total.max(0))
}

/// A bar with its numbers in words beside it.
pub(crate) fn bar(part: Proportion, what: &str) -> Markup {
    html! {
        span.bar {
            progress max=(part.denominator.max(1)) value=(part.numerator) aria-label=(what) {}
            span.num { (number(part.numerator)) span.quiet { " " (words::of(&number(part.denominator))) } }
        }
    }
}

/// Whether a run can still change by itself.
pub(crate) const fn is_live(run: &Run) -> bool {
    matches!(run.state, RunState::Planned | RunState::Running)
}

/// A run's state as a badge.
pub(crate) fn state_badge(state: RunState) -> Markup {
    let class = match state {
        RunState::Running => "badge going",
        RunState::Paused => "badge held",
        RunState::FinishedWithFailures => "badge bad",
        RunState::Planned | RunState::Finished | RunState::Cancelled => "badge",
    };
    html! { span class=(class) { (words::run_state(state)) } }
}

/// Runs as a table, which the style sheet turns into blocks on a telephone; `named` shows which campaign each
/// is of. The roles are said because blocks would lose them.
pub(crate) fn run_table(runs: &[Run], scene: &Scene, named: bool) -> Markup {
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
                tbody role="rowgroup" { @for run in runs { (run_row(run, scene, named)) } }
            }
        }
    }
}

fn run_row(run: &Run, scene: &Scene, named: bool) -> Markup {
    let link = |state: DeliveryState| format!("/runs/{}?state={state}#deliveries", run.id);
    let counts = [DeliveryState::Sent, DeliveryState::Failed, DeliveryState::Suppressed]
        .map(|state| (state, words::delivery_state(state)));
    html! {
        tr role="row" {
            th role="rowheader" scope="row" { a href={ "/runs/" (run.id) } { (words::run_name(run.id.0)) } }
            @if named {
                td role="cell" data-label=(words::CAMPAIGN) {
                    a href={ "/campaigns/" (run.campaign) } { (scene.title_of(&run.campaign)) }
                }
            }
            td role="cell" data-label=(words::STEP) { span { (run.step) " " span.quiet { (run.channel) } } }
            td role="cell" data-label=(words::WHEN) { time datetime=(scene.times.machine(run.instant)) { (scene.run_time(run)) } }
            td role="cell" data-label=(words::STATE) { (state_badge(run.state)) }
            td role="cell" data-label=(words::PROGRESS) { (bar(progress(run), words::PROGRESS)) }
            @for (state, name) in counts {
                td.num role="cell" data-label=(name) { (linked(run.tally(state), &link(state))) }
            }
        }
    }
}

/// A count that leads to its rows, unless there are none.
pub(crate) fn linked(count: i64, path: &str) -> Markup {
    html! { @if count == 0 { span.quiet { "0" } } @else { a href=(path) { (number(count)) } } }
}

/// A count with its rate below it.
pub(crate) fn counted(count: i64, rate: Option<Proportion>) -> Markup {
    html! {
        (number(count))
        @if let Some(rate) = rate { small { (notation::rate(rate)) } }
    }
}

/// `3.4% of 12,041 delivered, 2.9–3.5% at 95%`: a rate with its base and interval.
pub(crate) fn rate_line(rate: Proportion, base: &str) -> Markup {
    html! {
        @match (rate.value(), rate.interval()) {
            (Some(value), Some(range)) => {
                strong { (notation::percent(value)) }
                " " (words::of(&format!("{} {base}", number(rate.denominator))))
                " " span.interval { (words::interval(&notation::interval(range))) }
            }
            // People come back to what went out before: then it is no share of what went out since.
            _ if rate.denominator > 0 => { (words::more_than_all(&number(rate.denominator), base)) }
            _ => { (words::no_rate(base)) }
        }
    }
}

/// Amounts by currency, one below the other; a dash where there is nothing.
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

/// An amount, its currency set small.
pub(crate) fn money(amount: Money, currency: &str) -> Markup {
    html! { span.money { span.unit { (currency) } " " (amount.rounded_amount(currency)) } }
}

/// Return on investment by currency; a dash where it cannot be said.
pub(crate) fn returns(figures: &Figures) -> Markup {
    let roi = figures.money.values().find_map(|money| money.roi);
    html! {
        @match roi {
            Some(roi) => { (notation::signed_percent(roi)) }
            None => { span.quiet { (words::NONE) } }
        }
    }
}
