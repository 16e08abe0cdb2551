//! The same number of rows of each class, to learn from few labeled texts.

use crate::dataset::{Dataset, Label};

impl Dataset {
    /// Returns a random subset with `rows` rows of each class, or all rows of a class that has fewer.
    ///
    /// The selection depends only on `seed`, and rows keep their order. With the same seed, the rows of a
    /// class in a smaller subset are also in a larger one. In multi-label data, each set of classes is
    /// treated as one class. Rows without a class are left out.
    ///
    /// ```
    /// use finetune_data::{Dataset, Example, Label, Schema};
    ///
    /// let examples = (0..100).map(|row| Example::new(row.to_string(), Label::Class(row % 4 / 3)));
    /// let dataset = Dataset {
    ///     name: "numbers".into(),
    ///     schema: Schema::classification(["most", "every fourth"]),
    ///     examples: examples.collect(),
    /// };
    /// let few = dataset.samples_per_class(8, 7);
    /// assert_eq!(few.class_counts(), [8, 8]);
    /// ```
    pub fn samples_per_class(&self, rows: usize, seed: u64) -> Dataset {
        let has_class = |members: &[usize]| {
            let label = &self.examples[members[0]].label;
            matches!(label, Label::Class(_) | Label::Classes(_))
        };
        let groups = self.rows_by_label().into_iter();
        let groups = groups.filter(|(_, members)| has_class(members));
        self.draw(groups.map(|group| (group, rows)), seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Example, Schema};

    fn dataset(labels: impl IntoIterator<Item = Label>) -> Dataset {
        let rows = labels.into_iter().enumerate();
        Dataset {
            name: "rows".into(),
            schema: Schema::classification(["a", "b", "c"]),
            examples: rows
                .map(|(row, label)| Example::new(row.to_string(), label))
                .collect(),
        }
    }

    #[test]
    fn each_class_has_as_many_rows_or_all_that_there_are() {
        let labels = (0..60).map(|row| match row % 6 {
            0 => Label::Unlabeled,
            1 => Label::Class(1),
            _ => Label::Class(2),
        });
        let rows = dataset(labels.chain([Label::Class(0)]));
        let few = rows.samples_per_class(4, 3);
        assert_eq!(few.class_counts(), [1, 4, 4]);
        assert_eq!(few.len(), 9);
        assert_eq!(few, rows.samples_per_class(4, 3));
        assert_ne!(few, rows.samples_per_class(4, 4));
    }

    #[test]
    fn a_larger_selection_has_the_rows_of_a_smaller_one() {
        let rows = dataset((0..90).map(|row| Label::Class(row % 3)));
        let few = rows.samples_per_class(3, 5);
        let more = rows.samples_per_class(10, 5);
        assert!(few.examples.iter().all(|row| more.examples.contains(row)));
        assert!(rows.samples_per_class(0, 5).is_empty());
        assert_eq!(rows.samples_per_class(100, 5), rows);
    }
}
