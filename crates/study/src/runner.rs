//! Runs what is missing.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use finetune_train::{Callback, panic_text};

use crate::error::StudyError;
use crate::experiment::Experiment;
use crate::folder::StudyDirectory;
use crate::outcome::{TrialFailure, TrialResult, TrialState, check_scores};
use crate::plan::Study;
use crate::results::StudyResults;
use crate::trial::Trial;
use crate::trial_folder::TrialDirectory;

/// Runs the trials of a study in its folder.
///
/// A trial is run by one program at a time, also where several share the folder, and never again
/// once it has a result. One that was killed goes on from its checkpoint. One that fails is told
/// of, and the others go on.
pub struct StudyRunner<'a, E: Experiment> {
    study: &'a Study<E::Config>,
    experiment: &'a E,
    folder: &'a StudyDirectory,
    jobs: usize,
    retries: bool,
}

impl<E: Experiment> fmt::Debug for StudyRunner<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StudyRunner")
            .field("folder", self.folder)
            .field("jobs", &self.jobs)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// Watches a study. The trials of several jobs are told of from several threads.
pub trait StudyCallback: Sync {
    /// Watches a trial that begins.
    fn trial(&self, _label: &str) -> Box<dyn Callback> {
        Box::new(())
    }

    /// A trial ended, or had before.
    fn ended(&self, _label: &str, _state: &TrialState) {}
}

/// Watches nothing.
impl StudyCallback for () {}

impl<'a, E: Experiment> StudyRunner<'a, E> {
    /// Runs one trial at a time, and none that failed before.
    pub fn new(study: &'a Study<E::Config>, experiment: &'a E, folder: &'a StudyDirectory) -> Self {
        Self {
            study,
            experiment,
            folder,
            jobs: 1,
            retries: false,
        }
    }

    /// Runs so many trials at a time, at least 1, each on a thread of its own. Results do not
    /// depend on it.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// Whether trials that failed before are run once more.
    #[must_use]
    pub fn retries(mut self, retries: bool) -> Self {
        self.retries = retries;
        self
    }

    /// Runs every trial that is due, and of a study that halves those that become due. Waits for
    /// trials that other programs are at, and runs them if these are killed.
    ///
    /// # Errors
    /// Only what is wrong with the folder. That a trial failed is in the results.
    pub fn run(
        &self,
        callback: &dyn StudyCallback,
    ) -> Result<StudyResults<'a, E::Config>, StudyError> {
        let mut results = self.folder.results(self.study)?;
        let failed = |state: &TrialState| matches!(state, TrialState::Failed(_));
        let mut todo: Vec<&Trial<E::Config>> = self
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
            results = self.folder.results(self.study)?;
            let trials = self.study.trials().iter();
            todo = trials
                .filter(|trial| results.state(trial) == Some(&TrialState::Pending))
                .collect();
        }
        Ok(results)
    }

    /// Runs one trial, unless it has ended before. If another program is at it, waits for that; what
    /// it left when it was killed is gone on with.
    ///
    /// # Errors
    /// [`StudyError::UnknownTrial`]; [`StudyError::NotScheduled`] for a trial of a later rung; otherwise
    /// as [`Self::run`].
    pub fn run_trial(
        &self,
        index: usize,
        callback: &dyn StudyCallback,
    ) -> Result<TrialState, StudyError> {
        let trial = self.study.trial(index)?;
        let results = self.folder.results(self.study)?;
        if results.state(trial).is_none() {
            let why = match results.rungs() > trial.rung {
                true => "its candidate was left behind".to_string(),
                false => format!("rung {} is not through", results.rungs() - 1),
            };
            let id = trial.id.clone();
            return Err(StudyError::NotScheduled { index, id, why });
        }
        let folder = self.folder.claim_waiting(trial)?;
        self.run_unless_ended(trial, &folder, callback)
    }

    /// Runs these trials; returns those that other programs are at, unless it waits for them.
    fn run_all<'t>(
        &self,
        trials: &[&'t Trial<E::Config>],
        waits: bool,
        callback: &dyn StudyCallback,
    ) -> Result<Vec<&'t Trial<E::Config>>, StudyError> {
        let next = AtomicUsize::new(0);
        let busy = Mutex::new(Vec::new());
        let attempt = |trial: &'t Trial<E::Config>| -> Result<(), StudyError> {
            let folder = match waits {
                true => Some(self.folder.claim_waiting(trial)?),
                false => self.folder.claim(trial)?,
            };
            match folder {
                Some(folder) => self.run_unless_ended(trial, &folder, callback).map(drop),
                None => {
                    lock(&busy).push(trial);
                    Ok(())
                }
            }
        };
        let work = || -> Result<(), StudyError> {
            while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                let ended = attempt(trial);
                // After what is wrong with the folder no further trial is begun.
                ended.inspect_err(|_| next.store(trials.len(), Ordering::Relaxed))?;
            }
            Ok(())
        };
        let jobs = self.jobs.min(trials.len());
        thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
            let ended = workers.into_iter().map(|worker| {
                let panicked = |_| StudyError::io(self.folder.path())(io::Error::other("a panic"));
                worker.join().map_err(panicked)?
            });
            ended.collect::<Result<Vec<()>, StudyError>>()
        })?;
        Ok(std::mem::take(&mut lock(&busy)))
    }

    /// Runs a trial that is claimed, if it has not ended meanwhile.
    fn run_unless_ended(
        &self,
        trial: &Trial<E::Config>,
        folder: &TrialDirectory,
        callback: &dyn StudyCallback,
    ) -> Result<TrialState, StudyError> {
        let label = self.study.label(trial);
        let state = match self.folder.state(trial)? {
            TrialState::Pending => self.run_claimed(trial, folder, &label, callback)?,
            TrialState::Failed(_) if self.retries => {
                self.run_claimed(trial, folder, &label, callback)?
            }
            ended => ended,
        };
        callback.ended(&label, &state);
        Ok(state)
    }

    fn run_claimed(
        &self,
        trial: &Trial<E::Config>,
        folder: &TrialDirectory,
        label: &str,
        callback: &dyn StudyCallback,
    ) -> Result<TrialState, StudyError> {
        folder.clear()?;
        let start = Instant::now();
        // A trial that panics ends like one that fails: the study goes on.
        let scores = catch_unwind(AssertUnwindSafe(|| {
            let mut watcher = callback.trial(label);
            self.experiment.run(trial, folder, &mut *watcher)
        }));
        let scores = match scores {
            Ok(Ok(scores)) => {
                let config = self.study.config();
                let checked = check_scores(&trial.id, &scores, &config.metric, config.eval_split);
                checked.map(|()| scores)
            }
            Ok(Err(error)) => Err(StudyError::Trial(Box::new(error))),
            Err(panic) => Err(StudyError::Trial(message(&*panic).into())),
        };
        let (seconds, label) = (start.elapsed().as_secs_f64(), label.to_string());
        match scores {
            Ok(scores) => {
                let result = TrialResult::new(trial, label, scores, seconds);
                result.write(folder)?;
                Ok(TrialState::Complete(result))
            }
            Err(error) => {
                let failure = TrialFailure::new(trial, label, &error, seconds);
                failure.write(folder)?;
                Ok(TrialState::Failed(failure))
            }
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    format!("panicked: {}", panic_text(panic).unwrap_or_default())
}

/// What the lock guards is whole after any panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
