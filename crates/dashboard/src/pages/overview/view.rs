//! The view of the overview.

use insight::{Counts, Rates};
use maud::{Markup, html};
use source::Severity;
use store::Millis;

use super::{Overview, PeriodFigures, Row};
use crate::chart::{self, Width};
use crate::components::{self, PageContext};
use crate::format::{self, number};
use crate::period::Period;
use crate::{occurrences, upcoming, words};

/// A measure drawn over time: its name and its value in the counts.
type Measure = (&'static str, fn(&Counts) -> i64);

const MEASURES: [Measure; 3] = [
    (words::SENT, |counts| counts.sent),
    (words::CLICKED, |counts| counts.clicked),
    (words::CONVERTED, |counts| counts.converted),
];

/// Renders the content of `main`.
pub(super) fn page(overview: &Overview, context: &PageContext) -> Markup {
    let period_figures = &overview.period_figures;
    html! {
        div.headline {
            h1 { (words::OVERVIEW_QUESTION) }
            p.lead { (lead(period_figures)) }
            (notice(context))
            (periods(period_figures.period))
        }
        (occurrences::list(&overview.did_not_run, context))
        (tiles(period_figures))
        (live(overview, context))
        @if period_figures.all.counts.is_empty() {
            (nothing_yet(overview, context))
        } @else {
            div.pictures {
                (over_time(period_figures, context))
                (funnel(period_figures))
            }
            (by_channel(period_figures))
        }
        (next(overview, context))
        (recent(overview, context))
        (findings(context))
    }
}

/// Returns the answer to the page's question in one sentence.
fn lead(period_figures: &PeriodFigures) -> String {
    let counts = &period_figures.all.counts;
    let mut channels: Vec<&str> = period_figures.rows.iter().map(|row| row.channel.as_str()).collect();
    channels.sort_unstable();
    channels.dedup();
    words::overview_lead(
        words::period(period_figures.period),
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

/// Renders the notice of errors in the files, at the top of the page.
fn notice(context: &PageContext) -> Markup {
    let errors = context.files.1.errors().count();
    html! {
        @if errors > 0 {
            p.notice role="status" { a href="#findings" { (words::held_back(errors)) } }
        }
    }
}

fn tiles(period_figures: &PeriodFigures) -> Markup {
    let (counts, before) = (&period_figures.all.counts, &period_figures.before);
    let period = words::period(period_figures.period);
    let change = |now: i64, then: i64| html! { p.change { (words::change(now, then, period)) } };
    let rates = period_figures.people.rates;
    let rate = |of: fn(&Rates) -> insight::Proportion| {
        html! { @if let Some(rates) = &rates { p.base { (components::rate_line(of(rates), words::base(rates.base))) } } }
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
            (money_tile(period_figures, period))
        }
    }
}

fn money_tile(period_figures: &PeriodFigures, period: &str) -> Markup {
    let figures = &period_figures.all;
    html! {
        div.tile {
            h2 { (words::REVENUE_TILE) }
            @if figures.money.is_empty() { p.figure.quiet { (words::NONE) } }
            @for (currency, money) in &figures.money {
                p.figure { a href="#channels" { (components::money(money.revenue, currency)) } }
                p.base { (words::against(&money.cost.rounded(currency), money.roi.map(format::signed_percent))) }
            }
            @if let Some(cost) = &figures.cost_per_conversion {
                p.base { (words::per_conversion(&cost.amount.rounded(&cost.currency))) }
            }
            @if let (1, Some((currency, money))) = (figures.money.len(), figures.money.first_key_value()) {
                @let then = period_figures.before.revenue.get(currency).copied().unwrap_or_default();
                p.change { (words::change(money.revenue.millionths(), then.millionths(), period)) }
            }
        }
    }
}

fn live(overview: &Overview, context: &PageContext) -> Markup {
    html! {
        @if !overview.live.is_empty() {
            section #live {
                h2 { (words::GOING_OUT) }
                (components::run_table(&overview.live, context, true))
            }
        }
    }
}

fn nothing_yet(overview: &Overview, context: &PageContext) -> Markup {
    html! {
        section.empty {
            h2 { (words::NOTHING_YET) }
            ol {
                @if context.workspace().campaigns.is_empty() { li { (components::text(words::WRITE_A_CAMPAIGN)) } }
                @if overview.contacts == 0 { li { (components::text(words::IMPORT_CONTACTS)) } }
                li { (components::text(words::SEND_A_TEST)) }
            }
        }
    }
}

fn over_time(period_figures: &PeriodFigures, context: &PageContext) -> Markup {
    let starts = period_figures.series.points().iter().map(|point| Millis::new(point.start));
    let label = |start| match period_figures.period {
        Period::Day => context.times.clock(start),
        _ => context.times.short_day(start),
    };
    let labels: Vec<String> = starts.map(label).collect();
    html! {
        figure.over-time {
            figcaption { h2 { (words::OVER_TIME) } p.quiet { (words::buckets(period_figures.period)) } }
            @for (index, (name, measure)) in MEASURES.into_iter().enumerate() {
                @let last = index + 1 == MEASURES.len();
                div.measure {
                    p { (name) " " strong { (number(measure(&period_figures.series.total()))) } }
                    @for width in [Width::Wide, Width::Narrow] {
                        (chart::line(&period_figures.series, measure, &labels, last, width))
                    }
                }
            }
            (series_table(period_figures, context))
        }
    }
}

fn series_table(period_figures: &PeriodFigures, context: &PageContext) -> Markup {
    let counted = period_figures.series.points().iter().rev().filter(|point| !point.counts.is_empty());
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
                                    @if period_figures.period.by_day() { (context.times.day(Millis::new(point.start))) }
                                    @else { (components::time(&context.times, Millis::new(point.start))) }
                                }
                                @for (_, measure) in MEASURES { td.num { (number(measure(&point.counts))) } }
                                td.num { (components::amounts(point.counts.revenue.iter().map(|(c, m)| (c, *m)))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn funnel(period_figures: &PeriodFigures) -> Markup {
    let stages = &period_figures.funnel.stages;
    html! {
        figure.funnel {
            figcaption { h2 { (words::FUNNEL) } p.quiet { (words::FUNNEL_OF) } }
            div.stages {
                ol {
                    @for stage in stages {
                        li { span { (words::stage(stage.name)) } strong { (number(stage.count)) } }
                    }
                }
                (chart::funnel(&period_figures.funnel))
                ol aria-hidden="true" {
                    @for (index, stage) in stages.iter().enumerate() {
                        li { @if index > 0 { (format::rate(stage.of_first)) } }
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
                                    td.num { (format::rate(stage.of_previous)) }
                                    td.num { (format::rate(stage.of_first)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn by_channel(period_figures: &PeriodFigures) -> Markup {
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
                    tbody { @for row in &period_figures.rows { (channel_row(row)) } }
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
                td.num { (components::count_with_rate(counts.opened, rate(|rates| rates.open))) }
                td.num { (components::count_with_rate(counts.clicked, rate(|rates| rates.click))) }
                td.num { (components::count_with_rate(counts.converted, rate(|rates| rates.conversion))) }
                td.num { (components::count_with_rate(counts.unsubscribed, rate(|rates| rates.unsubscribe))) }
            } @else {
                td.num { span.quiet { (words::NONE) } }
                td.num { (number(counts.clicks)) small { (words::EVERY_CLICK) } }
                td.num { (number(counts.converted)) }
                td.num { span.quiet { (words::NONE) } }
            }
            td.num { (components::amounts(row.figures.money.iter().map(|(c, m)| (c, m.revenue)))) }
            td.num { (components::amounts(row.figures.money.iter().map(|(c, m)| (c, m.cost)))) }
            td.num { (components::returns(&row.figures)) }
        }
    }
}

fn next(overview: &Overview, context: &PageContext) -> Markup {
    html! {
        section #next {
            h2 { (words::NEXT) }
            (upcoming::list(&overview.upcoming, &context.times, true))
        }
    }
}

fn recent(overview: &Overview, context: &PageContext) -> Markup {
    html! {
        @if !overview.recent.is_empty() {
            section #recent {
                h2 { (words::RECENT) }
                (components::run_table(&overview.recent, context, true))
            }
        }
    }
}

/// Renders the findings that `chorus check` reports.
fn findings(context: &PageContext) -> Markup {
    let findings = &context.files.1;
    html! {
        @if !findings.is_empty() {
            section #findings {
                h2 { (words::FINDINGS) }
                p.quiet { (components::text(words::FINDINGS_MORE)) }
                ul.findings {
                    @for finding in findings.iter() {
                        li.error[finding.severity == Severity::Error] {
                            p { strong { (words::severity(finding.severity)) } " " (components::text(&finding.message)) }
                            @if let Some(help) = &finding.help { p { (components::text(help)) } }
                            p.quiet { code { (finding.file.display()) } }
                        }
                    }
                }
            }
        }
    }
}
