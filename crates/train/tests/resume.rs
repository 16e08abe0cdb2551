//! A run that is killed and resumed ends as one that is not, byte for byte.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use finetune_data::Splits;
use finetune_train::{
    Callback, CheckpointPolicy, EarlyStopping, EvaluationConfig, Event, FineTuning,
    FineTuningConfig, FreezeConfig, FreezeScope, GradualUnfreezing, Interval, Precision,
    PreparedRun, SequenceClassificationTask, TrainConfig, TrainDuration, TrainError,
};

use crate::regression::{checkpoint, checkpoint_of};
use crate::small_run::{SmallRun, dataset};

const RUN: &str = "FINETUNE_TEST_RUN";

/// What must be the same.
const FILES: [&str; 3] = [
    "metrics.jsonl",
    "predictions.jsonl",
    "model/model.safetensors",
];

fn config() -> FineTuningConfig {
    SmallRun::fine_tuning(TrainConfig {
        duration: TrainDuration::Epochs(5),
        gradient_accumulation_steps: 2,
        evaluation: Some(EvaluationConfig {
            every: Interval::Steps(3),
            metric_for_best_model: "loss".to_string(),
            early_stopping: Some(EarlyStopping {
                patience: 9,
                ..Default::default()
            }),
            ..Default::default()
        }),
        checkpoints: CheckpointPolicy {
            every: Some(Interval::Steps(2)),
            save_total_limit: 2,
            snapshot_steps: vec![7],
        },
        ..SmallRun::config()
    })
}

fn prepare(
    folder: &Path,
    config: FineTuningConfig,
) -> Result<PreparedRun<'static, SequenceClassificationTask>, TrainError> {
    let splits = Splits {
        validation: Some(dataset(12)),
        ..Splits::train_test(dataset(40), dataset(10))
    };
    FineTuning::new(folder.join("start"), splits)
        .config(config)
        .prepare()
}

/// Not a test but the program that the tests below kill; alone it does nothing.
#[test]
fn killed_program() {
    if let Some(folder) = std::env::var_os(RUN) {
        let folder = Path::new(&folder);
        let run = prepare(folder, config()).unwrap();
        run.resume(&folder.join("run"), &mut ()).unwrap();
    }
}

fn start(folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program)
        .args(["--exact", "resume::killed_program"])
        .env(RUN, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(folder: &Path) {
    let output = start(folder).wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    checkpoint(&folder.path().join("start"));
    folder
}

fn outcome(folder: &Path) -> Vec<Vec<u8>> {
    let read = |file| fs::read(folder.join("run").join(file)).unwrap();
    FILES.map(read).into()
}

#[test]
fn a_run_killed_at_any_moment_ends_as_if_it_had_not_been() {
    let whole = folder();
    let began = Instant::now();
    finish(whole.path());
    let took = began.elapsed();
    let expected = outcome(whole.path());
    for point in 0..20 {
        let killed = folder();
        let mut program = start(killed.path());
        std::thread::sleep(
            took.mul_f64(f64::from(point) / 20.0)
                .max(Duration::from_millis(1)),
        );
        program.kill().unwrap();
        program.wait().unwrap();
        if !killed.path().join("run/report.json").exists() {
            finish(killed.path());
        }
        assert!(
            outcome(killed.path()) == expected,
            "killed at {point} of 20"
        );
        let checkpoints = fs::read_dir(killed.path().join("run/checkpoints")).unwrap();
        let names = checkpoints.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = names.filter(|name| name.starts_with("step-")).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}

/// What the results depend on besides the settings may have changed, too.
#[test]
fn a_run_does_not_go_on_with_another_tokenizer() {
    let folder = folder();
    let run = folder.path().join("run");
    let prepared = prepare(folder.path(), config()).unwrap();
    prepared.run(&run, &mut StopAt(3)).unwrap_err();
    for (file, key) in [
        ("tokenizer.json", "lowercase"),
        ("tokenizer_config.json", "do_lower_case"),
    ] {
        let path = folder.path().join("start").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let other = [":", ": "].iter().fold(text.clone(), |text, colon| {
            let value = |value| format!("\"{key}\"{colon}{value}");
            text.replace(&value(true), &value(false))
        });
        assert_ne!(other, text, "{file}");
        fs::write(&path, other).unwrap();
    }
    let prepared = prepare(folder.path(), config()).unwrap();
    let error = prepared.resume(&run, &mut ()).unwrap_err().to_string();
    assert!(error.contains("data.tokenizer"), "{error}");
}

/// Ends a run with an error at the n-th event.
pub(crate) struct StopAt(pub(crate) usize);

impl Callback for StopAt {
    fn on_event(&mut self, _event: &Event) -> Result<(), TrainError> {
        self.0 = self.0.checked_sub(1).ok_or(TrainError::RunComplete {
            path: "stopped".into(),
        })?;
        Ok(())
    }
}

/// Between any two events there may be a kill, also where timing alone never hits.
#[test]
fn a_run_stopped_between_any_two_events_goes_on() {
    goes_on(&config(), 7);
}

/// The scale of the loss goes on, too.
#[test]
fn a_run_in_half_precision_goes_on() {
    let mut config = config();
    config.train.precision = Precision::F16;
    goes_on(&config, 23);
}

/// Stops a run after every so many events.
fn goes_on(config: &FineTuningConfig, every: usize) {
    let whole = folder();
    let run = |folder: &Path, callback: &mut dyn Callback| {
        let prepared = prepare(folder, config.clone()).unwrap();
        prepared.resume(&folder.join("run"), callback)
    };
    run(whole.path(), &mut ()).unwrap();
    let expected = outcome(whole.path());
    for events in (0..).step_by(every) {
        let stopped = folder();
        if run(stopped.path(), &mut StopAt(events)).is_ok() {
            assert!(events > 50, "{events}");
            break;
        }
        run(stopped.path(), &mut ()).unwrap();
        assert!(
            outcome(stopped.path()) == expected,
            "stopped after {events} events"
        );
    }
}

#[test]
fn a_run_goes_on_only_with_what_it_began_with() {
    let folder = folder();
    let run = folder.path().join("run");
    let stopped = prepare(folder.path(), config()).unwrap();
    assert!(stopped.run(&run, &mut StopAt(40)).is_err());
    let message = |config: FineTuningConfig| {
        let prepared = prepare(folder.path(), config).unwrap();
        prepared.resume(&run, &mut ()).unwrap_err().to_string()
    };
    let mut other = config();
    other.train.seed = 43;
    let seed = message(other);
    assert!(
        seed.contains("config.train.seed 42, and is to go on with 43"),
        "{seed}"
    );

    let splits = Splits {
        validation: Some(dataset(12)),
        ..Splits::train_test(dataset(38), dataset(10))
    };
    let start = folder.path().join("start");
    let prepared = FineTuning::new(&start, splits)
        .config(config())
        .prepare()
        .unwrap();
    let data = prepared.resume(&run, &mut ()).unwrap_err().to_string();
    assert!(
        data.contains("data.train.rows 40, and is to go on with 38"),
        "{data}"
    );

    prepare(folder.path(), config())
        .unwrap()
        .resume(&run, &mut ())
        .unwrap();
    let complete = message(config());
    assert!(
        complete.ends_with("the run is complete; its report is there"),
        "{complete}"
    );
}

/// A checkpoint that cannot be written ends the run with the reason, and the one before it stays.
#[test]
fn a_checkpoint_that_cannot_be_written() {
    /// Puts a file where the partial folder of a later checkpoint would be.
    struct Blocking<'a>(&'a Path);
    impl Callback for Blocking<'_> {
        fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
            if matches!(event, Event::BeforeSave { step: 6 }) {
                fs::write(self.0.join(".step-00000006.partial"), "in the way").unwrap();
            }
            Ok(())
        }
    }
    let folder = folder();
    let run = folder.path().join("run");
    let checkpoints = run.join("checkpoints");
    let prepared = prepare(folder.path(), config()).unwrap();
    let error = prepared
        .run(&run, &mut Blocking(&checkpoints))
        .unwrap_err()
        .to_string();
    assert!(error.contains("step-00000006"), "{error}");
    fs::remove_file(checkpoints.join(".step-00000006.partial")).unwrap();
    let prepared = prepare(folder.path(), config()).unwrap();
    prepared.resume(&run, &mut ()).unwrap();
}

fn newest_checkpoint(run: &Path) -> Option<PathBuf> {
    let all = fs::read_dir(run.join("checkpoints")).ok()?;
    all.map(|entry| entry.unwrap().path()).max()
}

/// The encoder thaws from the top while the run goes on.
#[test]
fn a_checkpoint_holds_what_has_trained_so_far() {
    let thawing = || {
        let mut config = config();
        config.train.freeze = FreezeConfig {
            unfreeze: Some(GradualUnfreezing::Epochs(2)),
            ..FreezeScope::Encoder.into()
        };
        config
    };
    let run = |folder: &Path, callback: &mut dyn Callback| {
        let prepared = prepare(folder, thawing()).unwrap();
        prepared.resume(&folder.join("run"), callback)
    };
    let whole = folder();
    run(whole.path(), &mut ()).unwrap();
    let expected = outcome(whole.path());
    let mut sizes = BTreeSet::new();
    for events in (10..).step_by(11) {
        let stopped = folder();
        if run(stopped.path(), &mut StopAt(events)).is_ok() {
            break;
        }
        if let Some(newest) = newest_checkpoint(&stopped.path().join("run")) {
            sizes.insert(fs::metadata(newest.join("model")).unwrap().len());
        }
        run(stopped.path(), &mut ()).unwrap();
        assert!(outcome(stopped.path()) == expected, "after {events} events");
    }
    // The head alone, then with one layer and with two of three.
    let sizes = Vec::from_iter(sizes);
    let all = fs::metadata(whole.path().join("start/model.safetensors")).unwrap();
    assert!(sizes.len() == 3 && sizes[2] < all.len(), "{sizes:?}");
    assert!(20 * sizes[0] < all.len(), "{sizes:?}");
}

#[test]
fn a_run_goes_on_only_from_the_model_it_began_with() {
    let mut frozen = config();
    frozen.train.freeze = FreezeScope::Encoder.into();
    let folder = folder();
    let run = folder.path().join("run");
    let stopped = prepare(folder.path(), frozen.clone()).unwrap();
    assert!(stopped.run(&run, &mut StopAt(40)).is_err());
    let start = folder.path().join("start");
    fs::remove_dir_all(&start).unwrap();
    checkpoint_of(&start, 2);
    let prepared = prepare(folder.path(), frozen).unwrap();
    let error = prepared.resume(&run, &mut ()).unwrap_err().to_string();
    assert!(error.contains("initial_weights"), "{error}");
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let folder = folder();
    let run = folder.path().join("run");
    let stopped = prepare(folder.path(), config()).unwrap();
    assert!(stopped.run(&run, &mut StopAt(40)).is_err());
    let newest = newest_checkpoint(&run).unwrap();
    for file in ["model", "optimizer", "state.cbor"] {
        let whole = fs::read(newest.join(file)).unwrap();
        fs::write(newest.join(file), &whole[..whole.len() - 1]).unwrap();
        let prepared = prepare(folder.path(), config()).unwrap();
        let error = prepared.resume(&run, &mut ()).unwrap_err().to_string();
        assert!(
            error.contains(file) && error.contains("corrupted"),
            "{error}"
        );
        fs::write(newest.join(file), &whole).unwrap();
    }
}
