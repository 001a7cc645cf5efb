//! The view of a campaign's page.

use campaign::{Budget, Campaign, CampaignMessage, Goal, Step};
use insight::{Figures, Proportion, Rates};
use maud::{Markup, html};

use super::{CampaignPage, markdown};
use crate::components::{self, PageContext};
use crate::format::{self, number};
use crate::{occurrences, upcoming, words};

/// Renders the content of `main`.
pub(super) fn page(page: &CampaignPage, context: &PageContext) -> Markup {
    let title = page.campaign.as_ref().map_or(page.id.as_str(), |campaign| campaign.title.as_str());
    html! {
        div.headline {
            h1 { (words::campaign_question(title)) }
            @match &page.campaign {
                Some(campaign) => { (about(campaign)) }
                None => { p.lead { (words::NO_FILE) } }
            }
        }
        (goals(page))
        @if let Some(campaign) = &page.campaign {
            (steps(page, campaign))
            (message(&campaign.message))
        } @else {
            (past_steps(page))
        }
        section #next {
            h2 { (words::NEXT) }
            (upcoming::list(&page.upcoming, &context.times, false))
        }
        (occurrences::list(&page.did_not_run, context))
        section #runs {
            h2 { (words::RUNS) }
            @if page.runs.is_empty() { p.empty { (components::text(&words::no_runs(&page.id))) } }
            @else { (components::run_table(&page.runs, context, false)) }
            @if page.has_outbox {
                p.more { a href={ "/outbox?campaign=" (page.id) } { (words::SEE_MESSAGES) } }
            }
        }
    }
}

fn about(campaign: &Campaign) -> Markup {
    html! {
        @if let Some(objective) = &campaign.objective { p.lead { (objective) } }
        p.quiet {
            (words::goes_to(campaign.audience.as_str()))
            @if let Some(owner) = &campaign.owner {
                " · " (words::OWNED_BY) " " a href={ "mailto:" (owner) } { (owner) }
            }
            " · " code { (campaign.file.display()) }
        }
    }
}

/// Renders goal and budget as bars, with the figures they depend on.
fn goals(page: &CampaignPage) -> Markup {
    let figures = Figures::of_feed(&page.total);
    let goal = page.campaign.as_ref().and_then(|campaign| campaign.goal.as_ref());
    let budget = page.campaign.as_ref().and_then(|campaign| campaign.budget.as_ref());
    html! {
        section.tiles aria-label=(words::FIGURES) {
            div.tile {
                h2 { (words::GOAL) }
                (converted(page, goal))
            }
            div.tile {
                h2 { (words::SPENT) }
                (spent(&figures, budget))
            }
            div.tile {
                h2 { (words::REVENUE) }
                p.figure { (components::amounts(figures.money.iter().map(|(c, m)| (c, m.revenue)))) }
                @if let Some(roi) = figures.money.values().find_map(|money| money.roi) {
                    p.base { (words::a_return(&format::signed_percent(roi))) }
                }
                @if let Some(cost) = &figures.cost_per_conversion {
                    p.base { (words::per_conversion(&cost.amount.rounded(&cost.currency))) }
                }
            }
            div.tile {
                h2 { (words::SENT) }
                p.figure { a href="#runs" { (number(page.total.sent)) } }
                p.base { (words::failed_and_left_out(page.total.failed, page.total.suppressed)) }
                p.base { (words::machines(page.total.machine)) }
            }
        }
    }
}

fn converted(page: &CampaignPage, goal: Option<&Goal>) -> Markup {
    let target = goal.and_then(|goal| goal.target).and_then(|target| i64::try_from(target).ok());
    html! {
        p.figure { (number(page.total.converted)) }
        @if let Some(target) = target.filter(|target| *target > 0) {
            (wide_bar(page.total.converted, target, words::GOAL))
            p.base { (words::of(&number(target))) " " (words::share_done(page.total.converted, target)) }
        }
        @match goal {
            Some(goal) => { p.base { (words::counts_as_goal(&goal.event)) } }
            None => { p.base { (words::NO_GOAL) } }
        }
    }
}

fn spent(figures: &Figures, budget: Option<&Budget>) -> Markup {
    html! {
        p.figure { (components::amounts(figures.money.iter().map(|(c, m)| (c, m.cost)))) }
        @match budget {
            Some(budget) => {
                @let currency = budget.currency.as_str();
                @let cost = figures.money.get(currency).map_or(0, |money| money.cost.millionths());
                (wide_bar(cost, budget.amount.millionths(), words::SPENT))
                p.base { (words::of(&budget.amount.rounded(currency))) " " (words::share_done(cost, budget.amount.millionths())) }
            }
            None => { p.base { (words::NO_BUDGET) } }
        }
    }
}

fn wide_bar(part: i64, whole: i64, what: &str) -> Markup {
    html! { progress.wide max=(whole.max(1)) value=(part.clamp(0, whole.max(1))) aria-label=(what) {} }
}

/// Renders the steps in the order of the file, each with its figures.
fn steps(page: &CampaignPage, campaign: &Campaign) -> Markup {
    html! {
        section #steps {
            h2 { (words::STEPS) }
            ol.steps {
                @for step in &campaign.steps { (step_card(page, step)) }
            }
            p.more { a href={ "/campaigns/" (page.id) "/preview" } { (words::SEE_EVERYWHERE) } }
        }
    }
}

fn step_card(page: &CampaignPage, step: &Step) -> Markup {
    let figures = page.steps.get(&(step.id.to_string(), step.channel.to_string()));
    html! {
        li.step {
            div.step-head {
                h3 { (step.id) }
                p { (components::text(&words::sentence(&step.schedule.describe()))) }
                p.quiet {
                    (words::step_facts(step.channel.as_str(), step.template.as_str(), step.audience.as_str()))
                }
            }
            @match figures {
                Some(figures) => { (step_figures(figures)) }
                None => { p.empty { (words::STEP_NOT_YET) } }
            }
        }
    }
}

fn step_figures(figures: &Figures) -> Markup {
    let counts = &figures.counts;
    let cell = |name: &str, count: i64, rate: Option<(Proportion, &str)>| {
        html! {
            div {
                dt { (name) }
                dd {
                    span.num { (number(count)) }
                    @if let Some((rate, base)) = rate { span.rate { (components::rate_line(rate, base)) } }
                }
            }
        }
    };
    let of = |rates: &Rates| words::base(rates.base);
    html! {
        dl.figures {
            @match &figures.rates {
                Some(rates) => {
                    (cell(words::SENT, counts.sent, Some((rates.acceptance, words::TRIED))))
                    @if let Some(delivery) = rates.delivery {
                        (cell(words::DELIVERED, counts.delivered, Some((delivery, words::TRIED))))
                    }
                    (cell(words::OPENED, counts.opened, Some((rates.open, of(rates)))))
                    (cell(words::CLICKED, counts.clicked, Some((rates.click, of(rates)))))
                    (cell(words::CONVERTED, counts.converted, Some((rates.conversion, of(rates)))))
                    (cell(words::UNSUBSCRIBED, counts.unsubscribed, Some((rates.unsubscribe, of(rates)))))
                    @if counts.complained > 0 {
                        (cell(words::COMPLAINED, counts.complained, Some((rates.complaint, of(rates)))))
                    }
                    @if counts.bounced > 0 { (cell(words::BOUNCED, counts.bounced, Some((rates.bounce, words::base(insight::Base::Sent))))) }
                }
                None => {
                    (cell(words::POSTED, counts.sent, None))
                    (cell(words::CLICKS_ALL, counts.clicks, None))
                    (cell(words::CONVERTED, counts.converted, None))
                }
            }
        }
    }
}

/// Renders the figures of a campaign whose file is gone.
fn past_steps(page: &CampaignPage) -> Markup {
    html! {
        section #steps {
            h2 { (words::STEPS) }
            ol.steps {
                @for ((step, channel), figures) in &page.steps {
                    li.step {
                        div.step-head { h3 { (step) } p.quiet { (channel) } }
                        (step_figures(figures))
                    }
                }
            }
        }
    }
}

/// Renders the campaign's message.
fn message(message: &CampaignMessage) -> Markup {
    let with_facts = |text: &Option<String>| text.as_deref().map(|text| filled(text, message));
    html! {
        section #message {
            h2 { (words::WHAT_IT_SAYS) }
            div.message {
                article.said {
                    @if let Some(subject) = with_facts(&message.subject) { p.subject { (subject) } }
                    @if let Some(preheader) = with_facts(&message.preheader) { p.quiet { (preheader) } }
                    @if let Some(headline) = with_facts(&message.headline) { h3 { (headline) } }
                    @if let Some(body) = with_facts(&message.body) { div.body { (markdown::draw(&body)) } }
                    @if let Some(call) = with_facts(&message.call_to_action) {
                        p.call { span.button-like { (call) } @if let Some(link) = &message.link { code { (link) } } }
                    }
                }
                @if !message.facts.is_empty() {
                    aside {
                        h3 { (words::FACTS) }
                        p.quiet { (words::FACTS_MORE) }
                        dl.facts {
                            @for (name, fact) in &message.facts { div { dt { (name) } dd { (fact) } } }
                        }
                    }
                }
            }
            @if !message.translations.is_empty() {
                p.quiet { (words::also_in(message.translations.keys().map(String::as_str))) }
            }
        }
    }
}

/// Returns the text with its facts filled in, as people will read it. Other placeholders stay
/// visible.
fn filled(text: &str, message: &CampaignMessage) -> String {
    message
        .facts
        .iter()
        .fold(text.to_owned(), |text, (name, fact)| text.replace(&format!("{{{{facts.{name}}}}}"), fact))
}
