//! Each policy on bowls: the path of the parameters is that of its formula, computed here in double
//! precision, and the visits are those of its definition.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use finetune_data::BatchSize;
use finetune_train::{
    CheckpointDirectory, CheckpointPolicy, EarlyStopping, EvaluationConfig, Event, Interval,
    MixingConfig, TrainConfig, TrainDuration, TrainError, Trainer,
};

use super::quadratics::{Bowl, Bowls, RATE, Watch, config, name, start, values};

const STEEP: Bowl = Bowl {
    scale: 2.0,
    target: [0.0, 1.0],
    rows: 3,
};
const FLAT: Bowl = Bowl {
    scale: 0.5,
    target: [3.0, -1.0],
    rows: 2,
};

fn bowls(json: &str) -> Bowls {
    Bowls {
        tasks: vec![STEEP, FLAT],
        mixing: serde_json::from_str(json).unwrap(),
        measured: false,
    }
}

const START: [f64; 2] = [1.0, -2.0];

fn plus(left: [f64; 2], factor: f64, right: [f64; 2]) -> [f64; 2] {
    [0, 1].map(|at| left[at] + factor * right[at])
}

fn dot(left: [f64; 2], right: [f64; 2]) -> f64 {
    left[0] * right[0] + left[1] * right[1]
}

/// Plain descent, step by step, on a gradient.
fn descend(steps: usize, mut gradient: impl FnMut(usize, [f64; 2]) -> [f64; 2]) -> [f64; 2] {
    (0..steps).fold(START, |x, step| plus(x, -RATE, gradient(step, x)))
}

#[track_caller]
fn assert_close(found: [f64; 2], expected: [f64; 2]) {
    let close = |at: usize| (found[at] - expected[at]).abs() < 2e-6;
    assert!(close(0) && close(1), "{found:?}, expected {expected:?}");
}

#[test]
fn alternating_takes_a_step_on_each_in_turn() {
    let (found, _) = bowls("{}").run(TrainDuration::Epochs(1));
    let tasks = [STEEP, FLAT, STEEP, FLAT, STEEP];
    assert_close(found, descend(5, |step, x| tasks[step].gradient(x)));
}

#[test]
fn serial_goes_through_one_task_after_the_other() {
    let (found, _) = bowls(r#"{"updates": "sequential"}"#).run(TrainDuration::Epochs(2));
    let tasks = [STEEP, STEEP, STEEP, FLAT, FLAT].repeat(2);
    assert_close(found, descend(10, |step, x| tasks[step].gradient(x)));
}

#[test]
fn summed_steps_on_the_sum() {
    let json = r#"{"updates": "joint", "stopping_strategy": "all_exhausted",
                   "weighting": {"kind": "fixed", "weights": {"a": 0.5, "b": 3.0}}}"#;
    let (found, _) = bowls(json).run(TrainDuration::Epochs(2));
    let gradient = |_, x| plus(STEEP.gradient(x).map(|at| 0.5 * at), 3.0, FLAT.gradient(x));
    assert_close(found, descend(6, gradient));
}

/// Where a task has dropped out, the step is on what is left of the sum.
#[test]
fn summed_over_all_data_ends_with_the_longer_task() {
    let (found, _) = bowls(r#"{"updates": "joint"}"#).run(TrainDuration::Epochs(1));
    let gradient = |step, x| match step {
        0 | 1 => plus(STEEP.gradient(x), 1.0, FLAT.gradient(x)),
        _ => STEEP.gradient(x),
    };
    assert_close(found, descend(3, gradient));
}

#[test]
fn once_an_epoch_is_one_step_on_the_mean_losses() {
    let (found, _) = bowls(r#"{"updates": "per_epoch"}"#).run(TrainDuration::Epochs(4));
    let gradient = |_, x| plus(STEEP.gradient(x), 1.0, FLAT.gradient(x));
    assert_close(found, descend(4, gradient));
}

#[test]
fn by_size_the_smaller_task_counts_more() {
    let json = r#"{"updates": "per_epoch", "weighting": {"kind": "size"}}"#;
    let (found, _) = bowls(json).run(TrainDuration::Epochs(3));
    let gradient = |_, x| plus(STEEP.gradient(x), 1.5, FLAT.gradient(x));
    assert_close(found, descend(3, gradient));
}

/// With two tasks there is one order only, so the formula needs no draw.
#[test]
fn surgery_projects_gradients_in_conflict() {
    let json = r#"{"updates": "joint", "stopping_strategy": "all_exhausted", "gradient_combination": "pc_grad"}"#;
    let (found, _) = bowls(json).run(TrainDuration::Epochs(8));
    let mut conflicts = 0;
    let gradient = |_, x| {
        let (a, b) = (STEEP.gradient(x), FLAT.gradient(x));
        let along = dot(a, b);
        if along >= 0.0 {
            return plus(a, 1.0, b);
        }
        conflicts += 1;
        plus(
            plus(a, -along / dot(b, b), b),
            1.0,
            plus(b, -along / dot(a, a), a),
        )
    };
    assert_close(found, descend(24, gradient));
    assert!((1..24).contains(&conflicts), "{conflicts} of 24 steps");
}

#[test]
fn uncertainty_learns_a_log_variance_for_each_task() {
    let json = r#"{"updates": "joint", "stopping_strategy": "all_exhausted",
                   "weighting": {"kind": "uncertainty", "learning_rate": 0.2}}"#;
    let (found, _) = bowls(json).run(TrainDuration::Epochs(5));
    let mut s = [0.0f64; 2];
    let gradient = |_, x| {
        let weights = s.map(|s: f64| (-s).exp() / 2.0);
        for (s, task) in s.iter_mut().zip([STEEP, FLAT]) {
            *s -= 0.2 * (0.5 - (-*s).exp() * task.loss(x) / 2.0);
        }
        plus(
            STEEP.gradient(x).map(|at| weights[0] * at),
            weights[1],
            FLAT.gradient(x),
        )
    };
    assert_close(found, descend(15, gradient));
}

#[test]
fn grad_norm_moves_weights_to_even_out_training() {
    let json = r#"{"updates": "joint", "stopping_strategy": "all_exhausted",
                   "weighting": {"kind": "grad_norm", "alpha": 1.5, "learning_rate": 0.05}}"#;
    let (found, watch) = bowls(json).run(TrainDuration::Epochs(4));
    let (mut weights, mut first) = ([1.0f64; 2], None);
    let gradient = |_, x| {
        let tasks = [STEEP, FLAT];
        let gradients = tasks.map(|task| task.gradient(x));
        let sum = plus(
            gradients[0].map(|at| weights[0] * at),
            weights[1],
            gradients[1],
        );
        let losses = tasks.map(|task| task.loss(x));
        let first = *first.get_or_insert(losses);
        let norms = gradients.map(|gradient| dot(gradient, gradient).sqrt());
        let weighted = [0, 1].map(|task| weights[task] * norms[task]);
        let ratios = [0, 1].map(|task| losses[task] / first[task]);
        let mean = |values: [f64; 2]| (values[0] + values[1]) / 2.0;
        for task in [0, 1] {
            let target = mean(weighted) * (ratios[task] / mean(ratios)).powf(1.5);
            weights[task] -= 0.05 * (weighted[task] - target).signum() * norms[task];
        }
        weights = weights.map(|weight| weight / mean(weights));
        sum
    };
    assert_close(found, descend(12, gradient));
    let told = watch.0.iter().filter_map(|event| match event {
        Event::TaskLosses(record) => Some(record.task_weights.clone()),
        _ => None,
    });
    assert_eq!(told.count(), 12);
    assert!((weights[0] - weights[1]).abs() > 0.1, "{weights:?}");
}

/// How often each row of each task was visited, and in how many steps.
fn visits(
    json: &str,
    rows: [usize; 3],
    length: TrainDuration,
) -> (BTreeMap<(usize, usize), usize>, usize) {
    use finetune_train::{BatchIndices, Objective};
    use std::sync::Mutex;
    /// Counts what is asked for.
    struct Counting(Bowls, Mutex<BTreeMap<(usize, usize), usize>>);
    impl Objective for Counting {
        type Model = super::quadratics::Place;
        type Batch = BatchIndices;
        fn check(&self, _: &Self::Model, _: &TrainConfig) -> Result<(), TrainError> {
            Ok(())
        }
        fn tasks(&self) -> Vec<String> {
            self.0.tasks()
        }
        fn mixing(&self) -> MixingConfig {
            self.0.mixing()
        }
        fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError> {
            self.0.lengths()
        }
        fn examples(&self, part: &BatchIndices) -> Result<Vec<usize>, TrainError> {
            self.0.examples(part)
        }
        fn batch(&self, part: &BatchIndices) -> Result<BatchIndices, TrainError> {
            for row in &part.indices {
                *self.1.lock().unwrap().entry((part.task, *row)).or_default() += 1;
            }
            self.0.batch(part)
        }
        fn size(&self, batch: &BatchIndices) -> Result<finetune_train::BatchCounts, TrainError> {
            self.0.size(batch)
        }
        fn loss(
            &self,
            model: &Self::Model,
            batch: &BatchIndices,
            step: &finetune_train::BatchCounts,
            dropout: finetune_model::DropoutStream,
        ) -> Result<burn::tensor::Tensor<1>, TrainError> {
            self.0.loss(model, batch, step, dropout)
        }
        fn metrics(&self) -> Vec<(String, finetune_train::Better)> {
            Vec::new()
        }
        fn evaluate(
            &self,
            model: &Self::Model,
            callback: &mut dyn finetune_train::Callback,
        ) -> Result<finetune_train::Evaluation, TrainError> {
            self.0.evaluate(model, callback)
        }
    }
    let tasks = rows.map(|rows| Bowl { rows, ..FLAT }).into();
    let counting = Counting(
        Bowls {
            tasks,
            mixing: serde_json::from_str(json).unwrap(),
            measured: false,
        },
        Mutex::default(),
    );
    let config = TrainConfig {
        sampling_strategy: finetune_data::SamplingStrategy::Random,
        ..config(length)
    };
    let trained = Trainer::new(&counting, &config)
        .train(start(), &mut ())
        .unwrap();
    (counting.1.into_inner().unwrap(), trained.summary.steps)
}

#[test]
fn rows_are_visited_as_often_as_the_exhaustion_says() {
    let rows = [7, 3, 5];
    for (json, per_epoch, steps) in [
        (r#"{"stopping_strategy": "first_exhausted"}"#, [3, 3, 3], 9),
        (r#"{"stopping_strategy": "all_exhausted"}"#, [7, 7, 7], 21),
        ("{}", [7, 3, 5], 15),
        (
            r#"{"updates": "sequential", "stopping_strategy": "all_exhausted"}"#,
            [7, 7, 7],
            21,
        ),
        (
            r#"{"updates": "joint", "stopping_strategy": "all_exhausted"}"#,
            [7, 7, 7],
            7,
        ),
        (r#"{"updates": "joint"}"#, [7, 3, 5], 7),
        (r#"{"updates": "per_epoch"}"#, [7, 3, 5], 1),
        (r#"{"sampling": {"kind": "annealed"}}"#, [7, 3, 5], 15),
    ] {
        let (found, total) = visits(json, rows, TrainDuration::Epochs(3));
        assert_eq!(total, 3 * steps, "{json}");
        for task in 0..3 {
            // Without replacement: no row is two visits ahead of another.
            let all = 3 * per_epoch[task];
            for row in 0..rows[task] {
                let visits = found.get(&(task, row)).copied().unwrap_or(0);
                let least = all / rows[task];
                assert!(
                    (least..=least + 1).contains(&visits),
                    "{json}: {task} {row}"
                );
            }
            let sum: usize = (0..rows[task])
                .filter_map(|row| found.get(&(task, row)))
                .sum();
            assert_eq!(sum, all, "{json}: task {task}");
        }
    }
}

/// The steps of a run are counted before it starts, however long it is.
#[test]
fn the_longest_runs_are_planned_or_refused_in_no_time() {
    let drawn = r#"{"sampling": {"kind": "proportional"}}"#;
    let never = r#"{"sampling": {"kind": "weighted", "weights": {"a": 1.0, "b": 0.0}}}"#;
    let (rows, tokens) = (BatchSize::Rows(1), BatchSize::Tokens(usize::MAX));
    for (json, size, length, expected) in [
        ("{}", rows, TrainDuration::Epochs(100_000), ""),
        ("{}", rows, TrainDuration::Steps(1_000_000_000), ""),
        ("{}", tokens, TrainDuration::Epochs(100_000), ""),
        ("{}", tokens, TrainDuration::Steps(1_000_000_000), ""),
        (drawn, rows, TrainDuration::Steps(1_000_000_000), ""),
        (
            "{}",
            rows,
            TrainDuration::Epochs(4_000_000_000),
            "epochs is 4000000000, expected 1 to 100000",
        ),
        (
            "{}",
            rows,
            TrainDuration::Steps(usize::MAX),
            "steps is 18446744073709551615, expected 1 to 1000000000",
        ),
        (
            never,
            rows,
            TrainDuration::Steps(1_000_000_000),
            "task b: visits is never in ",
        ),
    ] {
        let (objective, mut config) = (bowls(json), config(length));
        config.batch_size = size;
        let began = Instant::now();
        let checked = Trainer::new(&objective, &config).check(&start());
        let message = checked.map_or_else(|error| error.to_string(), |()| String::new());
        assert!(message.starts_with(expected), "{length:?}: {message:?}");
        assert_eq!(message.is_empty(), expected.is_empty(), "{message}");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{json} {length:?}"
        );
    }
    let mut many = bowls(drawn);
    many.tasks[0].rows = 200_000;
    let config = config(TrainDuration::Epochs(100_000));
    let error = Trainer::new(&many, &config).check(&start()).unwrap_err();
    let message = error.to_string();
    let expected = "epochs is 100000, expected at most 1335 on 200002 rows: ";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_task_that_is_never_visited_is_named() {
    for (json, length) in [
        (r#"{"updates": "sequential"}"#, TrainDuration::Steps(3)),
        (
            r#"{"sampling": {"kind": "weighted", "weights": {"a": 1.0, "b": 0.0}},
                "stopping_strategy": "all_exhausted"}"#,
            TrainDuration::Epochs(9),
        ),
        (
            r#"{"sampling": {"kind": "weighted", "weights": {"a": 1.0, "b": 0.0}}}"#,
            TrainDuration::Epochs(9),
        ),
    ] {
        let (objective, config) = (bowls(json), config(length));
        let error = Trainer::new(&objective, &config)
            .check(&start())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("task b: visits is never in"), "{error}");
    }
    let mut empty = bowls("{}");
    empty.tasks[1].rows = 0;
    let config = config(TrainDuration::Epochs(1));
    let error = Trainer::new(&empty, &config)
        .check(&start())
        .unwrap_err()
        .to_string();
    assert_eq!(error, "task b: training rows is 0, expected at least 1");
}

/// Draws, weights that are learned and surgery, all at once: what is random is a function of the
/// step, and what is remembered is in the checkpoint.
#[test]
fn a_run_goes_on_from_any_step() {
    let policies = [
        r#"{"sampling": {"kind": "temperature", "temperature": 2.0}, "stopping_strategy": "all_exhausted",
            "weighting": {"kind": "uncertainty"}}"#,
        r#"{"updates": "joint", "stopping_strategy": "all_exhausted", "gradient_combination": "pc_grad",
            "weighting": {"kind": "grad_norm"}, "gradient_logging_steps": 2}"#,
        r#"{"sampling": {"kind": "proportional"}, "updates": "per_epoch"}"#,
    ];
    for json in policies {
        let objective = bowls(json);
        let config = TrainConfig {
            checkpoints: CheckpointPolicy {
                every: Some(Interval::Steps(1)),
                ..Default::default()
            },
            ..config(TrainDuration::Epochs(4))
        };
        let (whole, _) = objective.run(TrainDuration::Epochs(4));
        for stop in 1.. {
            let folder = tempfile::tempdir().unwrap();
            let folder = CheckpointDirectory::new(folder.path()).unwrap();
            let trainer = Trainer::new(&objective, &config).checkpoints(&folder);
            let mut steps = StopAfter(stop);
            if trainer.train(start(), &mut steps).is_ok() {
                break;
            }
            let trained = trainer.train(start(), &mut ()).unwrap();
            assert_eq!(
                values(&trained.model),
                whole,
                "{json}, stopped after {stop}"
            );
        }
    }
}

/// Ends a run with an error after so many checkpoints.
struct StopAfter(usize);

impl finetune_train::Callback for StopAfter {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Event::Save(path) = event {
            self.0 -= 1;
            if self.0 == 0 {
                return Err(TrainError::RunComplete { path: path.clone() });
            }
        }
        Ok(())
    }
}

#[test]
fn threads_do_not_change_the_order() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let json =
            r#"{"sampling": {"kind": "proportional"}, "stopping_strategy": "all_exhausted"}"#;
        let tasks = |watch: Watch| -> Vec<String> {
            let names = watch.0.into_iter().filter_map(|event| match event {
                Event::TaskLosses(record) => record.task_losses.into_keys().next(),
                _ => None,
            });
            names.collect()
        };
        pool.build().unwrap().install(|| {
            let (place, watch) = bowls(json).run(TrainDuration::Epochs(5));
            (place, tasks(watch))
        })
    };
    let one = run(1);
    assert_eq!(one.1.len(), 25);
    assert!([name(0), name(1)].iter().all(|task| one.1.contains(task)));
    assert_eq!(run(1), run(4));
}

#[test]
fn norms_and_cosines_are_those_of_the_gradients() {
    let json = r#"{"gradient_logging_steps": 5}"#;
    let (_, watch) = bowls(json).run(TrainDuration::Epochs(2));
    let measured: Vec<_> = watch
        .0
        .iter()
        .filter_map(|event| match event {
            Event::Gradients(record) => Some(record),
            _ => None,
        })
        .collect();
    assert_eq!(
        measured
            .iter()
            .map(|record| record.step)
            .collect::<Vec<_>>(),
        [1, 6]
    );
    let (a, b) = (STEEP.gradient(START), FLAT.gradient(START));
    let norm = |of: [f64; 2]| dot(of, of).sqrt();
    let close = |found: &[f64], expected: f64| {
        assert!(
            found.len() == 1 && (found[0] - expected).abs() < 1e-6,
            "{found:?} {expected}"
        );
    };
    close(&measured[0].gradient_norms["a"], norm(a));
    close(&measured[0].gradient_norms["b"], norm(b));
    close(
        &measured[0].gradient_cosines["a/b"],
        dot(a, b) / (norm(a) * norm(b)),
    );
    // A measurement is no part of the run.
    assert_eq!(
        bowls(json).run(TrainDuration::Epochs(2)).0,
        bowls("{}").run(TrainDuration::Epochs(2)).0
    );
}

/// Both are trained, and get worse; the steps after are of neither.
#[test]
fn a_task_that_does_not_improve_stops_alone() {
    let stopping = EarlyStopping {
        patience: 1,
        min_delta: 0.0,
    };
    let objective = Bowls {
        measured: true,
        mixing: MixingConfig {
            task_early_stopping: Some(stopping),
            ..Default::default()
        },
        tasks: vec![
            Bowl {
                scale: 1.0,
                target: [1.0, -2.0],
                rows: 2,
            },
            Bowl {
                scale: 1.0,
                target: [5.0, -2.0],
                rows: 2,
            },
        ],
    };
    let config = TrainConfig {
        evaluation: Some(EvaluationConfig {
            every: Interval::Steps(4),
            load_best_model_at_end: false,
            ..Default::default()
        }),
        ..config(TrainDuration::Epochs(4))
    };
    let mut watch = Watch::default();
    let trained = Trainer::new(&objective, &config)
        .train(start(), &mut watch)
        .unwrap();
    // The first task, at its minimum from the start, only gets worse: at the second evaluation it
    // stops, and the steps 9, 11, 13, 15 are passed over.
    let of_first = watch.0.iter().filter(
        |event| matches!(event, Event::TaskLosses(record) if record.task_losses.contains_key("a")),
    );
    assert_eq!((of_first.count(), trained.summary.steps), (4, 16));
    let x = values(&trained.model)[0];
    let expected = (0..16).fold(1.0, |x: f64, step| match (step % 2, step) {
        (0, 8..) => x,
        (0, _) => x - RATE * (x - 1.0),
        _ => x - RATE * (x - 5.0),
    });
    assert!((x - expected).abs() < 2e-6, "{x} {expected}");
}
