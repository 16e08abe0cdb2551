//! Random or grid search with successive halving on AG News over encoder, learning rate, batch
//! size, weight decay and gradient accumulation; a technical report names this search, and other
//! encoders, as its next step. Candidates are compared by validation accuracy, and the best one is
//! tested.
//!
//! `cargo run --release --example random_search` runs on the bundled sample. With real encoders and
//! the published data:
//!
//! `cargo run --release --example random_search -- --models DIR,DIR --data DIR --search grid`

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use finetune::eval::report::{Cell, Column, Section, Table};
use finetune::eval::statistics::SampleSummary;
use finetune::prelude::*;
use finetune::study::{
    CheckpointTuningConfig, CheckpointsExperiment, EvalSplit, SearchParameter, Study, StudyConfig,
    StudyResults, SuccessiveHalving,
};
use finetune_arguments::{STUDY_SEED, StudyCommand, exit_code, run_study, say};
use finetune_examples::recipe::{Difference, differences};
use finetune_examples::study::{Conditions, StudyArguments};
use finetune_examples::{SAMPLE_AG_NEWS, TechnicalReport, published_scores};

/// Search encoder, learning rate, batch size, weight decay and accumulation on AG News
///
/// Makes a table of all points with their validation accuracy, the number of points in each rung of
/// successive halving, curves of the points, and the test scores of the best point with what it has
/// in place of the technical report's settings.
///
/// Recipe: that of the technical report (4 epochs, 64 rows per batch, two batches per step, learning
/// rate 2e-5, weight decay 0.01, 128 tokens); a setting that is given is not searched. With the mini
/// encoder 64 tokens and higher learning rates.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<StudyCommand>,
    /// Search for random points, or for all points of a grid of learning rates and batch sizes
    #[arg(long, value_enum, default_value = "random", global = true)]
    search: Search,
    /// Number of random points [default: 27, mini: 9]
    #[arg(long, value_name = "N", global = true)]
    trials: Option<usize>,
    /// Checkpoints to search, in place of --model
    #[arg(long, value_name = "DIR", value_delimiter = ',', global = true)]
    models: Vec<PathBuf>,
    #[command(flatten)]
    study: StudyArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Search {
    Random,
    Grid,
}

/// Ranges around the report's values.
const RANDOM: &str = r#"
    name = "Random search on AG News"

    [[parameters]]
    path = "fine_tuning.train.optimizer.learning_rate"
    name = "rate"
    log_uniform = [5e-6, 2e-4]

    [[parameters]]
    path = "fine_tuning.train.batch_size.rows"
    name = "batch"
    choice = [16, 32, 64]

    [[parameters]]
    path = "fine_tuning.train.optimizer.weight_decay"
    name = "decay"
    log_uniform = [1e-3, 1e-1]

    [[parameters]]
    path = "fine_tuning.train.gradient_accumulation_steps"
    name = "accumulated"
    choice = [1, 2]
"#;

/// Eight points around the report's rate of 2e-5 with 64 rows.
const GRID: &str = r#"
    name = "Grid search on AG News"

    [[parameters]]
    path = "fine_tuning.train.optimizer.learning_rate"
    name = "rate"
    values = [1e-5, 2e-5, 5e-5, 1e-4]

    [[parameters]]
    path = "fine_tuning.train.batch_size.rows"
    name = "batch"
    values = [32, 64]
"#;

/// Path of the fine-tuning settings in those of a trial.
const FINE_TUNING: &str = "fine_tuning.";

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let mut study = arguments.study.clone();
    if let Some(first) = arguments.models.first() {
        study.common = study.common.with_model(first);
    }
    let checkpoints = arguments.checkpoints()?;
    let data = study.data.as_deref().unwrap_or(Path::new(SAMPLE_AG_NEWS));
    let splits = study.open("ag_news", data)?;
    for (name, directory) in &checkpoints {
        say(&format!("encoder {name}: {}", directory.display()))?;
    }
    let mut recipe = TechnicalReport::recipe()?;
    if study.common.model().is_mini() {
        recipe.text.encoding = EncodingConfig::new(64);
    }
    let experiment = (study.experiment(splits)?)
        .defaults(study.settings_with(recipe)?)
        .validation_split(0.1, STUDY_SEED);
    let config = arguments.config(&checkpoints)?;
    let experiment = CheckpointsExperiment::new(experiment, checkpoints)?;
    let searched = Study::new(config, &experiment)?;
    let mut conditions = study.conditions("BERT-base");
    // Each candidate has its own encoder.
    conditions.notes = study.common.row_limits();
    run_study(
        arguments.command.clone(),
        &study.directory,
        &searched,
        &experiment,
        |results| best_section(results, &conditions),
    )
}

impl Arguments {
    /// Returns the directories of the checkpoints by name.
    fn checkpoints(&self) -> Result<BTreeMap<String, PathBuf>, Box<dyn Error>> {
        let model = self.study.common.model();
        if self.models.is_empty() {
            let name = if model.is_mini() { "mini" } else { "model" };
            return Ok([(name.to_string(), model.directory()?)].into());
        }
        let mut checkpoints = BTreeMap::new();
        for directory in &self.models {
            let name = directory.file_name().unwrap_or(directory.as_os_str());
            let name = name.to_string_lossy().into_owned();
            if let Some(other) = checkpoints.insert(name, directory.clone()) {
                let (first, second) = (other.display(), directory.display());
                return Err(format!("--models: {first} and {second} have the same name").into());
            }
        }
        Ok(checkpoints)
    }

    fn config(
        &self,
        checkpoints: &BTreeMap<String, PathBuf>,
    ) -> Result<StudyConfig, Box<dyn Error>> {
        let is_mini = self.study.common.model().is_mini() && self.models.is_empty();
        let space = match self.search {
            Search::Random => RANDOM,
            Search::Grid => GRID,
        };
        let mut config = StudyConfig {
            metric: "accuracy".to_string(),
            eval_split: EvalSplit::Validation,
            halving: Some(SuccessiveHalving {
                resource: "fine_tuning.train.duration.epochs".to_string(),
                min_resource: 1,
                max_resource: 4,
                factor: 2,
            }),
            seeds: self.study.seeds(1),
            ..StudyConfig::from_toml(space)?
        };
        if self.search == Search::Random {
            config.num_trials = Some(self.trials.unwrap_or(if is_mini { 9 } else { 27 }));
        } else if self.trials.is_some() {
            return Err("--trials is for --search random".into());
        }
        if is_mini {
            // The weak mini encoder needs a higher learning rate.
            let rate = &mut config.parameters[0];
            rate.log_uniform = rate.log_uniform.map(|_| [2e-4, 5e-3]);
            let rates = [5e-4, 1e-3, 2e-3, 5e-3].map(Into::into).to_vec();
            rate.values = rate.values.take().map(|_| rates);
        }
        let mut searched = Vec::new();
        for parameter in config.parameters {
            let path = parameter.path.trim_start_matches(FINE_TUNING);
            if self.study.common.given(path)?.is_none() {
                searched.push(parameter);
            }
        }
        let names: Vec<&str> = checkpoints.keys().map(String::as_str).collect();
        if names.len() > 1 {
            let mut encoder = SearchParameter::of("checkpoint", names).with_label("encoder");
            if self.search == Search::Random {
                encoder.choice = encoder.values.take();
            }
            searched.insert(0, encoder);
        }
        config.parameters = searched;
        let epochs = self.study.common.given("train.duration.epochs")?;
        if let Some(epochs) = epochs.and_then(|epochs| epochs.as_u64()) {
            // One epoch cannot be halved.
            config.halving = config.halving.filter(|_| epochs > 1);
            config
                .halving
                .iter_mut()
                .for_each(|halving| halving.max_resource = epochs);
        }
        Ok(config)
    }
}

/// Returns the test scores of the best candidate, beside those of the report if the candidate has
/// the report's settings, and otherwise with the differences.
fn best_section(
    results: &StudyResults<'_>,
    conditions: &Conditions,
) -> Result<Vec<Section>, Box<dyn Error>> {
    let best = results.best();
    let trials = best.map_or(Vec::new(), |best| results.of_candidate(best));
    let (Some(best), Some((trial, _))) = (best, trials.first()) else {
        return Ok(Vec::new());
    };
    let recipe = TechnicalReport::recipe()?;
    let settings: CheckpointTuningConfig = trial.config()?;
    let mut found = differences(&recipe, &settings.fine_tuning)?;
    found.retain(Difference::changes_scores);
    let is_repeated = found.is_empty() && conditions.obstacle.is_none();
    let encoder = &settings.checkpoint;
    let mut lines = vec![format!("encoder: {encoder} instead of BERT-base")];
    lines.extend(conditions.notes.clone());
    lines.extend(conditions.obstacle.clone());
    lines.extend(found.iter().map(Difference::to_string));
    let columns = [
        Column::text("Test"),
        Column::number("ours", 4),
        Column::number("published", 2),
    ];
    let label = results.study().candidate_label(best);
    let caption = format!("The best on the rows held out, {label}, tested.");
    let mut table = Table::new(caption, columns.into());
    for (metric, published) in published_scores() {
        let scores = results.test_scores(best, metric);
        let ours: Cell = SampleSummary::of(&scores, 0.95)?.into();
        let published = Some(published).filter(|_| is_repeated);
        table.push([metric.replace('_', " ").into(), ours, published.into()])?;
    }
    let note = format!("Different from the technical report:\n{}", lines.join("\n"));
    let section = Section::new("Beside the published scores").with_note(note);
    Ok(vec![section.with(table)])
}
