//! The models that run together, each with its queue and its thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::metrics::Metrics;
use crate::model::ModelFault;
use crate::queue::{Queue, Refused, WaitingRow};
use crate::token::Token;
use crate::{Answer, Input, ServeConfig, ServeError, ServedModel, worker};

/// Models that have been started: each waits for texts on a thread of its own.
///
/// A cheap handle; the threads end when the last one is dropped, or with [`Self::close`].
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

/// A model, what waits for it, and the thread that works on that.
#[derive(Debug)]
pub(crate) struct RunningModel {
    served: ServedModel,
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

/// Why there are no answers.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// More rows would wait than may.
    QueueFull,
    /// The model answers no more.
    Stopped,
    /// They did not come in time.
    Late,
    /// The model failed.
    Fault(ModelFault),
}

impl Models {
    /// Starts a thread for each model. The first model is the one that the demo page shows first.
    ///
    /// # Errors
    /// [`ServeError::InvalidSetting`] for a setting out of range; [`ServeError::NoModels`] and
    /// [`ServeError::DuplicateName`]; [`ServeError::Io`] and [`ServeError::InvalidFile`] for the
    /// file of the token; [`ServeError::Thread`].
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

    /// The settings.
    pub fn config(&self) -> &ServeConfig {
        &self.inner.config
    }

    /// What is served, in the order given.
    pub fn served(&self) -> impl Iterator<Item = &ServedModel> {
        self.inner.models.iter().map(|running| &running.served)
    }

    /// Whether all models take texts.
    pub fn is_ready(&self) -> bool {
        let mut models = self.inner.models.iter();
        !self.inner.stopping.load(Ordering::Relaxed)
            && models.all(|running| !running.thread.is_finished())
    }

    /// Says that the end is near: [`Self::is_ready`] is false from here on, and texts are still
    /// answered. A load balancer that asks sends its clients elsewhere.
    pub fn begin_stopping(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
    }

    /// Takes no more texts. What waits is still answered; then the threads end.
    pub fn close(&self) {
        self.begin_stopping();
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

    /// Of each model its name, the rows that wait, and those that left.
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
            config.queue_rows,
            config.max_batch_rows,
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

    /// Answers in the order of the inputs. Whoever drops this future takes the rows back: they
    /// never reach the model, unless they are with it already.
    pub(crate) async fn answer(
        &self,
        inputs: Vec<Input>,
        timeout: Duration,
    ) -> Result<Vec<Answer>, NoAnswer> {
        let waiting = inputs.into_iter().map(|input| {
            let (reply, answer) = oneshot::channel();
            (WaitingRow::new(input, reply), answer)
        });
        let (rows, receivers): (Vec<_>, Vec<_>) = waiting.unzip();
        self.queue.push(rows).map_err(|refused| match refused {
            Refused::Full => NoAnswer::QueueFull,
            Refused::Closed => NoAnswer::Stopped,
        })?;
        let answers = async {
            let mut answers = Vec::with_capacity(receivers.len());
            for receiver in receivers {
                // A reply is dropped only with the thread of the model.
                let answer = receiver.await.map_err(|_| NoAnswer::Stopped)?;
                answers.push(answer.map_err(NoAnswer::Fault)?);
            }
            Ok(answers)
        };
        let answered = tokio::time::timeout(timeout, answers).await;
        answered.unwrap_or(Err(NoAnswer::Late))
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
