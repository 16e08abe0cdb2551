//! A model that does what a test wants.

use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};

use finetune_serve::{
    InferenceError, Input, InputFormat, ModelMetadata, Prediction, Score, ServedModel, ServedTask,
    TextModel,
};

use crate::server::{TestServer, eventually};

/// Answers with the length of a text. It panics on `panic`, fails on `fail` and refuses
/// `unreadable`; and it can be stopped at a gate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scripted {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: Mutex<bool>,
    opened: Condvar,
    /// The texts of every batch.
    batches: Mutex<Vec<Vec<String>>>,
}

impl Scripted {
    /// Lets no batch end until the gate is opened.
    pub(crate) fn close_gate(&self) {
        *self.state.closed.lock().unwrap() = true;
    }

    pub(crate) fn open_gate(&self) {
        *self.state.closed.lock().unwrap() = false;
        self.state.opened.notify_all();
    }

    /// Closes the gate and sends two requests: one that is in the model, and one that waits in its queue.
    pub(crate) fn hold_two(&self, server: &TestServer) -> [TcpStream; 2] {
        self.close_gate();
        let in_the_model = server.send("scripted", "first");
        eventually("the first is at the gate", || self.batches().len() == 1);
        let in_the_queue = server.send("scripted", "second");
        eventually("the second waits", || {
            server.metric(r#"finetune_queue_rows{model="scripted"}"#) == 1.0
        });
        [in_the_model, in_the_queue]
    }

    /// The texts of every batch so far, those of one that waits at the gate too.
    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        self.state.batches.lock().unwrap().clone()
    }

    /// This model under the name `scripted`.
    pub(crate) fn served(&self) -> ServedModel {
        ServedModel::new("scripted", self.clone()).unwrap()
    }
}

impl TextModel for Scripted {
    fn profile(&self) -> ModelMetadata {
        ModelMetadata {
            task: ServedTask::Regression,
            input: InputFormat::TextOrPair,
            labels: vec!["length".into()],
            max_tokens: None,
        }
    }

    fn answer(&self, inputs: &[Input]) -> Result<Vec<Prediction>, InferenceError> {
        let texts: Vec<String> = inputs
            .iter()
            .map(|input| input.text().to_string())
            .collect();
        self.state.batches.lock().unwrap().push(texts.clone());
        let mut closed = self.state.closed.lock().unwrap();
        while *closed {
            closed = self.state.opened.wait(closed).unwrap();
        }
        drop(closed);
        for text in &texts {
            match text.as_str() {
                "panic" => panic!("as told"),
                "fail" => return Err(InferenceError::Failed),
                "unreadable" => return Err(InferenceError::Input { reason: "as told" }),
                _ => {}
            }
        }
        let scores = |text: &String| {
            let score = Score {
                label: "length".into(),
                score: text.len() as f64,
            };
            Prediction::Regression {
                scores: vec![score],
            }
        };
        Ok(texts.iter().map(scores).collect())
    }
}
