//! A plan on a real [HyperQueue](https://github.com/It4innovations/hyperqueue) server with two
//! workers on this machine, one of which is killed in the middle.
//!
//! Asked for by `FINETUNE_HQ`, the path of a Python with the package `hyperqueue`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use finetune_study::{StudyDirectory, StudyRunner, TrialState};

use crate::toss::{Toss, runs, study};

const PYTHON: &str = "FINETUNE_HQ";
const FOLDER: &str = "FINETUNE_TEST_HQ_STUDY";
/// As HyperQueue calls the number of a task of an array.
const TASK: &str = "HQ_TASK_ID";
const TRIALS: usize = 24;

const COINS: &str = r#"
    name = "coins"
    seeds = 24
    base.milliseconds = 300
"#;

/// Not a test but the program of a task: one trial. Alone it does nothing.
#[test]
fn one_task() {
    let (Some(folder), Ok(task)) = (std::env::var_os(FOLDER), std::env::var(TASK)) else {
        return;
    };
    let study = study(COINS);
    let folder = StudyDirectory::open(Path::new(&folder), &study).unwrap();
    let runner = StudyRunner::new(&study, &Toss("penny"), &folder);
    let state = runner.run_trial(task.parse().unwrap(), &()).unwrap();
    assert!(matches!(state, TrialState::Complete(_)));
}

/// A part of the queue, in a process of its own that ends with this one.
struct Part(Child);

impl Part {
    fn start(command: &mut Command) -> Self {
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        Self(command.spawn().unwrap())
    }

    /// Waits until it says so.
    fn ready(mut self) -> Self {
        let output = BufReader::new(self.0.stdout.take().unwrap());
        assert!(
            output.lines().any(|line| line.unwrap() == "ready"),
            "it did not start"
        );
        self
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs FINETUNE_HQ, a Python with hyperqueue"]
fn a_plan_on_a_queue_of_which_a_worker_is_killed() {
    let python = std::env::var_os(PYTHON).unwrap();
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("study");
    let study = study(COINS);
    let opened = StudyDirectory::open(&folder, &study).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/queue_parts.py");
    let command = |name: &str| {
        let mut command = Command::new(&python);
        command
            .arg(&script)
            .arg(name)
            .arg(parent.path())
            .env(FOLDER, &folder);
        command
    };
    let _server = Part::start(&mut command("server")).ready();
    let workers = [(); 2].map(|()| Part::start(&mut command("worker")).ready());
    let mut job = command("submit");
    job.arg(TRIALS.to_string())
        .arg("5")
        .arg(std::env::current_exe().unwrap());
    let mut job = Part::start(job.args(["--exact", "hyperqueue::one_task"]));
    wait_until(|| finished(&folder) >= 4);
    let [killed, _other] = workers;
    killed.kill();
    assert!(job.0.wait().unwrap().success());

    assert_eq!(finished(&folder), TRIALS);
    let results = opened.results(&study).unwrap();
    assert!(results.due().all(|(_, state)| state.result().is_some()));
    let runs = runs(&folder);
    println!("{} runs of {TRIALS} trials", runs.len());
    // The one that the killed worker was at may have been begun again.
    assert!((TRIALS..=TRIALS + 1).contains(&runs.len()), "{runs:?}");
}

fn finished(folder: &Path) -> usize {
    let trials = std::fs::read_dir(folder.join("trials")).unwrap();
    trials
        .filter(|entry| entry.as_ref().unwrap().path().join("result.json").exists())
        .count()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "nothing happened for a minute"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
