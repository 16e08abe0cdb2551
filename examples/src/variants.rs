//! Variants of training on the tasks of CS224N, as a study beside published scores.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use finetune::eval::report::Section;
use finetune::study::{
    MOST_COMPARED, MultiTaskExperiment, Seeds, Study, StudyComparison, StudyConfig, StudyDirectory,
    SuccessiveRunsConfig, VariantConfig,
};
use finetune::train::MultiTaskConfig;
use finetune_arguments::{RunArguments, StudyDirectoryArguments, run_study, say};
use serde_json::Value;

use crate::Cs224nArguments;
use crate::leaderboard::write_predictions;
use crate::study::{Published, PublishedStudy, PublishedTable};
use crate::variant_tables::{METRICS, VariantResults};

/// Repetitions and predictions of the variants of a study.
#[derive(Debug, Args)]
pub struct VariantArguments {
    /// Runs per variant, with seeds counted from --seed; with two or more, the variants are
    /// compared by statistical tests
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Directory for prediction files in the format of the project's leaderboards, in a directory
    /// per trial; only of dev and test files that exist and have ids
    #[arg(long, value_name = "DIR")]
    predictions: Option<PathBuf>,
}

/// Row of a study's table.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Name in the published study.
    pub name: &'static str,
    /// Description of the variant.
    pub description: &'static str,
    /// Published scores of sentiment, paraphrases and similarity, and the overall score; `None` for
    /// a variant without published scores.
    pub published: Option<[f64; 4]>,
    /// Settings of the runs that follow each other.
    pub runs: Vec<MultiTaskConfig>,
}

/// A published study and ours.
#[derive(Debug)]
pub struct VariantStudy<'a> {
    /// Name of the study.
    pub name: &'a str,
    /// Table of the publication.
    pub title: &'a str,
    /// Variants with the published settings.
    pub recipe: Vec<Variant>,
    /// Variants with our settings, of the same names.
    pub variants: Vec<Variant>,
    /// Name of the variant that others are compared with, if there are too many to compare all.
    pub baseline: &'a str,
}

impl VariantStudy<'_> {
    /// Keeps the variants with the given names; all, without names.
    ///
    /// # Errors
    /// If there is no variant of a name; the error lists the names.
    pub fn retain(&mut self, names: &[String]) -> Result<(), String> {
        let known: Vec<&str> = self.variants.iter().map(|variant| variant.name).collect();
        if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("no variant {unknown:?}, only {}", known.join(", ")));
        }
        let is_kept =
            |variant: &Variant| names.is_empty() || names.iter().any(|name| name == variant.name);
        self.variants.retain(is_kept);
        self.recipe.retain(is_kept);
        Ok(())
    }

    /// Runs all variants, and prints their scores beside the published ones, with the sections of
    /// `more` before them. The directory of the run is that of the study; a study in it is resumed.
    /// Variants with the same settings are run once.
    ///
    /// # Errors
    /// If the data cannot be opened, the study directory is that of another study, a prediction
    /// file cannot be written, or standard output is closed. A variant that fails is reported and
    /// does not stop the others.
    pub fn run(
        &self,
        arguments: &VariantArguments,
        tasks: &Cs224nArguments,
        run: &RunArguments,
        more: impl Fn(&VariantResults<'_>) -> Result<Vec<Section>, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        if run.report.is_some() || run.tensorboard {
            return Err("--report and --tensorboard are for single runs".into());
        }
        let first_seed = match self
            .variants
            .first()
            .and_then(|variant| variant.runs.first())
        {
            Some(config) => config.train.seed,
            None => return Err("no variants".into()),
        };
        let data = tasks.open(run, first_seed)?;
        data.announce(tasks, run)?;
        let seeds = Seeds::Count(arguments.seeds).list(first_seed);
        if (seeds.len() as u64) < arguments.seeds {
            let most = seeds.len();
            let seeds = arguments.seeds;
            return Err(format!(
                "--seeds is {seeds}, expected at most {most} from seed {first_seed}"
            )
            .into());
        }
        let config = StudyConfig {
            seeds: Some(Seeds::Listed(seeds)),
            ..self.config(&self.variants)?
        };
        let device = run.device();
        let experiment = MultiTaskExperiment::new(
            &run.model().directory()?,
            data.tasks.clone(),
            &device.open()?,
            &device.to_string(),
        )?
        .further_test_rows(data.test.clone());
        let study = Study::new(config, &experiment)?;
        let published = PublishedStudy {
            recipe: &Study::new(self.config(&self.recipe)?, &experiment)?,
            conditions: data.conditions(tasks, run),
        };
        let path = run.run_directory(self.name)?.path().to_path_buf();
        let study_directory = StudyDirectoryArguments::new(&path);
        let ran = run_study(None, &study_directory, &study, &experiment, |results| {
            let ours = VariantResults {
                results,
                published: &published,
                data: &data,
            };
            let mut sections = more(&ours)?;
            sections.push(self.section(&ours)?);
            sections.extend(ours.test_section()?);
            Ok(sections)
        });
        let Some(predictions) = &arguments.predictions else {
            return ran;
        };
        let directory = StudyDirectory::open(&path, &study)?;
        let mut left_out = Vec::new();
        for (trial, state) in directory.results(&study)?.due() {
            if state.result().is_some() {
                let models = experiment.models(&trial.config()?, &directory);
                let place = predictions.join(&trial.id);
                left_out = write_predictions(tasks, &models, &place, &device)?;
            }
        }
        for line in left_out {
            say(&line)?;
        }
        say(&format!("Predictions: {}", predictions.display()))?;
        ran
    }

    fn config(&self, variants: &[Variant]) -> Result<StudyConfig, serde_json::Error> {
        let distinct: Vec<&Variant> = (variants.iter().enumerate())
            .filter(|(at, variant)| first_equal(variants, variant) == *at)
            .map(|(_, variant)| variant)
            .collect();
        let has_baseline = distinct.iter().any(|variant| variant.name == self.baseline);
        let baseline = has_baseline && distinct.len() > MOST_COMPARED;
        Ok(StudyConfig {
            name: self.name.to_string(),
            metric: METRICS[0].to_string(),
            comparison: StudyComparison {
                baseline: baseline.then(|| self.baseline.to_string()),
                ..StudyComparison::default()
            },
            variants: distinct
                .into_iter()
                .map(Variant::config)
                .collect::<Result<_, _>>()?,
            ..StudyConfig::default()
        })
    }

    /// Returns the section with our scores beside the published ones.
    fn section(&self, ours: &VariantResults<'_>) -> Result<Section, Box<dyn Error>> {
        let mut lines = vec![self.title.to_string()];
        let mut published: Vec<(&str, &str, [f64; 4])> = Vec::new();
        for variant in &self.variants {
            let run = &self.variants[first_equal(&self.variants, variant)];
            let same = match run.name == variant.name {
                true => String::new(),
                false => format!(" (the runs of {})", run.name),
            };
            lines.push(format!("{}: {}{same}", variant.name, variant.description));
            if let Some([sentiment, paraphrases, similarity, overall]) = variant.published {
                let scores = [overall, sentiment, paraphrases, similarity];
                published.push((variant.name, run.name, scores));
            }
        }
        let rows = published.iter().map(|(name, candidate, scores)| Published {
            name: Some(name),
            ..Published::new(candidate, scores)
        });
        let rows: Vec<Published> = rows.collect();
        let caption = lines.join("\n");
        let table = PublishedTable {
            caption: &caption,
            metrics: &METRICS,
            rows: &rows,
        };
        ours.published.section(ours.results, &[table])
    }
}

/// Returns the index of the first variant with the same runs.
fn first_equal(variants: &[Variant], variant: &Variant) -> usize {
    let same = |other: &Variant| other.runs == variant.runs;
    variants.iter().position(same).unwrap_or(0)
}

impl Variant {
    fn config(&self) -> Result<VariantConfig, serde_json::Error> {
        let settings = serde_json::to_value(SuccessiveRunsConfig {
            runs: self.runs.clone(),
            ..SuccessiveRunsConfig::default()
        })?;
        let Value::Object(mut settings) = settings else {
            return Ok(VariantConfig::default());
        };
        // The study sets it.
        settings.remove("seed");
        Ok(VariantConfig {
            name: self.name.to_string(),
            settings,
            ..VariantConfig::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use finetune::train::TaskConfig;

    use super::*;

    fn variant(name: &'static str, task: &str) -> Variant {
        Variant {
            name,
            description: "",
            published: None,
            runs: vec![MultiTaskConfig {
                tasks: vec![TaskConfig::new(task)],
                ..MultiTaskConfig::default()
            }],
        }
    }

    fn study(variants: Vec<Variant>) -> VariantStudy<'static> {
        VariantStudy {
            name: "study",
            title: "",
            recipe: variants.clone(),
            variants,
            baseline: "first",
        }
    }

    #[test]
    fn equal_variants_are_one_candidate() {
        let study = study(vec![
            variant("first", "a"),
            variant("second", "b"),
            variant("third", "a"),
        ]);
        let config = study.config(&study.variants).unwrap();
        let names: Vec<&str> = config.variants.iter().map(|v| v.name.as_str()).collect();
        assert_eq!(names, ["first", "second"]);
        assert_eq!(config.comparison.baseline, None);
        assert_eq!(first_equal(&study.variants, &study.variants[2]), 0);
    }

    #[test]
    fn too_many_variants_are_compared_with_the_baseline() {
        const TASKS: &str = "bcdefghijklmn";
        let mut variants = vec![variant("first", "a")];
        variants.extend(
            TASKS
                .chars()
                .map(|task| variant("other", &task.to_string())),
        );
        let study = study(variants);
        let comparison = study.config(&study.variants).unwrap().comparison;
        assert_eq!(comparison.baseline.as_deref(), Some("first"));
    }

    #[test]
    fn an_unknown_variant_is_refused_with_the_known_ones() {
        let mut study = study(vec![variant("first", "a"), variant("second", "b")]);
        let error = study.retain(&["thrid".to_string()]).unwrap_err();
        assert_eq!(error, "no variant \"thrid\", only first, second");
        study.retain(&["second".to_string()]).unwrap();
        assert_eq!((study.variants.len(), study.recipe.len()), (1, 1));
        study.retain(&[]).unwrap();
        assert_eq!(study.variants[0].name, "second");
    }
}
