//! The routes of the dashboard.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::error::PageError;
use crate::state::Dashboard;
use crate::{access, asset, headers, occurrences, pages, words};

impl Dashboard {
    /// Returns the routes of the pages: `/`, `/campaigns/{id}`, `/campaigns/{id}/preview`,
    /// `/contacts`, `/contacts/{id}`, `/outbox`, `/outbox/{delivery}`, `/runs/{id}`, and
    /// `/api/v1/report`. The router has a fallback for unknown paths, so a router that it is merged
    /// with must have none.
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
            .route_layer(from_fn_with_state(Arc::clone(&state), access::require_same_origin))
            .route_layer(from_fn_with_state(Arc::clone(&state), access::require_key));
        // Style and icon contain no data, and the page that asks for the key needs them.
        let open = Router::new().route("/style.css", get(asset::style)).route("/icon.svg", get(asset::icon));
        pages.merge(open).fallback(unknown_path).layer(from_fn(headers::secure)).with_state(state)
    }
}

async fn unknown_path() -> PageError {
    PageError::NotFound(words::A_PAGE)
}
