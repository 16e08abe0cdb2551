//! Error responses of the API.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of every error response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// Error.
    pub error: ErrorDetail,
}

/// Error code and message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// Machine-readable code.
    pub code: ErrorCode,
    /// Human-readable message.
    pub message: String,
}

/// Machine-readable error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body is incomplete or was interrupted (400).
    IncompleteBody,
    /// The body is not UTF-8 (400).
    InvalidUtf8,
    /// The body is not JSON (400).
    InvalidJson,
    /// The token is missing or wrong (401).
    Unauthorized,
    /// The path does not exist (404).
    NotFound,
    /// No model has this name (404).
    UnknownModel,
    /// The path does not support the method (405).
    MethodNotAllowed,
    /// The body was not received in time (408).
    BodyTimeout,
    /// The body is too large (413).
    BodyTooLarge,
    /// The content type is not JSON, or the body is compressed (415).
    UnsupportedMediaType,
    /// The JSON does not match the expected schema (422).
    InvalidRequest,
    /// The list of inputs is empty (422).
    EmptyList,
    /// The list of inputs is too long (422).
    TooManyTexts,
    /// A text is too long (422).
    TextTooLong,
    /// The model expects single texts but received a pair, or vice versa (422).
    WrongInputKind,
    /// The model cannot process the text (422).
    UnusableText,
    /// Internal server error (500).
    Internal,
    /// The queue is full (503).
    QueueFull,
    /// The prediction took too long (503).
    AnswerTimeout,
    /// The server is shutting down (503).
    ShuttingDown,
}

impl ErrorCode {
    fn status(self) -> StatusCode {
        match self {
            Self::IncompleteBody | Self::InvalidUtf8 | Self::InvalidJson => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::UnknownModel => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidRequest
            | Self::EmptyList
            | Self::TooManyTexts
            | Self::TextTooLong
            | Self::WrongInputKind
            | Self::UnusableText => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::QueueFull | Self::AnswerTimeout | Self::ShuttingDown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

/// Error response of the API; the code determines the status.
#[derive(Debug, Clone)]
pub(super) struct ApiError(ErrorDetail);

impl ApiError {
    /// Value of the `Retry-After` header, in seconds.
    const RETRY_AFTER: &str = "1";

    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(ErrorDetail { code, message })
    }

    pub(super) fn internal() -> Self {
        Self::new(ErrorCode::Internal, "the server failed")
    }

    pub(super) fn not_found() -> Self {
        let message = "nothing is at this address; see /openapi.json";
        Self::new(ErrorCode::NotFound, message)
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "this address has other methods; see /openapi.json";
        Self::new(ErrorCode::MethodNotAllowed, message)
    }

    pub(super) fn unknown_model<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.collect();
        let message = format!("no model is called so; there are: {}", names.join(", "));
        Self::new(ErrorCode::UnknownModel, message)
    }

    pub(super) fn unauthorized() -> Self {
        let message = "a token is needed: send the header Authorization: Bearer TOKEN";
        Self::new(ErrorCode::Unauthorized, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.0.code.status();
        let mut response = (status, Json(ErrorBody { error: self.0 })).into_response();
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
