//! Datasets with coarser classes: groups of the classes of another dataset.

use std::collections::BTreeSet;

use crate::dataset::{Dataset, Example, Label, Schema, Target};
use crate::error::DataError;
use crate::splits::Splits;

impl Dataset {
    /// Returns a dataset whose classes are groups of the classes of this one, each with a name. Rows
    /// of classes in no group are left out; rows without a label are kept. A row of several classes
    /// has the groups of all of them, and stays with none if none of them is in a group.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if the dataset does not have a class of a group, or if two
    ///   groups have the same class.
    ///
    /// ```
    /// use finetune_data::Dataset;
    ///
    /// let reviews = [("dull", "bad"), ("fine", "neutral"), ("superb", "excellent"), ("nice", "good")];
    /// let reviews: Dataset = reviews.into_iter().collect();
    /// let polarity = reviews
    ///     .group_classes(&[("negative", &["bad"]), ("positive", &["good", "excellent"])])?;
    /// assert_eq!(polarity.class_names(), ["negative", "positive"]);
    /// assert_eq!(polarity.class_counts(), [1, 2]);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    pub fn group_classes(&self, groups: &[(&str, &[&str])]) -> Result<Dataset, DataError> {
        let group_of = self.groups(groups)?;
        let examples = self.examples.iter().filter_map(|example| {
            let group = |class: &usize| group_of.get(*class).copied().flatten();
            let label = match &example.label {
                Label::Class(class) => Label::Class(group(class)?),
                Label::Classes(classes) => {
                    let groups: BTreeSet<usize> = classes.iter().filter_map(group).collect();
                    Label::Classes(groups.into_iter().collect())
                }
                _ => Label::Unlabeled,
            };
            Some(Example {
                label,
                ..example.clone()
            })
        });
        let names = groups.iter().map(|(name, _)| (*name).to_string()).collect();
        Ok(Dataset {
            name: self.name.clone(),
            schema: Schema {
                target: match self.schema.target {
                    Target::MultiLabel(_) => Target::MultiLabel(names),
                    _ => Target::Classes(names),
                },
                ..self.schema.clone()
            },
            examples: examples.collect(),
        })
    }

    /// Returns the index of the group of each class.
    fn groups(&self, groups: &[(&str, &[&str])]) -> Result<Vec<Option<usize>>, DataError> {
        let names = self.class_names();
        let mut group_of = vec![None; names.len()];
        for (group, (_, members)) in groups.iter().enumerate() {
            for member in *members {
                let Some(class) = names.iter().position(|name| name == member) else {
                    let expected = format!("classes of {}, {}", self.name, names.join(", "));
                    return Err(DataError::setting("groups", expected, member));
                };
                if group_of[class].replace(group).is_some() {
                    let found = format!("{member} twice");
                    return Err(DataError::setting("groups", "each class once", found));
                }
            }
        }
        Ok(group_of)
    }
}

impl Splits {
    /// Returns all splits with groups of their classes: see [`Dataset::group_classes`].
    ///
    /// # Errors
    /// The errors of [`Dataset::group_classes`].
    pub fn group_classes(&self, groups: &[(&str, &[&str])]) -> Result<Splits, DataError> {
        let grouped = |split: &Option<Dataset>| {
            let grouped = split.as_ref().map(|rows| rows.group_classes(groups));
            grouped.transpose()
        };
        Ok(Splits {
            train: self.train.group_classes(groups)?,
            validation: grouped(&self.validation)?,
            test: grouped(&self.test)?,
            unlabeled: self.unlabeled.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_classes_that_there_are_and_of_each_once() {
        let rows: Dataset = [("a", "x"), ("b", "y")].into_iter().collect();
        let error =
            |groups: &[(&str, &[&str])]| rows.group_classes(groups).unwrap_err().to_string();
        assert!(error(&[("one", &["z"])]).contains("classes of examples, x, y"));
        assert!(error(&[("one", &["x"]), ("two", &["x"])]).contains("x twice"));
    }

    #[test]
    fn a_row_of_several_classes_has_all_their_groups() {
        let rows = Dataset::multi_label([
            ("a", vec!["x", "y"]),
            ("b", vec!["w", "z"]),
            ("c", vec!["w"]),
        ]);
        let groups: [(&str, &[&str]); 2] = [("last", &["y", "x"]), ("z", &["z"])];
        let grouped = rows.group_classes(&groups).unwrap();
        assert!(matches!(&grouped.schema.target, Target::MultiLabel(names) if names.len() == 2));
        let labels: Vec<&[usize]> = grouped
            .examples
            .iter()
            .map(|row| row.label.classes())
            .collect();
        assert_eq!(labels, [&[0][..], &[1], &[]]);
    }

    #[test]
    fn rows_without_a_label_stay() {
        let mut rows: Dataset = [("a", "x"), ("b", "y")].into_iter().collect();
        rows.examples[0].label = Label::Unlabeled;
        let grouped = rows.group_classes(&[("all", &["x", "y"])]).unwrap();
        let labels: Vec<Label> = grouped.examples.into_iter().map(|row| row.label).collect();
        assert_eq!(labels, [Label::Unlabeled, Label::Class(0)]);
    }
}
