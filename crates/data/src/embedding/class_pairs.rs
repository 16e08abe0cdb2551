//! Pairs of rows of equal and of other classes, to train an embedding model on few labeled texts
//! ([Tunstall et al. 2022](https://arxiv.org/abs/2209.11055), SetFit).

use finetune_random::{Purpose, permutation};

use super::{EmbeddingDataset, EmbeddingExample, EmbeddingKind};
use crate::dataset::Dataset;
use crate::error::DataError;

impl EmbeddingDataset {
    /// Pairs each row of a dataset of classes with up to `pairs` random rows of its class, with label 1,
    /// and with as many of other classes, with label 0. The choice depends on `seed` alone.
    ///
    /// ```
    /// use finetune_data::{Dataset, EmbeddingDataset, Example, Label, Schema};
    ///
    /// let texts = [("rain", 0), ("wind", 0), ("soup", 1), ("bread", 1)];
    /// let dataset = Dataset {
    ///     name: "words".into(),
    ///     schema: Schema::classification(["weather", "food"]),
    ///     examples: texts.map(|(text, class)| Example::new(text, Label::Class(class))).into(),
    /// };
    /// let pairs = EmbeddingDataset::from_classes(&dataset, 1, 7)?;
    /// assert_eq!(pairs.len(), 8);
    /// let weather = ["rain", "wind"];
    /// for pair in pairs.examples() {
    ///     let is_weather = |text: &String| weather.contains(&text.as_str());
    ///     let same = is_weather(&pair.texts[0]) == is_weather(&pair.texts[1]);
    ///     assert_eq!(pair.label == Some(1.0), same);
    /// }
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::InvalidExample`] if a row has no class, a second text, or an empty text.
    /// - [`DataError::InvalidSplit`] if the rows are of fewer than two classes.
    pub fn from_classes(dataset: &Dataset, pairs: usize, seed: u64) -> Result<Self, DataError> {
        let classes = dataset.examples.iter().enumerate().map(|(row, example)| {
            let single = example.text_pair.is_none();
            let class = example.label.class().filter(|_| single);
            class.ok_or_else(|| {
                let expected = "a single text with a class";
                DataError::example(row, expected, format!("{:?}", example.label))
            })
        });
        let classes: Vec<usize> = classes.collect::<Result<_, _>>()?;
        if classes.iter().all(|class| Some(class) == classes.first()) {
            return Err(DataError::split(
                "rows of at least two classes",
                dataset.len(),
            ));
        }
        let text = |row: usize| dataset.examples[row].text.clone();
        let mut examples = Vec::with_capacity(2 * pairs * classes.len());
        for (row, class) in classes.iter().enumerate() {
            let order = permutation(seed, Purpose::ClassPairs, row as u64, classes.len());
            for label in [true, false] {
                let others = order.iter().copied();
                let others = others
                    .filter(|other| *other != row && (classes[*other] == *class) == label)
                    .take(pairs);
                let label = f64::from(u8::from(label));
                examples.extend(
                    others.map(|other| EmbeddingExample::labeled(text(row), text(other), label)),
                );
            }
        }
        let name = format!("{}/pairs", dataset.name);
        Self::new(name, EmbeddingKind::Labels, examples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Example, Label, Schema};

    fn dataset(labels: &[Label]) -> Dataset {
        let texts = labels.iter().cloned().enumerate();
        Dataset {
            name: "few".into(),
            schema: Schema::classification(["a", "b"]),
            examples: texts
                .map(|(row, label)| Example::new(format!("text {row}"), label))
                .collect(),
        }
    }

    #[test]
    fn each_row_has_as_many_pairs_of_both_kinds() {
        let labels: Vec<Label> = (0..10).map(|row| Label::Class(row % 2)).collect();
        let pairs = EmbeddingDataset::from_classes(&dataset(&labels), 3, 1).unwrap();
        assert_eq!(pairs.len(), 10 * 6);
        let alike = pairs
            .examples()
            .iter()
            .filter(|pair| pair.label == Some(1.0));
        assert_eq!(alike.count(), 30);
        let different = pairs
            .examples()
            .iter()
            .all(|pair| pair.texts[0] != pair.texts[1]);
        assert!(different);
        let other = EmbeddingDataset::from_classes(&dataset(&labels), 3, 2).unwrap();
        assert_ne!(pairs, other);
    }

    #[test]
    fn rows_that_have_no_pairs_are_refused() {
        let one = [Label::Class(0), Label::Class(0)];
        let error = EmbeddingDataset::from_classes(&dataset(&one), 3, 1).unwrap_err();
        assert!(
            error.to_string().contains("at least two classes"),
            "{error}"
        );
        let unlabeled = [Label::Class(0), Label::Unlabeled];
        let error = EmbeddingDataset::from_classes(&dataset(&unlabeled), 3, 1).unwrap_err();
        assert!(
            matches!(error, DataError::InvalidExample { row: 1, .. }),
            "{error}"
        );
    }
}
