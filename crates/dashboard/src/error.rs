//! Pages that cannot be shown, and what to do about it.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use store::{Fault, StoreError};

use crate::{shell, words};

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// There is no such thing.
    #[error("find the {0}")]
    NotFound(&'static str),
    /// The address of the page makes no sense.
    #[error("read the address: {0}")]
    BadRequest(&'static str),
    /// The key is missing or wrong.
    #[error("let somebody in without the key")]
    Locked,
    /// Another site sent it.
    #[error("do what another site asks")]
    ForeignOrigin,
    /// Without a key, only this machine's own names are answered.
    #[error("answer to a foreign name")]
    ForeignHost,
    /// The work on the page ended in a panic.
    #[error("make the page: {0}")]
    Panicked(#[from] tokio::task::JoinError),
    /// The request cannot be served, or the database does not answer.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl PageError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Locked => StatusCode::UNAUTHORIZED,
            Self::ForeignOrigin | Self::ForeignHost => StatusCode::FORBIDDEN,
            Self::Panicked(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Store(error) => match error.fault() {
                Fault::Input => StatusCode::BAD_REQUEST,
                Fault::Database => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    /// What happened, and what to do.
    fn told(&self) -> (String, Cow<'static, str>) {
        let (title, help) = match self {
            Self::Store(StoreError::Input(error)) => {
                return (
                    words::UNUSABLE.to_owned(),
                    format!("{}.", words::sentence(&error.to_string())).into(),
                );
            }
            Self::NotFound(what) => (words::not_found(what), words::NOT_FOUND_HELP),
            Self::BadRequest(what) => ((*what).to_owned(), words::BAD_REQUEST_HELP),
            Self::Locked => (words::LOCKED.to_owned(), words::LOCKED_HELP),
            Self::ForeignOrigin => (words::FOREIGN_ORIGIN.to_owned(), words::FOREIGN_ORIGIN_HELP),
            Self::ForeignHost => (words::FOREIGN_HOST.to_owned(), words::FOREIGN_HOST_HELP),
            Self::Panicked(_) => (words::PANICKED.to_owned(), words::PANICKED_HELP),
            Self::Store(_) => (words::STORE_DOWN.to_owned(), words::STORE_DOWN_HELP),
        };
        (title, help.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if self.status().is_server_error() {
            tracing::error!(error = %self, "a page could not be shown");
        }
        let (title, help) = self.told();
        let page = shell::bare(&title, &help);
        let mut response = (self.status(), page).into_response();
        if matches!(self, Self::Locked) {
            let scheme = axum::http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
