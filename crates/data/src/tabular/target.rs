//! Inference of the target from the training rows.

use std::collections::BTreeSet;
use std::path::Path;
use std::slice;

use super::options::{LabelKind, TabularOptions};
use super::{TableFiles, format_of, mapping};
use crate::class_sets::{ClassSetReader, name_problem, names, twice};
use crate::dataset::Target;
use crate::error::DataError;
use crate::excerpt::excerpt;
use crate::label_reader::{ClassReader, LabelReader, integer, present, score, whole_number};
use crate::progress::Progress;
use crate::reader::OnBadRow;
use crate::splits::{SkippedRows, Split};
use crate::table::{Column, RequestedColumns, declared_classes, open_counted};

/// Maximum number of classes whose names may be numbers with fractions; half stars are ten.
const MOST_FRACTIONAL_CLASSES: usize = 10;

/// Infers the classes or the score range from the labels of a training file. If `options` specify
/// them, the file is not read. If the file declares class names for its labels, as Parquet and Arrow
/// files of the `datasets` library do, these are the classes, in their order.
///
/// # Errors
/// - [`DataError::InvalidFile`] if the file has no valid rows, or if there are fewer than two
///   classes, or one is listed twice.
/// - [`DataError::AmbiguousLabels`] for [`LabelKind::Infer`] if the labels look like scores.
/// - [`DataError::InvalidRow`] if a score is not a finite number, a class is listed twice in a row, or
///   text with several classes has no separator.
/// - [`DataError::InvalidSetting`] if the minimum of the range is not below its maximum.
/// - Any other [`DataError`] if the file cannot be read, or for the first invalid row unless
///   invalid rows are skipped.
pub fn infer_target(path: &Path, options: &TabularOptions) -> Result<Target, DataError> {
    infer_target_of(&TableFiles::at(path, Split::Train)?, options)
}

/// Infers the classes or the score range from the labels of training files, like [`infer_target`].
pub(crate) fn infer_target_of(
    source: &TableFiles,
    options: &TabularOptions,
) -> Result<Target, DataError> {
    let path = &source.path;
    if let LabelKind::Indicators(columns) = &options.labels {
        let names = columns.iter().map(Column::to_string).collect();
        return Ok(Target::MultiLabel(checked_names(path, names)?));
    }
    let Some(column) = &options.columns.label else {
        return Ok(Target::Unlabeled);
    };
    let several = |names| Ok(Target::MultiLabel(checked_names(path, names)?));
    let classes = |path, names| Ok(Target::Classes(checked_names(path, names)?));
    match &options.labels {
        // Returned above.
        LabelKind::Indicators(_) => Ok(Target::Unlabeled),
        LabelKind::MultiLabel {
            classes: Some(names),
            ..
        } => several(names.clone()),
        LabelKind::MultiLabel { separator, .. } => {
            if let Some(names) = declared(source, column, options)? {
                return several(names);
            }
            let separator = separator.as_deref();
            let mut labels = BTreeSet::new();
            each_label(source, column, options, |row, field| {
                let of_row = names_once(field, separator);
                let of_row = of_row.map_err(|problem| DataError::row(path, row, problem))?;
                labels.extend(of_row.into_iter().map(str::to_owned));
                Ok(())
            })?;
            several(in_order(labels))
        }
        LabelKind::Infer | LabelKind::InferClasses => {
            if let Some(names) = declared(source, column, options)? {
                return classes(path, names);
            }
            let mut labels = BTreeSet::new();
            each_label(source, column, options, |row, label| {
                let label = present(path, row, slice::from_ref(column), label)?;
                if !labels.contains(label) {
                    labels.insert(label.to_owned());
                }
                Ok(())
            })?;
            if options.labels == LabelKind::Infer {
                check_not_scores(path, &labels)?;
            }
            classes(path, in_order(labels))
        }
        LabelKind::Classes(names) => classes(path, names.clone()),
        LabelKind::InferRange => {
            let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
            each_label(source, column, options, |row, label| {
                let label = present(path, row, slice::from_ref(column), label)?;
                let problem = || format!("the score {:?} is not a finite number", excerpt(label));
                let score = score(label).ok_or_else(|| DataError::row(path, row, problem()))?;
                (lowest, highest) = (lowest.min(score), highest.max(score));
                Ok(())
            })?;
            scale(lowest, highest)
        }
        &LabelKind::Range { min, max } => scale(min, max),
    }
}

/// Returns the names that the training files, or what describes them, declare for the indices in the
/// label column.
fn declared(
    source: &TableFiles,
    column: &Column,
    options: &TabularOptions,
) -> Result<Option<Vec<String>>, DataError> {
    let format = format_of(&source.files, options)?;
    let of_file = match source.files.first() {
        Some(file) => declared_classes(file, format, column)?,
        None => None,
    };
    Ok(of_file.or_else(|| source.declared.clone()))
}

/// Returns the parser of the labels of a target.
///
/// # Errors
/// - [`DataError::InvalidSetting`] if each word has a class, the separator is empty, or there are not
///   as many columns as classes.
pub(super) fn label_reader(
    target: &Target,
    kind: &LabelKind,
) -> Result<Option<LabelReader>, DataError> {
    Ok(match target {
        Target::Classes(names) => {
            // A number is the index of a class only if the order of the classes was given by the
            // user.
            let positions = matches!(kind, LabelKind::Classes(_));
            Some(LabelReader::Classes(ClassReader::named(names, positions)))
        }
        &Target::Score {
            min: lowest,
            max: highest,
        } => Some(LabelReader::Scores { lowest, highest }),
        Target::Unlabeled => None,
        Target::MultiLabel(names) => Some(class_sets(names, kind)?),
        Target::TokenClasses(_) => {
            return Err(DataError::setting(
                "target",
                "classes or a score per row of a file",
                "a class for each word",
            ));
        }
    })
}

/// Returns the parser of the sets of classes in one column, or in one column per class.
fn class_sets(names: &[String], kind: &LabelKind) -> Result<LabelReader, DataError> {
    let (separator, is_given) = match kind {
        LabelKind::Indicators(columns) if columns.len() == names.len() => {
            return Ok(LabelReader::Indicators);
        }
        LabelKind::Indicators(columns) => {
            let expected = format!("a column for each of {} classes", names.len());
            return Err(DataError::setting(
                "labels.indicators",
                expected,
                columns.len(),
            ));
        }
        LabelKind::MultiLabel { separator, classes } => (separator.clone(), classes.is_some()),
        _ => (None, false),
    };
    if separator.as_deref() == Some("") {
        let expected = "at least one character";
        return Err(DataError::setting("labels.separator", expected, "none"));
    }
    Ok(LabelReader::ClassSets(ClassSetReader {
        classes: ClassReader::named(names, is_given),
        separator,
    }))
}

/// Returns the names of the classes in a field. The error describes what is wrong, such as a name
/// that is listed twice.
fn names_once<'a>(field: &'a str, separator: Option<&str>) -> Result<Vec<&'a str>, String> {
    let names = names(field, separator)?;
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(**name)) {
        Some(name) => Err(twice(name)),
        None => Ok(names),
    }
}

/// Calls `visit` with the row number and label of each row that [`super::read`] accepts.
fn each_label(
    source: &TableFiles,
    column: &Column,
    options: &TabularOptions,
    mut visit: impl FnMut(u64, &str) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut columns = mapping(options, &Target::Unlabeled)?.columns();
    let has_sets = matches!(options.labels, LabelKind::MultiLabel { .. });
    let list = has_sets.then_some(columns.len());
    columns.push(column.clone());
    let requested = RequestedColumns {
        columns: &columns,
        lists: list.as_slice(),
    };
    let (mut found, mut skipped) = (false, SkippedRows::default());
    let format = format_of(&source.files, options)?;
    for path in &source.files {
        for row in open_counted(path, format, requested, &Progress::default())? {
            let visited = row.and_then(|row| {
                let label = row.fields.last().map_or("", String::as_str);
                visit(row.number, label)
            });
            match visited {
                Ok(()) => found = true,
                Err(error) if options.on_bad_rows == OnBadRow::Skip && error.is_of_one_row() => {
                    skipped.count(&error);
                }
                Err(error) => return Err(error),
            }
        }
    }
    match found {
        true => Ok(()),
        false => Err(skipped.error(&source.path)),
    }
}

/// Checks that labels do not look like scores.
fn check_not_scores(path: &Path, labels: &BTreeSet<String>) -> Result<(), DataError> {
    let fraction = labels.iter().find(|label| whole_number(label).is_none());
    let are_numbers = labels.iter().all(|label| score(label).is_some());
    match fraction {
        Some(fraction) if are_numbers && labels.len() > MOST_FRACTIONAL_CLASSES => {
            Err(DataError::AmbiguousLabels {
                path: path.to_path_buf(),
                distinct: labels.len(),
                example: fraction.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// Returns numbers without a fraction in numerical order, and by code point if the numbers are equal
/// (`01` and `1`); otherwise names by code point. `1.0` is the class `1`.
fn in_order(labels: BTreeSet<String>) -> Vec<String> {
    let number = |label: String| match (integer(&label), whole_number(&label)) {
        (Some(number), _) => Some((number, number.to_string())),
        (None, Some(number)) => Some((number, label)),
        (None, None) => None,
    };
    let numbers: Option<BTreeSet<(i64, String)>> = labels.iter().cloned().map(number).collect();
    match numbers {
        Some(numbers) => numbers.into_iter().map(|(_, name)| name).collect(),
        None => labels.into_iter().collect(),
    }
}

/// Returns the class names if they are at least two different ones.
fn checked_names(path: &Path, names: Vec<String>) -> Result<Vec<String>, DataError> {
    match name_problem(&names) {
        Some(problem) => Err(DataError::file(path, problem)),
        None => Ok(names),
    }
}

fn scale(min: f64, max: f64) -> Result<Target, DataError> {
    if min.is_finite() && max.is_finite() && min < max {
        return Ok(Target::Score { min, max });
    }
    let expected = "a scale from a finite number up to a higher one";
    Err(DataError::setting(
        "labels",
        expected,
        format!("{min} to {max}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(content: &str, options: &TabularOptions) -> Result<Target, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("train.csv");
        std::fs::write(&path, format!("text,label\n{content}")).unwrap();
        infer_target(&path, options)
    }

    fn kind(labels: LabelKind) -> TabularOptions {
        TabularOptions {
            labels,
            ..TabularOptions::default()
        }
    }

    #[test]
    fn integers_sort_as_numbers_and_names_as_text() {
        let names = |content| match find(content, &TabularOptions::default()).unwrap() {
            Target::Classes(names) => names,
            other => panic!("{other:?}"),
        };
        assert_eq!(names("a,10\nb,2\nc,-1\nd,10\ne,2.0\n"), ["-1", "2", "10"]);
        assert_eq!(names("a,10\nb,2\nc,spam\n"), ["10", "2", "spam"]);
        // Zeros and signs that a number does not need belong to the name.
        assert_eq!(names("a,10\nb,02\nc,01\n"), ["01", "02", "10"]);
        let names = names("a,7\nb,10\nc,007\nd,1\ne,01\nf,+1\n");
        assert_eq!(names, ["+1", "01", "1", "007", "7", "10"]);
    }

    #[test]
    fn many_fractions_are_no_classes_unless_told_so() {
        let rows = |labels: &[f64]| -> String {
            labels.iter().map(|label| format!("a,{label}\n")).collect()
        };
        let halves: Vec<f64> = (1..=11).map(|half| f64::from(half) / 2.0).collect();
        let auto = TabularOptions::default();
        assert_eq!(auto.labels, LabelKind::Infer);
        let error = find(&rows(&halves), &auto).unwrap_err();
        assert!(matches!(
            &error,
            DataError::AmbiguousLabels { distinct: 11, example, .. } if example == "0.5"
        ));
        assert!(error.to_string().contains("train.csv"), "{error}");
        // Half stars, integers and names are classes.
        let whole: Vec<f64> = (1..=50).map(f64::from).collect();
        let padded: String = (1..=50).map(|code| format!("a,{code:03}\n")).collect();
        for content in [
            rows(&halves[..10]),
            rows(&whole),
            padded,
            rows(&halves) + "b,none\n",
        ] {
            assert!(matches!(find(&content, &auto), Ok(Target::Classes(_))));
        }
        let classes = find(&rows(&halves), &kind(LabelKind::InferClasses)).unwrap();
        assert!(matches!(classes, Target::Classes(names) if names.len() == 11));
        let range = find(&rows(&halves), &kind(LabelKind::InferRange)).unwrap();
        assert_eq!(range, Target::Score { min: 0.5, max: 5.5 });
    }

    #[test]
    fn one_class_is_too_few_and_no_label_is_no_class() {
        assert!(matches!(
            find("a,x\nb,x\n", &TabularOptions::default()),
            Err(DataError::InvalidFile { problem, .. }) if problem.ends_with("found [\"x\"]")
        ));
        assert!(matches!(
            find("a,x\nb,\n", &TabularOptions::default()),
            Err(DataError::InvalidRow { row: 3, .. })
        ));
        let twice = LabelKind::Classes(vec!["x".into(), "x".into(), "y".into()]);
        assert!(matches!(
            find("a,x\n", &kind(twice)),
            Err(DataError::InvalidFile { .. })
        ));
    }

    #[test]
    fn a_skipped_row_gives_no_class() {
        let options = TabularOptions {
            on_bad_rows: OnBadRow::Skip,
            ..TabularOptions::default()
        };
        let target = find("a,x\nb,y,z\nc\nd,y\n\"e\n", &options);
        assert!(matches!(target, Err(DataError::BrokenRow { row: 6, .. })));
        let target = find("a,x\nb,w,v\nc\nd,y\n", &options).unwrap();
        assert_eq!(target, Target::Classes(vec!["x".into(), "y".into()]));
    }

    #[test]
    fn classes_of_several_per_row_are_found_sorted_or_given() {
        let several = |separator: &str, classes: Option<&[&str]>| {
            kind(LabelKind::MultiLabel {
                separator: Some(separator.into()),
                classes: classes.map(|names| names.iter().map(|&name| name.into()).collect()),
            })
        };
        let names = |content, options: &TabularOptions| match find(content, options).unwrap() {
            Target::MultiLabel(names) => names,
            other => panic!("{other:?}"),
        };
        let content = "a,10;2\nb,\nc, 1 ; 2\n";
        assert_eq!(names(content, &several(";", None)), ["1", "2", "10"]);
        let given = several(";", Some(&["10", "1", "2"]));
        assert_eq!(names("", &given), ["10", "1", "2"]);
        let indicators = kind(LabelKind::Indicators(vec!["x".into(), "w".into()]));
        assert_eq!(names("", &indicators), ["x", "w"]);
        for (content, separator, problem) in [
            (
                "a,x;y\nb,y;y\n",
                ";",
                "row 3: the class \"y\" is listed twice",
            ),
            ("a,x;;y\n", ";", "has a class without a name"),
            ("a,x\nb,x\n", ";", "expected at least two classes"),
        ] {
            let error = find(content, &several(separator, None)).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        }
        let list = kind(LabelKind::MultiLabel {
            separator: None,
            classes: None,
        });
        let error = find("a,x;y\n", &list).unwrap_err().to_string();
        assert!(
            error.contains("row 2: the label \"x;y\" is text"),
            "{error}"
        );
    }

    #[test]
    fn a_scale_is_found_or_given() {
        let found = find("a,0.5\nb,-2\nc,3\n", &kind(LabelKind::InferRange)).unwrap();
        let expected = Target::Score {
            min: -2.0,
            max: 3.0,
        };
        assert_eq!(found, expected);
        assert!(matches!(
            find("a,1\nb,NaN\n", &kind(LabelKind::InferRange)),
            Err(DataError::InvalidRow { row: 3, .. })
        ));
        assert!(matches!(
            find("a,1\nb,1\n", &kind(LabelKind::InferRange)),
            Err(DataError::InvalidSetting { .. })
        ));
        let (lowest, highest) = (0.0, f64::NAN);
        assert!(matches!(
            find(
                "",
                &kind(LabelKind::Range {
                    min: lowest,
                    max: highest
                })
            ),
            Err(DataError::InvalidSetting { .. })
        ));
    }
}
