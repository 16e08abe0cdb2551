//! OpenAPI document at `/openapi.json`, generated from types and handlers.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response as Described, ResponseBuilder};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};

use super::error::{ApiError, ErrorBody};
use crate::config::ServeConfig;

/// Parts of the document that no handler describes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "finetune",
        description = "Fine-tuned text classifiers. Every error is JSON with a code and a message."
    ),
    tags(
        (name = "models", description = "What is served, and asking it"),
        (name = "operation", description = "For those who run the server")
    ),
    modifiers(&TokenScheme)
)]
struct Beginning;

struct TokenScheme;

impl Modify for TokenScheme {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", scheme);
    }
}

/// Error responses of the paths that ask a model.
pub(super) struct InferenceErrors;

impl IntoResponses for InferenceErrors {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let responses = [
            ("400", "Not JSON in UTF-8"),
            ("401", "No token, or a wrong one"),
            ("404", "No such model"),
            ("408", "The body came too slowly"),
            ("413", "The body is too large"),
            ("415", "The body is not said to be JSON, or is compressed"),
            ("422", "Not what the model can be asked"),
            ("500", "The server failed"),
            ("503", "Too much waits; try again after some seconds"),
        ];
        let response = |(status, description): (&str, &str)| {
            let body = Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
            let response = ResponseBuilder::new()
                .description(description)
                .content("application/json", body);
            let response = match status {
                "503" => {
                    let seconds = HeaderBuilder::new().schema(Some(u32::schema()));
                    response.header("Retry-After", seconds.description(Some("Seconds")).build())
                }
                _ => response,
            };
            (status.to_string(), response.into())
        };
        responses.map(response).into()
    }
}

/// Returns the document without the handlers.
pub(super) fn begin() -> Document {
    Beginning::openapi()
}

/// Serialized document.
#[derive(Debug, Clone)]
pub(super) struct Written(Option<Bytes>);

/// Adds the limits of this server, which the types do not contain.
pub(super) fn finish(document: &Document, config: &ServeConfig) -> Written {
    let with_limits = serde_json::to_value(document).map(|mut document| {
        add_limits(&mut document, config);
        Bytes::from(document.to_string())
    });
    Written(with_limits.ok())
}

fn add_limits(document: &mut Value, config: &ServeConfig) {
    let most = json!(config.max_text_chars);
    let schemas = &mut document["components"]["schemas"];
    for (schema, kind, keyword, limit) in [
        ("Inputs", "array", "minItems", &json!(1)),
        ("Input", "string", "maxLength", &most),
        ("Inputs", "array", "maxItems", &json!(config.max_texts)),
    ] {
        let alternatives = schemas[schema]["oneOf"].as_array_mut();
        for alternative in alternatives.into_iter().flatten() {
            if alternative["type"] == kind {
                alternative[keyword] = limit.clone();
            }
        }
    }
    for property in ["text", "text_pair"] {
        schemas["InputParts"]["properties"][property]["maxLength"] = most.clone();
    }
}

impl Written {
    pub(super) async fn response(self) -> Response {
        match self.0 {
            Some(bytes) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
            None => ApiError::internal().into_response(),
        }
    }
}
