//! Datasets from your own CSV, TSV, JSON, Parquet and Arrow files.
//!
//! [`TabularOptions`] define how files are read: the columns of the text, the second text and the label
//! ([`ColumnNames`]), the kind of label ([`LabelKind`]), the file format if the file name does not
//! determine it, and the handling of invalid rows. [`open`] loads all splits into memory; [`read`]
//! streams one file of any size.

mod builder;
mod options;
mod target;

use std::path::{Path, PathBuf};

pub use self::builder::DatasetFiles;
pub use self::options::{ColumnNames, LabelKind, SplitFiles, TabularOptions};
pub use self::target::infer_target;
#[cfg(feature = "hub")]
pub(crate) use self::target::infer_target_of;
use crate::class_sets::ClassSetReader;
use crate::column_mapping::{Escapes, Mapping};
use crate::dataset::{Schema, Target, TextArity};
use crate::error::DataError;
use crate::label_reader::LabelReader;
use crate::reader::ExampleReader;
use crate::splits::{LoadedDataset, Split};
use crate::table::{Column, TableFormat, data_files, declared_classes, open_rows};

/// Files of one split, of the same format.
#[derive(Debug)]
pub(crate) struct TableFiles {
    /// Name of the dataset.
    pub(crate) name: String,
    /// Path in errors about all files.
    pub(crate) path: PathBuf,
    pub(crate) files: Vec<PathBuf>,
    /// Classes that something else than the files declares for the label column.
    pub(crate) declared: Option<Vec<String>>,
}

impl TableFiles {
    /// Returns the file at a path, or the files of a saved dataset.
    pub(crate) fn at(path: &Path, split: Split) -> Result<Self, DataError> {
        Ok(Self {
            name: name_of(path),
            path: path.to_path_buf(),
            files: data_files(path, Some(split))?,
            declared: None,
        })
    }
}

/// Loads the files of all splits.
///
/// A directory saved by the `datasets` library stands for its files, and a directory of several
/// splits for the files of the split that is read.
///
/// Classes or the score range are inferred from the training rows unless set in `options`. A class
/// that occurs only in another file is an error there. Several text columns are joined with a
/// space. Empty texts are valid; empty labels are missing values.
///
/// ```
/// use finetune_data::tabular::{self, SplitFiles, TabularOptions};
///
/// let directory = tempfile::tempdir()?;
/// let (train, test) = (directory.path().join("train.jsonl"), directory.path().join("test.csv"));
/// std::fs::write(&train, "{\"text\": \"so bad\", \"label\": 0}\n{\"text\": \"ah\", \"label\": 1}\n")?;
/// std::fs::write(&test, "label,text\n1,\"lovely, really\"\n")?;
///
/// let opened = tabular::open(&SplitFiles::train_test(&train, &test), &TabularOptions::default())?;
/// assert_eq!(opened.splits.train.class_names(), ["0", "1"]);
/// assert_eq!(opened.splits.test.unwrap().examples[0].text, "lovely, really");
/// assert_eq!(opened.reports[0].to_string(), "train: 2 rows");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// - The errors of [`infer_target`] for the training file.
/// - The error of the first invalid row of any file, with file and row number, unless invalid rows
///   are skipped.
/// - The errors of unclosed quotes, corrupted files and files without rows, which are never
///   skipped.
pub fn open(files: &SplitFiles, options: &TabularOptions) -> Result<LoadedDataset, DataError> {
    let target = infer_target(&files.train, options)?;
    let open =
        |path: &Path, split: Split| read(path, split, &target, options)?.read_split(split, None);
    LoadedDataset::load(open(&files.train, Split::Train)?, |split| {
        let path = match split {
            Split::Train => None,
            Split::Validation => files.validation.as_deref(),
            Split::Test => files.test.as_deref(),
            Split::Unlabeled => files.unlabeled.as_deref(),
        };
        path.map(|path| open(path, split)).transpose()
    })
}

/// Returns a streaming reader of one file.
///
/// `target` is the result of [`infer_target`] on the training file, or is known in advance. Rows of
/// [`Split::Unlabeled`] need no label column; an existing one is ignored.
///
/// ```
/// use finetune_data::tabular::{self, ColumnNames, TabularOptions};
/// use finetune_data::{Label, Split, Target};
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("pairs.tsv");
/// std::fs::write(&path, "a\tb\tsimilarity\na cat\ta dog\t2.5\nrain\tdrizzle\t4\n")?;
///
/// let columns = ColumnNames {
///     text: vec!["a".into()],
///     text_pair: vec!["b".into()],
///     label: Some("similarity".into()),
/// };
/// let options = TabularOptions { columns, ..TabularOptions::default() };
/// let target = Target::Score { min: 0.0, max: 5.0 };
/// let scores = tabular::read(&path, Split::Train, &target, &options)?
///     .map(|example| Ok(example?.label))
///     .collect::<Result<Vec<Label>, finetune_data::DataError>>()?;
/// assert_eq!(scores, [Label::Score(2.5), Label::Score(4.0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// - A [`DataError`] if the file cannot be opened or lacks a column.
///
/// Each example may also be an error.
pub fn read(
    path: &Path,
    split: Split,
    target: &Target,
    options: &TabularOptions,
) -> Result<ExampleReader, DataError> {
    read_files(&TableFiles::at(path, split)?, split, target, options)
}

/// Returns a streaming reader of several files, like [`read`].
pub(crate) fn read_files(
    source: &TableFiles,
    split: Split,
    target: &Target,
    options: &TabularOptions,
) -> Result<ExampleReader, DataError> {
    let mut mapping = mapping(options, target)?;
    if split == Split::Unlabeled {
        mapping.label = None;
    }
    let files = &source.files;
    let format = format_of(files, options)?;
    mapping.label = label_of_files(mapping.label, source, format, target)?;
    let opened = mapping.open(files, format)?;
    let schema = Schema {
        texts: match options.columns.text_pair.as_slice() {
            [] => TextArity::Single,
            _ => TextArity::Pair,
        },
        target: target.clone(),
    };
    let source_key = format!("tabular, {split}: {mapping:?}, {format:?}");
    let reader = ExampleReader::new(
        source.name.clone(),
        schema,
        files.clone(),
        source_key,
        options.on_bad_rows,
        opened.examples,
    );
    Ok(reader.with_progress(opened.progress, opened.bytes))
}

/// Reads one column of a file, such as the author of each text, for grouped folds. With `format`
/// `None`, the file extension determines the format.
///
/// Returns one value per row of the file. To match the examples one to one, an invalid row is
/// always an error. A row that is invalid only because of other columns is not detected here, but
/// [`read`] would reject or skip it.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("mail.csv");
/// std::fs::write(&path, "author,text,label\nann,hello,0\nbob,buy now,1\n")?;
/// let authors = finetune_data::tabular::read_column(&path, &"author".into(), None)?;
/// assert_eq!(authors, ["ann", "bob"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// - A [`DataError`] if the file cannot be opened or lacks the column, or for the first invalid
///   row.
pub fn read_column(
    path: &Path,
    column: &Column,
    format: Option<TableFormat>,
) -> Result<Vec<String>, DataError> {
    let files = data_files(path, None)?;
    let options = TabularOptions {
        format,
        ..TabularOptions::default()
    };
    let format = format_of(&files, &options)?;
    let mut values = Vec::new();
    for file in files {
        for row in open_rows(&file, format, std::slice::from_ref(column))? {
            values.extend(row?.fields);
        }
    }
    Ok(values)
}

/// Returns whether rows have labels, by the first one. A split whose labels are not published has the
/// index -1 in a column of classes.
#[cfg(feature = "hub")]
pub(crate) fn has_labels(source: &TableFiles, options: &TabularOptions) -> Result<bool, DataError> {
    let is_one_class = !matches!(
        options.labels,
        LabelKind::MultiLabel { .. } | LabelKind::Indicators(_)
    );
    let column = options.columns.label.as_ref().filter(|_| is_one_class);
    let (Some(column), Some(file)) = (column, source.files.first()) else {
        return Ok(true);
    };
    let format = format_of(&source.files, options)?;
    if source.declared.is_none() && declared_classes(file, format, column)?.is_none() {
        return Ok(true);
    }
    let first = open_rows(file, format, std::slice::from_ref(column))?.next();
    let first = first.transpose()?;
    Ok(first.is_none_or(|row| row.fields.iter().all(|label| label != "-1")))
}

/// Returns the format of files that have the same.
fn format_of(files: &[PathBuf], options: &TabularOptions) -> Result<TableFormat, DataError> {
    options.format_of(files.first().map_or(Path::new(""), PathBuf::as_path))
}

/// Returns the label column, read by the names that the files declare for its class indices.
///
/// If none of the names is one of the classes, they were given other names, and the indices stand
/// for themselves.
fn label_of_files(
    mut label: Option<(Vec<Column>, LabelReader)>,
    source: &TableFiles,
    format: TableFormat,
    target: &Target,
) -> Result<Option<(Vec<Column>, LabelReader)>, DataError> {
    let (Some((columns, reader)), Some(file)) = (&mut label, source.files.first()) else {
        return Ok(label);
    };
    let (Target::Classes(names) | Target::MultiLabel(names)) = target else {
        return Ok(label);
    };
    if let (
        [column],
        LabelReader::Classes(classes) | LabelReader::ClassSets(ClassSetReader { classes, .. }),
    ) = (&columns[..], reader)
    {
        let declared = declared_classes(file, format, column)?;
        let declared = declared.or_else(|| source.declared.clone());
        let is_of_target =
            |declared: &Vec<String>| declared.iter().any(|name| names.contains(name));
        if let Some(declared) = declared.filter(is_of_target) {
            *classes = classes.clone().with_names_in_file(declared);
        }
    }
    Ok(label)
}

fn mapping(options: &TabularOptions, target: &Target) -> Result<Mapping, DataError> {
    let ColumnNames {
        text,
        text_pair,
        label,
    } = &options.columns;
    if text.is_empty() {
        return Err(DataError::setting(
            "columns.text",
            "at least one column of text",
            "none",
        ));
    }
    let columns = match &options.labels {
        LabelKind::Indicators(columns) => Some(columns.clone()),
        _ => label.clone().map(|column| vec![column]),
    };
    let reader = target::label_reader(target, &options.labels)?;
    Ok(Mapping {
        text: text.clone(),
        text_pair: text_pair.clone(),
        label: columns.zip(reader),
        escapes: Escapes::None,
    })
}

/// Returns the name of a file without its extension, or that of a directory.
/// Returns the name of a dataset: that of its file, without the extension.
pub(crate) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = crate::table::extension(path).len();
    match extension {
        0 => name.into_owned(),
        length => {
            let stem = name.len().saturating_sub(length + 1);
            name.get(..stem).unwrap_or(&name).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, ListArray, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::dataset::Label;
    use crate::reader::OnBadRow;
    use crate::table::Delimited;

    fn written(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        let paths = files.iter().map(|(name, content)| {
            let path = directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        });
        let paths = paths.collect();
        (directory, paths)
    }

    #[test]
    fn every_split_is_read_and_the_unlabeled_one_without_labels() {
        let (_directory, paths) = written(&[
            ("train.csv", "text,label\na,x\nb,y\n"),
            ("dev.tsv", "label\ttext\ny\tc\n"),
            ("test.jsonl", "{\"text\": \"d\", \"label\": \"x\"}\n"),
            ("more.csv", "text\ne\nf\n"),
        ]);
        let files = SplitFiles {
            train: paths[0].clone(),
            validation: Some(paths[1].clone()),
            test: Some(paths[2].clone()),
            unlabeled: Some(paths[3].clone()),
        };
        let opened = open(&files, &TabularOptions::default()).unwrap();
        let rows: Vec<_> = opened
            .splits
            .iter()
            .map(|(split, data)| (split, data.len()))
            .collect();
        assert_eq!(
            rows,
            [
                (Split::Train, 2),
                (Split::Validation, 1),
                (Split::Test, 1),
                (Split::Unlabeled, 2)
            ]
        );
        let unlabeled = opened.splits.unlabeled.unwrap();
        assert_eq!(unlabeled.name, "more");
        assert_eq!(unlabeled.class_names(), ["x", "y"]);
        assert_eq!(unlabeled.examples[0].label, Label::Unlabeled);
        assert_eq!(opened.reports[3].split, Split::Unlabeled);
    }

    #[test]
    fn a_glue_file_by_position_without_header_or_quotes() {
        let (_directory, paths) = written(&[("pairs.tsv", "0\t\"a\tb\"\t1\n1\tc\td\t0\n")]);
        let options = TabularOptions {
            columns: ColumnNames {
                text: vec![1.into()],
                text_pair: vec![2.into()],
                label: Some(3.into()),
            },
            format: Some(TableFormat::Delimited(Delimited {
                header: false,
                ..Delimited::unquoted_tsv()
            })),
            ..TabularOptions::default()
        };
        let target = infer_target(&paths[0], &options).unwrap();
        let reader = read(&paths[0], Split::Train, &target, &options).unwrap();
        assert_eq!(reader.schema().texts, TextArity::Pair);
        let (dataset, _) = reader.read().unwrap();
        assert_eq!(dataset.examples[0].text, "\"a");
        assert_eq!(dataset.examples[0].text_pair.as_deref(), Some("b\""));
        assert_eq!(dataset.class_counts(), [1, 1]);
    }

    #[test]
    fn sets_of_classes_are_read_from_text_lists_and_columns() {
        let (_directory, paths) = written(&[
            ("text.csv", "text,label\na,x;y\nb,\nc,y\n"),
            (
                "list.jsonl",
                "{\"text\": \"a\", \"label\": [\"y\", \"x\"]}\n\
                 {\"text\": \"b\", \"label\": []}\n\
                 {\"text\": \"c\", \"label\": [\"y\"]}\n",
            ),
            (
                "list.json",
                "[{\"text\": \"a\", \"label\": [\"x\", \"y\"]}, {\"text\": \"b\", \"label\": []}, \
                 {\"text\": \"c\", \"label\": \"y\"}]",
            ),
            ("columns.csv", "x,text,y\n1,a,1\n0,b,0\n0,c,1\n"),
        ]);
        let separated = LabelKind::MultiLabel {
            separator: Some(";".into()),
            classes: None,
        };
        let list = LabelKind::MultiLabel {
            separator: None,
            classes: None,
        };
        let indicators = LabelKind::Indicators(vec!["x".into(), "y".into()]);
        let kinds = [separated.clone(), list, separated, indicators];
        for (path, labels) in paths.iter().zip(kinds) {
            let options = TabularOptions {
                labels,
                ..TabularOptions::default()
            };
            let train = open(&SplitFiles::train(path), &options)
                .unwrap()
                .splits
                .train;
            assert_eq!(train.class_names(), ["x", "y"], "{path:?}");
            let labels: Vec<&[usize]> = train
                .examples
                .iter()
                .map(|row| row.label.classes())
                .collect();
            assert_eq!(labels, [&[0, 1][..], &[], &[1]], "{path:?}");
        }
    }

    #[test]
    fn indices_in_lists_have_the_names_that_the_file_declares() {
        let features = r#"{"info": {"features": {
            "text": {"dtype": "string", "_type": "Value"},
            "label": {"feature": {"names": ["joy", "anger"], "_type": "ClassLabel"}, "_type": "List"}
        }}}"#;
        let sets = [vec![Some(1), Some(0)], vec![], vec![Some(1)]].map(Some);
        let labels: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(sets));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
        let batch = RecordBatch::try_from_iter([("text", texts), ("label", labels)]).unwrap();
        let metadata = HashMap::from([("huggingface".to_owned(), features.to_owned())]);
        let schema = batch.schema().as_ref().clone().with_metadata(metadata);
        let batch = batch.with_schema(Arc::new(schema)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.parquet");
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let options = TabularOptions {
            labels: LabelKind::MultiLabel {
                separator: None,
                classes: None,
            },
            ..TabularOptions::default()
        };
        let train = open(&SplitFiles::train(&path), &options)
            .unwrap()
            .splits
            .train;
        assert_eq!(train.class_names(), ["joy", "anger"]);
        let labels: Vec<&[usize]> = train
            .examples
            .iter()
            .map(|row| row.label.classes())
            .collect();
        assert_eq!(labels, [&[0, 1][..], &[], &[1]]);
    }

    #[test]
    fn a_set_of_classes_that_is_wrong_is_named_with_row_and_value() {
        let (_directory, paths) = written(&[
            ("train.csv", "text,label,x,y\na,x;y,1,0\nb,y,2,0\n"),
            ("test.csv", "text,label\na,x\nb,x;z\n"),
            (
                "null.jsonl",
                "{\"text\": \"a\", \"label\": [\"x\", null]}\n",
            ),
        ]);
        let options = |labels: LabelKind| TabularOptions {
            labels,
            ..TabularOptions::default()
        };
        let separated = |classes: Option<&[&str]>| {
            options(LabelKind::MultiLabel {
                separator: Some(";".into()),
                classes: classes.map(|names| names.iter().map(|&name| name.into()).collect()),
            })
        };
        let files = SplitFiles::train_test(&paths[0], &paths[1]);
        let unseen = open(&files, &separated(None)).unwrap_err().to_string();
        let expected = "test.csv, row 3: the label \"z\" is none of [\"x\", \"y\"]";
        assert!(unseen.ends_with(expected), "{unseen}");
        let train = SplitFiles::train(&paths[0]);
        let unknown = open(&train, &separated(Some(&["y", "z"])))
            .unwrap_err()
            .to_string();
        assert!(
            unknown.ends_with("row 2: the label \"x\" is none of [\"y\", \"z\"]"),
            "{unknown}"
        );
        let columns = vec!["x".into(), "y".into()];
        let other = open(&train, &options(LabelKind::Indicators(columns))).unwrap_err();
        let expected = "row 3: column \"x\": the value \"2\" is neither 0 nor 1";
        assert!(other.to_string().ends_with(expected), "{other}");
        let null = open(&SplitFiles::train(&paths[2]), &separated(None)).unwrap_err();
        assert!(
            null.to_string()
                .contains("no value in the column \"label\""),
            "{null}"
        );
        let empty = options(LabelKind::MultiLabel {
            separator: Some(String::new()),
            classes: Some(vec!["x".into(), "y".into()]),
        });
        assert!(matches!(
            open(&train, &empty),
            Err(DataError::InvalidSetting {
                setting: "labels.separator",
                ..
            })
        ));
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let columns = options(LabelKind::Indicators(vec!["x".into(), "y".into()]));
        let few = read(
            &paths[0],
            Split::Train,
            &Target::MultiLabel(names),
            &columns,
        );
        assert!(matches!(
            few,
            Err(DataError::InvalidSetting {
                setting: "labels.indicators",
                ..
            })
        ));
    }

    #[test]
    fn bad_rows_are_skipped_counted_and_explained_where_that_is_asked_for() {
        let content = "text,label\na,x\nb\n\nc,y\n\"d\ne\",y\nf,\ng,z\n";
        let (_directory, paths) = written(&[
            ("train.csv", "text,label\na,x\nb,y\n"),
            ("test.csv", content),
        ]);
        let files = SplitFiles::train_test(&paths[0], &paths[1]);
        let mut options = TabularOptions::default();
        assert!(matches!(
            open(&files, &options),
            Err(DataError::InvalidRow { row: 3, .. })
        ));
        options.on_bad_rows = OnBadRow::Skip;
        let opened = open(&files, &options).unwrap();
        let test = opened.splits.test.unwrap();
        let texts: Vec<&str> = test.examples.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(texts, ["a", "c", "d\ne"]);
        let skipped = &opened.reports[1].skipped;
        assert_eq!(skipped.rows, 4);
        for (reason, part) in skipped
            .first
            .iter()
            .zip(["row 3", "row 4", "row 8", "\"z\""])
        {
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn a_compressed_file_reads_as_the_file_itself() {
        use std::io::Write;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.csv.gz");
        let file = std::fs::File::create(&path).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(b"text,label\na,0\nb,1\n").unwrap();
        encoder.finish().unwrap();
        let target = Target::Classes(vec!["no".into(), "yes".into()]);
        let options = TabularOptions {
            labels: LabelKind::Classes(vec!["no".into(), "yes".into()]),
            ..TabularOptions::default()
        };
        let mut reader = read(&path, Split::Test, &target, &options).unwrap();
        assert_eq!(reader.name(), "mail");
        let labels: Vec<Label> = reader.by_ref().map(|row| row.unwrap().label).collect();
        assert_eq!(labels, [Label::Class(0), Label::Class(1)]);
        assert_eq!(reader.fraction_read(), Some(1.0));
    }

    #[test]
    fn text_needs_a_column() {
        let options = TabularOptions {
            columns: ColumnNames {
                text: vec![],
                ..ColumnNames::default()
            },
            ..TabularOptions::default()
        };
        assert!(matches!(
            read(
                Path::new("a.csv"),
                Split::Train,
                &Target::Unlabeled,
                &options
            ),
            Err(DataError::InvalidSetting {
                setting: "columns.text",
                ..
            })
        ));
    }
}
