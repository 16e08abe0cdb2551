//! Encoded datasets: token ids and labels.

mod builder;
mod cache;
mod cache_key;
mod encode_stream;
mod files;
mod labels;
mod texts;

pub(crate) use builder::EncodedTextsBuilder;
pub use cache::{CachedDataset, EncodedCache};
pub use encode_stream::EncodingProgress;
pub use labels::{EncodedLabels, Labels};
pub use texts::{EncodedRow, EncodedTexts};

use crate::dataset::{Dataset, Example, Schema, Target, TextArity};
use crate::error::DataError;
use crate::tokenizer::{EncodingConfig, PairEncoding, TextTokenizer};

/// Tokenized dataset, ready for batching.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedDataset {
    /// Tokenized texts, in dataset order.
    pub texts: EncodedTexts,
    /// Second texts of separately encoded pairs ([`PairEncoding::BiEncoder`]); otherwise `None`.
    pub second_texts: Option<EncodedTexts>,
    /// Label of each text.
    pub labels: EncodedLabels,
    /// Number of texts per example, and kind of label.
    pub schema: Schema,
}

impl EncodedDataset {
    /// Tokenizes all texts of a dataset, in parallel.
    ///
    /// # Errors
    /// The errors of [`TextTokenizer::encode`] (for jointly encoded pairs,
    /// [`TextTokenizer::encode_pairs`]), and
    /// - [`DataError::InvalidExample`] if a label does not match the schema, or if the number of
    ///   texts of an example does not match the schema.
    pub fn new(
        dataset: &Dataset,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
    ) -> Result<Self, DataError> {
        check_pairs(&dataset.examples, 0, &dataset.schema)?;
        let labels = EncodedLabels::of(&dataset.examples, &dataset.schema)?;
        let (texts, second_texts) = encode(&dataset.examples, &dataset.schema, tokenizer, config)?;
        Ok(Self {
            texts: texts.finish(),
            second_texts: second_texts.map(EncodedTextsBuilder::finish),
            labels,
            schema: dataset.schema.clone(),
        })
    }

    /// Returns the number of rows; larger than the number of texts if long texts were split into
    /// sliding windows.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Returns the number of words with a class that were cut off by the maximum length; 0 for other
    /// labels.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if a mapped file is corrupted.
    pub fn cut_words(&self) -> Result<usize, DataError> {
        let EncodedLabels::TokenClasses { classes, .. } = &self.labels else {
            return Ok(0);
        };
        let kept = (0..self.len()).map(|row| self.texts.words_of(row));
        let kept: usize = kept.sum::<Result<usize, DataError>>()?;
        Ok(classes.len().saturating_sub(kept))
    }

    /// Returns the class names; empty if the target is not a class.
    pub fn class_names(&self) -> &[String] {
        self.schema.class_names()
    }

    /// Returns the number of tokens of each row, as needed by a sampler. For separately encoded
    /// pairs it is that of the longer text.
    ///
    /// # Errors
    /// - [`DataError::Storage`] if a mapped file is corrupted.
    pub fn lengths(&self) -> Result<Vec<usize>, DataError> {
        let mut lengths = self.texts.lengths()?;
        if let Some(second) = &self.second_texts {
            for (length, other) in lengths.iter_mut().zip(second.lengths()?) {
                *length = other.max(*length);
            }
        }
        Ok(lengths)
    }
}

/// Tokenizes examples. The second builder has the second texts of separately encoded pairs.
pub(crate) fn encode<'a>(
    examples: &'a [Example],
    schema: &Schema,
    tokenizer: &TextTokenizer,
    config: &EncodingConfig,
) -> Result<(EncodedTextsBuilder, Option<EncodedTextsBuilder>), DataError> {
    if let Target::TokenClasses(_) = schema.target {
        let words = |row: &Example| row.words().map(String::from).collect();
        let sentences: Vec<Vec<String>> = examples.iter().map(words).collect();
        return Ok((tokenizer.encode_sentences(&sentences, config)?, None));
    }
    let firsts: Vec<&str> = examples.iter().map(|row| row.text.as_str()).collect();
    if schema.texts == TextArity::Single {
        return Ok((tokenizer.encode_rows(&firsts, None, config)?, None));
    }
    let second = |row: &'a Example| -> &'a str { row.text_pair.as_deref().unwrap_or_default() };
    let seconds: Vec<&str> = examples.iter().map(second).collect();
    match config.pair_encoding {
        PairEncoding::CrossEncoder => Ok((
            tokenizer.encode_rows(&firsts, Some(&seconds), config)?,
            None,
        )),
        PairEncoding::BiEncoder => Ok((
            tokenizer.encode_rows(&firsts, None, config)?,
            Some(tokenizer.encode_rows(&seconds, None, config)?),
        )),
    }
}

/// Checks the number of texts of each example against the schema. `first` is the index of the first
/// example in its dataset.
pub(crate) fn check_pairs(
    examples: &[Example],
    first: usize,
    schema: &Schema,
) -> Result<(), DataError> {
    let expected = schema.texts == TextArity::Pair;
    match examples
        .iter()
        .position(|example| example.text_pair.is_some() != expected)
    {
        Some(position) => {
            let (expected, found) = if expected { (2, 1) } else { (1, 2) };
            let expected = format!("{expected} text(s)");
            Err(DataError::example(first + position, expected, found))
        }
        None => Ok(()),
    }
}
