//! How the overview looks.

use insight::{Counts, Rates};
use maud::{Markup, html};
use source::Severity;
use store::Millis;

use super::{Earned, Overview, Row};
use crate::chart::{self, Width};
use crate::notation::{self, number};
use crate::parts::{self, Scene};
use crate::period::Period;
use crate::{occurrences, upcoming, words};

/// A measure drawn over time: its name, and how it is counted.
type Measure = (&'static str, fn(&Counts) -> i64);

const MEASURES: [Measure; 3] = [
    (words::SENT, |counts| counts.sent),
    (words::CLICKED, |counts| counts.clicked),
    (words::CONVERTED, |counts| counts.converted),
];

/// What stands in `main`.
pub(super) fn page(overview: &Overview, scene: &Scene) -> Markup {
    let earned = &overview.earned;
    html! {
        div.headline {
            h1 { (words::OVERVIEW_QUESTION) }
            p.lead { (lead(earned)) }
            (notice(scene))
            (periods(earned.period))
        }
        (occurrences::list(&overview.did_not_run, scene))
        (tiles(earned))
        (live(overview, scene))
        @if earned.all.counts.is_empty() {
            (nothing_yet(overview, scene))
        } @else {
            div.pictures {
                (over_time(earned, scene))
                (funnel(earned))
            }
            (by_channel(earned))
        }
        (next(overview, scene))
        (recent(overview, scene))
        (findings(scene))
    }
}

/// The answer to the question in one sentence.
fn lead(earned: &Earned) -> String {
    let counts = &earned.all.counts;
    let mut channels: Vec<&str> = earned.rows.iter().map(|row| row.channel.as_str()).collect();
    channels.sort_unstable();
    channels.dedup();
    words::overview_lead(
        words::period(earned.period),
        counts.sent,
        channels.len(),
        counts.clicked,
        counts.converted,
    )
}

fn periods(chosen: Period) -> Markup {
    html! {
        nav.periods aria-label=(words::PERIOD) {
            @for period in Period::ALL {
                a href={ "/?period=" (period.name()) } aria-current=[(period == chosen).then_some("true")] {
                    (words::period(period))
                }
            }
        }
    }
}

/// That something is wrong in the files, where nobody can miss it.
fn notice(scene: &Scene) -> Markup {
    let errors = scene.files.1.errors().count();
    html! {
        @if errors > 0 {
            p.notice role="status" { a href="#findings" { (words::held_back(errors)) } }
        }
    }
}

fn tiles(earned: &Earned) -> Markup {
    let (counts, before) = (&earned.all.counts, &earned.before);
    let period = words::period(earned.period);
    let change = |now: i64, then: i64| html! { p.change { (words::change(now, then, period)) } };
    let rates = earned.people.rates;
    let rate = |of: fn(&Rates) -> insight::Proportion| {
        html! { @if let Some(rates) = &rates { p.base { (parts::rate_line(of(rates), words::base(rates.base))) } } }
    };
    html! {
        section.tiles aria-label=(words::FIGURES) {
            div.tile {
                h2 { (words::SENT) }
                p.figure { a href="#channels" { (number(counts.sent)) } }
                p.base { (words::failed_and_left_out(counts.failed, counts.suppressed)) }
                (change(counts.sent, before.sent))
            }
            div.tile {
                h2 { (words::HUMAN_CLICKS) }
                p.figure { a href="#channels" { (number(counts.clicks)) } }
                (rate(|rates| rates.click))
                (change(counts.clicks, before.clicks))
            }
            div.tile {
                h2 { (words::CONVERSIONS_TILE) }
                p.figure { a href="#channels" { (number(counts.converted)) } }
                (rate(|rates| rates.conversion))
                (change(counts.converted, before.converted))
            }
            (money_tile(earned, period))
        }
    }
}

fn money_tile(earned: &Earned, period: &str) -> Markup {
    let figures = &earned.all;
    html! {
        div.tile {
            h2 { (words::REVENUE_TILE) }
            @if figures.money.is_empty() { p.figure.quiet { (words::NONE) } }
            @for (currency, money) in &figures.money {
                p.figure { a href="#channels" { (parts::money(money.revenue, currency)) } }
                p.base { (words::against(&money.cost.rounded(currency), money.roi.map(notation::signed_percent))) }
            }
            @if let Some(cost) = &figures.cost_per_conversion {
                p.base { (words::per_conversion(&cost.micros.rounded(&cost.currency))) }
            }
            @if let (1, Some((currency, money))) = (figures.money.len(), figures.money.first_key_value()) {
                @let then = earned.before.revenue.get(currency).copied().unwrap_or_default();
                p.change { (words::change(money.revenue.millionths(), then.millionths(), period)) }
            }
        }
    }
}

fn live(overview: &Overview, scene: &Scene) -> Markup {
    html! {
        @if !overview.live.is_empty() {
            section #live {
                h2 { (words::GOING_OUT) }
                (parts::run_table(&overview.live, scene, true))
            }
        }
    }
}

fn nothing_yet(overview: &Overview, scene: &Scene) -> Markup {
    html! {
        section.empty {
            h2 { (words::NOTHING_YET) }
            ol {
                @if scene.workspace().campaigns.is_empty() { li { (parts::text(words::WRITE_A_CAMPAIGN)) } }
                @if overview.contacts == 0 { li { (parts::text(words::IMPORT_CONTACTS)) } }
                li { (parts::text(words::SEND_A_TEST)) }
            }
        }
    }
}

fn over_time(earned: &Earned, scene: &Scene) -> Markup {
    let starts = earned.series.points().iter().map(|point| Millis::new(point.start));
    let label = |start| match earned.period {
        Period::Day => scene.times.clock(start),
        _ => scene.times.short_day(start),
    };
    let labels: Vec<String> = starts.map(label).collect();
    html! {
        figure.over-time {
            figcaption { h2 { (words::OVER_TIME) } p.quiet { (words::buckets(earned.period)) } }
            @for (index, (name, measure)) in MEASURES.into_iter().enumerate() {
                @let last = index + 1 == MEASURES.len();
                div.measure {
                    p { (name) " " strong { (number(measure(&earned.series.total()))) } }
                    @for width in [Width::Wide, Width::Narrow] {
                        (chart::line(&earned.series, measure, &labels, last, width))
                    }
                }
            }
            (series_table(earned, scene))
        }
    }
}

fn series_table(earned: &Earned, scene: &Scene) -> Markup {
    let counted = earned.series.points().iter().rev().filter(|point| !point.counts.is_empty());
    html! {
        details {
            summary { (words::READ_NUMBERS) }
            div.scroll.tall tabindex="0" role="region" aria-label=(words::OVER_TIME) {
                table {
                    thead { tr {
                        th scope="col" { (words::WHEN) }
                        @for (name, _) in MEASURES { th.num scope="col" { (name) } }
                        th.num scope="col" { (words::REVENUE) }
                    } }
                    tbody {
                        @for point in counted {
                            tr {
                                th scope="row" {
                                    @if earned.period.by_day() { (scene.times.day(Millis::new(point.start))) }
                                    @else { (parts::time(&scene.times, Millis::new(point.start))) }
                                }
                                @for (_, measure) in MEASURES { td.num { (number(measure(&point.counts))) } }
                                td.num { (parts::amounts(point.counts.revenue.iter().map(|(c, m)| (c, *m)))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn funnel(earned: &Earned) -> Markup {
    let stages = &earned.funnel.stages;
    html! {
        figure.funnel {
            figcaption { h2 { (words::FUNNEL) } p.quiet { (words::FUNNEL_OF) } }
            div.stages {
                ol {
                    @for stage in stages {
                        li { span { (words::stage(stage.name)) } strong { (number(stage.count)) } }
                    }
                }
                (chart::funnel(&earned.funnel))
                ol aria-hidden="true" {
                    @for (index, stage) in stages.iter().enumerate() {
                        li { @if index > 0 { (notation::rate(stage.of_first)) } }
                    }
                }
            }
            details {
                summary { (words::READ_NUMBERS) }
                div.scroll tabindex="0" role="region" aria-label=(words::FUNNEL) {
                    table {
                        thead { tr {
                            th scope="col" { (words::STAGE) }
                            th.num scope="col" { (words::HOW_MANY) }
                            th.num scope="col" { (words::OF_PREVIOUS) }
                            th.num scope="col" { (words::OF_FIRST) }
                        } }
                        tbody {
                            @for stage in stages {
                                tr {
                                    th scope="row" { (words::stage(stage.name)) }
                                    td.num { (number(stage.count)) }
                                    td.num { (notation::rate(stage.of_previous)) }
                                    td.num { (notation::rate(stage.of_first)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn by_channel(earned: &Earned) -> Markup {
    html! {
        section #channels {
            h2 { (words::BY_CHANNEL) }
            div.scroll tabindex="0" role="region" aria-label=(words::BY_CHANNEL) {
                table.channels {
                    thead { tr {
                        th scope="col" { (words::CAMPAIGN) }
                        th scope="col" { (words::CHANNEL) }
                        @for name in [words::SENT, words::OPENED, words::CLICKED, words::CONVERTED, words::UNSUBSCRIBED,
                            words::REVENUE, words::COST, words::RETURN] {
                            th.num scope="col" { (name) }
                        }
                    } }
                    tbody { @for row in &earned.rows { (channel_row(row)) } }
                }
            }
            p.note { (words::RATES_NOTE) }
        }
    }
}

fn channel_row(row: &Row) -> Markup {
    let counts = &row.figures.counts;
    let rate = |of: fn(&Rates) -> insight::Proportion| row.figures.rates.as_ref().map(of);
    html! {
        tr {
            th scope="row" { a href={ "/campaigns/" (row.campaign) } { (row.title) } }
            td { (row.channel) }
            td.num { a href={ "/campaigns/" (row.campaign) "#runs" } { (number(counts.sent)) } }
            @if row.figures.rates.is_some() {
                td.num { (parts::counted(counts.opened, rate(|rates| rates.open))) }
                td.num { (parts::counted(counts.clicked, rate(|rates| rates.click))) }
                td.num { (parts::counted(counts.converted, rate(|rates| rates.conversion))) }
                td.num { (parts::counted(counts.unsubscribed, rate(|rates| rates.unsubscribe))) }
            } @else {
                td.num { span.quiet { (words::NONE) } }
                td.num { (number(counts.clicks)) small { (words::EVERY_CLICK) } }
                td.num { (number(counts.converted)) }
                td.num { span.quiet { (words::NONE) } }
            }
            td.num { (parts::amounts(row.figures.money.iter().map(|(c, m)| (c, m.revenue)))) }
            td.num { (parts::amounts(row.figures.money.iter().map(|(c, m)| (c, m.cost)))) }
            td.num { (parts::returns(&row.figures)) }
        }
    }
}

fn next(overview: &Overview, scene: &Scene) -> Markup {
    html! {
        section #next {
            h2 { (words::NEXT) }
            (upcoming::list(&overview.upcoming, &scene.times, true))
        }
    }
}

fn recent(overview: &Overview, scene: &Scene) -> Markup {
    html! {
        @if !overview.recent.is_empty() {
            section #recent {
                h2 { (words::RECENT) }
                (parts::run_table(&overview.recent, scene, true))
            }
        }
    }
}

/// What `chorus check` would say.
fn findings(scene: &Scene) -> Markup {
    let findings = &scene.files.1;
    html! {
        @if !findings.is_empty() {
            section #findings {
                h2 { (words::FINDINGS) }
                p.quiet { (parts::text(words::FINDINGS_MORE)) }
                ul.findings {
                    @for finding in findings.iter() {
                        li.error[finding.severity == Severity::Error] {
                            p { strong { (words::severity(finding.severity)) } " " (parts::text(&finding.message)) }
                            @if let Some(help) = &finding.help { p { (parts::text(help)) } }
                            p.quiet { code { (finding.file.display()) } }
                        }
                    }
                }
            }
        }
    }
}
