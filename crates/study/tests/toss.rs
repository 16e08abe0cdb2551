//! An experiment that costs nothing: its score is a formula, and it keeps a log of what it ran.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use finetune_study::{
    Experiment, Fold, Study, StudyConfig, StudyDirectory, Trial, TrialDirectory, TrialScores,
};
use finetune_train::Callback;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Coin {
    pub(super) weight: f64,
    /// How much the seed matters.
    pub(super) luck: f64,
    pub(super) epochs: u64,
    pub(super) ending: Ending,
    pub(super) milliseconds: u64,
    pub(super) seed: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    #[default]
    Score,
    Error,
    Panic,
    NotANumber,
}

impl Default for Coin {
    fn default() -> Self {
        Self {
            weight: 0.5,
            luck: 0.01,
            epochs: 1,
            ending: Ending::Score,
            milliseconds: 0,
            seed: 42,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the coin fell into the {0}")]
pub(super) struct Lost(&'static str, #[source] std::io::Error);

/// With a name for its fingerprint.
#[derive(Debug)]
pub(super) struct Toss(pub(super) &'static str);

impl Experiment for Toss {
    type Config = Coin;
    type Error = Lost;

    fn defaults(&self) -> Coin {
        Coin::default()
    }

    fn fingerprint(&self) -> Value {
        json!({ "coin": self.0 })
    }

    fn seed_setting(&self) -> Option<&str> {
        Some("seed")
    }

    fn check(&self, config: &Coin, _: Option<Fold>) -> Result<(), Lost> {
        let wrong = || Lost("depths", std::io::Error::other("a weight below 0"));
        (config.weight >= 0.0).then_some(()).ok_or_else(wrong)
    }

    fn run(
        &self,
        trial: &Trial,
        coin: &Coin,
        folder: &TrialDirectory,
        _: &mut dyn Callback,
    ) -> Result<TrialScores, Lost> {
        note(folder.path(), &trial.id);
        std::thread::sleep(Duration::from_millis(coin.milliseconds));
        let score = match coin.ending {
            Ending::Score => score(coin, trial.fold.map_or(0, |fold| fold.index as u64)),
            Ending::NotANumber => f64::NAN,
            Ending::Panic => panic!("the coin stood on its edge"),
            Ending::Error => return Err(Lost("well", std::io::Error::other("nobody looked"))),
        };
        let mut scores = TrialScores::test("accuracy", score);
        scores.validation = [("accuracy".to_string(), score)].into();
        scores
            .extra
            .insert("epochs to best".into(), coin.epochs as f64);
        scores.curves.insert(
            "training loss".into(),
            vec![(1.0, 1.0 - score), (2.0, 0.5 - score)],
        );
        Ok(scores)
    }
}

pub(super) fn score(coin: &Coin, fold: u64) -> f64 {
    let seed = (coin.seed * 7 + fold * 3) % 11;
    coin.weight + coin.luck * seed as f64 + 0.001 * coin.epochs as f64
}

/// One line a run, by however many programs.
fn note(trial: &Path, id: &str) {
    let log = trial.parent().unwrap().parent().unwrap().join("runs.log");
    let mut log = File::options().create(true).append(true).open(log).unwrap();
    log.write_all(format!("{id}\n").as_bytes()).unwrap();
}

/// The trials that were run, in order.
pub(super) fn runs(folder: &Path) -> Vec<String> {
    let log = fs::read_to_string(folder.join("runs.log")).unwrap_or_default();
    log.lines().map(str::to_string).collect()
}

/// A study of coins in a folder of its own.
pub(super) struct Coins {
    pub(super) study: Study,
    pub(super) folder: StudyDirectory,
    _parent: tempfile::TempDir,
}

impl Coins {
    pub(super) fn new(toml: &str) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let study = study(toml);
        let folder = StudyDirectory::open(&parent.path().join("study"), &study).unwrap();
        Self {
            study,
            folder,
            _parent: parent,
        }
    }

    pub(super) fn report(&self) -> String {
        let results = self.folder.results(&self.study).unwrap();
        results.report().unwrap().to_markdown()
    }
}

pub(super) fn study(toml: &str) -> Study {
    Study::new(StudyConfig::from_toml(toml).unwrap(), &Toss("penny")).unwrap()
}

/// The settings of a trial.
pub(super) fn coin(trial: &Trial) -> Coin {
    trial.config().unwrap()
}

/// Why there is no such study.
pub(super) fn refusal(toml: &str) -> String {
    let config = StudyConfig::from_toml(toml).unwrap();
    Study::new(config, &Toss("penny")).unwrap_err().to_string()
}

pub(super) fn path_of(folder: &StudyDirectory, id: &str, file: &str) -> PathBuf {
    folder.trials().join(id).join(file)
}
