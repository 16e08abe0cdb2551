//! Command-line arguments for a class per word: named entities or parts of speech.

use clap::{Args, ValueEnum};
use finetune::data::tagged::{TagScheme, TaggedColumns, TaggedOptions};
use finetune::data::{LabelAlignment, OnBadRow};
use finetune::train::{TokenClassificationConfig, TrainDuration};

use crate::error::ArgumentsError;
use crate::run_arguments::RunArguments;

/// Columns and scheme of the tags, and how they are learned.
#[derive(Debug, Clone, Args)]
pub struct TagArguments {
    /// Column of the word in CoNLL files, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    word_column: usize,
    /// Column of the tag in CoNLL files, from 0 [default: the last]
    #[arg(long, value_name = "N")]
    tag_column: Option<usize>,
    /// Key of the words in JSON Lines
    #[arg(long, value_name = "KEY", default_value = "tokens")]
    tokens_key: String,
    /// Key of the tags in JSON Lines, such as pos_tags [default: ner_tags or tags]
    #[arg(long, value_name = "KEY")]
    tags_key: Option<String>,
    /// Scheme of the tags: plain, iob1, bio, bioes or bilou; a tag that breaks it is an error
    /// [default: inferred from the training rows]
    #[arg(long)]
    scheme: Option<TagScheme>,
    /// Scheme to convert the tags to: iob1, bio, bioes or bilou [default: that of the files]
    #[arg(long, value_name = "SCHEME")]
    convert_to: Option<TagScheme>,
    /// Tokens of a word that have its tag: the first, all, or all with I in place of B behind the
    /// first [default: first]
    #[arg(long, value_enum)]
    alignment: Option<Alignment>,
    /// Train a conditional random field over the tags of a sentence
    #[arg(long)]
    crf: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Alignment {
    First,
    All,
    AllInside,
}

impl TagArguments {
    /// Returns the options for reading the files.
    pub fn options(&self, class_names: Vec<String>, on_bad_rows: OnBadRow) -> TaggedOptions {
        TaggedOptions {
            columns: TaggedColumns {
                word: self.word_column,
                tag: self.tag_column,
                tokens: self.tokens_key.clone(),
                tags: self.tags_key.clone(),
                ..TaggedColumns::default()
            },
            scheme: self.scheme,
            convert_to: self.convert_to,
            class_names,
            on_bad_rows,
            ..TaggedOptions::default()
        }
    }

    /// Returns the settings of a run on these classes: the recipe, overridden by the `--config` file,
    /// then by the arguments.
    ///
    /// # Errors
    /// See [`RunArguments::settings_with`].
    pub fn settings(
        &self,
        run: &RunArguments,
        class_names: &[String],
        has_validation_file: bool,
    ) -> Result<TokenClassificationConfig, ArgumentsError> {
        let scheme = TagScheme::of_tags(class_names.iter().map(String::as_str));
        let defaults = run.defaults();
        let mut recipe = TokenClassificationConfig {
            text: defaults.text,
            train: defaults.train,
            ..TokenClassificationConfig::default()
        };
        if run.model().is_mini() {
            recipe.train.duration = TrainDuration::Epochs(30);
        }
        let metric = match scheme.has_entities() {
            true => "entity_f1",
            false => "accuracy",
        };
        recipe.train.evaluation = run.evaluation(metric, has_validation_file);
        run.settings_changed(recipe, |settings| {
            settings.scheme = self.convert_to.or(self.scheme).or(settings.scheme);
            if let Some(alignment) = self.alignment {
                settings.alignment = match alignment {
                    Alignment::First => LabelAlignment::First,
                    Alignment::All => LabelAlignment::All,
                    Alignment::AllInside => LabelAlignment::AllInside,
                };
            }
            settings.crf |= self.crf;
        })
    }
}
