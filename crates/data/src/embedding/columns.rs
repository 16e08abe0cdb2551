//! Reading of embedding data from the columns of a file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{EmbeddingDataset, EmbeddingExample, EmbeddingKind, EmbeddingSplits};
use crate::error::DataError;
use crate::excerpt::excerpt;
use crate::label_reader::{present, score};
use crate::table::{Column, RequestedColumns, TableFormat, for_each_row, list_elements};

/// Columns of an embedding dataset, by name or by index from 0.
///
/// Without `score` and `label`, the rows are pairs of texts that belong together, or with `negatives`
/// rows that also have texts that do not.
///
/// ```
/// use finetune_data::{EmbeddingColumns, EmbeddingKind};
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("triplets.csv");
/// std::fs::write(&path, "q,a,n\nIs it open?,From nine on.,It is closed.\n")?;
/// let columns = EmbeddingColumns {
///     anchor: "q".into(),
///     positive: "a".into(),
///     negatives: vec!["n".into()],
///     ..EmbeddingColumns::default()
/// };
/// let dataset = columns.read(&path)?;
/// assert_eq!((dataset.kind(), dataset.texts_per_row()), (EmbeddingKind::Positives, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingColumns {
    /// Column of the first text (default: `anchor`).
    pub anchor: Column,
    /// Column of the second text (default: `positive`).
    pub positive: Column,
    /// Columns of texts that do not belong to the first, such as `negative` and `negative_2`, or one
    /// column of lists of them (default: none).
    pub negatives: Vec<Column>,
    /// Column of the score of a pair (default: none).
    pub score: Option<Column>,
    /// Range of the scores in the file, which becomes 0 to 1 (default: scores stay as they are).
    pub score_range: Option<[f64; 2]>,
    /// Column of the label of a pair, 1 if it belongs together and 0 if not (default: none).
    pub label: Option<Column>,
    /// File format (default: by file extension).
    pub format: Option<TableFormat>,
}

impl Default for EmbeddingColumns {
    fn default() -> Self {
        Self {
            anchor: "anchor".into(),
            positive: "positive".into(),
            negatives: Vec::new(),
            score: None,
            score_range: None,
            label: None,
            format: None,
        }
    }
}

/// Files of an embedding dataset, one per split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingFiles {
    /// Training file.
    pub train: PathBuf,
    /// Validation file (default: none).
    #[serde(default)]
    pub validation: Option<PathBuf>,
    /// Test file (default: none).
    #[serde(default)]
    pub test: Option<PathBuf>,
}

impl EmbeddingColumns {
    /// Reads the files of a dataset.
    ///
    /// # Errors
    /// - The errors of [`Self::read`].
    pub fn read_splits(&self, files: &EmbeddingFiles) -> Result<EmbeddingSplits, DataError> {
        let read = |path: &Option<PathBuf>| path.as_deref().map(|path| self.read(path)).transpose();
        Ok(EmbeddingSplits {
            train: self.read(&files.train)?,
            validation: read(&files.validation)?,
            test: read(&files.test)?,
        })
    }

    /// Reads a file, or a directory saved by the `datasets` library. The name of the dataset is that of
    /// the file.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if there is both a score and a label, or negatives with one of
    ///   them, or the score range is empty.
    /// - [`DataError::UnknownColumn`] if a column is missing.
    /// - [`DataError::InvalidRow`] if a text is empty, a row has another number of negatives than the
    ///   first, or a score or label is missing or invalid.
    /// - [`DataError::InvalidFile`] if there are no rows.
    /// - Any other [`DataError`] if the file cannot be read.
    pub fn read(&self, path: &Path) -> Result<EmbeddingDataset, DataError> {
        let kind = self.kind()?;
        let columns: Vec<Column> = [&self.anchor, &self.positive]
            .into_iter()
            .chain(&self.negatives)
            .chain(&self.score)
            .chain(&self.label)
            .cloned()
            .collect();
        let requested = RequestedColumns {
            columns: &columns,
            lists: if self.negatives.len() == 1 { &[2] } else { &[] },
        };
        let mut examples: Vec<EmbeddingExample> = Vec::new();
        for_each_row(path, self.format, requested, |file, row| {
            let example = self.example(kind, &columns, &row.fields, file, row.number)?;
            let texts = examples
                .first()
                .map_or(example.texts.len(), |first| first.texts.len());
            if let Some((expected, found)) = example.problem(kind, texts) {
                let problem = format!("expected {expected}, found {found}");
                return Err(DataError::row(file, row.number, problem));
            }
            examples.push(example);
            Ok(())
        })?;
        if examples.is_empty() {
            return Err(DataError::no_rows(path));
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        EmbeddingDataset::new(name, kind, examples)
    }

    fn kind(&self) -> Result<EmbeddingKind, DataError> {
        let kind = match (&self.score, &self.label) {
            (None, None) => return Ok(EmbeddingKind::Positives),
            (Some(_), None) => EmbeddingKind::Scores,
            (None, Some(_)) => EmbeddingKind::Labels,
            (Some(score), Some(label)) => {
                let found = format!("{score} and {label}");
                let expected = "one of score and label";
                return Err(DataError::setting("columns", expected, found));
            }
        };
        if let Some([min, max]) = self
            .score_range
            .filter(|[min, max]| min >= max || !(max - min).is_finite())
        {
            let found = format!("{min} to {max}");
            return Err(DataError::setting(
                "score_range",
                "a minimum below the maximum",
                found,
            ));
        }
        match self.negatives.is_empty() {
            true => Ok(kind),
            false => Err(DataError::setting(
                "negatives",
                "none for pairs with a score or label",
                self.negatives.len(),
            )),
        }
    }

    fn example(
        &self,
        kind: EmbeddingKind,
        columns: &[Column],
        fields: &[String],
        path: &Path,
        row: u64,
    ) -> Result<EmbeddingExample, DataError> {
        let (texts, label) = fields.split_at(2 + self.negatives.len());
        let mut of_row = texts[..2].to_vec();
        match texts[2..].first().and_then(|field| list_elements(field)) {
            Some(list) if self.negatives.len() == 1 => of_row.extend(list.map(str::to_owned)),
            _ => of_row.extend_from_slice(&texts[2..]),
        }
        let read = |field: &String| {
            let column = &columns[2 + self.negatives.len()..];
            let field = present(path, row, column, field)?;
            let problem = || {
                let what = match kind {
                    EmbeddingKind::Labels => "label",
                    _ => "score",
                };
                format!("the {what} {:?} is not a finite number", excerpt(field))
            };
            score(field).ok_or_else(|| DataError::row(path, row, problem()))
        };
        let label = label.first().map(read).transpose()?;
        Ok(EmbeddingExample {
            texts: of_row,
            label: label.map(|label| self.scaled(kind, label)),
        })
    }

    fn scaled(&self, kind: EmbeddingKind, label: f64) -> f64 {
        match (kind, self.score_range) {
            (EmbeddingKind::Scores, Some([min, max])) => (label - min) / (max - min),
            _ => label,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        name: &str,
        content: &str,
        columns: &EmbeddingColumns,
    ) -> Result<EmbeddingDataset, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        let found = columns.read(&path);
        found.map_err(|error| {
            error
                .to_string()
                .replace(&path.display().to_string(), "FILE")
        })
    }

    fn scored() -> EmbeddingColumns {
        EmbeddingColumns {
            score: Some("score".into()),
            score_range: Some([0.0, 5.0]),
            ..Default::default()
        }
    }

    #[test]
    fn negatives_are_columns_or_a_list() {
        let columns = EmbeddingColumns {
            negatives: vec!["negative".into(), "negative_2".into()],
            ..Default::default()
        };
        let content = "anchor,positive,negative,negative_2\na,b,c,d\n";
        let several = read("a.csv", content, &columns).unwrap();
        let list = EmbeddingColumns {
            negatives: vec!["negatives".into()],
            ..Default::default()
        };
        let content = "{\"anchor\": \"a\", \"positive\": \"b\", \"negatives\": [\"c\", \"d\"]}\n";
        let listed = read("a.jsonl", content, &list).unwrap();
        assert_eq!(several, listed);
        assert_eq!(several.texts_per_row(), 4);
        let uneven = format!("{content}{}", content.replace("[\"c\", \"d\"]", "[\"c\"]"));
        let error = read("a.jsonl", &uneven, &list).unwrap_err();
        let expected = "FILE, row 2: expected 4 texts, as in the first row, found 3";
        assert_eq!(error, expected);
    }

    #[test]
    fn scores_are_scaled_and_labels_are_not() {
        let dataset = read("a.csv", "anchor,positive,score\na,b,4\n", &scored()).unwrap();
        assert_eq!(dataset.examples()[0].label, Some(0.8));
        let columns = EmbeddingColumns {
            label: Some("same".into()),
            ..Default::default()
        };
        let dataset = read("a.csv", "anchor,positive,same\na,b,1\nc,d,0\n", &columns).unwrap();
        assert_eq!(dataset.kind(), EmbeddingKind::Labels);
        assert_eq!(dataset.examples()[1].label, Some(0.0));
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_row() {
        let pairs = EmbeddingColumns::default();
        let labeled = EmbeddingColumns {
            label: Some("score".into()),
            ..Default::default()
        };
        let both = EmbeddingColumns {
            label: Some("label".into()),
            ..scored()
        };
        let empty = EmbeddingColumns {
            score_range: Some([1.0, 1.0]),
            ..scored()
        };
        for (content, columns, expected) in [
            ("anchor,text\na,b\n", &pairs, "no column \"positive\""),
            (
                "anchor,positive\na,b\nc,\n",
                &pairs,
                "FILE, row 3: expected texts that are not empty",
            ),
            ("anchor,positive\n", &pairs, "FILE"),
            (
                "anchor,positive,score\na,b,3\nc,d,\n",
                &scored(),
                "row 3: no value in the column \"score\"",
            ),
            (
                "anchor,positive,score\na,b,x\n",
                &scored(),
                "row 2: the score \"x\" is not a finite number",
            ),
            (
                "anchor,positive,score\na,b,0.5\n",
                &labeled,
                "row 2: expected a label 0 or 1, found 0.5",
            ),
            ("", &both, "one of score and label"),
            ("", &empty, "score_range"),
        ] {
            let error = read("a.csv", content, columns).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
