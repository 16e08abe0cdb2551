//! `POST /v1/models/{name}/classify`

use std::fmt;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{ApiError, ErrorCode};
use super::openapi::InferenceErrors;
use super::{body, models};
use crate::config::ServeConfig;
use crate::input::Input;
use crate::model_registry::Models;
use crate::model_registry::RequestError;
use crate::text_model::{InferenceError, InputFormat, ServedTask};
use finetune_predict::Prediction;

/// Request of a prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"inputs": "The parcel is late", "top_k": 2}))]
pub struct ClassifyRequest {
    /// A text, a text pair, or a list of either.
    pub inputs: Inputs,
    /// Number of labels to list, at least 1 (default: all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, nullable = true)]
    pub top_k: Option<usize>,
}

/// One input, or a list of inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Inputs {
    /// One input.
    One(Input),
    /// List of inputs, at least one.
    Many(Vec<Input>),
}

/// Response with predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClassifyResponse {
    /// Name of the model.
    pub model: String,
    /// One prediction per input, in the same order.
    pub predictions: Vec<Prediction>,
}

/// Predicts labels or scores of a text, a text pair, or a list of either.
#[utoipa::path(
    post,
    path = "/v1/models/{name}/classify",
    tag = "models",
    params(("name" = String, Path, description = "The model's name")),
    request_body = ClassifyRequest,
    security((), ("token" = [])),
    responses(
        (status = 200, description = "What the model says", body = ClassifyResponse),
        InferenceErrors,
    )
)]
pub(super) async fn classify(
    State(models): State<Models>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ClassifyResponse>, ApiError> {
    let model = models::find(&models, name)?;
    let config = models.config();
    let request: ClassifyRequest = body::read(&headers, body, config).await?;
    if request.top_k == Some(0) {
        let message = "top_k is 0, expected at least 1";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    let inputs = request.inputs.into_vec();
    let profile = model.served().profile();
    if profile.task == ServedTask::Embedding {
        let message = "the model computes embeddings: ask its path that ends in /embed";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    check(&inputs, profile.input, config)?;
    let name = model.served().name();
    let answers = models.answer(name, inputs, config.answer_timeout()).await;
    let mut predictions = answers.map_err(no_answer)?;
    if let Some(top_k) = request.top_k {
        predictions
            .iter_mut()
            .for_each(|answer| answer.truncate(top_k));
    }
    Ok(Json(ClassifyResponse {
        model: model.served().name().to_string(),
        predictions,
    }))
}

/// Checks the inputs before they are queued.
pub(super) fn check(
    inputs: &[Input],
    kind: InputFormat,
    config: &ServeConfig,
) -> Result<(), ApiError> {
    if inputs.is_empty() {
        let message = "inputs is an empty list";
        return Err(ApiError::new(ErrorCode::EmptyList, message));
    }
    if inputs.len() > config.max_texts {
        let (found, most) = (inputs.len(), config.max_texts);
        let message = format!("{found} inputs, and a request may have {most}");
        return Err(ApiError::new(ErrorCode::TooManyTexts, message));
    }
    for (position, input) in inputs.iter().enumerate() {
        if !kind.allows(input) {
            let message = format!("input {position}: the model is for {}", kind.expected());
            return Err(ApiError::new(ErrorCode::WrongInputKind, message));
        }
        let (found, most) = (input.longest_text_chars(), config.max_text_chars);
        if found > most {
            let message =
                format!("input {position}: {found} characters, and a text may have {most}");
            return Err(ApiError::new(ErrorCode::TextTooLong, message));
        }
    }
    Ok(())
}

pub(super) fn no_answer(reason: RequestError) -> ApiError {
    match reason {
        RequestError::QueueFull => {
            ApiError::new(ErrorCode::QueueFull, "too many texts wait for this model")
        }
        RequestError::Timeout => ApiError::new(ErrorCode::AnswerTimeout, "the model took too long"),
        RequestError::Stopped => {
            ApiError::new(ErrorCode::ShuttingDown, "the server is being shut down")
        }
        RequestError::Fault(fault @ InferenceError::Input { .. }) => {
            ApiError::new(ErrorCode::UnusableText, fault.to_string())
        }
        RequestError::Fault(_) => ApiError::internal(),
    }
}

impl Inputs {
    pub(super) fn into_vec(self) -> Vec<Input> {
        match self {
            Self::One(input) => vec![input],
            Self::Many(inputs) => inputs,
        }
    }
}

/// Manual implementation for clear error messages, as for [`Input`].
impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputsVisitor)
    }
}

struct InputsVisitor;

impl<'de> Visitor<'de> for InputsVisitor {
    type Value = Inputs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, an object with text and text_pair, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Inputs, E> {
        Ok(Inputs::One(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Inputs, E> {
        Ok(Inputs::One(Input::Text(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Inputs, A::Error> {
        Input::deserialize(MapAccessDeserializer::new(map)).map(Inputs::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inputs: A) -> Result<Inputs, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(inputs)).map(Inputs::Many)
    }
}
