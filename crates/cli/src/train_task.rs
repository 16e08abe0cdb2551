//! What `finetune train` trains.

use clap::ValueEnum;
use finetune::data::Target;
use finetune::data::table::TableFormat;
use finetune::data::tabular::SplitFiles;
use finetune_arguments::LabelType;

/// Task of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    /// By the data: embeddings with --anchor-column or --positive-column, tokens for files that are
    /// no tables, otherwise classes
    Auto,
    /// One class per text or pair
    Classification,
    /// Any number of classes per text or pair
    MultiLabel,
    /// A score per text or pair
    Regression,
    /// A class per word: named entities, parts of speech
    Tokens,
    /// A vector per text
    Embeddings,
}

/// Task with the kind of labels of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResolvedTask {
    /// Classes or scores of texts or pairs.
    Texts(LabelType),
    /// A class per word.
    Tokens,
    /// Embeddings.
    Embeddings,
}

impl Task {
    /// Returns the task; `files` and `pairs_texts`, which is whether columns of an embedding dataset are
    /// named, decide for [`Self::Auto`].
    pub(crate) fn resolve(self, files: Option<&SplitFiles>, pairs_texts: bool) -> ResolvedTask {
        let is_table = |files: &SplitFiles| {
            files.train.is_dir() || TableFormat::from_path(&files.train).is_ok()
        };
        match self {
            Self::Auto if pairs_texts => ResolvedTask::Embeddings,
            Self::Auto if files.is_some_and(|files| !is_table(files)) => ResolvedTask::Tokens,
            Self::Auto => ResolvedTask::Texts(LabelType::Auto),
            Self::Classification => ResolvedTask::Texts(LabelType::Classes),
            Self::MultiLabel => ResolvedTask::Texts(LabelType::MultiLabel),
            Self::Regression => ResolvedTask::Texts(LabelType::Score),
            Self::Tokens => ResolvedTask::Tokens,
            Self::Embeddings => ResolvedTask::Embeddings,
        }
    }
}

/// Returns a target of this kind, for settings without data.
pub(crate) fn any_target(labels: LabelType) -> Target {
    match labels {
        LabelType::Auto | LabelType::Classes => Target::Classes(Vec::new()),
        LabelType::MultiLabel => Target::MultiLabel(Vec::new()),
        LabelType::Score => Target::Score { min: 0.0, max: 1.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_decide_on_the_task() {
        let resolve = |file: &str| Task::Auto.resolve(Some(&SplitFiles::train(file)), false);
        let texts = ResolvedTask::Texts(LabelType::Auto);
        for (file, expected) in [
            ("train.csv", texts),
            ("train.jsonl.gz", texts),
            ("train.parquet", texts),
            ("train.conll", ResolvedTask::Tokens),
            ("eng.train", ResolvedTask::Tokens),
        ] {
            assert_eq!(resolve(file), expected, "{file}");
        }
        let pairs = Task::Auto.resolve(Some(&SplitFiles::train("train.csv")), true);
        assert_eq!(pairs, ResolvedTask::Embeddings);
        assert_eq!(Task::Auto.resolve(None, false), texts);
        assert_eq!(
            Task::Regression.resolve(None, false),
            ResolvedTask::Texts(LabelType::Score)
        );
    }
}
