//! Steps of a run: the rows of each task in each step.

use finetune_data::{SampledBatch, Sampler, SamplingStrategy};
use finetune_eval::Better;
use finetune_random::{Purpose, number};

use crate::any_objective::AnyObjective;
use crate::error::TrainError;
use crate::mixing::{MixingConfig, Sampling, TaskWeights, Visits};
use crate::objective::BatchIndices;
use crate::run_length::{MAX_STEPS, StepBoundary, TrainDuration};
use crate::train_config::TrainConfig;

/// Steps of a run, a function of settings and data alone.
///
/// The `k`-th visit of a task uses the `k`-th batch of its rows, so any step can be found by
/// counting.
pub(crate) struct Plan {
    pub(crate) total_steps: usize,
    /// Direction of the metric that selects the best model.
    pub(crate) better: Better,
    pub(crate) mixing: MixingConfig,
    /// Trained tasks, in the order of the objective.
    pub(crate) tasks: Vec<PlannedTask>,
    seed: u64,
    epochs: u64,
    /// Whether all epochs have the same numbers of batches and visits.
    epochs_are_alike: bool,
}

/// Maximum number of rows looked at to count the steps of a run.
const MAX_COUNTED_ROWS: usize = 1 << 28;

/// Rows that cost as much as what an epoch costs besides them.
const ROWS_PER_EPOCH: usize = 1 << 10;

/// A trained task.
pub(crate) struct PlannedTask {
    /// Index of the task in the objective.
    pub(crate) index: usize,
    pub(crate) name: String,
    /// Number of tokens of each row.
    pub(crate) lengths: Vec<usize>,
    sampler: Sampler,
}

/// One optimizer step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedStep {
    /// Step number over all epochs, from 0.
    pub(crate) step: u64,
    /// Epoch, from 0.
    pub(crate) epoch: u64,
    pub(crate) parts: Vec<BatchIndices>,
}

impl Plan {
    /// # Errors
    /// - The errors of [`Trainer::train`](crate::Trainer::train) that do not depend on the model.
    pub(crate) fn new(
        objective: &dyn AnyObjective,
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        let better = match &config.evaluation {
            Some(evaluation) => evaluation.check(&objective.metrics())?,
            None => Better::Lower,
        };
        let mixing = objective.mixing();
        mixing.validate()?;
        mixing.check_length(config.duration)?;
        let tasks = planned_tasks(objective, config)?;
        let mut samplers = tasks.iter().map(|task| &task.sampler);
        let epochs_are_alike =
            mixing.sampling == Sampling::RoundRobin && samplers.all(Sampler::epochs_are_alike);
        let mut plan = Self {
            total_steps: 0,
            better,
            mixing,
            epochs_are_alike,
            tasks,
            seed: config.seed,
            epochs: match config.duration {
                TrainDuration::Epochs(epochs) => epochs as u64,
                TrainDuration::Steps(_) => 1,
            },
        };
        plan.weights_at_start()?;
        plan.total_steps = plan.count_steps(config.duration)?;
        config.lr_scheduler.check(plan.total_steps)?;
        config.checkpoints.check(plan.total_steps)?;
        Ok(plan)
    }

    /// # Errors
    /// - Any error of [`TaskWeights::start`].
    pub(crate) fn weights_at_start(&self) -> Result<TaskWeights, TrainError> {
        TaskWeights::start(&self.mixing.weighting, &self.sizes())
    }

    /// Returns the steps after the first `done` steps.
    ///
    /// # Errors
    /// - [`TrainError::Task`] if a task has no weight.
    pub(crate) fn steps_after(
        &self,
        done: usize,
    ) -> Result<impl Iterator<Item = PlannedStep>, TrainError> {
        let (epoch, mut skipped, visited) = self.locate(done)?;
        let mut streams: Vec<_> = self
            .tasks
            .iter()
            .zip(visited)
            .map(|(task, visits)| task.sampler.steps(&task.lengths, visits))
            .collect();
        let left = self.total_steps.saturating_sub(done);
        let visits = (epoch..).map_while(move |epoch| {
            let steps = self.visits(epoch).ok()?;
            let skipped = std::mem::take(&mut skipped);
            let steps = steps.into_iter().skip(skipped);
            Some(steps.map(move |tasks| (epoch, tasks)))
        });
        let steps = visits.flatten().zip(done as u64..).take(left);
        Ok(steps.map(move |((epoch, tasks), step)| {
            let part = |task: usize| {
                let batch = streams[task].next();
                batch.map(|batch| self.tasks[task].part(batch))
            };
            PlannedStep {
                step,
                epoch,
                parts: tasks.into_iter().filter_map(part).collect(),
            }
        }))
    }

    /// Returns one batch per task, for a measurement before step `step`.
    pub(crate) fn probes(&self, step: u64, config: &TrainConfig) -> Vec<BatchIndices> {
        let part = |task: &PlannedTask| {
            let batches = task.sampler.batches(&task.lengths, step);
            let rows = batches.into_iter().next().unwrap_or_default();
            let rows = config.batch_size.cut(&rows, &task.lengths);
            BatchIndices {
                task: task.index,
                epoch: step,
                indices: rows.into_iter().next().unwrap_or_default(),
            }
        };
        self.tasks.iter().map(part).collect()
    }

    /// Returns the epoch of a step, its position in the epoch, and the earlier visits of each task.
    fn locate(&self, step: usize) -> Result<(u64, usize, Vec<u64>), TrainError> {
        let mut visited = vec![0; self.tasks.len()];
        let (mut epoch, mut left) = (0, step);
        loop {
            let steps = self.visits(epoch)?;
            let before = left.min(steps.len());
            for task in steps[..before].iter().flatten() {
                visited[*task] += 1;
            }
            if left < steps.len() || steps.is_empty() {
                return Ok((epoch, left, visited));
            }
            (epoch, left) = (epoch + 1, left - steps.len());
        }
    }

    /// Returns the steps of an epoch, as indices into [`Self::tasks`].
    fn visits(&self, epoch: u64) -> Result<Vec<Vec<usize>>, TrainError> {
        let batches = |task: &PlannedTask| task.sampler.batch_count(&task.lengths, epoch);
        let batches: Vec<usize> = self.tasks.iter().map(batches).collect();
        let visits = Visits {
            config: &self.mixing,
            tasks: &self.sizes(),
            epochs: self.epochs,
            seed: self.seed,
        };
        visits.steps(&batches, epoch)
    }

    fn sizes(&self) -> Vec<(&str, usize)> {
        let size = |task: &'_ PlannedTask| task.lengths.len();
        let tasks = self.tasks.iter();
        tasks.map(|task| (&task.name[..], size(task))).collect()
    }

    /// Counts the steps of the whole run, and checks that it visits every task.
    ///
    /// Epochs are counted one by one only if they differ, and steps only until every task has been
    /// visited; at most [`MAX_COUNTED_ROWS`] rows are looked at.
    fn count_steps(&self, length: TrainDuration) -> Result<usize, TrainError> {
        let rows: usize = self.tasks.iter().map(|task| task.lengths.len()).sum();
        let mut counted = Visited::new(self.tasks.len());
        let most = (MAX_COUNTED_ROWS / (rows + ROWS_PER_EPOCH)).max(1);
        let total = match length {
            TrainDuration::Epochs(epochs) if self.epochs_are_alike => {
                let steps = counted.add(&self.visits(0)?);
                steps.saturating_mul(epochs)
            }
            TrainDuration::Epochs(epochs) if epochs > most => {
                let expected = format!(
                    "at most {most} on {rows} rows: with batches of tokens or tasks in random \
                     order, epochs differ and are counted one by one"
                );
                return Err(TrainError::setting("epochs", epochs, expected));
            }
            TrainDuration::Epochs(epochs) => {
                let mut total = 0;
                for epoch in 0..epochs as u64 {
                    total += counted.add(&self.visits(epoch)?);
                }
                total
            }
            TrainDuration::Steps(steps) => {
                let (mut done, mut epochs) = (0, 0..most as u64);
                while done < steps
                    && counted.misses_some()
                    && let Some(epoch) = epochs.next()
                {
                    let mut of_epoch = self.visits(epoch)?;
                    of_epoch.truncate(steps - done);
                    done += counted.add(&of_epoch);
                    // Without weights, there are no visits in any epoch.
                    if of_epoch.is_empty() {
                        break;
                    }
                }
                match counted.misses_some() {
                    true => done,
                    false => steps,
                }
            }
        };
        match counted.first_missing() {
            Some(task) => {
                let found = format!("never in {total} steps");
                let expected = "at least once: by its weight, and by a run that comes so far";
                let error = TrainError::setting("visits", found, expected);
                Err(error.in_task(&self.tasks[task].name))
            }
            None if total > MAX_STEPS => {
                let expected = format!("at most {MAX_STEPS} in all epochs");
                Err(TrainError::setting("steps", total, expected))
            }
            None => Ok(total),
        }
    }
}

/// Tasks that a run visits.
struct Visited(Vec<bool>);

impl Visited {
    fn new(tasks: usize) -> Self {
        Self(vec![false; tasks])
    }

    /// Adds the tasks of some steps, and returns the number of steps.
    fn add(&mut self, steps: &[Vec<usize>]) -> usize {
        steps.iter().flatten().for_each(|task| self.0[*task] = true);
        steps.len()
    }

    fn first_missing(&self) -> Option<usize> {
        self.0.iter().position(|visited| !visited)
    }

    fn misses_some(&self) -> bool {
        self.first_missing().is_some()
    }
}

impl PlannedStep {
    /// Returns the moment after the step, given the next step, if any.
    pub(crate) fn moment(&self, next: Option<&Self>) -> StepBoundary {
        StepBoundary {
            steps: self.step as usize + 1,
            epochs: self.epoch as usize + 1,
            epoch_ended: next.is_none_or(|next| next.epoch != self.epoch),
            run_ended: next.is_none(),
        }
    }
}

impl PlannedTask {
    fn part(&self, batch: SampledBatch) -> BatchIndices {
        BatchIndices {
            task: self.index,
            epoch: batch.epoch,
            indices: batch.rows,
        }
    }
}

fn planned_tasks(
    objective: &dyn AnyObjective,
    config: &TrainConfig,
) -> Result<Vec<PlannedTask>, TrainError> {
    let (names, lengths) = (objective.tasks(), objective.lengths()?);
    let mut tasks = Vec::with_capacity(names.len());
    for (index, (name, lengths)) in names.into_iter().zip(lengths).enumerate() {
        if !objective.trains(index) {
            continue;
        }
        if lengths.is_empty() {
            let error = TrainError::setting("training rows", 0, "at least 1");
            return Err(error.in_task(&name));
        }
        // Tasks are shuffled with different seeds; the first keeps the seed of a single-task run.
        let seed = match index {
            0 => config.seed,
            _ => number(config.seed, Purpose::TaskSampling, u64::MAX, index as u64),
        };
        let mut sampler = Sampler::new(config.sampling_strategy, config.step_size(), seed)?;
        if config.sampling_strategy == SamplingStrategy::NoDuplicates {
            let keys = objective.text_keys(index)?;
            let expected = "another for a task whose rows are not compared with each other";
            let missing = || TrainError::setting("sampling_strategy", "no_duplicates", expected);
            let keys = keys.ok_or_else(|| missing().in_task(&name))?;
            sampler = sampler.with_text_keys(keys);
        }
        tasks.push(PlannedTask {
            sampler,
            index,
            name,
            lengths,
        });
    }
    match tasks.is_empty() {
        true => Err(TrainError::setting("tasks that train", 0, "at least 1")),
        false => Ok(tasks),
    }
}
