//! A sparse baseline on a published data set: scores per fold, and what the classifier looks at.
//!
//! ```sh
//! cargo run --release -p finetune-baseline --example cross_validate -- --data DIR
//! ```
//!
//! `DIR` holds the disaster tweets, or another data set with `--dataset`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use finetune_baseline::{BaselineConfig, CrossValidation, FeatureConfig};
use finetune_data::{Dataset, Folds, Split, catalog};
use serde_json::{Value, json};

/// Programs choose their allocator; this is the one of the other examples.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Arguments {
    /// The folder with the data set.
    #[arg(long)]
    data: PathBuf,
    /// The data set.
    #[arg(long = "dataset", default_value = "disaster_tweets")]
    name: String,
    /// The features, with scikit-learn's defaults.
    #[arg(long, value_enum, default_value = "tfidf")]
    features: Kind,
    /// All settings, as JSON; instead of `--features`.
    #[arg(long, conflicts_with = "features")]
    config: Option<PathBuf>,
    /// The number of folds, each class evenly.
    #[arg(long, default_value_t = 10)]
    folds: usize,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the folds go, for other programs.
    #[arg(long)]
    write_folds: Option<PathBuf>,
    /// Where a line per row goes.
    #[arg(long)]
    predictions: Option<PathBuf>,
    /// Where settings, scores and times go, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Where the coefficients of all folds go, as JSON.
    #[arg(long)]
    coefficients: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Count,
    Tfidf,
    Hashing,
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let named = catalog::get(&arguments.name)?;
    let (dataset, _) = named.open_split(&arguments.data, Split::Train)?;
    let config = arguments.config()?;
    let folds = Folds::stratified_k_fold(&dataset, arguments.folds, arguments.seed)?;
    if let Some(path) = &arguments.write_folds {
        folds.save(path)?;
    }
    let start = Instant::now();
    let result = config.cross_validate(&dataset, &folds)?;
    let seconds = start.elapsed().as_secs_f64();

    print!("{}", table(&result));
    println!("\n{} rows in {seconds:.3} s", dataset.len());
    if let Some(path) = &arguments.predictions {
        result.write_predictions(path)?;
    }
    if let Some(path) = &arguments.report {
        write(path, &report(&config, &dataset, &folds, &result, seconds))?;
    }
    if let Some(path) = &arguments.coefficients {
        write(path, &coefficients(&config, &dataset, &folds)?)?;
    }
    let classifier = config.fit(&dataset)?;
    for (class, name) in dataset.class_names().iter().enumerate() {
        let top = classifier.top_coefficients(class, 10);
        let terms: Vec<&str> = top.iter().filter_map(|top| top.term.as_deref()).collect();
        if !terms.is_empty() {
            println!("{name}: {}", terms.join(", "));
        }
    }
    Ok(())
}

impl Arguments {
    fn config(&self) -> Result<BaselineConfig, Box<dyn Error>> {
        if let Some(path) = &self.config {
            return Ok(serde_json::from_slice(&fs::read(path)?)?);
        }
        let features = match self.features {
            Kind::Count => FeatureConfig::Count(Default::default()),
            Kind::Tfidf => FeatureConfig::Tfidf(Default::default()),
            Kind::Hashing => FeatureConfig::Hashing(Default::default()),
        };
        Ok(BaselineConfig {
            features,
            ..BaselineConfig::default()
        })
    }
}

fn table(result: &CrossValidation) -> String {
    let mut text = String::from("fold  accuracy  macro F1  columns  steps\n");
    for fold in &result.folds {
        let (report, convergence) = (&fold.report, fold.convergence);
        text += &format!(
            "{:>4}  {:>8.4}  {:>8.4}  {:>7}  {:>5}{}\n",
            fold.fold,
            report.accuracy,
            report.macro_f1,
            fold.columns,
            convergence.iterations,
            if convergence.converged() {
                ""
            } else {
                ", not converged"
            },
        );
    }
    let accuracy = result.mean(|report| report.accuracy);
    let macro_f1 = result.mean(|report| report.macro_f1);
    text += &format!("mean  {accuracy:>8.4}  {macro_f1:>8.4}\n");
    for (class, name) in result.class_names.iter().enumerate() {
        let f1 = result.mean(|report| report.per_class[class].f1);
        text += &format!("F1 of {name}: {f1:.4}\n");
    }
    text
}

fn report(
    config: &BaselineConfig,
    dataset: &Dataset,
    folds: &Folds,
    result: &CrossValidation,
    seconds: f64,
) -> Value {
    let sum = |part: fn(&finetune_baseline::FoldSeconds) -> f64| {
        result
            .folds
            .iter()
            .map(|fold| part(&fold.seconds))
            .sum::<f64>()
    };
    json!({
        "config": config,
        "dataset": dataset.name,
        "rows": dataset.len(),
        "fingerprint": folds.fingerprint(),
        "k": folds.k(),
        "seed": folds.seed(),
        "accuracy": result.mean(|report| report.accuracy),
        "macro_f1": result.mean(|report| report.macro_f1),
        "f1": result.class_names.iter().enumerate().map(|(class, name)| {
            (name.clone(), result.mean(|report| report.per_class[class].f1).into())
        }).collect::<serde_json::Map<_, _>>(),
        "seconds": seconds,
        "features_seconds": sum(|seconds| seconds.features),
        "fit_seconds": sum(|seconds| seconds.fit),
        "predict_seconds": sum(|seconds| seconds.predict),
        "folds": result.folds,
    })
}

/// For each fold the intercepts, and the coefficients of the columns where they are not 0.
fn coefficients(
    config: &BaselineConfig,
    dataset: &Dataset,
    folds: &Folds,
) -> Result<Value, Box<dyn Error>> {
    let mut of_folds = Vec::with_capacity(folds.k());
    for fold in 0..folds.k() {
        let classifier = config.fit_fold(dataset, folds, fold)?;
        let regression = classifier.regression();
        let of_output = |values: &Vec<f64>| {
            let used = values
                .iter()
                .enumerate()
                .filter(|(_, value)| **value != 0.0);
            let (columns, values): (Vec<usize>, Vec<f64>) = used.unzip();
            json!({"columns": columns, "values": values})
        };
        of_folds.push(json!({
            "columns": regression.n_features(),
            "terms": classifier.features().feature_names(),
            "intercepts": regression.intercepts(),
            "outputs": regression.coefficients().iter().map(of_output).collect::<Vec<_>>(),
        }));
    }
    Ok(of_folds.into())
}

fn write(path: &Path, value: &Value) -> Result<(), Box<dyn Error>> {
    fs::write(path, serde_json::to_string_pretty(value)? + "\n")?;
    Ok(())
}
