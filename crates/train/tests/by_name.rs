//! Models by their names on a hub: runs, their records and their teachers, and predictors.

use std::fs;
use std::path::Path;
use std::process::Command;

use burn::tensor::Device;
use finetune_data::Splits;
use finetune_predict::Predictor;
use finetune_train::{
    CheckpointPolicy, DistillationConfig, FineTuning, FineTuningConfig, Interval, TrainConfig,
    TrainDuration,
};
use serde_json::Value;

use crate::regression::checkpoint_of;
use crate::resume::StopAt;
use crate::small_run::{SmallRun, dataset};

/// The hub that the tests of its client use.
#[allow(dead_code, reason = "what other tests use")]
#[path = "../../hub/tests/server.rs"]
mod server;

use self::server::{COMMIT, Server};

const FOLDER: &str = "FINETUNE_TEST_BY_NAME_FOLDER";
const STEP: &str = "FINETUNE_TEST_BY_NAME_STEP";

fn config() -> FineTuningConfig {
    SmallRun::fine_tuning(TrainConfig {
        duration: TrainDuration::Steps(8),
        checkpoints: CheckpointPolicy {
            every: Some(Interval::Steps(2)),
            ..CheckpointPolicy::default()
        },
        ..SmallRun::config()
    })
}

fn run(model: &str) -> FineTuning<'static> {
    FineTuning::new(model, Splits::train_test(dataset(40), dataset(10))).config(config())
}

/// Not a test but the program that the test below starts with another environment; alone it does
/// nothing.
#[test]
fn program() {
    let (Some(folder), Ok(step)) = (std::env::var_os(FOLDER), std::env::var(STEP)) else {
        return;
    };
    let folder = Path::new(&folder);
    match &step[..] {
        "interrupted" => {
            let prepared = run("owner/tiny").prepare().unwrap();
            let stopped = prepared.run(&folder.join("run"), &mut StopAt(12));
            stopped.unwrap_err();
        }
        "resumed" => {
            run("owner/tiny").resume(folder.join("run")).unwrap();
        }
        "whole" => {
            let name = format!("owner/tiny@{COMMIT}");
            run(&name).run(folder.join("whole")).unwrap();
        }
        "distilled" => {
            let distillation = DistillationConfig::new("owner/tiny");
            let student = run("owner/tiny").keep_layers([0, 2]).distill(distillation);
            student.run(folder.join("distilled")).unwrap();
        }
        "predicted" => {
            let name = Path::new("owner/topics");
            let predictor = Predictor::load(name, &Device::flex()).unwrap();
            let answers = predictor.predict(&["storm hail rain"]).unwrap();
            assert_eq!(answers[0].label(), Some("weather"));
        }
        "unknown" => {
            let error = run("owner/tyni").prepare().unwrap_err().to_string();
            let start = "owner/tyni: no such directory here, and from the hub: owner/tyni (main): ";
            assert!(error.starts_with(start), "{error}");
            assert!(error.contains("the nearest first: owner/tiny"), "{error}");
        }
        other => panic!("{other}"),
    }
}

fn start(server: &Server, folder: &Path, step: &str) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", "by_name::program"])
        .env(FOLDER, folder)
        .env(STEP, step)
        .env("HF_HOME", folder.join("home"))
        .env("HF_ENDPOINT", server.address())
        .env_remove("HF_HUB_CACHE")
        .env_remove("HF_HUB_OFFLINE")
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{step}: {message}");
}

/// Puts the files of a directory on the hub.
fn publish(server: &Server, name: &str, revision: &str, commit: &str, directory: &Path) {
    let files = fs::read_dir(directory).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read(path).unwrap())
    });
    let files: Vec<(String, Vec<u8>)> = files.collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, content)| (&name[..], &content[..]))
        .collect();
    server.add(name, revision, commit, &files);
}

fn record(run: &Path, file: &str, pointer: &str) -> Value {
    let text = fs::read(run.join(file)).unwrap();
    let record: Value = serde_json::from_slice(&text).unwrap();
    record.pointer(pointer).unwrap().clone()
}

#[test]
fn a_run_by_name_is_recorded_and_resumed_at_its_commit() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [old, new] = [1, 2].map(|seed| {
        let directory = folder.join(seed.to_string());
        checkpoint_of(&directory, seed);
        directory
    });
    let server = Server::start(&[]);
    publish(&server, "models/owner/tiny", "main", COMMIT, &old);
    start(&server, folder, "interrupted");

    // The branch goes on, here as on the hub.
    let newer = "f".repeat(40);
    publish(&server, "models/owner/tiny", "before", COMMIT, &old);
    publish(&server, "models/owner/tiny", "main", &newer, &new);
    let refs = folder.join("home/hub/models--owner--tiny/refs/main");
    fs::write(refs, &newer).unwrap();
    start(&server, folder, "resumed");
    start(&server, folder, "whole");
    let pinned = format!("owner/tiny@{COMMIT}");
    for run in ["run", "whole"].map(|run| folder.join(run)) {
        assert_eq!(record(&run, "config.json", "/model"), pinned);
        assert_eq!(record(&run, "report.json", "/model/source"), pinned);
        let card = fs::read_to_string(run.join("model/README.md")).unwrap();
        assert!(card.contains("base_model: \"owner/tiny\""), "{card}");
    }
    let weights = ["run", "whole"].map(|run| {
        let path = folder.join(run).join("model/model.safetensors");
        fs::read(path).unwrap()
    });
    assert!(weights[0] == weights[1]);

    start(&server, folder, "distilled");
    let teacher = record(
        &folder.join("distilled"),
        "config.json",
        "/config/distillation/teacher",
    );
    assert_eq!(teacher, format!("owner/tiny@{newer}"));

    let model = folder.join("run/model");
    publish(&server, "models/owner/topics", "main", COMMIT, &model);
    start(&server, folder, "predicted");
    start(&server, folder, "unknown");
}
