//! Runner of the pending trials of a study.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use finetune_train::{Callback, panic_text, write_json};

use crate::any_experiment::AnyExperiment;
use crate::error::StudyError;
use crate::experiment::Experiment;
use crate::plan::Study;
use crate::results::StudyResults;
use crate::study_directory::StudyDirectory;
use crate::trial::Trial;
use crate::trial_directory::{FAILURE, RESULT, TrialDirectory};
use crate::trial_result::{TrialFailure, TrialResult, TrialState, check_scores};

/// Runner of the trials of a study in its directory.
///
/// Each trial is run by one program at a time, even if several programs share the directory, and
/// never again once it has a result. An interrupted trial resumes from its checkpoint. If a trial
/// fails, the failure is recorded and the others continue.
pub struct StudyRunner<'a> {
    study: &'a Study,
    experiment: &'a dyn AnyExperiment,
    directory: &'a StudyDirectory,
    jobs: usize,
    retries: bool,
}

impl fmt::Debug for StudyRunner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StudyRunner")
            .field("directory", self.directory)
            .field("jobs", &self.jobs)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// Callback of a study. With several jobs, it is called from several threads.
pub trait StudyCallback: Sync {
    /// Called when a trial starts; returns the callback of its run.
    fn trial(&self, _label: &str) -> Box<dyn Callback> {
        Box::new(())
    }

    /// Called when a trial has finished or failed, also if it did so earlier.
    fn ended(&self, _label: &str, _state: &TrialState) {}
}

/// Callback that does nothing.
impl StudyCallback for () {}

impl<'a> StudyRunner<'a> {
    /// Creates a runner with one job that does not retry failed trials.
    pub fn new<E: Experiment>(
        study: &'a Study,
        experiment: &'a E,
        directory: &'a StudyDirectory,
    ) -> Self {
        Self {
            study,
            experiment,
            directory,
            jobs: 1,
            retries: false,
        }
    }

    /// Sets the number of trials that run at the same time, each on its own thread; at least 1
    /// (default: 1). Results do not depend on it.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// Sets whether to retry failed trials (default: false).
    #[must_use]
    pub fn retries(mut self, retries: bool) -> Self {
        self.retries = retries;
        self
    }

    /// Runs all scheduled trials and, with successive halving, those of later rungs as they are
    /// scheduled. Waits for trials that other programs are running, and runs them if those programs
    /// are killed.
    ///
    /// # Errors
    /// [`StudyError`] if the study directory cannot be read or written. Failed trials are not
    /// errors: see [`TrialState::Failed`].
    pub fn run(&self, callback: &dyn StudyCallback) -> Result<StudyResults<'a>, StudyError> {
        let mut results = self.directory.results(self.study)?;
        let failed = |state: &TrialState| matches!(state, TrialState::Failed(_));
        let mut todo: Vec<&Trial> = self
            .study
            .trials()
            .iter()
            .filter(|trial| match results.state(trial) {
                Some(TrialState::Pending) => true,
                Some(state) => self.retries && failed(state),
                None => false,
            })
            .collect();
        while !todo.is_empty() {
            let busy = self.run_all(&todo, false, callback)?;
            self.run_all(&busy, true, callback)?;
            results = self.directory.results(self.study)?;
            let trials = self.study.trials().iter();
            todo = trials
                .filter(|trial| results.state(trial) == Some(&TrialState::Pending))
                .collect();
        }
        Ok(results)
    }

    /// Runs one trial, unless it has already finished or failed. If another program is running it,
    /// waits for that program; if the program is killed, resumes the trial.
    ///
    /// # Errors
    /// - [`StudyError::UnknownTrial`] if `index` is out of range.
    /// - [`StudyError::NotScheduled`] if the trial belongs to a later rung that its candidate has
    ///   not reached.
    /// - The errors of [`Self::run`].
    pub fn run_trial(
        &self,
        index: usize,
        callback: &dyn StudyCallback,
    ) -> Result<TrialState, StudyError> {
        let trial = self.study.trial(index)?;
        let results = self.directory.results(self.study)?;
        if results.state(trial).is_none() {
            let why = match results.rungs() > trial.rung {
                true => "its candidate was left behind".to_string(),
                false => format!("rung {} is not through", results.rungs() - 1),
            };
            let id = trial.id.clone();
            return Err(StudyError::NotScheduled { index, id, why });
        }
        let directory = self.directory.claim_waiting(trial)?;
        self.run_unless_ended(trial, &directory, callback)
    }

    /// Runs the given trials. If `waits` is false, skips the trials that other programs are running
    /// and returns them.
    fn run_all<'t>(
        &self,
        trials: &[&'t Trial],
        waits: bool,
        callback: &dyn StudyCallback,
    ) -> Result<Vec<&'t Trial>, StudyError> {
        let next = AtomicUsize::new(0);
        let busy = Mutex::new(Vec::new());
        let attempt = |trial: &'t Trial| -> Result<(), StudyError> {
            let directory = match waits {
                true => Some(self.directory.claim_waiting(trial)?),
                false => self.directory.claim(trial)?,
            };
            match directory {
                Some(directory) => self.run_unless_ended(trial, &directory, callback).map(drop),
                None => {
                    lock(&busy).push(trial);
                    Ok(())
                }
            }
        };
        let work = || -> Result<(), StudyError> {
            while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                let ended = attempt(trial);
                // After an error of the study directory, no further trial starts.
                ended.inspect_err(|_| next.store(trials.len(), Ordering::Relaxed))?;
            }
            Ok(())
        };
        let jobs = self.jobs.min(trials.len());
        thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            let ended = workers.into_iter().map(|worker| {
                let panicked =
                    |_| StudyError::io(self.directory.path())(io::Error::other("a panic"));
                worker.join().map_err(panicked)?
            });
            ended.collect::<Result<Vec<()>, StudyError>>()
        })?;
        Ok(std::mem::take(&mut lock(&busy)))
    }

    /// Runs a claimed trial, unless it has finished or failed in the meantime.
    fn run_unless_ended(
        &self,
        trial: &Trial,
        directory: &TrialDirectory,
        callback: &dyn StudyCallback,
    ) -> Result<TrialState, StudyError> {
        let label = self.study.label(trial);
        let state = match self.directory.state(trial)? {
            TrialState::Pending => self.run_claimed(trial, directory, &label, callback)?,
            TrialState::Failed(_) if self.retries => {
                self.run_claimed(trial, directory, &label, callback)?
            }
            ended => ended,
        };
        callback.ended(&label, &state);
        Ok(state)
    }

    fn run_claimed(
        &self,
        trial: &Trial,
        directory: &TrialDirectory,
        label: &str,
        callback: &dyn StudyCallback,
    ) -> Result<TrialState, StudyError> {
        directory.clear()?;
        let start = Instant::now();
        // A panic is treated as a failure of the trial: the study continues.
        let scores = catch_unwind(AssertUnwindSafe(|| {
            let mut watcher = callback.trial(label);
            self.experiment.run(trial, directory, &mut *watcher)
        }));
        let scores = match scores {
            Ok(Ok(scores)) => {
                let config = self.study.config();
                let checked = check_scores(&trial.id, &scores, &config.metric, config.eval_split);
                checked.map(|()| scores)
            }
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(StudyError::Trial(message(&*panic).into())),
        };
        let (seconds, label) = (start.elapsed().as_secs_f64(), label.to_string());
        match scores {
            Ok(scores) => {
                let result = TrialResult::new(trial, label, scores, seconds);
                write_json(&directory.path().join(RESULT), &result)?;
                Ok(TrialState::Complete(result))
            }
            Err(error) => {
                let failure = TrialFailure::new(trial, label, &error, seconds);
                write_json(&directory.path().join(FAILURE), &failure)?;
                Ok(TrialState::Failed(failure))
            }
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    format!("panicked: {}", panic_text(panic).unwrap_or_default())
}

/// Locks the mutex, ignoring poisoning: the guarded value is consistent after any panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
