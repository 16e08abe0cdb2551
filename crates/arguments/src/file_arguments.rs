//! Command-line arguments for the files of a dataset of one's own.

use std::path::PathBuf;

use clap::Args;
use finetune::data::EmbeddingFiles;
use finetune::data::tabular::SplitFiles;

/// Files of the splits.
#[derive(Debug, Clone, Default, Args)]
pub struct FileArguments {
    /// Training file: CSV, TSV, JSON, Parquet, Arrow or CoNLL
    ///
    /// Tables have named columns: .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow or .feather, or a
    /// directory saved by the datasets library. A class per word is in CoNLL columns or JSON Lines.
    #[arg(long = "train-file", value_name = "FILE")]
    train: Option<PathBuf>,
    /// Validation file, which selects the best model
    #[arg(long = "validation-file", value_name = "FILE", requires = "train")]
    validation: Option<PathBuf>,
    /// Test file
    #[arg(long = "test-file", value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
}

impl FileArguments {
    /// Returns the files; `None` if there is no training file.
    pub fn splits(&self) -> Option<SplitFiles> {
        Some(SplitFiles {
            train: self.train.clone()?,
            validation: self.validation.clone(),
            test: self.test.clone(),
            unlabeled: None,
        })
    }

    /// Returns the files of an embedding dataset; `None` if there is no training file.
    pub fn embedding_splits(&self) -> Option<EmbeddingFiles> {
        Some(EmbeddingFiles {
            train: self.train.clone()?,
            validation: self.validation.clone(),
            test: self.test.clone(),
        })
    }
}
