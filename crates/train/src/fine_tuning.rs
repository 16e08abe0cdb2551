//! A whole run: checkpoint and data in, scores and a run record out.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{
    Dataset, EncodedCache, EncodedDataset, Label, PairEncoding, Splits, TextTokenizer,
};
use finetune_model::{
    CheckpointConfig, LoadReport, Parameter, SequenceClassifier, load_classifier, parameters,
    save_classifier,
};
use serde::Serialize;

use crate::observer::Observer;
use crate::predict::predict;
use crate::report::{DataSection, ModelSection, RunReport, SplitSection, TestSection};
use crate::run_record::RunRecord;
use crate::trainer::train;
use crate::{FreezeConfig, TrainConfig, TrainError, memory};

/// Fine-tunes a checkpoint on a data set and tests it.
///
/// Everything that can be wrong with the input is found before the first file is written: load
/// with [`FineTuning::prepare`], then [`FineTuning::run`].
#[derive(Debug)]
pub struct FineTuning {
    model: SequenceClassifier,
    checkpoint: CheckpointConfig,
    load_report: LoadReport,
    tokenizer: TextTokenizer,
    train: Encoded,
    test: Encoded,
    settings: Settings,
}

/// A data set and its token ids.
#[derive(Debug)]
struct Encoded {
    dataset: Dataset,
    tokens: EncodedDataset,
}

/// What `config.json` of the run directory holds.
#[derive(Debug, Serialize)]
struct Settings {
    command: Vec<String>,
    model: PathBuf,
    device: String,
    train: TrainConfig,
}

impl FineTuning {
    /// Loads the checkpoint in `model_directory`, checks that everything fits together and
    /// cleans and tokenises the data. Of the splits, it takes those for training and for testing.
    ///
    /// `device_name` is what the report calls the device.
    ///
    /// # Errors
    /// Whatever is wrong with the settings, the checkpoint, the tokenizer or the data.
    pub fn prepare(
        model_directory: &Path,
        splits: Splits,
        config: TrainConfig,
        device: &Device,
        device_name: &str,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        let (train, test) = train_and_test(splits)?;
        // A wrong path is better called so than "no tokenizer found".
        std::fs::read_dir(model_directory).map_err(TrainError::io(model_directory))?;
        let tokenizer = TextTokenizer::from_dir(model_directory)?;
        let (model, checkpoint, load_report) = load_classifier(
            model_directory,
            train.class_names(),
            config.seed,
            &device.clone().autodiff(),
        )?;
        check_fit(model_directory, &tokenizer, &checkpoint, &config)?;
        // An impossible layer count is an error of the settings, not of the running training.
        FreezeConfig::from(config.freeze).check(&model)?;
        let (train, test) = (
            encode(train, &tokenizer, &config)?,
            encode(test, &tokenizer, &config)?,
        );
        let settings = Settings {
            command: std::env::args().collect(),
            model: model_directory.to_path_buf(),
            device: device_name.to_string(),
            train: config,
        };
        Ok(Self {
            model,
            checkpoint,
            load_report,
            tokenizer,
            train,
            test,
            settings,
        })
    }

    /// What became of the checkpoint's tensors.
    pub fn load_report(&self) -> &LoadReport {
        &self.load_report
    }

    /// Trains, tests, and leaves a run record in `run_directory`, which is empty or does not exist.
    ///
    /// # Errors
    /// As [`train`](crate::train()) and [`predict`](crate::predict()); [`TrainError::Io`] and
    /// [`TrainError::RunDirectoryInUse`] for the run record.
    pub fn run(
        self,
        run_directory: &Path,
        observer: &mut dyn Observer,
    ) -> Result<RunReport, TrainError> {
        let config = &self.settings.train;
        let pad = self.tokenizer.pad_token_id();
        let mut record = RunRecord::create(run_directory, &self.settings)?;
        let model_section = self.model_section();

        let (model, summary) = train(
            self.model,
            &self.train.tokens,
            pad,
            config,
            &mut (&mut record, &mut *observer),
        )?;
        let predictions = predict(
            &model,
            &self.test.tokens,
            pad,
            config.eval_batch_size,
            observer,
        )?;

        let class_names = self.train.dataset.class_names();
        let labels = classes(&self.test.dataset);
        let report = RunReport {
            version: env!("CARGO_PKG_VERSION"),
            command: self.settings.command,
            device: self.settings.device,
            seed: config.seed,
            model: model_section,
            data: DataSection {
                class_names: class_names.to_vec(),
                train: SplitSection::new(&self.train.dataset, &self.train.tokens)?,
                test: SplitSection::new(&self.test.dataset, &self.test.tokens)?,
            },
            train: summary.into(),
            test: TestSection::new(&predictions, &labels, class_names)?,
            peak_rss_bytes: memory::peak_rss_bytes(),
        };
        record.write_predictions(&predictions, &labels, class_names)?;
        let model_directory = record.directory().join("model");
        save_classifier(&model_directory, &model.valid(), &self.checkpoint)?;
        self.tokenizer.save(&model_directory)?;
        record.write_report(&report)?;
        Ok(report)
    }

    fn model_section(&self) -> ModelSection {
        let freeze = FreezeConfig::from(self.settings.train.freeze);
        let frozen_stages = freeze.frozen_stages(self.model.encoder.layers.len(), 0, 0);
        let numbers = |parameters: Vec<Parameter>| {
            let sizes = parameters
                .iter()
                .map(|one| one.shape.iter().product::<usize>());
            sizes.sum::<usize>()
        };
        let parameters = numbers(parameters(&self.model));
        let frozen = numbers(freeze.frozen(&self.model, frozen_stages));
        ModelSection {
            source: self.settings.model.display().to_string(),
            parameters,
            trainable_parameters: parameters - frozen,
            initialised: self.load_report.initialised.clone(),
            unused: self.load_report.unused.clone(),
        }
    }
}

/// The rows to train on and to test on, if there are such and they have the same classes.
fn train_and_test(splits: Splits) -> Result<(Dataset, Dataset), TrainError> {
    let Splits { train, test, .. } = splits;
    let test = test.ok_or_else(|| TrainError::setting("test rows", 0, "at least 1"))?;
    for (setting, split) in [("training rows", &train), ("test rows", &test)] {
        if split.is_empty() {
            return Err(TrainError::setting(setting, 0, "at least 1"));
        }
        let unlabelled = split
            .examples
            .iter()
            .position(|example| example.label.class().is_none());
        if let Some(row) = unlabelled {
            let found = format!(
                "{:?} in row {row} of the {setting}",
                split.examples[row].label
            );
            return Err(TrainError::setting("label", found, "a class"));
        }
    }
    if train.class_names() != test.class_names() {
        let found = format!("{:?}", test.class_names());
        let expected = format!("those of the training rows, {:?}", train.class_names());
        return Err(TrainError::setting(
            "classes of the test rows",
            found,
            expected,
        ));
    }
    Ok((train, test))
}

/// The class of each row.
fn classes(dataset: &Dataset) -> Vec<usize> {
    let labels = dataset.examples.iter().map(|example| example.label);
    labels.filter_map(Label::class).collect()
}

fn encode(
    dataset: Dataset,
    tokenizer: &TextTokenizer,
    config: &TrainConfig,
) -> Result<Encoded, TrainError> {
    let dataset = dataset.clean(&config.cleaning);
    let tokens = match &config.token_cache {
        Some(folder) => {
            let cache = EncodedCache::new(folder);
            cache.dataset(&dataset, tokenizer, &config.encoding)?.data
        }
        None => EncodedDataset::new(&dataset, tokenizer, &config.encoding)?,
    };
    Ok(Encoded { dataset, tokens })
}

/// Whether tokenizer, model and settings can work together.
fn check_fit(
    directory: &Path,
    tokenizer: &TextTokenizer,
    checkpoint: &CheckpointConfig,
    config: &TrainConfig,
) -> Result<(), TrainError> {
    if config.encoding.pairs == PairEncoding::Separate {
        let expected = "joint: a classifier sees both texts of a pair in one row";
        return Err(TrainError::setting("encoding.pairs", "separate", expected));
    }
    let path = directory.to_path_buf();
    let (vocabulary, rows) = (tokenizer.vocabulary_size(), checkpoint.encoder.vocab_size);
    if vocabulary > rows {
        return Err(TrainError::VocabularyTooLarge {
            path,
            highest_id: vocabulary - 1,
            rows,
        });
    }
    let (length, positions) = (config.longest_row(), checkpoint.encoder.longest_sequence());
    if length > positions {
        return Err(TrainError::LongerThanPositions {
            path,
            length,
            positions,
        });
    }
    Ok(())
}
