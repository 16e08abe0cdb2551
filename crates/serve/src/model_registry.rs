//! Running models, each with a queue and a thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::bearer_token::Token;
use crate::config::ServeConfig;
use crate::error::ServeError;
use crate::input::Input;
use crate::metrics::Metrics;
use crate::queue::{Queue, QueueError, WaitingRow};
use crate::served_model::ServedModel;
use crate::text_model::InferenceError;
use crate::worker;
use finetune_predict::Prediction;

/// Running models, each with a separate thread.
///
/// Cloning is cheap. The threads end when the last clone is dropped, or with [`Self::close`].
#[derive(Debug, Clone)]
pub struct Models {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    models: Vec<RunningModel>,
    config: ServeConfig,
    token: Option<Token>,
    metrics: Metrics,
    stopping: AtomicBool,
}

/// Model with its queue and its thread.
#[derive(Debug)]
pub(crate) struct RunningModel {
    served: ServedModel,
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

/// Reason why there are no predictions.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// The queue is full.
    QueueFull,
    /// The model has stopped.
    Stopped,
    /// The prediction timed out.
    Timeout,
    /// The model failed.
    Fault(InferenceError),
}

impl Models {
    /// Starts a thread for each model. The demo page selects the first model.
    ///
    /// # Errors
    /// - [`ServeError::InvalidSetting`] if a setting is out of range.
    /// - [`ServeError::NoModels`] if `models` is empty.
    /// - [`ServeError::DuplicateName`] if two models have the same name.
    /// - [`ServeError::Io`] or [`ServeError::InvalidFile`] if the token file cannot be read or is
    ///   invalid.
    /// - [`ServeError::Thread`] if a thread cannot be started.
    pub fn start(models: Vec<ServedModel>, config: ServeConfig) -> Result<Self, ServeError> {
        config.validate()?;
        check_names(&models)?;
        let token = config.token_file.as_deref().map(Token::read).transpose()?;
        let metrics = Metrics::new();
        let running = models
            .into_iter()
            .map(|served| RunningModel::start(served, &config, &metrics));
        Ok(Self {
            inner: Arc::new(Inner {
                models: running.collect::<Result<_, _>>()?,
                config,
                token,
                metrics,
                stopping: AtomicBool::new(false),
            }),
        })
    }

    /// Returns the settings.
    pub fn config(&self) -> &ServeConfig {
        &self.inner.config
    }

    /// Returns the served models, in the given order.
    pub fn served(&self) -> impl Iterator<Item = &ServedModel> {
        self.inner.models.iter().map(|running| &running.served)
    }

    /// Returns whether all models accept texts.
    pub fn is_ready(&self) -> bool {
        let mut models = self.inner.models.iter();
        !self.inner.stopping.load(Ordering::Relaxed)
            && models.all(|running| !running.thread.is_finished())
    }

    /// Announces the shutdown: [`Self::is_ready`] returns false from now on, while texts are still
    /// processed. Load balancers then send clients elsewhere.
    pub fn drain(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
    }

    /// Rejects further texts. Queued texts are still processed; then the threads end.
    pub fn close(&self) {
        self.drain();
        self.inner.close();
    }

    pub(crate) fn get(&self, name: &str) -> Option<&RunningModel> {
        let mut models = self.inner.models.iter();
        models.find(|running| running.served.name() == name)
    }

    pub(crate) fn token(&self) -> Option<&Token> {
        self.inner.token.as_ref()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Returns name, queued rows and dropped rows of each model.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (&str, usize, u64)> {
        let models = self.inner.models.iter();
        models.map(|running| {
            let queue = &running.queue;
            (running.served.name(), queue.len(), queue.gone())
        })
    }
}

impl Inner {
    fn close(&self) {
        for running in &self.models {
            running.queue.close();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl RunningModel {
    fn start(
        served: ServedModel,
        config: &ServeConfig,
        metrics: &Metrics,
    ) -> Result<Self, ServeError> {
        let queue = Arc::new(Queue::new(
            config.max_queue_size,
            config.max_batch_size,
            config.max_delay(),
        ));
        let metrics = metrics.of_model(served.name());
        let thread = worker::spawn(served.name(), served.model(), Arc::clone(&queue), metrics)?;
        Ok(Self {
            served,
            queue,
            thread,
        })
    }

    pub(crate) fn served(&self) -> &ServedModel {
        &self.served
    }

    /// Returns predictions in the order of the inputs. If this future is dropped, queued rows never
    /// reach the model.
    pub(crate) async fn answer(
        &self,
        inputs: Vec<Input>,
        timeout: Duration,
    ) -> Result<Vec<Prediction>, RequestError> {
        let waiting = inputs.into_iter().map(|input| {
            let (reply, answer) = oneshot::channel();
            (WaitingRow::new(input, reply), answer)
        });
        let (rows, receivers): (Vec<_>, Vec<_>) = waiting.unzip();
        self.queue.push(rows).map_err(|refused| match refused {
            QueueError::Full => RequestError::QueueFull,
            QueueError::Closed => RequestError::Stopped,
        })?;
        let answers = async {
            let mut answers = Vec::with_capacity(receivers.len());
            for receiver in receivers {
                // A reply is dropped only with the model's thread.
                let answer = receiver.await.map_err(|_| RequestError::Stopped)?;
                answers.push(answer.map_err(RequestError::Fault)?);
            }
            Ok(answers)
        };
        let answered = tokio::time::timeout(timeout, answers).await;
        answered.unwrap_or(Err(RequestError::Timeout))
    }
}

fn check_names(models: &[ServedModel]) -> Result<(), ServeError> {
    if models.is_empty() {
        return Err(ServeError::NoModels);
    }
    for (position, model) in models.iter().enumerate() {
        let name = model.name();
        if let Some(first) = models[..position].iter().find(|other| other.name() == name) {
            return Err(ServeError::DuplicateName {
                name: name.to_string(),
                first: first.origin().to_string(),
                second: model.origin().to_string(),
            });
        }
    }
    Ok(())
}
