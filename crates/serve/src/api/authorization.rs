//! Authorization by bearer token.

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use crate::model_registry::Models;

/// Passes a request on if it has the token, or if none is configured.
pub(super) async fn require_token(
    State(models): State<Models>,
    request: Request,
    next: Next,
) -> Response {
    let shown = request.headers().get(AUTHORIZATION);
    let allowed = match models.token() {
        Some(token) => shown.is_some_and(|shown| token.is_in(shown.as_bytes())),
        None => true,
    };
    match allowed {
        true => next.run(request).await,
        false => ApiError::unauthorized().into_response(),
    }
}
