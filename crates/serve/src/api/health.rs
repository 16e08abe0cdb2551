//! Handlers of `/healthz`, `/readyz` and `/metrics`.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::error::{ApiError, ErrorBody, ErrorCode};
use crate::metrics;
use crate::model_registry::Models;

/// Liveness: whether the process is running.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses((status = 200, description = "It runs", body = String, content_type = "text/plain"))
)]
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Readiness: whether requests are accepted, which ends before shutdown.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 200, description = "It does", body = String, content_type = "text/plain"),
        (status = 503, description = "It does not, or not any more", body = ErrorBody),
    )
)]
pub(super) async fn ready(State(models): State<Models>) -> Result<&'static str, ApiError> {
    match models.is_ready() {
        true => Ok("ready\n"),
        false => Err(ApiError::new(
            ErrorCode::ShuttingDown,
            "the server is being shut down",
        )),
    }
}

/// Metrics in the format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    security((), ("token" = [])),
    responses(
        (status = 200, description = "In the OpenMetrics text format", body = String,
            content_type = "application/openmetrics-text"),
        (status = 401, description = "No token, or a wrong one", body = ErrorBody),
    )
)]
pub(super) async fn metrics(State(models): State<Models>) -> Response {
    match models.metrics().text(models.queues()) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => ApiError::internal().into_response(),
    }
}
