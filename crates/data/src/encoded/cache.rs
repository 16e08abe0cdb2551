//! Disk cache of encoded datasets, so that texts are tokenized once instead of every run.

use std::fs;
use std::path::{Path, PathBuf};

use finetune_storage::{ArrayFile, ArrayFileWriter};
use serde::{Deserialize, Serialize};

use super::EncodedDataset;
use super::cache_key::{FileStamp, Key, Source};
use super::encode_stream::{Chunks, EncodingProgress};
use super::files::{TextsMetadata, TextsWriter, mismatch, open_texts};
use super::labels::{EncodedLabels, LabelsBuilder};
use crate::cleaning::Cleaning;
use crate::content_hash::hexadecimal;
use crate::dataset::{Dataset, Schema, TextArity};
use crate::error::DataError;
use crate::reader::{ExampleReader, OnBadRow};
use crate::splits::SkippedRows;
use crate::tokenizer::{EncodingConfig, PairEncoding, TextTokenizer};

/// Disk cache of encoded datasets in a directory.
///
/// Each dataset is one memory-mapped file: opening it takes a few milliseconds regardless of size,
/// and it may be larger than memory. A file is reused only if it is intact and was made from the
/// same text with the same cleaning, tokenizer and truncation; otherwise it is rebuilt. Processes
/// that need the same dataset at the same time wait for each other.
///
/// ```
/// use finetune_data::{Dataset, EncodedCache, EncodingConfig, Example, Label, Schema, TextTokenizer};
///
/// let directory = tempfile::tempdir()?;
/// let cache = EncodedCache::new(directory.path());
/// let dataset = Dataset {
///     name: "films/train".into(),
///     schema: Schema::classification(["bad", "good"]),
///     examples: vec![Example::new("a fine film", Label::Class(1))],
/// };
/// let tokenizer = TextTokenizer::train_wordpiece(["a fine film", "a fine fine film"], 60)?;
/// let first = cache.dataset(&dataset, &tokenizer, &EncodingConfig::default())?;
/// let second = cache.dataset(&dataset, &tokenizer, &EncodingConfig::default())?;
/// assert!(!first.reused && second.reused);
/// assert_eq!(first.data, second.data);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedCache {
    directory: PathBuf,
}

/// Encoded dataset from a cache.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedDataset {
    /// The dataset.
    pub data: EncodedDataset,
    /// Rows of the files that were skipped when the dataset was encoded.
    pub skipped: SkippedRows,
    /// Whether an existing file was reused.
    pub reused: bool,
    /// Path of the file.
    pub path: PathBuf,
}

/// Metadata stored in a cache file.
#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    /// [`Key`] as JSON.
    key: String,
    texts: TextsMetadata,
    second_texts: Option<TextsMetadata>,
    labels: LabelKind,
    skipped: SkippedRows,
}

/// Kind of the stored labels.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum LabelKind {
    Classes,
    MultiLabel,
    TokenClasses,
    Scores,
    Unlabeled,
}

/// Requested dataset: its file, its key, and how to encode it.
struct Wanted<'a> {
    path: PathBuf,
    /// [`Key`] as JSON.
    key: String,
    schema: &'a Schema,
    tokenizer: &'a TextTokenizer,
    config: &'a EncodingConfig,
}

impl EncodedCache {
    /// Creates a cache in the given directory, which is created when needed.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Returns the directory of the cache.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the encoded form of an in-memory dataset, from the cache if possible.
    ///
    /// # Errors
    /// The errors of [`EncodedDataset::new`], and
    /// - [`DataError::Storage`] if the file cannot be written.
    pub fn dataset(
        &self,
        dataset: &Dataset,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
    ) -> Result<CachedDataset, DataError> {
        let source = Source::Content {
            fingerprint: dataset.fingerprint(),
        };
        let schema = &dataset.schema;
        let key = Key::new(source, schema, &Cleaning::default(), tokenizer, config).json()?;
        let wanted = Wanted {
            path: self.path(&dataset.name, &key),
            key,
            schema,
            tokenizer,
            config,
        };
        wanted.open_or_make(|| Chunks::of(&dataset.examples), &mut |_| ())
    }

    /// Returns the encoded examples of a reader, from the cache if possible. Only one chunk of text
    /// and the labels are in memory at a time.
    ///
    /// `progress` is called after every chunk.
    ///
    /// # Errors
    /// - The error of the first invalid row, unless the reader skips invalid rows.
    /// - [`DataError::InvalidFile`] if the reader has no rows.
    /// - [`DataError::Storage`] if the file cannot be written.
    /// - The errors of [`EncodedDataset::new`].
    pub fn reader(
        &self,
        reader: ExampleReader,
        cleaning: &Cleaning,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
        progress: &mut dyn FnMut(EncodingProgress),
    ) -> Result<CachedDataset, DataError> {
        let (name, schema) = (reader.name().to_owned(), reader.schema().clone());
        let key = |stamp: fn(&Path) -> Result<FileStamp, DataError>| {
            let files = reader.files().iter().map(|path| stamp(path));
            let source = Source::SplitFiles {
                files: files.collect::<Result<_, _>>()?,
                source_key: reader.source_key().to_owned(),
                skip_bad_rows: reader.on_bad_rows() == OnBadRow::Skip,
            };
            Key::new(source, &schema, cleaning, tokenizer, config).json()
        };
        // The path ignores size and modification time, so that a changed file replaces its old
        // dataset.
        let (place, key) = (key(FileStamp::nameless)?, key(FileStamp::of)?);
        let wanted = Wanted {
            path: self.path(&name, &place),
            key,
            schema: &schema,
            tokenizer,
            config,
        };
        wanted.open_or_make(|| Chunks::new(reader, cleaning.clone()), progress)
    }

    /// Returns the path of the file of a dataset: its readable name and a hash of its key.
    fn path(&self, name: &str, place: &str) -> PathBuf {
        let kept = |character: char| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => character,
            _ => '-',
        };
        let name: String = name.chars().take(80).map(kept).collect();
        let hash = <sha2::Sha256 as sha2::Digest>::digest(place);
        let file = format!("{name}-{}.tokens", &hexadecimal(&hash)[..16]);
        self.directory.join(file)
    }
}

impl Wanted<'_> {
    fn open_or_make<'a>(
        &self,
        chunks: impl FnOnce() -> Chunks<'a>,
        progress: &mut dyn FnMut(EncodingProgress),
    ) -> Result<CachedDataset, DataError> {
        if let Some(cached) = self.open()? {
            return Ok(cached);
        }
        let directory = self.path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(directory).map_err(|source| DataError::io(directory, source))?;
        let file = ArrayFileWriter::create(&self.path)?;
        // Another process may have written it while this one waited for the lock.
        if let Some(cached) = self.open()? {
            return Ok(cached);
        }
        self.write(file, chunks(), progress)?;
        let made = self.open()?.map(|cached| CachedDataset {
            reused: false,
            ..cached
        });
        made.ok_or_else(|| mismatch(&self.path))
    }

    /// Returns the dataset in the file; `None` if the file is missing, corrupted, stale or made
    /// from other data.
    fn open(&self) -> Result<Option<CachedDataset>, DataError> {
        let opened = ArrayFile::open(&self.path).and_then(|file| {
            let metadata: Metadata = file.metadata()?;
            Ok((file, metadata))
        });
        let (file, metadata) = match opened {
            Ok(opened) => opened,
            Err(error) if error.is_unusable_file() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if metadata.key != self.key {
            return Ok(None);
        }
        match map_dataset(&file, &metadata, self.schema) {
            Ok(data) => Ok(Some(CachedDataset {
                data,
                skipped: metadata.skipped,
                reused: true,
                path: self.path.clone(),
            })),
            Err(DataError::InvalidFile { .. }) => Ok(None),
            Err(DataError::Storage(error)) if error.is_unusable_file() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tokenizes the chunks into the file. The next chunk is read while one is tokenized.
    fn write(
        &self,
        mut file: ArrayFileWriter,
        mut chunks: Chunks<'_>,
        progress: &mut dyn FnMut(EncodingProgress),
    ) -> Result<(), DataError> {
        let mut texts = TextsWriter::begin(&mut file, "")?;
        let mut second_texts = match (self.schema.texts, self.config.pair_encoding) {
            (TextArity::Pair, PairEncoding::BiEncoder) => {
                Some(TextsWriter::begin(&mut file, "second/")?)
            }
            _ => None,
        };
        let mut labels = LabelsBuilder::new(self.schema);
        let skipped = chunks.for_each(self.schema, self.tokenizer, self.config, &mut |chunk| {
            labels.push_all(chunk.examples)?;
            texts.write(&mut file, &chunk.texts)?;
            if let (Some(writer), Some(second)) = (&mut second_texts, &chunk.second_texts) {
                writer.write(&mut file, second)?;
            }
            progress(chunk.progress);
            Ok(())
        })?;
        let kind = match labels.finish() {
            EncodedLabels::Classes(labels) => {
                let array = file.array("classes")?;
                file.write(&array, labels.all()?)?;
                LabelKind::Classes
            }
            EncodedLabels::MultiLabel { starts, classes } => {
                let array = file.array("class_starts")?;
                file.write(&array, starts.all()?)?;
                let array = file.array("classes")?;
                file.write(&array, classes.all()?)?;
                LabelKind::MultiLabel
            }
            EncodedLabels::TokenClasses { starts, classes } => {
                let array = file.array("class_starts")?;
                file.write(&array, starts.all()?)?;
                let array = file.array("classes")?;
                file.write(&array, classes.all()?)?;
                LabelKind::TokenClasses
            }
            EncodedLabels::Scores(labels) => {
                let array = file.array("scores")?;
                file.write(&array, labels.all()?)?;
                LabelKind::Scores
            }
            EncodedLabels::Unlabeled => LabelKind::Unlabeled,
        };
        let metadata = Metadata {
            key: self.key.clone(),
            texts: texts.metadata(),
            second_texts: second_texts.as_ref().map(TextsWriter::metadata),
            labels: kind,
            skipped,
        };
        Ok(file.finish(metadata)?)
    }
}

fn map_dataset(
    file: &ArrayFile,
    metadata: &Metadata,
    schema: &Schema,
) -> Result<EncodedDataset, DataError> {
    let second_texts = match metadata.second_texts {
        Some(second) => Some(open_texts(file, "second/", second)?),
        None => None,
    };
    let labels = match metadata.labels {
        LabelKind::Classes => EncodedLabels::Classes(file.array("classes")?),
        LabelKind::MultiLabel => EncodedLabels::MultiLabel {
            starts: file.array("class_starts")?,
            classes: file.array("classes")?,
        },
        LabelKind::TokenClasses => EncodedLabels::TokenClasses {
            starts: file.array("class_starts")?,
            classes: file.array("classes")?,
        },
        LabelKind::Scores => EncodedLabels::Scores(file.array("scores")?),
        LabelKind::Unlabeled => EncodedLabels::Unlabeled,
    };
    let texts = metadata.texts.texts;
    if labels.count().unwrap_or(texts) != texts {
        return Err(mismatch(file.path()));
    }
    Ok(EncodedDataset {
        texts: open_texts(file, "", metadata.texts)?,
        second_texts,
        labels,
        schema: schema.clone(),
    })
}
