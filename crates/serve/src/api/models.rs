//! Handlers of `GET /v1/models` and `GET /v1/models/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{ApiError, ErrorBody};
use crate::config::ServeConfig;
use crate::input::Input;
use crate::model_registry::Models;
use crate::model_registry::RunningModel;
use crate::served_model::ServedModel;
use crate::text_model::ModelMetadata;

/// Served models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// Models, in the configured order.
    pub models: Vec<ModelInfo>,
    /// Limits of a request.
    pub limits: Limits,
}

/// Served model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelInfo {
    /// Name in paths.
    pub name: String,
    /// Task, input and labels.
    #[serde(flatten)]
    pub profile: ModelMetadata,
    /// Model card in Markdown.
    #[schema(nullable = true)]
    pub card: Option<String>,
    /// Example inputs.
    pub examples: Vec<Input>,
}

/// Limits of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Maximum body size in bytes.
    pub body_bytes: usize,
    /// Maximum number of texts or pairs.
    pub texts: usize,
    /// Maximum length of a text in characters.
    pub text_characters: usize,
}

/// Lists the served models.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "models",
    security((), ("token" = [])),
    responses(
        (status = 200, description = "All models", body = ModelList),
        (status = 401, description = "No token, or a wrong one", body = ErrorBody),
    )
)]
pub(super) async fn list(State(models): State<Models>) -> Json<ModelList> {
    Json(ModelList {
        models: models.served().iter().map(ModelInfo::from).collect(),
        limits: models.config().into(),
    })
}

/// Describes a model.
#[utoipa::path(
    get,
    path = "/v1/models/{name}",
    tag = "models",
    params(("name" = String, Path, description = "The model's name")),
    security((), ("token" = [])),
    responses(
        (status = 200, description = "The model", body = ModelInfo),
        (status = 401, description = "No token, or a wrong one", body = ErrorBody),
        (status = 404, description = "No such model", body = ErrorBody),
    )
)]
pub(super) async fn card(
    State(models): State<Models>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<ModelInfo>, ApiError> {
    Ok(Json(find(&models, name)?.served().into()))
}

/// Returns the model of a path; an unreadable name is unknown.
pub(super) fn find(
    models: &Models,
    name: Result<Path<String>, PathRejection>,
) -> Result<Arc<RunningModel>, ApiError> {
    let found = name.ok().and_then(|Path(name)| models.get(&name));
    found.ok_or_else(|| ApiError::unknown_model(models.served().iter().map(ServedModel::name)))
}

impl From<&ServedModel> for ModelInfo {
    fn from(served: &ServedModel) -> Self {
        Self {
            name: served.name().to_string(),
            profile: served.profile().clone(),
            card: served.card().map(str::to_string),
            examples: served.examples().to_vec(),
        }
    }
}

impl From<&ServeConfig> for Limits {
    fn from(config: &ServeConfig) -> Self {
        Self {
            body_bytes: config.max_body_bytes,
            texts: config.max_texts,
            text_characters: config.max_text_chars,
        }
    }
}
