//! File layouts of the supported datasets.

use std::path::{Path, PathBuf};

use super::{NamedDataset, NamedTarget, acl_imdb, shards};
use crate::column_mapping::{Escapes, Mapping};
use crate::error::DataError;
use crate::label_reader::{ClassReader, LabelReader};
use crate::reader::{ExampleReader, OnBadRow};
use crate::splits::Split;
use crate::table::{Column, Delimited, TableFormat, data_files, extension, is_saved_dataset};

/// A file layout of a dataset: the files of its splits and their content.
#[derive(Debug)]
pub struct Layout {
    /// Name of the layout.
    pub name: &'static str,
    /// Published numbers of rows of the splits, where known. Layouts with equal numbers have the
    /// same splits.
    pub rows: &'static [(Split, usize)],
    /// Subdirectories that may contain the files, besides the given directory.
    pub(super) subdirectories: &'static [&'static str],
    /// Files of the splits. If a split has two, the first takes precedence.
    pub(super) files: &'static [SplitFile],
    /// Content of the files.
    pub(super) content: Content,
}

/// Name of the file of a split.
#[derive(Debug)]
pub(super) struct SplitFile {
    pub(super) split: Split,
    /// Name of a text file, or the part of a Parquet file name before `.parquet` or
    /// `-00000-of-0000N.parquet`.
    pub(super) name: &'static str,
    /// Whether the rows have labels.
    pub(super) labeled: bool,
}

/// Content of the files of a layout.
#[derive(Debug)]
pub(super) enum Content {
    /// One text file per split, uncompressed or gzip-compressed (`.gz`).
    Text {
        format: TableFormat,
        fields: Fields,
        escapes: Escapes,
    },
    /// One or more Parquet files per split, or the Arrow files of a saved split.
    Parquet { fields: Fields, escapes: Escapes },
    /// aclImdb directories with one file per review.
    ReviewDirectories,
    /// Compressed archive of the aclImdb directories.
    ReviewArchive,
}

/// Columns of the texts and the label.
#[derive(Debug)]
pub(super) enum Fields {
    /// Named columns; class labels count from 0.
    Named {
        text: &'static [&'static str],
        text_pair: &'static [&'static str],
        label: &'static str,
    },
    /// Class label, counted from 1, followed by text columns: the files of Zhang et al.
    ClassFirst { texts: usize },
}

/// Located files of a split.
pub(super) struct Located {
    pub(super) layout: &'static Layout,
    file: &'static SplitFile,
    paths: Vec<PathBuf>,
}

/// Returns the fields of single texts, made of the given columns.
pub(super) const fn text(columns: &'static [&'static str], label: &'static str) -> Fields {
    pair(columns, &[], label)
}

/// Returns the fields of text pairs, made of the given columns.
pub(super) const fn pair(
    text: &'static [&'static str],
    text_pair: &'static [&'static str],
    label: &'static str,
) -> Fields {
    Fields::Named {
        text,
        text_pair,
        label,
    }
}

pub(super) const fn labeled(split: Split, name: &'static str) -> SplitFile {
    split_file(split, name, true)
}

pub(super) const fn unlabeled(split: Split, name: &'static str) -> SplitFile {
    split_file(split, name, false)
}

const fn split_file(split: Split, name: &'static str, labeled: bool) -> SplitFile {
    SplitFile {
        split,
        name,
        labeled,
    }
}

/// Column of the row ids in the files of the CS224N project.
const ID: &str = "id";

/// Names of the official CSV files.
const TRAIN_TEST_CSV: &[SplitFile] = &[
    labeled(Split::Train, "train.csv"),
    labeled(Split::Test, "test.csv"),
];

/// Names of the files in the GLUE archive.
const GLUE_TSV: &[SplitFile] = &[
    labeled(Split::Train, "train.tsv"),
    labeled(Split::Validation, "dev.tsv"),
    unlabeled(Split::Test, "test.tsv"),
];

/// Names of the hub files of a dataset with a training and a test split.
pub(super) const TRAIN_TEST_PARQUET: &[SplitFile] =
    &[labeled(Split::Train, "train"), labeled(Split::Test, "test")];

/// Names of the hub files of a GLUE dataset.
pub(super) const GLUE_PARQUET: &[SplitFile] = &[
    labeled(Split::Train, "train"),
    labeled(Split::Validation, "validation"),
    unlabeled(Split::Test, "test"),
];

/// Constructors of layouts that several datasets have. `rows` are the published numbers of rows,
/// and `subdirectories` the subdirectories that may contain the files.
impl Layout {
    /// Returns the files of Zhang et al.: no header, class counted from 1, then texts; fields
    /// quoted, with doubled quotes inside.
    pub(super) const fn official_csv(
        rows: &'static [(Split, usize)],
        subdirectories: &'static [&'static str],
        texts: usize,
        escapes: Escapes,
    ) -> Self {
        let format = Delimited {
            header: false,
            width: Some(texts + 1),
            ..Delimited::csv()
        };
        Self {
            name: "official CSV",
            rows,
            subdirectories,
            files: TRAIN_TEST_CSV,
            content: Content::Text {
                format: TableFormat::Delimited(format),
                fields: Fields::ClassFirst { texts },
                escapes,
            },
        }
    }

    /// Returns the files of the GLUE archive, in which quotes are ordinary characters.
    pub(super) const fn glue_tsv(
        rows: &'static [(Split, usize)],
        subdirectories: &'static [&'static str],
        fields: Fields,
    ) -> Self {
        Self {
            name: "GLUE TSV",
            rows,
            subdirectories,
            files: GLUE_TSV,
            content: Content::Text {
                format: TableFormat::Delimited(Delimited::unquoted_tsv()),
                fields,
                escapes: Escapes::None,
            },
        }
    }

    /// Returns the files of the CS224N course project.
    pub(super) const fn cs224n_tsv(
        rows: &'static [(Split, usize)],
        files: &'static [SplitFile],
        fields: Fields,
    ) -> Self {
        Self {
            name: "CS224N TSV",
            rows,
            subdirectories: &[],
            files,
            content: Content::Text {
                format: TableFormat::Delimited(Delimited::tsv()),
                fields,
                escapes: Escapes::None,
            },
        }
    }

    /// Returns the Parquet files of the Hugging Face hub.
    pub(super) const fn hub_parquet(
        rows: &'static [(Split, usize)],
        subdirectories: &'static [&'static str],
        files: &'static [SplitFile],
        fields: Fields,
        escapes: Escapes,
    ) -> Self {
        Self {
            name: "hub Parquet",
            rows,
            subdirectories,
            files,
            content: Content::Parquet { fields, escapes },
        }
    }
}

impl Layout {
    /// Returns the number of rows of the published split, if known.
    pub fn official_rows(&self, split: Split) -> Option<usize> {
        let found = self.rows.iter().find(|(other, _)| *other == split);
        found.map(|&(_, rows)| rows)
    }

    /// Returns whether both layouts have the same rows in the same splits.
    pub(super) fn is_of_cut(&self, other: &Layout) -> bool {
        self.rows == other.rows
    }

    /// Returns whether a single file holds only one split.
    pub(super) fn is_one_file_a_split(&self) -> bool {
        !matches!(self.content, Content::ReviewArchive)
    }

    /// Returns the file names that are searched for in a directory.
    pub(super) fn names(&self, split: Split) -> Vec<String> {
        let file_names = |file: &SplitFile| match self.content {
            Content::Parquet { .. } => shards::names(file.name).to_vec(),
            Content::ReviewDirectories => {
                let directories = acl_imdb::directories(split).iter();
                directories.map(|(name, _)| format!("{name}/")).collect()
            }
            Content::Text { .. } | Content::ReviewArchive => vec![file.name.to_owned()],
        };
        self.files_of(split).flat_map(file_names).collect()
    }

    fn files_of(&self, split: Split) -> impl Iterator<Item = &'static SplitFile> + use<> {
        let files: &'static [SplitFile] = self.files;
        files.iter().filter(move |file| file.split == split)
    }

    /// Finds the files of a split in a directory.
    pub(super) fn locate(
        &'static self,
        directory: &Path,
        split: Split,
    ) -> Result<Option<Located>, DataError> {
        for file in self.files_of(split) {
            let inner = self.subdirectories.iter().map(|name| directory.join(name));
            for place in std::iter::once(directory.to_path_buf()).chain(inner) {
                if let Some(paths) = self.paths(&place, file)? {
                    return Ok(Some(self.located(file, paths)));
                }
            }
        }
        Ok(None)
    }

    fn paths(&self, directory: &Path, file: &SplitFile) -> Result<Option<Vec<PathBuf>>, DataError> {
        match self.content {
            Content::Parquet { .. } => match shards::find(directory, file.name)? {
                None => saved_split(&directory.join(file.name)),
                shards => Ok(shards),
            },
            Content::ReviewDirectories => Ok(acl_imdb::is_tree(directory, file.split).then(|| {
                let directories = acl_imdb::directories(file.split).iter();
                directories.map(|(name, _)| directory.join(name)).collect()
            })),
            Content::Text { .. } | Content::ReviewArchive => {
                let plain = directory.join(file.name);
                let compressed = directory.join(format!("{}.gz", file.name));
                // Not `is_file`: if it is a directory, reading it reports the mistake.
                let found = [plain, compressed].into_iter().find(|path| path.exists());
                Ok(found.map(|path| vec![path]))
            }
        }
    }

    /// Uses a single file as a split if its extension matches the layout.
    pub(super) fn locate_file(&'static self, path: &Path, split: Split) -> Option<Located> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let named = |file: &&SplitFile| name.trim_end_matches(".gz") == file.name;
        let file = self
            .files_of(split)
            .find(named)
            .or_else(|| self.files_of(split).next())?;
        let extension = extension(path);
        let fits = match self.content {
            Content::Parquet { .. } => extension == "parquet",
            Content::Text { .. } => {
                Path::new(file.name).extension().unwrap_or_default()
                    == extension.trim_end_matches(".gz")
            }
            Content::ReviewArchive => extension == "tar.gz" || extension == "tgz",
            Content::ReviewDirectories => false,
        };
        fits.then(|| self.located(file, vec![path.to_path_buf()]))
    }

    fn located(&'static self, file: &'static SplitFile, paths: Vec<PathBuf>) -> Located {
        let layout = self;
        Located {
            layout,
            file,
            paths,
        }
    }
}

impl Located {
    /// Returns a reader of the files.
    pub(super) fn read(
        &self,
        dataset: &NamedDataset,
        split: Split,
        on_bad_rows: OnBadRow,
    ) -> Result<ExampleReader, DataError> {
        let table = |fields: &Fields, escapes: Escapes, format: TableFormat| {
            let mapping = fields.mapping(dataset.target, self.file.labeled, escapes);
            mapping.open(&self.paths, format)
        };
        let files = match &self.layout.content {
            &Content::Text {
                format,
                ref fields,
                escapes,
            } => table(fields, escapes, format)?,
            Content::Parquet { fields, escapes } => {
                // The columns of a saved dataset are the same.
                let format = match extension(&self.paths[0]).as_str() {
                    "arrow" => TableFormat::Arrow,
                    _ => TableFormat::Parquet,
                };
                table(fields, *escapes, format)?
            }
            Content::ReviewDirectories => acl_imdb::read_directories(&self.paths, split)?,
            Content::ReviewArchive => acl_imdb::read_archive(&self.paths[0], split)?,
        };
        let (name, schema, paths) = (
            format!("{}/{split}", dataset.name),
            dataset.schema(),
            self.paths.clone(),
        );
        let source_key = format!("{name}: {:?}, {:?}", self.layout, self.file);
        let examples = files.examples;
        let reader = ExampleReader::new(name, schema, paths, source_key, on_bad_rows, examples);
        Ok(reader.with_progress(files.progress, files.bytes))
    }

    /// Returns the ids of the rows that [`Self::read`] reads.
    pub(super) fn ids(
        &self,
        dataset: &NamedDataset,
        on_bad_rows: OnBadRow,
    ) -> Result<Vec<String>, DataError> {
        let &Content::Text {
            format,
            ref fields,
            escapes,
        } = &self.layout.content
        else {
            let problem = format!("{} have no ids", self.layout.name);
            return Err(DataError::file(&self.paths[0], problem));
        };
        // With the same label column, the same rows are bad.
        let mapping = Mapping {
            text: vec![ID.into()],
            text_pair: Vec::new(),
            ..fields.mapping(dataset.target, self.file.labeled, escapes)
        };
        let files = mapping.open(&self.paths, format)?;
        let (name, paths) = (dataset.name.to_string(), self.paths.clone());
        let (key, schema) = (format!("{name}: ids"), dataset.schema());
        let rows = ExampleReader::new(name, schema, paths, key, on_bad_rows, files.examples);
        rows.map(|row| Ok(row?.text)).collect()
    }
}

/// Returns the files of a split saved by the `datasets` library; `None` if the directory is none.
fn saved_split(directory: &Path) -> Result<Option<Vec<PathBuf>>, DataError> {
    match is_saved_dataset(directory) {
        true => data_files(directory, None).map(Some),
        false => Ok(None),
    }
}

impl Fields {
    fn mapping(&self, target: NamedTarget, labeled: bool, escapes: Escapes) -> Mapping {
        let reader = |first| match target {
            NamedTarget::Classes(names) => {
                LabelReader::Classes(ClassReader::numbered(first, names.len()))
            }
            NamedTarget::Score { lowest, highest } => LabelReader::Scores { lowest, highest },
        };
        let columns = |names: &[&str]| names.iter().map(|&name| Column::from(name)).collect();
        let (text, text_pair, label) = match *self {
            Self::Named {
                text,
                text_pair,
                label,
            } => (
                columns(text),
                columns(text_pair),
                (vec![label.into()], reader(0)),
            ),
            Self::ClassFirst { texts } => {
                let text = (1..=texts).map(Column::from).collect();
                (text, Vec::new(), (vec![Column::from(0)], reader(1)))
            }
        };
        Mapping {
            text,
            text_pair,
            label: labeled.then_some(label),
            escapes,
        }
    }
}
