//! Labels of tokens from the classes of words, as transformers'
//! [`DataCollatorForTokenClassification`](https://huggingface.co/docs/transformers/main_classes/data_collator#transformers.DataCollatorForTokenClassification)
//! after the alignment of its example scripts.

use serde::{Deserialize, Serialize};

use crate::batch::{TokenBatch, collate_texts};
use crate::encoded::{EncodedDataset, EncodedTexts, Labels};
use crate::error::DataError;

/// Which tokens of a word have its class in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelAlignment {
    /// The first token; the others have no loss.
    #[default]
    First,
    /// All tokens.
    All,
    /// All tokens, with `I` in place of `B` behind the first one: for IOB1 and BIO.
    AllInside,
}

/// Collator of batches with labels of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLabelCollator {
    alignment: LabelAlignment,
    /// Class of the tokens behind the first one of a word, by the class of the word.
    continuations: Vec<usize>,
}

/// Batch of sentences with labels of tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedBatch {
    /// Index of each row in the dataset.
    pub rows: Vec<usize>,
    /// The tokens.
    pub tokens: TokenBatch,
    /// The tokens with a label.
    pub labeled: LabeledTokens,
}

/// Tokens of a batch that have labels: `N` in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabeledTokens {
    /// Position of each token in the batch, `N`, as rows of `[T, D]`.
    pub positions: Vec<usize>,
    /// Whether each is the first token of its word, `N`.
    pub first: Vec<bool>,
    /// Class of each token, `N`; empty without labels.
    pub labels: Vec<usize>,
    /// 0, then the end of the tokens of each row, `B + 1`.
    pub offsets: Vec<usize>,
}

impl TaggedBatch {
    /// Returns the batch size `B`.
    pub fn batch_size(&self) -> usize {
        self.rows.len()
    }
}

impl TokenLabelCollator {
    /// Creates a collator for classes with these names.
    pub fn new(alignment: LabelAlignment, class_names: &[String]) -> Self {
        let inside = |(class, name): (usize, &String)| {
            let inside = name.strip_prefix("B-").map(|label| format!("I-{label}"));
            let inside = inside.filter(|_| alignment == LabelAlignment::AllInside);
            // As in transformers, `B-X` stays if there is no `I-X`.
            let place = |inside| class_names.iter().position(|name| *name == inside);
            inside.and_then(place).unwrap_or(class)
        };
        Self {
            alignment,
            continuations: class_names.iter().enumerate().map(inside).collect(),
        }
    }

    /// Collates rows of a dataset into a batch, in the given order. Without labels in the dataset,
    /// the labeled tokens have positions alone.
    ///
    /// ```
    /// use finetune_data::{
    ///     Dataset, EncodedDataset, EncodingConfig, Example, Label, LabelAlignment, Schema,
    ///     TextTokenizer, TokenLabelCollator,
    /// };
    ///
    /// let tokenizer = TextTokenizer::train_wordpiece(["ann likes oslo"; 3], 60)?;
    /// let dataset = Dataset {
    ///     name: "names".into(),
    ///     schema: Schema::token_classification(["B-PER", "I-PER", "O"]),
    ///     examples: vec![Example::new("ann likes", Label::TokenClasses(vec![0, 2]))],
    /// };
    /// let data = EncodedDataset::new(&dataset, &tokenizer, &EncodingConfig::new(16))?;
    /// let collator = TokenLabelCollator::new(LabelAlignment::First, dataset.class_names());
    /// let labeled = collator.collate(&data, &[0])?.labeled;
    /// assert_eq!((labeled.positions, labeled.labels), (vec![1, 2], vec![0, 2])); // behind [CLS]
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// - The errors of [`collate`](crate::collate).
    /// - [`DataError::InvalidExample`] if the dataset has labels of another kind, or its tokens do not
    ///   tell words apart.
    pub fn collate(
        &self,
        dataset: &EncodedDataset,
        rows: &[usize],
    ) -> Result<TaggedBatch, DataError> {
        let texts = &dataset.texts;
        let mut labeled = LabeledTokens {
            offsets: vec![0],
            ..LabeledTokens::default()
        };
        let mut start = 0;
        for &row in rows {
            let classes = classes_of_row(dataset, row)?;
            self.add_row(texts, row, classes.as_deref(), start, &mut labeled)?;
            labeled.offsets.push(labeled.positions.len());
            start += texts.length(row)?;
        }
        Ok(TaggedBatch {
            rows: rows.to_vec(),
            tokens: collate_texts(texts, rows)?,
            labeled,
        })
    }

    /// Adds the tokens of a row, whose first token has the position `start`. `classes` are those of
    /// the words from the first one in the row.
    fn add_row(
        &self,
        texts: &EncodedTexts,
        row: usize,
        classes: Option<&[usize]>,
        start: usize,
        labeled: &mut LabeledTokens,
    ) -> Result<(), DataError> {
        let encoded = texts.row(row)?;
        let mut words = 0;
        let tokens = encoded.word_starts().zip(encoded.special_tokens_mask());
        for (place, (begins, special)) in tokens.enumerate() {
            words += usize::from(begins);
            if special || !begins && self.alignment == LabelAlignment::First {
                continue;
            }
            labeled.positions.push(start + place);
            labeled.first.push(begins);
            let Some(classes) = classes else { continue };
            let class = words.checked_sub(1).and_then(|word| classes.get(word));
            let Some(class) = class else {
                let expected = format!("{} words", classes.len());
                return Err(DataError::example(row, expected, "more"));
            };
            labeled.labels.push(match begins {
                true => *class,
                false => self.continuations[*class],
            });
        }
        Ok(())
    }
}

/// Returns the classes of the words of a sentence from the first one in the row; `None` without
/// labels.
fn classes_of_row(dataset: &EncodedDataset, row: usize) -> Result<Option<Vec<usize>>, DataError> {
    let text = dataset.texts.text_of_row(row)?;
    match dataset.labels.select(&[text])? {
        Labels::TokenClasses(sentences) => {
            let classes = sentences.into_iter().next().unwrap_or_default();
            let before = dataset.texts.words_before(row)?;
            Ok(classes.get(before..).map(<[usize]>::to_vec))
        }
        Labels::Unlabeled => Ok(None),
        _ => {
            let expected = "a class for each word";
            Err(DataError::example(row, expected, "other labels"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, Example, Label, Schema};
    use crate::tokenizer::{EncodingConfig, TextTokenizer, Truncation};

    fn data(truncation: Truncation, max_length: usize) -> EncodedDataset {
        // A token for each letter.
        let tokenizer = TextTokenizer::train_wordpiece(["ab ba"], 9).unwrap();
        let dataset = Dataset {
            name: "cats".into(),
            schema: Schema::token_classification(["B-X", "I-X", "O"]),
            examples: vec![
                Example::new("a ab b", Label::TokenClasses(vec![2, 0, 1])),
                Example::new("ba", Label::TokenClasses(vec![0])),
            ],
        };
        let config = EncodingConfig {
            truncation,
            ..EncodingConfig::new(max_length)
        };
        EncodedDataset::new(&dataset, &tokenizer, &config).unwrap()
    }

    fn labeled(alignment: LabelAlignment, data: &EncodedDataset, rows: &[usize]) -> LabeledTokens {
        let collator = TokenLabelCollator::new(alignment, data.class_names());
        collator.collate(data, rows).unwrap().labeled
    }

    #[test]
    fn sub_words_have_the_label_that_the_alignment_says() {
        let data = data(Truncation::Head, 16);
        // [CLS] b ##a [SEP] [CLS] a a ##b b [SEP]
        let first = labeled(LabelAlignment::First, &data, &[1, 0]);
        assert_eq!(first.positions, [1, 5, 6, 8]);
        assert_eq!(first.labels, [0, 2, 0, 1]);
        assert_eq!(first.offsets, [0, 1, 4]);
        let all = labeled(LabelAlignment::All, &data, &[1, 0]);
        assert_eq!(all.positions, [1, 2, 5, 6, 7, 8]);
        assert_eq!(all.labels, [0, 0, 2, 0, 0, 1]);
        assert_eq!(all.first, [true, false, true, true, false, true]);
        let inside = labeled(LabelAlignment::AllInside, &data, &[1, 0]);
        assert_eq!(inside.labels, [0, 1, 2, 0, 1, 1]);
    }

    #[test]
    fn a_sentence_goes_on_with_its_words() {
        let windows = data(Truncation::SlidingWindow { stride: 0 }, 5);
        let second = labeled(LabelAlignment::First, &windows, &[1]);
        assert_eq!((second.positions, second.labels), (vec![1], vec![1]));
        let cut = data(Truncation::Head, 5);
        assert_eq!(labeled(LabelAlignment::First, &cut, &[0]).labels, [2, 0]);
        assert_eq!(cut.cut_words().unwrap(), 1);
        assert_eq!(windows.cut_words().unwrap(), 0);
    }
}
