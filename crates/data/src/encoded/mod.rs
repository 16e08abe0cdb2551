//! Data sets as token ids.

mod builder;
mod cache;
mod cache_key;
mod files;
mod labels;
mod stream;
mod texts;

pub(crate) use builder::EncodedTextsBuilder;
pub use cache::{CachedDataset, EncodedCache};
pub use labels::{EncodedLabels, Labels};
pub use stream::EncodingProgress;
pub use texts::{EncodedRow, EncodedTexts};

use crate::dataset::{Dataset, Example, Task, Texts};
use crate::error::DataError;
use crate::tokenizer::{EncodingConfig, PairEncoding, TextTokenizer};

/// A data set ready for batching.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedDataset {
    /// The tokenised texts, in the order of the data set.
    pub texts: EncodedTexts,
    /// The second texts, where the two of a pair are rows of their own
    /// ([`PairEncoding::Separate`]).
    pub second_texts: Option<EncodedTexts>,
    /// The label of each text.
    pub labels: EncodedLabels,
    /// What kind of data it is.
    pub task: Task,
}

impl EncodedDataset {
    /// Tokenises all texts of a data set on all cores.
    ///
    /// # Errors
    /// As [`TextTokenizer::encode`]; [`DataError::InvalidLabel`] and [`DataError::TextPair`] for a
    /// row that is not as the data set's task says.
    pub fn new(
        dataset: &Dataset,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
    ) -> Result<Self, DataError> {
        check_pairs(&dataset.examples, 0, &dataset.task)?;
        let labels = EncodedLabels::of(&dataset.examples, &dataset.task)?;
        let (texts, second_texts) = encode(&dataset.examples, &dataset.task, tokenizer, config)?;
        Ok(Self {
            texts: texts.finish(),
            second_texts: second_texts.map(EncodedTextsBuilder::finish),
            labels,
            task: dataset.task.clone(),
        })
    }

    /// The number of rows; above that of texts if long texts were cut into windows.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The names of the classes; empty for a score.
    pub fn class_names(&self) -> &[String] {
        self.task.class_names()
    }

    /// The tokens of each row, for a sampler. Of a pair in two rows the longer one counts.
    ///
    /// # Errors
    /// [`DataError::Storage`].
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

/// Tokenises examples; the second builder is for second texts that are rows of their own.
pub(crate) fn encode<'a>(
    examples: &'a [Example],
    task: &Task,
    tokenizer: &TextTokenizer,
    config: &EncodingConfig,
) -> Result<(EncodedTextsBuilder, Option<EncodedTextsBuilder>), DataError> {
    let firsts: Vec<&str> = examples.iter().map(|row| row.text.as_str()).collect();
    if task.texts == Texts::Single {
        return Ok((tokenizer.encode_rows(&firsts, None, config)?, None));
    }
    let second = |row: &'a Example| -> &'a str { row.text_pair.as_deref().unwrap_or_default() };
    let seconds: Vec<&str> = examples.iter().map(second).collect();
    match config.pairs {
        PairEncoding::Joint => Ok((
            tokenizer.encode_rows(&firsts, Some(&seconds), config)?,
            None,
        )),
        PairEncoding::Separate => Ok((
            tokenizer.encode_rows(&firsts, None, config)?,
            Some(tokenizer.encode_rows(&seconds, None, config)?),
        )),
    }
}

/// Whether each example has as many texts as the task says. `first` is the position of the first
/// example in its data set.
pub(crate) fn check_pairs(
    examples: &[Example],
    first: usize,
    task: &Task,
) -> Result<(), DataError> {
    let expected = task.texts == Texts::Pair;
    match examples
        .iter()
        .position(|example| example.text_pair.is_some() != expected)
    {
        Some(position) => Err(DataError::TextPair {
            row: first + position,
            expected: if expected { 2 } else { 1 },
        }),
        None => Ok(()),
    }
}
