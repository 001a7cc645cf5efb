//! Errors of pages, and the error page that explains them.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use store::{ErrorSide, StoreError};

use crate::{layout, words};

/// Errors that prevent a page from being shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// The requested item does not exist.
    #[error("find the {0}")]
    NotFound(&'static str),
    /// The address has an invalid parameter.
    #[error("read the address: {0}")]
    BadRequest(&'static str),
    /// The access key is missing or wrong.
    #[error("show the page without its key")]
    KeyRequired,
    /// Another site sent the request.
    #[error("accept a request of another site")]
    ForeignOrigin,
    /// The host is not this machine, and no key is set.
    #[error("answer to another host name")]
    ForeignHost,
    /// The task that built the page panicked.
    #[error("make the page: {0}")]
    Panicked(#[from] tokio::task::JoinError),
    /// The store rejected the request, or the database does not answer.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl PageError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::KeyRequired => StatusCode::UNAUTHORIZED,
            Self::ForeignOrigin | Self::ForeignHost => StatusCode::FORBIDDEN,
            Self::Panicked(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Store(error) => match error.side() {
                ErrorSide::Input => StatusCode::BAD_REQUEST,
                ErrorSide::Database => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    /// Returns the title of the error page, and a text on what to do.
    fn title_and_help(&self) -> (String, Cow<'static, str>) {
        let (title, help) = match self {
            Self::Store(StoreError::Input(error)) => {
                return (
                    words::UNUSABLE.to_owned(),
                    format!("{}.", words::sentence(&error.to_string())).into(),
                );
            }
            Self::NotFound(what) => (words::not_found(what), words::NOT_FOUND_HELP),
            Self::BadRequest(what) => ((*what).to_owned(), words::BAD_REQUEST_HELP),
            Self::KeyRequired => (words::LOCKED.to_owned(), words::LOCKED_HELP),
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
        let (title, help) = self.title_and_help();
        let page = layout::error_page(&title, &help);
        let mut response = (self.status(), page).into_response();
        if matches!(self, Self::KeyRequired) {
            let scheme = axum::http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
