//! Tasks whose every step can be computed by hand: the loss of task `t` is
//! `scale / 2 * |x - target|^2` over a shared `x`, so its gradient is `scale * (x - target)`.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use finetune_data::{BatchSize, SamplingStrategy};
use finetune_model::DropoutStream;
use finetune_train::{
    Algorithm, BatchCounts, BatchIndices, Better, Callback, Decay, Evaluation, Event, LrScheduler,
    MixingConfig, Objective, OptimizerConfig, Scores, TaskScores, TrainConfig, TrainDuration,
    TrainError, Trainer, Warmup,
};

pub(crate) const RATE: f64 = 0.1;

/// The place that all tasks share, where freezing and surgery look for it.
#[derive(Module, Debug)]
pub(crate) struct Shared {
    pub(crate) place: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
pub(crate) struct Place {
    pub(crate) encoder: Shared,
}

/// A task: how steep, where its minimum is, how many rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bowl {
    pub(crate) scale: f64,
    pub(crate) target: [f64; 2],
    pub(crate) rows: usize,
}

impl Bowl {
    pub(crate) fn loss(&self, x: [f64; 2]) -> f64 {
        let apart = [x[0] - self.target[0], x[1] - self.target[1]];
        self.scale / 2.0 * (apart[0] * apart[0] + apart[1] * apart[1])
    }

    pub(crate) fn gradient(&self, x: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|at| self.scale * (x[at] - self.target[at]))
    }
}

pub(crate) struct Bowls {
    pub(crate) tasks: Vec<Bowl>,
    pub(crate) mixing: MixingConfig,
    pub(crate) measured: bool,
}

impl Objective for Bowls {
    type Model = Place;
    type Batch = BatchIndices;

    fn check(&self, _model: &Place, _config: &TrainConfig) -> Result<(), TrainError> {
        Ok(())
    }

    fn tasks(&self) -> Vec<String> {
        (0..self.tasks.len()).map(name).collect()
    }

    fn mixing(&self) -> MixingConfig {
        self.mixing.clone()
    }

    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError> {
        Ok(self.tasks.iter().map(|task| vec![1; task.rows]).collect())
    }

    fn examples(&self, part: &BatchIndices) -> Result<Vec<usize>, TrainError> {
        Ok(part.indices.clone())
    }

    fn batch(&self, part: &BatchIndices) -> Result<BatchIndices, TrainError> {
        Ok(part.clone())
    }

    fn size(&self, batch: &BatchIndices) -> Result<BatchCounts, TrainError> {
        let rows = batch.indices.len();
        Ok(BatchCounts {
            rows,
            weight: rows as f64,
            ..Default::default()
        })
    }

    fn loss(
        &self,
        model: &Place,
        batch: &BatchIndices,
        step: &BatchCounts,
        _dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        let task = self.tasks[batch.task];
        let place = model.encoder.place.val();
        let target = Tensor::<1>::from_floats(task.target.map(|at| at as f32), &place.device());
        let apart = place - target;
        let one = (apart.clone() * apart).sum() * (task.scale / 2.0);
        Ok(one * (batch.indices.len() as f64 / step.weight))
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        match self.measured {
            true => vec![("loss".to_string(), Better::Lower)],
            false => Vec::new(),
        }
    }

    fn evaluate(
        &self,
        model: &Place,
        _callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError> {
        let x = values(model);
        let losses = self.tasks.iter().map(|task| task.loss(x));
        let scores = |loss| Scores::from([("loss".to_string(), loss)]);
        let task = |(at, loss)| {
            let (metric, better) = ("loss".to_string(), Better::Lower);
            let scores = scores(loss);
            (
                name(at),
                TaskScores {
                    metric,
                    better,
                    scores,
                },
            )
        };
        Ok(Evaluation {
            scores: scores(losses.clone().sum()),
            tasks: losses.enumerate().map(task).collect(),
        })
    }
}

pub(crate) fn name(task: usize) -> String {
    ["a", "b", "c"][task].to_string()
}

pub(crate) fn values(model: &Place) -> [f64; 2] {
    let values = model.encoder.place.val().into_data().convert::<f64>();
    let values: Vec<f64> = values.iter().collect();
    [values[0], values[1]]
}

/// At `(1, -2)`.
pub(crate) fn start() -> Place {
    let place = Tensor::from_floats([1.0, -2.0], &Device::flex().autodiff());
    Place {
        encoder: Shared {
            place: Param::from_tensor(place),
        },
    }
}

/// Plain gradient descent, one row a batch.
pub(crate) fn config(length: TrainDuration) -> TrainConfig {
    TrainConfig {
        duration: length,
        batch_size: BatchSize::Rows(1),
        sampling_strategy: SamplingStrategy::Sequential,
        optimizer: OptimizerConfig {
            learning_rate: RATE,
            weight_decay: 0.0,
            max_grad_norm: None,
            algorithm: Algorithm::Sgd {
                momentum: 0.0,
                nesterov: false,
            },
            ..Default::default()
        },
        lr_scheduler: LrScheduler {
            warmup: Warmup::Steps(0),
            decay: Decay::Constant,
        },
        ..Default::default()
    }
}

/// Keeps what a run tells of its tasks.
#[derive(Default)]
pub(crate) struct Watch(pub(crate) Vec<Event>);

impl Callback for Watch {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        self.0.push(event.clone());
        Ok(())
    }
}

impl Bowls {
    pub(crate) fn run(&self, length: TrainDuration) -> ([f64; 2], Watch) {
        let (config, mut watch) = (config(length), Watch::default());
        let trainer = Trainer::new(self, &config);
        let trained = trainer.train(start(), &mut watch).unwrap();
        (values(&trained.model), watch)
    }
}
