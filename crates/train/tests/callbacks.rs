//! Callbacks: what they see of a run, what they ask of it, and that a resumed run knows them.

use std::fmt;
use std::path::Path;

use finetune_train::{
    Algorithm, Callback, CheckpointDirectory, Control, EpochRecord, EvaluationRecord, Event,
    StepContext, StepRecord, TrainConfig, TrainContext, TrainDuration, TrainError, Trained,
    Trainer,
};
use serde_json::{Value, json};

use crate::multi_task::quadratics::{Bowl, Bowls, Place, RATE, config, start, values};

const STEPS: u64 = 40;

fn bowls(measured: bool) -> Bowls {
    let task = Bowl {
        scale: 1.5,
        target: [3.0, 0.5],
        rows: 10,
    };
    Bowls {
        tasks: vec![task],
        mixing: Default::default(),
        measured,
    }
}

/// Four epochs with a checkpoint every three steps; the momentum is state of the optimizer.
fn settings() -> TrainConfig {
    let mut config = config(TrainDuration::Steps(STEPS as usize));
    config.optimizer.algorithm = Algorithm::Sgd {
        momentum: 0.9,
        nesterov: false,
    };
    config.checkpoints.every = Some(finetune_train::Interval::Steps(3));
    config
}

fn train(
    config: &TrainConfig,
    folder: Option<&Path>,
    callback: &mut dyn Callback,
) -> Result<Trained<Place>, TrainError> {
    let (bowls, folder) = (bowls(true), folder.map(CheckpointDirectory::new));
    let folder = folder.transpose()?;
    let trainer = Trainer::new(&bowls, config);
    match &folder {
        Some(folder) => trainer.checkpoints(folder).train(start(), callback),
        None => trainer.train(start(), callback),
    }
}

/// Halves the learning rate when a moving average of the loss is high, at most every fifth step.
#[derive(Debug, Clone, Default, PartialEq)]
struct HalveWhenHigh {
    average: f64,
    steps: u64,
    halved_at: Vec<u64>,
}

impl Callback for HalveWhenHigh {
    fn on_step_end(&mut self, step: &StepContext<'_>) -> Result<Control, TrainError> {
        self.steps += 1;
        self.average = 0.7 * self.average + 0.3 * f64::from(step.loss().unwrap());
        let last = self.halved_at.last().copied().unwrap_or(0);
        if self.average < 0.1 || self.steps < last + 5 {
            return Ok(Control::CONTINUE);
        }
        self.halved_at.push(self.steps);
        Ok(Control::scale_learning_rate(0.5))
    }

    fn state(&self) -> Result<Option<Value>, TrainError> {
        Ok(Some(json!([self.average, self.steps, self.halved_at])))
    }

    fn load_state(&mut self, state: Value) -> Result<(), TrainError> {
        let state = serde_json::from_value(state).map_err(TrainError::custom)?;
        (self.average, self.steps, self.halved_at) = state;
        Ok(())
    }
}

/// The error of a program, not of the library.
#[derive(Debug, PartialEq)]
struct Killed(u64);

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "killed after step {}", self.0)
    }
}

impl std::error::Error for Killed {}

/// Ends a run with an error of its own.
struct KillAfter(u64);

impl Callback for KillAfter {
    fn on_step_end(&mut self, step: &StepContext<'_>) -> Result<Control, TrainError> {
        match step.step == self.0 {
            true => Err(TrainError::custom(Killed(step.step))),
            false => Ok(Control::CONTINUE),
        }
    }
}

#[test]
fn a_run_with_stateful_callbacks_goes_on_as_if_never_stopped() {
    let config = settings();
    let (mut halve, mut curve) = (HalveWhenHigh::default(), Vec::<StepRecord>::new());
    let whole = train(&config, None, &mut (&mut halve, &mut curve)).unwrap();
    assert_eq!(halve.steps, STEPS);
    assert!(halve.halved_at.len() >= 2, "{halve:?}");
    let first = halve.halved_at[0];
    for record in &curve {
        // The step itself had the rate that it was begun with.
        let halvings = halve.halved_at.iter().filter(|step| **step < record.step);
        let expected = RATE * 0.5f64.powi(halvings.count() as i32);
        assert_eq!(record.learning_rate, expected, "{record:?}, from {first}");
    }
    let plain = train(&config, None, &mut ()).unwrap();
    assert_ne!(values(&plain.model), values(&whole.model));

    for step in 1..STEPS {
        let folder = tempfile::tempdir().unwrap();
        let callback = HalveWhenHigh::default();
        let mut callbacks: Vec<Box<dyn Callback>> =
            vec![Box::new(callback), Box::new(KillAfter(step))];
        let error = train(&config, Some(folder.path()), &mut callbacks).unwrap_err();
        assert_eq!(error.to_string(), format!("killed after step {step}"));
        let mut resumed = (HalveWhenHigh::default(), ());
        let trained = train(&config, Some(folder.path()), &mut resumed).unwrap();
        assert_eq!(
            values(&trained.model),
            values(&whole.model),
            "killed after {step}"
        );
        assert_eq!(resumed.0, halve, "killed after {step}");
    }
}

/// Asks for one thing at each of some steps, and notes what it sees.
#[derive(Default)]
struct Script {
    seen: Vec<String>,
    curve: Vec<[f32; 2]>,
}

impl Callback for Script {
    fn on_train_begin(&mut self, context: &TrainContext<'_>) -> Result<Control, TrainError> {
        assert_eq!((context.steps, context.total_steps), (0, STEPS));
        let model = context.model::<Place>().unwrap();
        assert_eq!(values(model), values(&start()));
        assert!(context.model::<Bowls>().is_none());
        assert!(context.optimizer().state_of("encoder.place").is_empty());
        self.seen.push("begin".into());
        Ok(Control::CONTINUE)
    }

    fn on_step_end(&mut self, step: &StepContext<'_>) -> Result<Control, TrainError> {
        let optimizer = step.optimizer();
        assert_eq!(optimizer.learning_rate_of("encoder.place"), Some(RATE));
        assert_eq!(optimizer.learning_rate_of("elsewhere"), None);
        assert_eq!(optimizer.state_of("encoder.place").len(), 1);
        assert_eq!(step.scores().is_some(), step.step > 3);
        self.curve
            .push([step.loss().unwrap(), step.grad_norm().unwrap()]);
        Ok(match step.step {
            3 => Control::evaluate(),
            5 => Control::save(),
            13 => Control::stop().and(Control::scale_learning_rate(0.0)),
            _ => Control::CONTINUE,
        })
    }

    fn on_evaluate(
        &mut self,
        evaluation: &EvaluationRecord,
        context: &TrainContext<'_>,
    ) -> Result<Control, TrainError> {
        assert_eq!(Some(evaluation), context.last_evaluation());
        let at = values(context.model::<Place>().unwrap());
        let loss = bowls(true).tasks[0].loss(at);
        assert_eq!(evaluation.scores["loss"], loss);
        self.seen.push(format!("evaluate {}", evaluation.step));
        Ok(Control::CONTINUE)
    }

    fn on_epoch_end(
        &mut self,
        epoch: &EpochRecord,
        _context: &TrainContext<'_>,
    ) -> Result<Control, TrainError> {
        self.seen
            .push(format!("epoch {} {}", epoch.epoch, epoch.step));
        Ok(Control::evaluate())
    }

    fn on_save(
        &mut self,
        checkpoint: &Path,
        _context: &TrainContext<'_>,
    ) -> Result<(), TrainError> {
        assert!(checkpoint.is_dir());
        let name = checkpoint.file_name().unwrap().to_str().unwrap();
        self.seen.push(name.to_string());
        Ok(())
    }

    fn on_train_end(&mut self, context: &TrainContext<'_>) -> Result<(), TrainError> {
        assert_eq!(context.learning_rate_scale, 0.0);
        self.seen.push(format!("end {}", context.steps));
        Ok(())
    }
}

#[test]
fn a_callback_stops_evaluates_and_saves() {
    let mut config = settings();
    config.evaluation = None;
    config.checkpoints.every = None;
    config.checkpoints.save_total_limit = 9;
    let expected = [
        "begin",
        "evaluate 3",
        "step-00000005",
        "epoch 1 10",
        "evaluate 10",
        "epoch 2 13",
        "evaluate 13",
        "end 13",
    ];
    let folder = tempfile::tempdir().unwrap();
    let (mut script, mut curve) = (Script::default(), Vec::<StepRecord>::new());
    let callbacks = &mut (&mut script, &mut curve);
    let trained = train(&config, Some(folder.path()), callbacks).unwrap();
    assert_eq!(trained.summary.steps, 13);
    assert_eq!(trained.summary.evaluations.len(), 3);
    assert_eq!(script.seen, expected);
    let numbers = curve.iter().map(|record| [record.loss, record.grad_norm]);
    assert_eq!(script.curve, numbers.collect::<Vec<_>>());

    // Without a folder there is no checkpoint, and all else is the same.
    let mut script = Script::default();
    train(&config, None, &mut script).unwrap();
    let without: Vec<_> = expected
        .into_iter()
        .filter(|what| !what.starts_with("step"))
        .collect();
    assert_eq!(script.seen, without);
}

/// Answers the same after every step.
struct Always(Control);

impl Callback for Always {
    fn on_step_end(&mut self, _step: &StepContext<'_>) -> Result<Control, TrainError> {
        Ok(self.0)
    }
}

/// The default evaluation and early stopping see evaluations that a callback asked for.
#[test]
fn an_evaluation_on_demand_counts() {
    let mut config = settings();
    config.evaluation = Some(finetune_train::EvaluationConfig {
        every: finetune_train::Interval::Steps(1000),
        early_stopping: Some(finetune_train::EarlyStopping {
            patience: 2,
            ..Default::default()
        }),
        ..Default::default()
    });
    let trained = train(&config, None, &mut Always(Control::evaluate())).unwrap();
    let best = trained.summary.best.unwrap();
    assert_eq!(trained.summary.steps as u64, best.step + 2);
}

#[test]
fn what_cannot_be_done_is_an_error() {
    let (config, unmeasured) = (settings(), bowls(false));
    let trainer = Trainer::new(&unmeasured, &config);
    let run = |control: Control| trainer.train(start(), &mut Always(control)).unwrap_err();
    let error = run(Control::evaluate());
    assert!(matches!(error, TrainError::NoValidationRows), "{error}");
    for factor in [-0.5, f64::NAN, f64::INFINITY] {
        let error = run(Control::scale_learning_rate(factor)).to_string();
        assert!(
            error.contains("learning-rate factor of a callback"),
            "{error}"
        );
    }
}

#[test]
fn the_error_of_a_callback_travels() {
    /// Fails in the course of an event.
    struct Fails;
    impl Callback for Fails {
        fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
            match event {
                Event::EpochEnd(epoch) => Err(TrainError::custom(Killed(epoch.step))),
                _ => Ok(()),
            }
        }
    }
    for (callback, step) in [
        (Box::new(KillAfter(4)) as Box<dyn Callback>, 4),
        (Box::new(Fails), 10),
    ] {
        let error = train(&settings(), None, &mut Some(callback)).unwrap_err();
        let TrainError::Custom(own) = error else {
            panic!("{error}")
        };
        assert_eq!(own.downcast_ref(), Some(&Killed(step)));
    }
}

#[test]
fn states_belong_to_callbacks_by_name() {
    let halve = HalveWhenHigh::default;
    let mut twice = (halve(), (), halve());
    let error = train(&settings(), None, &mut twice).unwrap_err();
    assert!(
        matches!(&error, TrainError::CallbackState { name, .. } if name == "HalveWhenHigh"),
        "{error}"
    );
    assert_eq!(twice.0, halve());

    let folder = tempfile::tempdir().unwrap();
    let killed = train(
        &settings(),
        Some(folder.path()),
        &mut (halve(), KillAfter(7)),
    );
    assert!(killed.is_err());
    let error = train(&settings(), Some(folder.path()), &mut ()).unwrap_err();
    assert!(
        matches!(&error, TrainError::CallbackState { name, .. } if name == "HalveWhenHigh"),
        "{error}"
    );
    // One that is new begins anew.
    let mut added = (halve(), Always(Control::CONTINUE));
    train(&settings(), Some(folder.path()), &mut added).unwrap();
    assert_eq!(added.0.steps, STEPS);
}
