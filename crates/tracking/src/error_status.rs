//! HTTP status codes of store errors.

use axum::http::StatusCode;
use store::{ErrorSide, StoreError};

/// Returns 400 for an error of the request, which must not be repeated unchanged, and 503 for an
/// error of the database, after which it may be repeated.
pub(crate) fn status(error: &StoreError) -> StatusCode {
    match error.side() {
        ErrorSide::Input => StatusCode::BAD_REQUEST,
        ErrorSide::Database => StatusCode::SERVICE_UNAVAILABLE,
    }
}
