//! Showing it: pages and API, drawn on the server, without scripts.
//!
//! A page is a file below `pages`: what it asks of the database, then how it looks. [`words`] holds what pages
//! say, `notation` how numbers and times are written, `parts` what several pages share. Pages write nothing but
//! intent (`pause` a run); the workers see it in the database.

mod access;
mod asset;
mod chart;
mod digits;
mod error;
mod headers;
mod inline_code;
mod notation;
mod occurrences;
mod outlook;
mod pages;
mod parts;
mod period;
mod rollup;
#[cfg(test)]
mod sample;
mod shell;
#[cfg(test)]
mod tests;
mod times;
mod upcoming;
pub mod words;

use std::sync::Arc;

use crate::error::PageError;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use campaign::{Diagnostics, Workspace};
use store::{Clock, Store};

pub use outlook::{Outlook, outlook};
pub use rollup::{counts_of, grouped};
pub use upcoming::{own_clock, own_clock_of};

/// Everything the pages need. The workspace is swapped whole when files change.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Rows.
    pub store: Store,
    /// Files, and what is wrong with them.
    pub workspace: tokio::sync::watch::Receiver<Arc<(Workspace, Diagnostics)>>,
    /// The time.
    pub clock: Clock,
    /// What a browser must bring once as `/?key=…` (then kept in a cookie); `None` asks for nothing.
    pub access_key: Option<String>,
    /// Shown on every page of the demo: that the numbers are simulated.
    pub simulated: bool,
}

impl Dashboard {
    /// The pages: `/`, `/campaigns/{id}`, `/campaigns/{id}/preview`, `/contacts`, `/contacts/{id}`, `/outbox`, `/outbox/{delivery}`,
    /// `/runs/{id}`, and `/api/v1/report`. It answers unknown paths too, so what it is merged with may not.
    pub fn router(self) -> Router {
        let state = Arc::new(self);
        let pages = Router::new()
            .route("/", get(pages::overview::get))
            .route("/campaigns/{id}", get(pages::campaign::get))
            .route("/campaigns/{id}/preview", get(pages::preview::get))
            .route("/campaigns/{id}/preview/{step}/html", get(pages::preview::html))
            .route("/runs/{id}", get(pages::run::get))
            .route("/runs/{id}/{action}", post(pages::run::post))
            .route("/runs/{id}/deliveries/{contact}/{action}", post(pages::run::settle))
            .route("/occurrences/{campaign}/{step}/{instant}/{action}", post(occurrences::post))
            .route("/contacts", get(pages::contact::list))
            .route("/contacts/{id}", get(pages::contact::get))
            .route("/outbox", get(pages::outbox::list))
            .route("/outbox/{id}", get(pages::outbox::get))
            .route("/outbox/{id}/html", get(pages::outbox::html))
            .route("/outbox/{id}/message.eml", get(pages::outbox::eml))
            .route("/api/v1/report", get(pages::report::get))
            .route_layer(from_fn_with_state(Arc::clone(&state), access::require_own_origin))
            .route_layer(from_fn_with_state(Arc::clone(&state), access::require_key));
        // Style and icon tell nothing, and the page that asks for the key needs them.
        let open = Router::new().route("/style.css", get(asset::style)).route("/icon.svg", get(asset::icon));
        pages.merge(open).fallback(lost).layer(from_fn(headers::secure)).with_state(state)
    }
}

async fn lost() -> PageError {
    PageError::NotFound(words::A_PAGE)
}
