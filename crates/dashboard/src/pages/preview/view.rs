//! How the page of all channels looks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::Network;
use channel::consistency::Cell;
use channel::{Email, Message, Parts, Picture, Post, Preview, ShownRequest};
use maud::{Markup, html};
use measure::Budget;
use source::{Diagnostic, Severity};

use super::{Card, PreviewPage};
use crate::notation::number;
use crate::parts::{self, Scene};
use crate::words::PreviewWords;

/// Pictures of more bytes than this are told of, not shown.
const PICTURE: usize = 4 << 20;

/// What stands in `main`.
pub(super) fn page(page: &PreviewPage, scene: &Scene) -> Markup {
    let words = page.tongue.words();
    let path = format!("/campaigns/{}", page.campaign.id);
    html! {
        div.whole lang=(words.tag) {
            div.headline {
                p.crumb { a href=(path) { (page.campaign.title) } }
                h1 { (page.tongue.question(&page.campaign.title)) }
                p.lead { (words.lead) }
                (form(page, &format!("{path}/preview")))
                @if page.eyes.lost { p.notice { (words.nobody) } }
                @if page.eyes.address.is_none() { p.quiet { (words.made_up) } }
            }
            section #facts {
                h2 { (words.facts) }
                (matrix(page))
            }
            section #channels {
                h2 { (words.channels) }
                ol.cards { @for one in &page.cards { (card(page, one, scene)) } }
            }
        }
    }
}

fn form(page: &PreviewPage, path: &str) -> Markup {
    let words = page.tongue.words();
    let address = page.eyes.address.as_deref().unwrap_or_default();
    html! {
        form.search.choose method="get" action=(path) {
            label { span { (words.contact) } input name="contact" value=(address) autocomplete="off"; }
            label {
                span { (words.language) }
                select name="language" {
                    option value="" selected[page.language.is_none()] { (words.own_language) }
                    @for language in &page.languages {
                        option value=(language) selected[page.language.as_deref() == Some(language)] { (language) }
                    }
                }
            }
            input type="hidden" name="lang" value=(words.tag.get(..2).unwrap_or_default());
            button.main type="submit" { (words.show) }
            a href={ (path) "?" (query(page, words.other_name)) } hreflang=(words.other_name) { (words.other) }
        }
    }
}

/// What this page's address says, with the page in another language.
fn query(page: &PreviewPage, lang: &str) -> String {
    let pairs = [
        ("contact", page.eyes.address.as_deref()),
        ("language", page.language.as_deref()),
        ("lang", Some(lang).filter(|lang| !lang.is_empty())),
    ];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn matrix(page: &PreviewPage) -> Markup {
    let (words, matrix) = (page.tongue.words(), &page.survey.matrix);
    html! {
        @if matrix.facts.is_empty() { p.empty { (words.no_facts) } }
        @else {
            div.scroll tabindex="0" role="region" aria-label=(words.facts) {
                table.matrix {
                    thead { tr {
                        th scope="col" { (words.step) }
                        @for fact in &matrix.facts {
                            th scope="col" {
                                (fact)
                                @if let Some(value) = page.campaign.message.facts.get(fact) { small { (value) } }
                            }
                        }
                    } }
                    tbody {
                        @for (index, column) in matrix.columns.iter().enumerate() {
                            tr {
                                th scope="row" {
                                    a href={ "#step-" (column.step) } { (column.step) }
                                    small { (column.channel) " · " (column.language) }
                                }
                                @for row in &matrix.cells {
                                    td { @if let Some(cell) = row.get(index) { (said(page, cell)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A sign, and the same in words.
fn said(page: &PreviewPage, cell: &Cell) -> Markup {
    let words = page.tongue.words();
    html! {
        @match cell {
            Cell::Said => { span.badge.going { "✓ " (words.said) } }
            Cell::SaidOtherwise(other) => { span.badge.bad { (page.tongue.otherwise(other)) } }
            Cell::Unsaid => { span.badge { "– " (words.unsaid) } }
            Cell::Silenced(reason) => { span.badge.held { (words.silenced) } small { (reason) } }
        }
    }
}

fn card(page: &PreviewPage, card: &Card, scene: &Scene) -> Markup {
    let words = page.tongue.words();
    let channel = scene.workspace().channels.get(&card.step.channel);
    let kind = channel.map(|channel| channel.kind.name()).unwrap_or_default();
    let title = Network::find(kind).map_or(words.mail, |network| network.title);
    let start = format!("`{}` (", card.step.id);
    let findings: Vec<_> =
        page.survey.findings.iter().filter(|found| found.message.starts_with(&start)).collect();
    html! {
        li.card id={ "step-" (card.step.id) } {
            div.card-head {
                h3 { (card.step.id) }
                p.quiet {
                    (card.step.channel) " · " (title)
                    @if let Ok(preview) = &card.preview { " · " (preview.language) }
                }
            }
            @match &card.preview {
                Err(error) => { p.notice { (words.broken) ": " (parts::text(&error.to_string())) } }
                Ok(preview) => {
                    @if let Some(asked) = &card.not_in { p.note { (page.tongue.not_in(asked, &preview.language)) } }
                    @match &preview.message {
                        Message::Email(email) => { (letter(page, card, email)) }
                        Message::Post(post) => { (posted(words, post)) }
                    }
                    (limits(page, preview))
                    (problems(words, &findings))
                    (asked(words, preview))
                }
            }
        }
    }
}

fn letter(page: &PreviewPage, card: &Card, email: &Email) -> Markup {
    let path = format!("/campaigns/{}/preview/{}/html?{}", page.campaign.id, card.step.id, query(page, ""));
    html! {
        p.quiet { (email.envelope_to) }
        p.subject { (email.subject) }
        div.letter { iframe src=(path) title=(page.tongue.words().frame) sandbox="" loading="lazy" {} }
    }
}

/// A post as people see it.
fn posted(words: &PreviewWords, post: &Post) -> Markup {
    html! {
        p.quiet { @match &post.to { Some(to) => { (to) } None => { (words.feed) } } }
        div.post lang=(post.language) {
            @if let Some(Parts { title: Some(title), .. }) = post.parts() { p.title { (title) } }
            @if let Some(picture) = post.parts().and_then(|parts| parts.picture.as_ref()) {
                (shown(words, picture))
            }
            p.text { (post.body()) }
            @if let Some(action) = post.parts().and_then(|parts| parts.action.as_ref()) {
                p.call { span.button-like { (action.label) } code { (action.url) } }
            }
        }
    }
}

/// A picture with its words. One behind an address is not fetched: nothing here loads from elsewhere.
fn shown(words: &PreviewWords, picture: &Picture) -> Markup {
    let file = picture.file().filter(|file| {
        let image = file.media.strip_prefix("image/").unwrap_or_default();
        let plain = image.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        !image.is_empty() && plain && file.bytes.len() <= PICTURE
    });
    let alt = if picture.alt.trim().is_empty() { words.no_alt } else { &picture.alt };
    html! {
        figure.picture {
            @match file {
                Some(file) => {
                    img src={ "data:" (file.media) ";base64," (STANDARD.encode(&file.bytes)) } alt=(picture.alt);
                }
                None => { code { (picture.url().or(picture.file().map(|file| &*file.name)).unwrap_or_default()) } }
            }
            figcaption { (words.picture) ": " (alt) }
        }
    }
}

fn limits(page: &PreviewPage, preview: &Preview) -> Markup {
    html! {
        @if !preview.budgets.is_empty() {
            ul.limits aria-label=(page.tongue.words().limits) {
                @for budget in &preview.budgets { (limit(page, budget)) }
            }
        }
    }
}

fn limit(page: &PreviewPage, budget: &Budget) -> Markup {
    let figure = |n: usize| number(i64::try_from(n).unwrap_or(i64::MAX));
    let (measured, allowed) = (figure(budget.measured), figure(budget.allowed));
    let used = page.tongue.used(budget.what, &measured, &allowed, budget.unit);
    html! {
        li.over[!budget.fits()] {
            progress.wide max=(budget.allowed.max(1)) value=(budget.measured.min(budget.allowed)) aria-label=(used) {}
            span {
                (used)
                @if !budget.fits() { " " strong { (page.tongue.over(&figure(budget.measured - budget.allowed))) } }
            }
        }
    }
}

fn problems(words: &PreviewWords, findings: &[&Diagnostic]) -> Markup {
    html! {
        @if !findings.is_empty() {
            ul.findings aria-label=(words.findings) {
                @for finding in findings {
                    li.error[finding.severity == Severity::Error] {
                        p { (parts::text(&finding.message)) }
                        @if let Some(help) = &finding.help { p.quiet { (parts::text(help)) } }
                    }
                }
            }
        }
    }
}

fn asked(words: &PreviewWords, preview: &Preview) -> Markup {
    html! {
        @match &preview.requests {
            Err(error) => { p.note { (error.to_string()) } }
            Ok(requests) if requests.is_empty() => {}
            Ok(requests) => {
                details {
                    summary { (words.request) }
                    @for request in requests { (one(words, request)) }
                }
            }
        }
    }
}

fn one(words: &PreviewWords, request: &ShownRequest) -> Markup {
    let what = if request.publishes { words.publishes } else { words.prepares };
    html! {
        p.quiet { (request.name) " · " (what) }
        pre.source.request {
            (request.method) " " (request.url) "\n"
            @for (name, value) in &request.headers { (name) ": " (value) "\n" }
            @if !request.body.is_empty() { "\n" (request.body) }
        }
    }
}
