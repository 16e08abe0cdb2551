//! What a client is told when there is no answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every response that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: ErrorDetail,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

/// What is wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body ended before its end, or broke off; 400.
    IncompleteBody,
    /// The body is not UTF-8; 400.
    InvalidUtf8,
    /// The body is not JSON; 400.
    InvalidJson,
    /// The token is missing or wrong; 401.
    Unauthorized,
    /// Nothing is at this address; 404.
    NotFound,
    /// No model is called so; 404.
    UnknownModel,
    /// The address is right, the method is not; 405.
    MethodNotAllowed,
    /// The body did not come in time; 408.
    BodyTimeout,
    /// The body is too large; 413.
    BodyTooLarge,
    /// The body is not said to be JSON; 415.
    UnsupportedMediaType,
    /// The body is JSON, but not what is expected; 422.
    InvalidRequest,
    /// The list of inputs is empty; 422.
    EmptyList,
    /// The list of inputs is too long; 422.
    TooManyTexts,
    /// A text is too long; 422.
    TextTooLong,
    /// A text for a model of pairs, or a pair for a model of texts; 422.
    WrongInputKind,
    /// The model cannot read the text; 422.
    UnusableText,
    /// A mistake of the server; 500.
    Internal,
    /// Too much waits already; 503.
    QueueFull,
    /// The answer did not come in time; 503.
    AnswerTimeout,
    /// The server is being shut down; 503.
    ShuttingDown,
}

/// An answer that is none.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
}

impl ApiError {
    /// Seconds after which a client may try again.
    const RETRY_AFTER: &str = "1";

    pub(super) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// JSON, but not what is expected.
    pub(super) fn unprocessable(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// Come back in a moment.
    pub(super) fn unavailable(code: ErrorCode, message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    pub(super) fn internal() -> Self {
        let (status, message) = (StatusCode::INTERNAL_SERVER_ERROR, "the server failed");
        Self::new(status, ErrorCode::Internal, message)
    }

    pub(super) fn not_found() -> Self {
        let message = "nothing is at this address; see /openapi.json";
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "this address has other methods; see /openapi.json";
        let code = ErrorCode::MethodNotAllowed;
        Self::new(StatusCode::METHOD_NOT_ALLOWED, code, message)
    }

    pub(super) fn unknown_model<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.collect();
        let message = format!("no model is called so; there are: {}", names.join(", "));
        Self::new(StatusCode::NOT_FOUND, ErrorCode::UnknownModel, message)
    }

    pub(super) fn unauthorized() -> Self {
        let message = "a token is needed: send the header Authorization: Bearer TOKEN";
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status;
        let body = ErrorBody {
            error: ErrorDetail {
                code: self.code,
                message: self.message,
            },
        };
        let mut response = (status, Json(body)).into_response();
        let header = match status {
            StatusCode::SERVICE_UNAVAILABLE => (header::RETRY_AFTER, Self::RETRY_AFTER),
            StatusCode::UNAUTHORIZED => (header::WWW_AUTHENTICATE, "Bearer"),
            _ => return response,
        };
        let value = HeaderValue::from_static(header.1);
        response.headers_mut().insert(header.0, value);
        response
    }
}
