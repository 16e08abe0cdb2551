//! Resolution of a study configuration into trials with full settings, and conflict checks.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::any_experiment::AnyExperiment;
use crate::config::{StudyConfig, VariantConfig};
use crate::config_overrides::{self, sets};
use crate::error::StudyError;
use crate::trial::{Candidate, Fold, Trial, id};
use crate::trial_result::no_score;

/// Candidate with its settings, seeds and folds.
pub(super) struct Point {
    pub(super) candidate: Candidate,
    pub(super) settings: Value,
    /// Seeds of the variant.
    seeds: Vec<Option<u64>>,
    folds: Vec<Option<Fold>>,
}

/// Resolver of the candidates and trials of a study.
pub(super) struct Resolver<'a> {
    pub(super) config: &'a StudyConfig,
    pub(super) experiment: &'a dyn AnyExperiment,
}

impl Resolver<'_> {
    pub(super) fn base(&self, defaults: &Value) -> Result<Value, StudyError> {
        self.experiment.merged(defaults, &self.config.base, "base")
    }

    /// Returns the candidates ordered by variant, then sample, then listed values, the first
    /// parameter varying slowest.
    pub(super) fn candidates(&self, base: &Value) -> Result<Vec<Point>, StudyError> {
        let only = [VariantConfig::default()];
        let variants = match self.config.variants.as_slice() {
            [] => &only,
            variants => variants,
        };
        let mut points: Vec<Point> = Vec::new();
        let mut sampled = HashSet::new();
        for variant in variants {
            self.check_overlap(variant)?;
            let place = format!("variant {:?}", variant.name);
            let settings = self.experiment.merged(base, &variant.settings, &place)?;
            let (seeds, folds) = (self.seeds(variant)?, self.folds(variant));
            for values in self.values() {
                let mut settings = settings.clone();
                for (parameter, value) in self.config.parameters.iter().zip(&values) {
                    let part = config_overrides::part(&parameter.path, value.clone());
                    let place = format!("parameter {}", parameter.path);
                    settings = self.experiment.merged(&settings, &part, &place)?;
                }
                let names = self
                    .config
                    .parameters
                    .iter()
                    .map(|parameter| parameter.label().to_string());
                let candidate = Candidate {
                    variant: Some(variant.name.clone()).filter(|name| !name.is_empty()),
                    values: names.zip(values).collect(),
                };
                // A repeated sample would count one result twice.
                if self.config.num_trials.is_some() && !sampled.insert(key(&candidate, &settings)) {
                    continue;
                }
                let (seeds, folds) = (seeds.clone(), folds.clone());
                points.push(Point {
                    candidate,
                    settings,
                    seeds,
                    folds,
                });
            }
        }
        check_different(&points)?;
        Ok(points)
    }

    /// Checks that each setting has one origin: the variant, a parameter, halving or the seeds.
    fn check_overlap(&self, variant: &VariantConfig) -> Result<(), StudyError> {
        let seed = match (&variant.seeds, &self.config.seeds) {
            (None, None) => None,
            _ => self.experiment.seed_setting(),
        };
        let parameters = self.config.parameters.iter();
        let parameters = parameters.map(|parameter| {
            (
                parameter.path.as_str(),
                format!("parameter {}", parameter.path),
            )
        });
        let halving = self.config.halving.iter();
        let halving = halving.map(|halving| (halving.resource.as_str(), "halving".to_string()));
        let seed = seed.map(|setting| (setting, "seeds".to_string()));
        let others: Vec<(&str, String)> = parameters.chain(halving).chain(seed).collect();
        for (position, (setting, by)) in others.iter().enumerate() {
            let twice =
                |first: &str| StudyError::study(format!("{setting} is set by {first} and by {by}"));
            if sets(&variant.settings, setting) {
                return Err(twice(&format!("variant {:?}", variant.name)));
            }
            let part = config_overrides::part(setting, Value::Null);
            let earlier = others[..position].iter();
            if let Some((_, first)) = earlier.into_iter().find(|(other, _)| {
                sets(&part, other) || sets(&config_overrides::part(other, Value::Null), setting)
            }) {
                return Err(twice(first));
            }
        }
        Ok(())
    }

    /// Returns all combinations of parameter values.
    fn values(&self) -> Vec<Vec<Value>> {
        let draws = self.config.num_trials.unwrap_or(1);
        let mut all = Vec::new();
        for draw in 0..draws {
            let mut some: Vec<Vec<Value>> = vec![Vec::new()];
            for parameter in &self.config.parameters {
                let drawn = parameter.draw(self.config.sampler_seed, draw);
                let values = match &parameter.values {
                    Some(values) => values.clone(),
                    None => drawn.into_iter().collect(),
                };
                let with = |head: &[Value], value: &Value| {
                    let mut longer = head.to_vec();
                    longer.push(value.clone());
                    longer
                };
                let heads = some.iter();
                let longer = heads.flat_map(|head| values.iter().map(|value| with(head, value)));
                some = longer.collect();
            }
            all.extend(some);
        }
        all
    }

    fn seeds(&self, variant: &VariantConfig) -> Result<Vec<Option<u64>>, StudyError> {
        let Some(seeds) = variant.seeds.as_ref().or(self.config.seeds.as_ref()) else {
            return Ok(vec![None]);
        };
        if self.experiment.seed_setting().is_none() {
            let setting = match variant.seeds {
                Some(_) => format!("seeds of variant {:?}", variant.name),
                None => "seeds".to_string(),
            };
            let problem = format!("{setting} is set, but the experiment has no seed");
            return Err(StudyError::study(problem));
        }
        Ok(seeds
            .list(self.config.sampler_seed)
            .into_iter()
            .map(Some)
            .collect())
    }

    fn folds(&self, variant: &VariantConfig) -> Vec<Option<Fold>> {
        let seed = self.config.sampler_seed;
        match variant.folds.or(self.config.folds) {
            None | Some(0) => vec![None],
            Some(of) => (0..of)
                .map(|index| Some(Fold { index, of, seed }))
                .collect(),
        }
    }

    /// Returns the trials ordered by rung, candidate, seed and fold.
    pub(super) fn trials(&self, points: &[Point]) -> Result<Vec<Trial>, StudyError> {
        let halving = self.config.halving.as_ref();
        let rungs = halving.map_or(1, |halving| halving.rungs());
        let mut trials = Vec::new();
        for rung in 0..rungs {
            for (candidate, point) in points.iter().enumerate() {
                let mut settings = point.settings.clone();
                if let Some(halving) = halving {
                    let part =
                        config_overrides::part(&halving.resource, halving.budget(rung).into());
                    settings = self.experiment.merged(&settings, &part, "halving")?;
                }
                for seed in &point.seeds {
                    let settings = self.seeded(&settings, *seed)?;
                    for fold in &point.folds {
                        let place = (trials.len(), candidate, rung);
                        trials.push(self.trial(place, point, &settings, *fold)?);
                    }
                }
            }
        }
        Ok(trials)
    }

    fn seeded(&self, settings: &Value, seed: Option<u64>) -> Result<Value, StudyError> {
        match (seed, self.experiment.seed_setting()) {
            (Some(seed), Some(setting)) => {
                let part: Map<String, Value> = config_overrides::part(setting, seed.into());
                self.experiment.merged(settings, &part, "seeds")
            }
            _ => Ok(settings.clone()),
        }
    }

    fn trial(
        &self,
        (index, candidate, rung): (usize, usize, usize),
        point: &Point,
        settings: &Value,
        fold: Option<Fold>,
    ) -> Result<Trial, StudyError> {
        let label = point.candidate.label();
        let place = if label.is_empty() {
            "base".to_string()
        } else {
            label
        };
        self.check(settings, fold, &place)?;
        let seed = self.experiment.seed_setting();
        let seed = seed.and_then(|setting| config_overrides::value(settings, setting)?.as_u64());
        Ok(Trial {
            index,
            id: id(&point.candidate, seed, fold, settings),
            candidate,
            rung,
            seed,
            fold,
            settings: settings.clone(),
        })
    }
}

impl Resolver<'_> {
    /// Checks that a trial can run and will compute the study's metric.
    fn check(&self, settings: &Value, fold: Option<Fold>, place: &str) -> Result<(), StudyError> {
        let (metric, rows) = (&self.config.metric[..], self.config.eval_split);
        let metrics = self.experiment.check(settings, fold, rows, place)?;
        match metrics.filter(|metrics| !metrics.iter().any(|name| name == metric)) {
            Some(metrics) => Err(no_score(place, metric, rows, metrics)),
            None => Ok(()),
        }
    }
}

/// Returns a text that is the same for equal values.
fn key(first: &impl Serialize, settings: &Value) -> String {
    json!([first, settings]).to_string()
}

/// Checks that all candidates differ: two equal ones would count one result twice.
fn check_different(points: &[Point]) -> Result<(), StudyError> {
    let mut earlier: HashMap<String, &Point> = HashMap::new();
    for point in points {
        if let Some(same) = earlier.insert(key(&point.folds, &point.settings), point) {
            let (first, second) = (same.candidate.label(), point.candidate.label());
            let problem = format!("variants {first:?} and {second:?} are the same");
            return Err(StudyError::study(problem));
        }
    }
    Ok(())
}
