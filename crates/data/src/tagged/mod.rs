//! Datasets with a class per word from your own files: CoNLL columns or JSON Lines.
//!
//! [`TaggedOptions`] define how files are read: the columns, the scheme of the tags ([`TagScheme`]) and
//! the one they are converted to, and the handling of invalid rows. [`open`] loads all splits.

mod conll;
mod json_lines;
mod options;
mod scheme;
mod sentence;
mod spans;
mod split_words;

pub use self::options::{TaggedColumns, TaggedFormat, TaggedOptions};
pub use self::scheme::TagScheme;
pub use self::spans::WordSpan;
pub use self::split_words::split_words;

use std::io::{BufRead, Read};
use std::path::Path;

use self::sentence::{Checks, Sentence, class_names};
use crate::dataset::{Dataset, Schema, Target, TextArity};
use crate::error::DataError;
use crate::progress::Progress;
use crate::reader::{ExampleReader, OnBadRow};
use crate::splits::{LoadedDataset, Split, SplitReport};
use crate::table::{RECORD_LIMIT, check_length, check_text, open_text};
use crate::tabular::{SplitFiles, name_of};

/// Loads the files of all splits. The text of an example is its words with a space between them, and
/// its label has a class for each word.
///
/// The scheme of the tags is that of the options, or else inferred from the training file. The
/// classes are the tags of the training file, sorted, unless set in the options; another tag in any
/// file is an error there.
///
/// ```
/// use finetune_data::tabular::SplitFiles;
/// use finetune_data::tagged::{self, TaggedOptions};
/// use finetune_data::Label;
///
/// let directory = tempfile::tempdir()?;
/// let train = directory.path().join("train.conll");
/// std::fs::write(&train, "Ada B-PER\nLovelace I-PER\nwrote O\n\nLondon B-LOC\n. O\n")?;
///
/// let opened = tagged::open(&SplitFiles::train(&train), &TaggedOptions::default())?;
/// let train = opened.splits.train;
/// assert_eq!(train.class_names(), ["B-LOC", "B-PER", "I-PER", "O"]);
/// assert_eq!(train.examples[0].text, "Ada Lovelace wrote");
/// assert_eq!(train.examples[0].label, Label::TokenClasses(vec![1, 2, 3]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// - The error of the first invalid row of any file, with file and row number, unless invalid rows
///   are skipped: tags that break their scheme, a sentence without tags among tagged ones, another
///   number of columns or tags, or spans that overlap or begin or end within a word.
/// - [`DataError::InvalidFile`] if a file has no rows or no known format.
/// - [`DataError::InvalidSetting`] if the tags are numbers without names, or cannot be converted.
pub fn open(files: &SplitFiles, options: &TaggedOptions) -> Result<LoadedDataset, DataError> {
    let mut train = read(&files.train, options)?;
    if options.on_bad_rows == OnBadRow::Error {
        // Before anything is inferred from the others.
        let valid = train.into_iter().collect::<Result<Vec<_>, _>>()?;
        train = valid.into_iter().map(Ok).collect();
    }
    let checks = Checks {
        scheme: options.scheme_of(&train)?,
        convert_to: options.convert_to,
        class_names: Vec::new(),
    };
    let names = match &options.class_names[..] {
        [] => class_names(&files.train, &train, &checks, options.on_bad_rows)?,
        names => names.to_vec(),
    };
    let checks = Checks {
        class_names: names,
        ..checks
    };
    let load = |path: &Path, rows, split| split_of(path, rows, split, &checks, options);
    LoadedDataset::load(load(&files.train, train, Split::Train)?, |split| {
        let path = match split {
            Split::Train => None,
            Split::Validation => files.validation.as_deref(),
            Split::Test => files.test.as_deref(),
            Split::Unlabeled => files.unlabeled.as_deref(),
        };
        path.map(|path| load(path, read(path, options)?, split))
            .transpose()
    })
}

/// Sentences of a file, some of which may be invalid.
type Sentences = Vec<Result<Sentence, DataError>>;

fn read(path: &Path, options: &TaggedOptions) -> Result<Sentences, DataError> {
    let format = options.format_of(path)?;
    let lines = lines(path)?;
    let read = match format {
        TaggedFormat::Conll => conll::sentences(path, &lines, &options.columns),
        TaggedFormat::JsonLines => json_lines::sentences(path, &lines, options),
    };
    match read.is_empty() {
        true => Err(DataError::no_rows(path)),
        false => Ok(read),
    }
}

/// Reads the lines of a file, without their line breaks.
fn lines(path: &Path) -> Result<Vec<String>, DataError> {
    let (mut lines, mut reader) = (Vec::new(), open_text(path, &Progress::default())?);
    for number in 1.. {
        let mut line = Vec::new();
        // A line that is too long is not read to its end.
        let mut start = reader.by_ref().take(RECORD_LIMIT as u64 + 1);
        let read = start.read_until(b'\n', &mut line);
        if read.map_err(|source| DataError::reading(path, source))? == 0 {
            break;
        }
        check_length(path, number, line.len())?;
        let text = check_text(path, number, &line)?.trim_end_matches(['\n', '\r']);
        let text = match number {
            1 => text.trim_start_matches('\u{feff}'),
            _ => text,
        };
        lines.push(text.to_string());
    }
    Ok(lines)
}

fn split_of(
    path: &Path,
    sentences: Sentences,
    split: Split,
    checks: &Checks,
    options: &TaggedOptions,
) -> Result<(Dataset, SplitReport), DataError> {
    let schema = Schema {
        texts: TextArity::Single,
        target: Target::TokenClasses(checks.class_names.clone()),
    };
    // Either all sentences of a file have tags, or none has.
    let mut valid = sentences.iter().flatten();
    let tagged = split != Split::Unlabeled && valid.any(|sentence| sentence.tags.is_some());
    let (checks, owned_path) = (checks.clone(), path.to_path_buf());
    let examples = sentences.into_iter().map(move |sentence| {
        let sentence = sentence?;
        checks.example(&owned_path, sentence, tagged)
    });
    let (files, on_bad_rows) = (vec![path.to_path_buf()], options.on_bad_rows);
    let source_key = format!("tagged, {split}: {options:?}");
    let name = name_of(path);
    ExampleReader::new(name, schema, files, source_key, on_bad_rows, examples)
        .read_split(split, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Label;

    /// Opens files of these names and contents: training, and test if there are two.
    fn opened(files: &[(&str, &str)], options: &TaggedOptions) -> Result<LoadedDataset, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let paths = files.iter().map(|(name, content)| {
            let path = directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        });
        let paths: Vec<_> = paths.collect();
        let mut files = SplitFiles::train(&paths[0]);
        files.test = paths.get(1).cloned();
        open(&files, options)
    }

    fn rows(dataset: &Dataset) -> Vec<String> {
        let names = dataset.class_names();
        let row = |example: &crate::dataset::Example| {
            let tags = example
                .label
                .classes()
                .iter()
                .map(|class| &names[*class][..]);
            format!("{}: {}", example.text, tags.collect::<Vec<_>>().join(" "))
        };
        dataset.examples.iter().map(row).collect()
    }

    /// Returns the error behind the path of the file.
    fn problem(files: &[(&str, &str)], options: &TaggedOptions) -> String {
        let error = opened(files, options).unwrap_err().to_string();
        let name = files
            .iter()
            .find(|(name, _)| error.contains(name))
            .map_or("", |(name, _)| name);
        error
            .split_once(name)
            .map_or(error.clone(), |(_, rest)| rest.to_string())
    }

    #[test]
    fn columns_are_chosen_and_documents_left_out() {
        let text = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP I-ORG\nrejects VBZ B-VP O\n\n\nRome NNP B-NP I-LOC\n";
        let entities = opened(&[("a.txt", text)], &TaggedOptions::default()).unwrap();
        let train = &entities.splits.train;
        // IOB1 stays as it is.
        assert_eq!(rows(train), ["EU rejects: I-ORG O", "Rome: I-LOC"]);
        assert_eq!(entities.reports[0].to_string(), "train: 2 rows");
        let options = TaggedOptions {
            columns: TaggedColumns {
                tag: Some(1),
                ..TaggedColumns::default()
            },
            ..TaggedOptions::default()
        };
        let parts = opened(&[("a.txt", text)], &options).unwrap().splits.train;
        assert_eq!(parts.class_names(), ["NNP", "VBZ"]);
        let options = TaggedOptions {
            convert_to: Some(TagScheme::Bioes),
            ..TaggedOptions::default()
        };
        let converted = opened(&[("a.txt", text)], &options).unwrap().splits.train;
        assert_eq!(converted.class_names(), ["O", "S-LOC", "S-ORG"]);
    }

    #[test]
    fn tabs_separate_columns_and_comments_are_left_out() {
        let text = "# id = 1\n1\tAnn\tB-PER\n2\t#\tO\n\n# id = 2\n1\tOslo\tB-LOC\n";
        let options = TaggedOptions {
            columns: TaggedColumns {
                word: 1,
                ..TaggedColumns::default()
            },
            ..TaggedOptions::default()
        };
        let train = opened(&[("a.conll", text)], &options).unwrap().splits.train;
        assert_eq!(rows(&train), ["Ann #: B-PER O", "Oslo: B-LOC"]);
    }

    #[test]
    fn objects_have_tags_by_name_or_number_or_spans() {
        let names = ["O", "B-PER", "I-PER"].map(String::from);
        let options = TaggedOptions {
            class_names: names.to_vec(),
            ..TaggedOptions::default()
        };
        let text = r#"{"tokens": ["Ann", "Lee", "ran"], "ner_tags": [1, 2, 0]}
{"tokens": ["Bo"], "tags": ["B-PER"], "id": 7}
{"text": "I met  Ann Lee.", "entities": [{"start": 7, "end": 14, "label": "PER"}]}
{"text": "Bo!", "spans": [[0, 2, "PER"]]}
"#;
        let train = opened(&[("a.jsonl", text)], &options).unwrap().splits.train;
        let expected = [
            "Ann Lee ran: B-PER I-PER O",
            "Bo: B-PER",
            "I met Ann Lee .: O O B-PER I-PER O",
            "Bo !: B-PER O",
        ];
        assert_eq!(rows(&train), expected);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_row() {
        let plain = TaggedOptions::default();
        let bio = TaggedOptions {
            scheme: Some(TagScheme::Bio),
            ..TaggedOptions::default()
        };
        let good = "a B-X\nb I-X\n\nc O\n";
        for (files, options, expected) in [
            (
                vec![("a.txt", "a O\nb O\nc I-X\n")],
                &bio,
                ", row 3: the tag \"I-X\" of word 2 behind \"O\" breaks bio",
            ),
            (
                vec![("a.txt", "c O\n\nb E-X\n\nd B-X\ne E-X\n")],
                &plain,
                ", row 3: the tag \"E-X\" of word 0 at the beginning of the sentence breaks bioes",
            ),
            (
                vec![("a.txt", good), ("b.txt", "x O\ny B-Z\n")],
                &plain,
                ", row 2: the tag \"B-Z\" is none of [\"B-X\", \"I-X\", \"O\"]",
            ),
            (
                vec![("a.txt", "a B-X\n\nb\n\nc O\n")],
                &plain,
                ", row 3: the sentence has no tags, but others have",
            ),
            (
                vec![("a.txt", "a B-X\nb\n")],
                &plain,
                ", row 2: expected 2 columns, found 1",
            ),
            (vec![("a.txt", "\n\n")], &plain, ": the file has no rows"),
            (
                vec![("a.jsonl", r#"{"tokens": ["a"], "tags": [1]}"#)],
                &plain,
                ", row 1: the tag 1 is a number, which needs class_names",
            ),
            (
                vec![("a.jsonl", r#"{"tokens": ["a", "b"], "tags": ["O"]}"#)],
                &plain,
                ", row 1: 1 tags for 2 words",
            ),
            (
                vec![("a.jsonl", r#"{"tokens": ["a b"], "tags": ["O"]}"#)],
                &plain,
                "tags of the training rows: expected at least 2 different ones, found 1",
            ),
            (
                vec![("a.jsonl", r#"{"text": "Bo!", "spans": [[0, 1, "PER"]]}"#)],
                &bio,
                ", row 1: the span 0..1 (PER) begins or ends within a word",
            ),
        ] {
            assert_eq!(problem(&files, options), expected, "{files:?}");
        }
    }

    #[test]
    fn bad_sentences_are_skipped_and_counted_if_told_to() {
        let options = TaggedOptions {
            scheme: Some(TagScheme::Bio),
            on_bad_rows: OnBadRow::Skip,
            ..TaggedOptions::default()
        };
        let text = "a B-X\nb I-X\n\nc I-X\n\nd O\n";
        let opened = opened(&[("a.txt", text)], &options).unwrap();
        assert_eq!(rows(&opened.splits.train), ["a b: B-X I-X", "d: O"]);
        assert_eq!(opened.reports[0].skipped.rows, 1);
    }

    #[test]
    fn a_file_may_have_no_tags_at_all() {
        let files = [("a.txt", "a B-X\n\nb O\n"), ("b.txt", "c\nd\n")];
        let opened = opened(&files, &TaggedOptions::default()).unwrap();
        let test = opened.splits.test.unwrap();
        assert_eq!(test.examples[0].label, Label::Unlabeled);
        assert_eq!(test.examples[0].text, "c d");
    }
}
