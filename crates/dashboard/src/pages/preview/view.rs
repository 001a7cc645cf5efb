//! The view of the preview page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::Network;
use channel::consistency::FactStatus;
use channel::{Email, Message, Parts, Picture, Post, Preview, RequestPreview};
use maud::{Markup, html};
use measure::LengthBudget;
use source::{Diagnostic, Severity};

use super::{Card, PreviewPage};
use crate::components::{self, PageContext};
use crate::format::number;
use crate::words::PreviewWords;

/// The maximum size of a picture that is shown, in bytes: 4 MiB. Of larger ones only the name is
/// shown.
const MAX_PICTURE_BYTES: usize = 4 << 20;

/// Renders the content of `main`.
pub(super) fn page(page: &PreviewPage, context: &PageContext) -> Markup {
    let words = page.page_language.words();
    let path = format!("/campaigns/{}", page.campaign.id);
    html! {
        div.whole lang=(words.tag) {
            div.headline {
                p.crumb { a href=(path) { (page.campaign.title) } }
                h1 { (page.page_language.question(&page.campaign.title)) }
                p.lead { (words.lead) }
                (form(page, &format!("{path}/preview")))
                @if page.reader.not_found { p.notice { (words.not_found) } }
                @if page.reader.address.is_none() { p.quiet { (words.made_up) } }
            }
            section #facts {
                h2 { (words.facts) }
                (matrix(page))
            }
            section #channels {
                h2 { (words.channels) }
                ol.cards { @for one in &page.cards { (card(page, one, context)) } }
            }
        }
    }
}

fn form(page: &PreviewPage, path: &str) -> Markup {
    let words = page.page_language.words();
    let address = page.reader.address.as_deref().unwrap_or_default();
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

/// Returns the query of this page's address with the page in the language `lang`.
fn query(page: &PreviewPage, lang: &str) -> String {
    let pairs = [
        ("contact", page.reader.address.as_deref()),
        ("language", page.language.as_deref()),
        ("lang", Some(lang).filter(|lang| !lang.is_empty())),
    ];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn matrix(page: &PreviewPage) -> Markup {
    let (words, matrix) = (page.page_language.words(), &page.survey.matrix);
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
                                    td { @if let Some(cell) = row.get(index) { (fact_cell(page, cell)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Renders a cell of the fact matrix: a sign and a text.
fn fact_cell(page: &PreviewPage, cell: &FactStatus) -> Markup {
    let words = page.page_language.words();
    html! {
        @match cell {
            FactStatus::Stated => { span.badge.going { "✓ " (words.said) } }
            FactStatus::Contradicted(other) => { span.badge.bad { (page.page_language.otherwise(other)) } }
            FactStatus::Missing => { span.badge { "– " (words.unsaid) } }
            FactStatus::Silenced(reason) => { span.badge.held { (words.silenced) } small { (reason) } }
        }
    }
}

fn card(page: &PreviewPage, card: &Card, context: &PageContext) -> Markup {
    let words = page.page_language.words();
    let channel = context.workspace().channels.get(&card.step.channel);
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
                Err(error) => { p.notice { (words.broken) ": " (components::text(&error.to_string())) } }
                Ok(preview) => {
                    @if let Some(requested) = &card.not_in { p.note { (page.page_language.not_in(requested, &preview.language)) } }
                    @match &preview.message {
                        Message::Email(email) => { (email_frame(page, card, email)) }
                        Message::Post(post) => { (post_view(words, post)) }
                    }
                    (limits(page, preview))
                    (problems(words, &findings))
                    (requests(words, preview))
                }
            }
        }
    }
}

fn email_frame(page: &PreviewPage, card: &Card, email: &Email) -> Markup {
    let path = format!("/campaigns/{}/preview/{}/html?{}", page.campaign.id, card.step.id, query(page, ""));
    html! {
        p.quiet { (email.envelope_to) }
        p.subject { (email.subject) }
        div.letter { iframe src=(path) title=(page.page_language.words().frame) sandbox="" loading="lazy" {} }
    }
}

/// Renders a post as people see it.
fn post_view(words: &PreviewWords, post: &Post) -> Markup {
    html! {
        p.quiet { @match &post.to { Some(to) => { (to) } None => { (words.feed) } } }
        div.post lang=(post.language) {
            @if let Some(Parts { title: Some(title), .. }) = post.parts() { p.title { (title) } }
            @if let Some(picture) = post.parts().and_then(|parts| parts.picture.as_ref()) {
                (picture_view(words, picture))
            }
            p.text { (post.body()) }
            @if let Some(action) = post.parts().and_then(|parts| parts.action.as_ref()) {
                p.call { span.button-like { (action.label) } code { (action.url) } }
            }
        }
    }
}

/// Renders a picture with its alternative text. Remote pictures are not fetched.
fn picture_view(words: &PreviewWords, picture: &Picture) -> Markup {
    let file = picture.file().filter(|file| {
        let image = file.media.strip_prefix("image/").unwrap_or_default();
        let plain = image.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        !image.is_empty() && plain && file.bytes.len() <= MAX_PICTURE_BYTES
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
            ul.limits aria-label=(page.page_language.words().limits) {
                @for budget in &preview.budgets { (limit(page, budget)) }
            }
        }
    }
}

fn limit(page: &PreviewPage, budget: &LengthBudget) -> Markup {
    let figure = |n: usize| number(i64::try_from(n).unwrap_or(i64::MAX));
    let (measured, allowed) = (figure(budget.measured), figure(budget.allowed));
    let used = page.page_language.used(budget.what, &measured, &allowed, budget.unit);
    html! {
        li.over[!budget.fits()] {
            progress.wide max=(budget.allowed.max(1)) value=(budget.measured.min(budget.allowed)) aria-label=(used) {}
            span {
                (used)
                @if !budget.fits() { " " strong { (page.page_language.over(&figure(budget.measured - budget.allowed))) } }
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
                        p { (components::text(&finding.message)) }
                        @if let Some(help) = &finding.help { p.quiet { (components::text(help)) } }
                    }
                }
            }
        }
    }
}

fn requests(words: &PreviewWords, preview: &Preview) -> Markup {
    html! {
        @match &preview.requests {
            Err(error) => { p.note { (error.to_string()) } }
            Ok(requests) if requests.is_empty() => {}
            Ok(requests) => {
                details {
                    summary { (words.request) }
                    @for request in requests { (request_view(words, request)) }
                }
            }
        }
    }
}

fn request_view(words: &PreviewWords, request: &RequestPreview) -> Markup {
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
