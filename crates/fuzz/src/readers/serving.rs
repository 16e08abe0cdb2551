//! Requests to a server.

use std::error::Error;
use std::path::Path;
use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use finetune_serve::{
    InferenceError, Input, InputFormat, ModelMetadata, Models, Prediction, Score, ServeConfig,
    ServedModel, ServedTask, TextModel, router,
};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use super::tables::write_all;
use crate::reader::{Attempt, Reader, Shape};

pub(crate) const REQUESTS: Reader = Reader {
    name: "requests",
    cost: 1,
    files: &["body.json"],
    shape: Shape::Json,
    writes: false,
    seeds: |directory| {
        let bodies: [&[u8]; 3] = [
            br#"{"inputs": "I was charged twice", "top_k": 2}"#,
            br#"{"inputs": [{"text": "a", "text_pair": "b"}, {"text": "", "text_pair": "\u00e9"}]}"#,
            br#"{"inputs": ["a", "b b b"]}"#,
        ];
        write_all(directory, "body.json", bodies)
    },
    read: answer,
};

/// Sends the body to a server in this process.
fn answer(directory: &Path) -> Attempt {
    static SERVER: OnceLock<Option<(Runtime, Router)>> = OnceLock::new();
    let server = SERVER.get_or_init(|| server().ok());
    let (runtime, router) = server.as_ref().ok_or("the server cannot be started")?;
    let request = Request::post("/v1/models/lengths/classify");
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(std::fs::read(directory.join("body.json"))?))?;
    let response = runtime.block_on(router.clone().oneshot(request))?;
    match response.status() {
        StatusCode::OK => Ok(()),
        // The server catches panics of its handlers and its models.
        StatusCode::INTERNAL_SERVER_ERROR => panic!("the server answered with 500"),
        refused => Err(refused.to_string().into()),
    }
}

fn server() -> Result<(Runtime, Router), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let model = ServedModel::new("lengths", Lengths)?;
    let models = Models::start(vec![model], ServeConfig::default())?;
    Ok((runtime, router(&models)))
}

/// Model that answers with the length of a text.
#[derive(Debug)]
struct Lengths;

impl TextModel for Lengths {
    fn profile(&self) -> ModelMetadata {
        ModelMetadata {
            task: ServedTask::Regression,
            input: InputFormat::TextOrPair,
            labels: vec!["length".into()],
            max_tokens: None,
        }
    }

    fn answer(&self, inputs: &[Input]) -> Result<Vec<Prediction>, InferenceError> {
        let length = |input: &Input| Prediction::Regression {
            scores: vec![Score {
                label: "length".into(),
                score: input.text().len() as f64,
            }],
        };
        Ok(inputs.iter().map(length).collect())
    }
}
