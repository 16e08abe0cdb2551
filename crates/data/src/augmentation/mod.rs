//! New rows from training rows, by exchanging names and pronouns.

mod exchange;
mod words;

use std::collections::HashSet;

use finetune_random::{Purpose, number};
use serde::{Deserialize, Serialize};

use self::exchange::Exchange;
use crate::dataset::{Dataset, Example};
use crate::error::DataError;

/// Maximum number of copies of a row.
const MOST_COPIES: usize = 1000;

/// Settings of the augmentation of training rows: copies in which first names are replaced by other
/// first names, and the pronouns of a woman by those of a man and the reverse.
///
/// A copy keeps its label. A name has the same replacement in both texts of a pair, and all pronouns
/// of a row change together, so that what the texts have in common stays. Rows without names and
/// pronouns are not copied.
///
/// ```
/// use finetune_data::{AugmentationConfig, Dataset, Example, Label, Schema, Target, TextArity};
///
/// let pairs = Dataset {
///     name: "pairs".into(),
///     schema: Schema { texts: TextArity::Pair, target: Target::Score { min: 0.0, max: 5.0 } },
///     examples: vec![
///         Example::pair("She plays her guitar.", "A woman sings to her.", Label::Score(2.0)),
///         Example::pair("A dog runs.", "A cat sleeps.", Label::Score(0.0)),
///     ],
/// };
/// let augmented = AugmentationConfig::default().augment(&pairs, 42)?;
/// assert_eq!(augmented.len(), 3);
/// let copy = Example::pair("He plays his guitar.", "A man sings to him.", Label::Score(2.0));
/// assert_eq!(augmented.examples[2], copy);
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentationConfig {
    /// Maximum copies of a row, 1 to 1,000 (default: 1). Copies that are equal to the row or to each
    /// other are left out, so more than 1 has an effect on rows with names only.
    pub copies: usize,
    /// Fraction of the rows that are copied, in `(0, 1]` (default: 1).
    pub fraction: f64,
    /// Words that are exchanged, at least one list (default: names and pronouns).
    pub word_lists: Vec<WordList>,
    /// Replacements of women's names, which are also recognized (default: none, the built-in list).
    pub female_names: Vec<String>,
    /// Replacements of men's names, which are also recognized (default: none, the built-in list).
    pub male_names: Vec<String>,
}

/// List of words that augmentation exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordList {
    /// Capitalized first names. With [`Self::Pronouns`], a woman's name is replaced by a man's and
    /// the reverse; alone, by one of the same list.
    Names,
    /// Pronouns and nouns of persons: she and he, her and him or his, woman and man, ...
    Pronouns,
}

impl Default for AugmentationConfig {
    fn default() -> Self {
        Self {
            copies: 1,
            fraction: 1.0,
            word_lists: vec![WordList::Names, WordList::Pronouns],
            female_names: Vec::new(),
            male_names: Vec::new(),
        }
    }
}

impl AugmentationConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if a value is out of range, or one name is in both lists; it
    ///   names the first one.
    pub fn validate(&self) -> Result<(), DataError> {
        if !(1..=MOST_COPIES).contains(&self.copies) {
            let expected = match self.copies {
                0 => "at least 1".to_string(),
                _ => format!("1 to {MOST_COPIES}"),
            };
            let found = self.copies;
            return Err(DataError::setting("augmentation.copies", expected, found));
        }
        if !(self.fraction > 0.0 && self.fraction <= 1.0) {
            let expected = "above 0 and at most 1";
            return Err(DataError::setting(
                "augmentation.fraction",
                expected,
                self.fraction,
            ));
        }
        if self.word_lists.is_empty() {
            let expected = "names, pronouns or both";
            return Err(DataError::setting(
                "augmentation.word_lists",
                expected,
                "empty",
            ));
        }
        let own = || self.female_names.iter().chain(&self.male_names);
        let is_name = |name: &&String| {
            name.chars().all(char::is_alphabetic) && name.starts_with(char::is_uppercase)
        };
        if let Some(name) = own().find(|name| !is_name(name)) {
            let expected = "capitalized words of letters";
            return Err(DataError::setting(
                "augmentation names",
                expected,
                format!("{name:?}"),
            ));
        }
        let mut seen = HashSet::new();
        match own().find(|name| !seen.insert(name.to_lowercase())) {
            None => Ok(()),
            Some(name) => Err(DataError::setting(
                "augmentation names",
                "different names",
                format!("{name} twice"),
            )),
        }
    }

    /// Returns the rows of a dataset, followed by their copies in the same order. The copies depend
    /// only on the rows, the settings and the seed.
    ///
    /// # Errors
    /// - Any error of [`Self::validate`].
    pub fn augment(&self, dataset: &Dataset, seed: u64) -> Result<Dataset, DataError> {
        self.validate()?;
        let exchange = Exchange::new(self);
        let mut examples = dataset.examples.clone();
        for (row, example) in dataset.examples.iter().enumerate() {
            examples.extend(self.copies_of(&exchange, row as u64, example, seed));
        }
        Ok(Dataset {
            name: dataset.name.clone(),
            schema: dataset.schema.clone(),
            examples,
        })
    }

    fn copies_of(
        &self,
        exchange: &Exchange,
        row: u64,
        example: &Example,
        seed: u64,
    ) -> Vec<Example> {
        // 53 random bits are the mantissa of a number in [0, 1).
        let bits = number(seed, Purpose::Augmentation, row, 0) >> 11;
        if bits as f64 / (1u64 << 53) as f64 >= self.fraction {
            return Vec::new();
        }
        let mut copies: Vec<Example> = Vec::new();
        for copy in 1..=self.copies as u64 {
            let draw = number(seed, Purpose::Augmentation, row, copy);
            let made = exchange.apply(example, draw);
            if made != *example && !copies.contains(&made) {
                copies.push(made);
            }
        }
        copies
    }
}

#[cfg(test)]
mod tests;
