//! Running models, each with a queue and a thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
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
    models: RwLock<Vec<Arc<RunningModel>>>,
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

/// Rows of a request that wait for their predictions.
struct PendingRows(Vec<oneshot::Receiver<Result<Prediction, InferenceError>>>);

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
            .map(|served| RunningModel::start(served, &config, &metrics, None).map(Arc::new));
        let running: Vec<_> = running.collect::<Result<_, _>>()?;
        Ok(Self {
            inner: Arc::new(Inner {
                models: RwLock::new(running),
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
    pub fn served(&self) -> Vec<ServedModel> {
        let models = self.inner.models();
        models
            .iter()
            .map(|running| running.served.clone())
            .collect()
    }

    /// Replaces the model of the same name, without losing a request: rows that wait are still answered by
    /// the one before, which then ends.
    ///
    /// # Errors
    /// - [`ServeError::UnknownName`] if no model has the name.
    /// - [`ServeError::Thread`] if a thread cannot be started.
    pub fn replace(&self, served: ServedModel) -> Result<(), ServeError> {
        let Some(before) = self.get(served.name()) else {
            return Err(ServeError::UnknownName {
                name: served.name().to_string(),
            });
        };
        let (config, metrics) = (&self.inner.config, &self.inner.metrics);
        let running = RunningModel::start(served, config, metrics, Some(&before.queue))?;
        let running = Arc::new(running);
        let replaced = self.inner.replace(Arc::clone(&running));
        // A queue that is closed already is one of models that have ended.
        if !replaced.queue.close() {
            running.queue.close();
        }
        Ok(())
    }

    /// Returns whether all models accept texts.
    pub fn is_ready(&self) -> bool {
        let models = self.inner.models();
        !self.inner.stopping.load(Ordering::Relaxed)
            && models.iter().all(|running| !running.thread.is_finished())
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

    pub(crate) fn get(&self, name: &str) -> Option<Arc<RunningModel>> {
        find(&self.inner.models(), name).cloned()
    }

    /// Returns predictions of a model in the order of the inputs. If this future is dropped, queued rows
    /// never reach the model.
    pub(crate) async fn answer(
        &self,
        name: &str,
        inputs: Vec<Input>,
        timeout: Duration,
    ) -> Result<Vec<Prediction>, RequestError> {
        let pending = {
            // A model is replaced before or after, so that rows do not come to a closed queue.
            let models = self.inner.models();
            let running = find(&models, name).ok_or(RequestError::Stopped)?;
            running.submit(inputs)?
        };
        let answered = tokio::time::timeout(timeout, pending.answers()).await;
        answered.unwrap_or(Err(RequestError::Timeout))
    }

    pub(crate) fn token(&self) -> Option<&Token> {
        self.inner.token.as_ref()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Returns name, queued rows and dropped rows of each model.
    pub(crate) fn queues(&self) -> Vec<(String, usize, u64)> {
        let models = self.inner.models();
        let of_each = models.iter().map(|running| {
            let queue = &running.queue;
            (running.served.name().to_string(), queue.len(), queue.gone())
        });
        of_each.collect()
    }
}

impl Inner {
    /// A poisoned lock is ignored: no code panics while holding it.
    fn models(&self) -> RwLockReadGuard<'_, Vec<Arc<RunningModel>>> {
        self.models.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a model into the place of the one with its name, which is returned.
    fn replace(&self, running: Arc<RunningModel>) -> Arc<RunningModel> {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        let name = running.served.name();
        match models.iter_mut().find(|other| other.served.name() == name) {
            Some(place) => std::mem::replace(place, running),
            // Models are never removed.
            None => running,
        }
    }

    fn close(&self) {
        for running in self.models().iter() {
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
        replaced: Option<&Queue>,
    ) -> Result<Self, ServeError> {
        let queue = Queue::new(
            config.max_queue_size,
            config.max_batch_size,
            config.max_delay(),
        );
        let queue = Arc::new(match replaced {
            Some(replaced) => queue.after(replaced),
            None => queue,
        });
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

    fn submit(&self, inputs: Vec<Input>) -> Result<PendingRows, RequestError> {
        let waiting = inputs.into_iter().map(|input| {
            let (reply, answer) = oneshot::channel();
            (WaitingRow::new(input, reply), answer)
        });
        let (rows, receivers): (Vec<_>, Vec<_>) = waiting.unzip();
        self.queue.push(rows).map_err(|refused| match refused {
            QueueError::Full => RequestError::QueueFull,
            QueueError::Closed => RequestError::Stopped,
        })?;
        Ok(PendingRows(receivers))
    }
}

impl PendingRows {
    async fn answers(self) -> Result<Vec<Prediction>, RequestError> {
        let mut answers = Vec::with_capacity(self.0.len());
        for receiver in self.0 {
            // A reply is dropped only with the model's thread.
            let answer = receiver.await.map_err(|_| RequestError::Stopped)?;
            answers.push(answer.map_err(RequestError::Fault)?);
        }
        Ok(answers)
    }
}

fn find<'a>(models: &'a [Arc<RunningModel>], name: &str) -> Option<&'a Arc<RunningModel>> {
    models.iter().find(|running| running.served.name() == name)
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
