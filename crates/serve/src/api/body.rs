//! Reading of request bodies: limits of size and time, JSON parsing.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::{BodyExt, LengthLimitError};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::error::{ApiError, ErrorCode};
use crate::config::ServeConfig;

/// Maximum number of bytes of an oversized body that are read and discarded. A client that is still
/// sending when the connection closes may not receive the response.
const MAX_DISCARDED_BYTES: u64 = 64 << 20;

/// Reads a JSON body.
pub(super) async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    config: &ServeConfig,
) -> Result<T, ApiError> {
    check_type(headers)?;
    check_encoding(headers)?;
    let bytes = read_bytes(headers, body, config).await?;
    parse(&bytes)
}

/// Requires JSON as content type. Browsers send it to another origin only after a preflight
/// request, so a foreign web page cannot use a server on the loopback address of its visitor.
fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let value = headers.get(CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim();
    match essence.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "send the header Content-Type: application/json",
        )),
    }
}

/// Requires a body as it is: a small compressed one could grow beyond every limit.
fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    let mut names = encodings.map(|value| value.as_bytes());
    match names.all(|name| name.eq_ignore_ascii_case(b"identity")) {
        true => Ok(()),
        false => Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "send the body without Content-Encoding: compressed bodies are not read",
        )),
    }
}

async fn read_bytes(
    headers: &HeaderMap,
    body: Body,
    config: &ServeConfig,
) -> Result<Bytes, ApiError> {
    let limit = config.max_body_bytes;
    let too_large = || {
        let message = format!("the body may have {limit} bytes");
        let code = ErrorCode::BodyTooLarge;
        ApiError::new(code, message)
    };
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit as u64) {
        // Clients that send `Expect` wait for permission, so there is nothing to discard.
        if !headers.contains_key(EXPECT) {
            discard(body, config.body_timeout()).await;
        }
        return Err(too_large());
    }
    match timeout(config.body_timeout(), to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::new(
            ErrorCode::IncompleteBody,
            "the body broke off",
        )),
        Err(_) => Err(ApiError::new(
            ErrorCode::BodyTimeout,
            format!("the body took more than {} ms", config.body_timeout_ms),
        )),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    error
        .source()
        .is_some_and(|source| source.is::<LengthLimitError>())
}

/// Reads to the end and discards the content.
async fn discard(mut body: Body, time: Duration) {
    let all = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, |data| data.len() as u64);
            if discarded > MAX_DISCARDED_BYTES {
                break;
            }
        }
    };
    // The response is the same after a timeout.
    let _ = timeout(time, all).await;
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("the body is not UTF-8 from byte {} on", error.valid_up_to());
        ApiError::new(ErrorCode::InvalidUtf8, message)
    })?;
    let mut json = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, source) = (error.path().to_string(), error.into_inner());
        match source.is_data() {
            true => {
                let message = format!("{path}: {source}");
                ApiError::new(ErrorCode::InvalidRequest, shortened(message))
            }
            false => ApiError::new(ErrorCode::InvalidJson, format!("not JSON: {source}")),
        }
    })?;
    let ended = json.end();
    ended.map_err(|error| ApiError::new(ErrorCode::InvalidJson, format!("not JSON: {error}")))?;
    Ok(parsed)
}

/// The parser quotes its input, which may be long.
fn shortened(message: String) -> String {
    const LONGEST: usize = 300;
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Inputs;

    fn message(body: &[u8]) -> String {
        format!("{:?}", parse::<Inputs>(body).unwrap_err())
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (body, part) in [
            (&b""[..], "not JSON: EOF while parsing"),
            (b"{", "not JSON: EOF"),
            (b"\"a\" x", "not JSON: trailing characters"),
            (b"\"a\xff\"", "not UTF-8 from byte 2 on"),
            (b"[\"a\", 1]", "[1]: invalid type: integer"),
            (b"[[\"a\"]]", "[0]: invalid type: sequence"),
        ] {
            let message = message(body);
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_message_does_not_grow_with_the_body() {
        let body = format!(r#"[{{"text": "a", "{}": 1}}]"#, "é".repeat(10_000));
        assert!(message(body.as_bytes()).chars().count() < 500);
    }
}
