//! Routes of the REST API and their middleware.

mod authorization;
mod body;
mod classify;
mod embed;
mod error;
mod health;
mod models;
mod openapi;
mod page;

pub use classify::{ClassifyRequest, ClassifyResponse, Inputs};
pub use embed::{EmbedRequest, EmbedResponse};
pub use error::{ErrorBody, ErrorCode, ErrorDetail};
pub use models::{Limits, ModelInfo, ModelList};

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model_registry::Models;
use error::ApiError;

/// Creates the router of the API, to be served by [`Server`](crate::Server) or nested in another
/// router.
///
/// Its routes are `/v1/models`, `/v1/models/{name}`, `/v1/models/{name}/classify`,
/// `/v1/models/{name}/embed`, `/healthz`, `/readyz`, `/metrics`, `/openapi.json` and the demo page at `/`. All limits of
/// [`ServeConfig`](crate::ServeConfig) apply except those of connections: `header_timeout_ms`,
/// `max_connections` and `shutdown_timeout_ms` are up to the server. Call [`Models::close`] on
/// shutdown to end the threads of the models.
///
/// ```
/// # use finetune_serve::{
/// #     Input, InputFormat, InferenceError, ModelMetadata, Prediction, Score, ServedTask, TextModel,
/// # };
/// use finetune_serve::{Models, ServeConfig, ServedModel, router};
/// # struct MyModel;
/// # impl TextModel for MyModel {
/// #     fn profile(&self) -> ModelMetadata {
/// #         ModelMetadata {
/// #             task: ServedTask::Regression,
/// #             input: InputFormat::Text,
/// #             labels: vec!["length".into()],
/// #             max_tokens: None,
/// #         }
/// #     }
/// #     fn answer(&self, inputs: &[Input]) -> Result<Vec<Prediction>, InferenceError> {
/// #         let length = |input: &Input| Score {
/// #             label: "length".into(),
/// #             score: input.text().len() as f64,
/// #         };
/// #         let answer = |input| Prediction::Regression { scores: vec![length(input)] };
/// #         Ok(inputs.iter().map(answer).collect())
/// #     }
/// # }
///
/// let models = Models::start(vec![ServedModel::new("mine", MyModel)?], ServeConfig::default())?;
/// let app: axum::Router = axum::Router::new()
///     .route("/hello", axum::routing::get(|| async { "hello" }))
///     .nest("/models", router(&models));
/// # drop(app);
/// # Ok::<(), finetune_serve::ServeError>(())
/// ```
pub fn router(models: &Models) -> Router {
    let protected = OpenApiRouter::new()
        .routes(routes!(models::list))
        .routes(routes!(models::card))
        .routes(routes!(classify::classify))
        .routes(routes!(embed::embed))
        .routes(routes!(health::metrics))
        .route_layer(middleware::from_fn_with_state(
            models.clone(),
            authorization::require_token,
        ));
    let (router, api) = OpenApiRouter::with_openapi(openapi::begin())
        .merge(protected)
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .split_for_parts();
    let document = openapi::finish(&api, models.config());
    router
        .route("/openapi.json", get(move || document.clone().response()))
        .route("/", get(page::page))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(models.clone(), measure))
        .with_state(models.clone())
}

/// Counts the request and measures the time to its response.
async fn measure(State(models): State<Models>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    // The route pattern rather than the requested path, so that the number of distinct values is
    // bounded.
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_string(),
        None => "none".to_string(),
    };
    let response = next.run(request).await;
    let status = response.status().as_u16();
    models.metrics().request(&route, status, start.elapsed());
    response
}

/// Returns the response to a request whose handler panicked.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::internal().into_response()
}
