//! `POST /v1/models/{name}/embed`

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::classify::{Inputs, check, no_answer};
use super::error::{ApiError, ErrorCode};
use super::openapi::InferenceErrors;
use super::{body, models};
use crate::model_registry::Models;
use crate::text_model::ServedTask;
use finetune_predict::Prediction;

/// Request of embeddings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"inputs": ["Where is my parcel?", "The parcel is late"]}))]
pub struct EmbedRequest {
    /// A text, or a list of texts.
    pub inputs: Inputs,
}

/// Response with embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbedResponse {
    /// Name of the model.
    pub model: String,
    /// One vector per text, in the same order.
    pub embeddings: Vec<Vec<f32>>,
}

/// Computes the embedding of a text, or of each text of a list.
#[utoipa::path(
    post,
    path = "/v1/models/{name}/embed",
    tag = "models",
    params(("name" = String, Path, description = "The model's name")),
    request_body = EmbedRequest,
    security((), ("token" = [])),
    responses(
        (status = 200, description = "The vectors", body = EmbedResponse),
        InferenceErrors,
    )
)]
pub(super) async fn embed(
    State(models): State<Models>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<EmbedResponse>, ApiError> {
    let model = models::find(&models, name)?;
    let config = models.config();
    let request: EmbedRequest = body::read(&headers, body, config).await?;
    let (inputs, profile) = (request.inputs.into_vec(), model.served().profile());
    if profile.task != ServedTask::Embedding {
        let message = "the model computes no embeddings: ask its path that ends in /classify";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    check(&inputs, profile.input, config)?;
    let name = model.served().name();
    let answers = models.answer(name, inputs, config.answer_timeout()).await;
    let answers = answers.map_err(no_answer)?.into_iter();
    let vector = |answer| match answer {
        Prediction::Embedding { embedding } => Ok(embedding),
        _ => Err(ApiError::internal()),
    };
    Ok(Json(EmbedResponse {
        model: model.served().name().to_string(),
        embeddings: answers.map(vector).collect::<Result<_, _>>()?,
    }))
}
