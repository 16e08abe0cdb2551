//! A dataset from files in one expression.

use std::path::PathBuf;

use super::{ColumnNames, LabelKind, SplitFiles, TabularOptions, open};
use crate::dataset::Dataset;
use crate::error::DataError;
use crate::reader::OnBadRow;
#[cfg(feature = "hub")]
use crate::splits::Split;
use crate::splits::Splits;
use crate::table::{Column, Delimiter, Quote, TableFormat};

/// Files of a dataset and how they are read; made by [`Dataset::files`], or by
/// `Dataset::hub` with the feature `hub`.
///
/// ```no_run
/// use finetune_data::Dataset;
///
/// let splits = Dataset::files("train.csv")
///     .text("message")
///     .label("topic")
///     .test("test.csv")
///     .load()?;
/// println!("{} rows of {:?}", splits.train.len(), splits.train.class_names());
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetFiles {
    train: Source,
    validation: Option<PathBuf>,
    test: Option<PathBuf>,
    options: TabularOptions,
}

/// Where training rows come from.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    File(PathBuf),
    #[cfg(feature = "hub")]
    Hub(String),
}

impl Dataset {
    /// Begins a dataset with a file of training rows, of the format of its extension
    /// ([`TableFormat::from_path`]), or a directory saved by the `datasets` library, with the text in column `text` and the label in column `label` unless told otherwise.
    pub fn files(train: impl Into<PathBuf>) -> DatasetFiles {
        DatasetFiles::of(Source::File(train.into()))
    }

    /// Begins a dataset of the Hugging Face hub, by its name: `ID`, `ID:CONFIG` or `ID@REVISION`
    /// ([`HubDataset`](crate::HubDataset)). Its files are downloaded unless they are cached. They have
    /// the validation and test rows, if there are any.
    ///
    /// ```no_run
    /// use finetune_data::Dataset;
    ///
    /// let splits = Dataset::hub("nyu-mll/glue:sst2").text("sentence").load()?;
    /// println!("{} rows of {:?}", splits.train.len(), splits.train.class_names());
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    #[cfg(feature = "hub")]
    pub fn hub(name: impl Into<String>) -> DatasetFiles {
        DatasetFiles::of(Source::Hub(name.into()))
    }
}

impl DatasetFiles {
    fn of(train: Source) -> Self {
        Self {
            train,
            validation: None,
            test: None,
            options: TabularOptions::default(),
        }
    }

    /// Sets the file of validation rows (default: none, or those of the hub).
    pub fn validation(mut self, file: impl Into<PathBuf>) -> Self {
        self.validation = Some(file.into());
        self
    }

    /// Sets the file of test rows (default: none, or those of the hub).
    pub fn test(mut self, file: impl Into<PathBuf>) -> Self {
        self.test = Some(file.into());
        self
    }

    /// Sets the column of the text, by name or position from 0 (default: `text`).
    pub fn text(mut self, column: impl Into<Column>) -> Self {
        self.options.columns.text = vec![column.into()];
        self
    }

    /// Sets the column of the second text of a pair (default: none).
    pub fn text_pair(mut self, column: impl Into<Column>) -> Self {
        self.options.columns.text_pair = vec![column.into()];
        self
    }

    /// Sets the column of the label, by name or position from 0 (default: `label`).
    pub fn label(mut self, column: impl Into<Column>) -> Self {
        self.options.columns.label = Some(column.into());
        self
    }

    /// Reads any number of classes per row from a column of lists, instead of one class.
    pub fn multi_label(mut self) -> Self {
        self.options.labels = LabelKind::MultiLabel {
            separator: None,
            classes: self.given_classes(),
        };
        self
    }

    /// Reads any number of classes per row from text with this separator, such as `;`.
    pub fn label_separator(mut self, separator: impl Into<String>) -> Self {
        self.options.labels = LabelKind::MultiLabel {
            separator: Some(separator.into()),
            classes: self.given_classes(),
        };
        self
    }

    /// Reads any number of classes per row from a column of 0 and 1 for each class, which has the
    /// name of the column.
    ///
    /// ```no_run
    /// use finetune_data::Dataset;
    ///
    /// let splits = Dataset::files("train.csv").label_columns(["sports", "politics"]).load()?;
    /// println!("{:?}", splits.train.class_counts());
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    pub fn label_columns<C: Into<Column>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.options.labels = LabelKind::Indicators(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the class names, in the order of the outputs of a model (default: those of the training
    /// rows, sorted). A label with another name is an error.
    pub fn classes<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        match &mut self.options.labels {
            LabelKind::MultiLabel { classes, .. } => *classes = Some(names),
            labels => *labels = LabelKind::Classes(names),
        }
        self
    }

    /// Returns the class names that were set before the kind of label.
    fn given_classes(&self) -> Option<Vec<String>> {
        match &self.options.labels {
            LabelKind::Classes(names) => Some(names.clone()),
            LabelKind::MultiLabel { classes, .. } => classes.clone(),
            _ => None,
        }
    }

    /// Reads labels as scores in this range, instead of as classes.
    pub fn scores(mut self, min: f64, max: f64) -> Self {
        self.options.labels = LabelKind::Range { min, max };
        self
    }

    /// Sets the format of the files (default: by their extensions).
    pub fn format(mut self, format: TableFormat) -> Self {
        self.options.format = Some(format);
        self
    }

    /// Sets the delimiter of CSV and TSV files (default: that of the format).
    pub fn delimiter(mut self, delimiter: Delimiter) -> Self {
        self.options.delimiter = Some(delimiter);
        self
    }

    /// Sets the quote of CSV and TSV files (default: `"`).
    pub fn quote(mut self, quote: Quote) -> Self {
        self.options.quote = Some(quote);
        self
    }

    /// Leaves malformed rows out, instead of stopping at the first.
    pub fn skip_bad_rows(mut self) -> Self {
        self.options.on_bad_rows = OnBadRow::Skip;
        self
    }

    /// Replaces all columns at once.
    pub fn columns(mut self, columns: ColumnNames) -> Self {
        self.options.columns = columns;
        self
    }

    /// Reads the files, after downloading those of the hub.
    ///
    /// # Errors
    /// Any [`DataError`], with file and row.
    pub fn load(&self) -> Result<Splits, DataError> {
        let loaded = match &self.train {
            Source::File(train) => {
                let files = SplitFiles {
                    validation: self.validation.clone(),
                    test: self.test.clone(),
                    ..SplitFiles::train(train)
                };
                open(&files, &self.options)?
            }
            #[cfg(feature = "hub")]
            Source::Hub(name) => {
                let own = [
                    (Split::Validation, &self.validation),
                    (Split::Test, &self.test),
                ];
                let own = own
                    .into_iter()
                    .filter_map(|(split, file)| Some((split, file.clone()?)));
                let dataset = crate::HubDataset::download(name)?;
                dataset.with_files(own).open(&self.options)?
            }
        };
        Ok(loaded.splits)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::dataset::{Label, Target};

    #[test]
    fn files_and_columns_become_splits() {
        let directory = tempfile::tempdir().unwrap();
        let (train, test) = (
            directory.path().join("a.csv"),
            directory.path().join("b.csv"),
        );
        fs::write(&train, "id,said,mood\n1,fine,good\n2,awful,bad\n").unwrap();
        fs::write(&test, "id,said,mood\n3,nice,good\n").unwrap();
        let files = Dataset::files(&train)
            .text("said")
            .label("mood")
            .test(&test);
        let splits = files.load().unwrap();
        assert_eq!(splits.train.class_names(), ["bad", "good"]);
        assert_eq!(splits.test.unwrap().examples[0].label, Label::Class(1));
        let scores = Dataset::files(&train)
            .text("said")
            .label("id")
            .scores(0.0, 5.0);
        let target = scores.load().unwrap().train.schema.target;
        assert!(matches!(target, Target::Score { max: 5.0, .. }));
        let several = Dataset::files(&train).text("said").label("mood");
        let several = several.classes(["good", "bad"]).label_separator(";");
        let several = several.load().unwrap().train;
        assert_eq!(several.class_names(), ["good", "bad"]);
        assert_eq!(several.examples[0].label, Label::Classes(vec![0]));
        let columns = Dataset::files(&train)
            .text("said")
            .label_columns(["id", "mood"]);
        let error = columns.load().unwrap_err().to_string();
        assert!(
            error.ends_with("the value \"good\" is neither 0 nor 1"),
            "{error}"
        );
        let missing = Dataset::files(&train).text("text").load().unwrap_err();
        assert!(missing.to_string().contains("text"), "{missing}");
    }
}
