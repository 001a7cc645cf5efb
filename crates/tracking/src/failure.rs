//! The HTTP status of a failed use of the store.

use axum::http::StatusCode;
use store::{Fault, StoreError};

/// 400 where the request is at fault, and must not be sent again as it is; 503 where the database is, and it may be.
pub(crate) fn status(error: &StoreError) -> StatusCode {
    match error.fault() {
        Fault::Input => StatusCode::BAD_REQUEST,
        Fault::Database => StatusCode::SERVICE_UNAVAILABLE,
    }
}
