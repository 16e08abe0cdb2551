//! A study that is killed goes on without repeating what was finished, and ends with the same
//! tables, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use finetune_study::{StudyDirectory, StudyRunner};

use crate::fine_tuning::tiny_study;
use crate::toss::{Toss, runs, study};

const STUDY: &str = "FINETUNE_TEST_STUDY";
const TUNING: &str = "FINETUNE_TEST_TUNING_STUDY";
const REPORTS: [&str; 3] = ["report.json", "report.md", "report.html"];

const COINS: &str = r#"
    name = "coins"
    seeds = 4
    base.milliseconds = 10
    variants = [{ name = "light", settings = { luck = 0.02 } }, { name = "heavy", settings.weight = 1 }]
    parameters = [{ path = "epochs", values = [1, 2, 3] }]
"#;

/// Not a test but the program that the tests below kill; alone it does nothing.
#[test]
fn killed_program() {
    if let Some(folder) = std::env::var_os(STUDY) {
        let study = study(COINS);
        let folder = StudyDirectory::open(Path::new(&folder), &study).unwrap();
        let runner = StudyRunner::new(&study, &Toss("penny"), &folder).jobs(2);
        let results = runner.run(&()).unwrap();
        folder.write(&results.report().unwrap(), &results).unwrap();
    }
    if let Some(folder) = std::env::var_os(TUNING) {
        let folder = Path::new(&folder);
        let (study, experiment) = tiny_study(&folder.join("start"));
        let folder = StudyDirectory::open(&folder.join("study"), &study).unwrap();
        let results = StudyRunner::new(&study, &experiment, &folder)
            .run(&())
            .unwrap();
        folder.write(&results.report().unwrap(), &results).unwrap();
    }
}

fn start(variable: &str, folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program)
        .args(["--exact", "killed::killed_program"])
        .env(variable, folder)
        // Out of the way of whoever edits the sources: a report has the commit.
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
}

fn reports(folder: &Path) -> Vec<Vec<u8>> {
    REPORTS
        .map(|file| fs::read(folder.join(file)).unwrap())
        .into()
}

/// The results there are, by trial.
fn results(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(trials) = fs::read_dir(folder.join("trials")) else {
        return BTreeMap::new();
    };
    let result = |entry: fs::DirEntry| {
        let result = fs::read(entry.path().join("result.json")).ok()?;
        Some((entry.file_name().into_string().unwrap(), result))
    };
    trials.filter_map(|entry| result(entry.unwrap())).collect()
}

#[test]
fn a_study_killed_at_any_moment_ends_with_the_same_tables() {
    let whole = tempfile::tempdir().unwrap();
    let began = Instant::now();
    finish(start(STUDY, whole.path()));
    let took = began.elapsed();
    let expected = reports(whole.path());
    assert_eq!(results(whole.path()).len(), 24);
    let mut interrupted = 0;
    for point in 0..12 {
        let killed = tempfile::tempdir().unwrap();
        let mut program = start(STUDY, killed.path());
        let share = f64::from(point) / 12.0;
        std::thread::sleep(took.mul_f64(share).max(Duration::from_millis(1)));
        program.kill().unwrap();
        program.wait().unwrap();
        let finished = results(killed.path());
        interrupted += usize::from(!finished.is_empty() && finished.len() < 24);
        let before = runs(killed.path());
        finish(start(STUDY, killed.path()));
        assert!(
            reports(killed.path()) == expected,
            "killed at {point} of 12"
        );
        let after = results(killed.path());
        assert!(finished.iter().all(|(id, result)| after[id] == *result));
        let since = runs(killed.path()).split_off(before.len());
        assert_eq!(since.len(), 24 - finished.len());
        assert!(since.iter().all(|id| !finished.contains_key(id)));
    }
    assert!(interrupted > 0);
}

#[test]
fn programs_that_share_a_folder_survive_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = start(STUDY, folder.path());
    let others = [start(STUDY, folder.path()), start(STUDY, folder.path())];
    std::thread::sleep(Duration::from_millis(60));
    first.kill().unwrap();
    first.wait().unwrap();
    others.into_iter().for_each(finish);
    let runs = runs(folder.path());
    let results = results(folder.path());
    assert_eq!(results.len(), 24);
    // At most the two trials that the killed program was at were begun twice.
    assert!((24..=26).contains(&runs.len()), "{}", runs.len());
}

/// Real runs, killed in the middle of their training too.
#[test]
fn a_study_of_runs_killed_at_any_moment_ends_with_the_same_tables() {
    let start_of = |folder: &Path| crate::small_run::checkpoint(&folder.join("start"));
    let whole = tempfile::tempdir().unwrap();
    start_of(whole.path());
    let began = Instant::now();
    finish(start(TUNING, whole.path()));
    let took = began.elapsed();
    let expected = reports(&whole.path().join("study"));
    for point in 1..6 {
        let killed = tempfile::tempdir().unwrap();
        start_of(killed.path());
        let mut program = start(TUNING, killed.path());
        std::thread::sleep(took.mul_f64(f64::from(point) / 6.0));
        program.kill().unwrap();
        program.wait().unwrap();
        let study = killed.path().join("study");
        let finished = results(&study);
        finish(start(TUNING, killed.path()));
        assert!(reports(&study) == expected, "killed at {point} of 6");
        let after = results(&study);
        assert!(finished.iter().all(|(id, result)| after[id] == *result));
    }
}
