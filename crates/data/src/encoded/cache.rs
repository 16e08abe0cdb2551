//! Encoded data sets kept on disk, so that a text is tokenised once and not once a run.

use std::fs;
use std::path::{Path, PathBuf};

use finetune_storage::{ArrayFile, ArrayFileWriter};
use serde::{Deserialize, Serialize};

use super::EncodedDataset;
use super::cache_key::{FileStamp, Key, Source};
use super::files::{TextsMetadata, TextsWriter, open_texts};
use super::labels::{EncodedLabels, LabelsBuilder};
use super::stream::{Chunks, EncodingProgress};
use crate::cleaning::Cleaning;
use crate::dataset::{Dataset, Task, Texts, hexadecimal};
use crate::error::DataError;
use crate::reader::{BadRows, ExampleReader};
use crate::splits::Skipped;
use crate::tokenizer::{EncodingConfig, PairEncoding, TextTokenizer};

/// A folder of encoded data sets.
///
/// Each is one file, mapped into memory when it is opened: that takes a few milliseconds for any
/// size, and a data set may be larger than memory. A file is used only if it was made from the
/// same text with the same cleaning, tokenizer and truncation, and is whole; otherwise it is made
/// anew. Two programs that want one data set at the same time wait for each other.
///
/// ```
/// use finetune_data::{Dataset, EncodedCache, EncodingConfig, Example, Label, Task, TextTokenizer};
///
/// let folder = tempfile::tempdir()?;
/// let cache = EncodedCache::new(folder.path());
/// let dataset = Dataset {
///     name: "films/train".into(),
///     task: Task::classification(["bad", "good"]),
///     examples: vec![Example::new("a fine film", Label::Class(1))],
/// };
/// let tokenizer = TextTokenizer::train_word_piece(["a fine film", "a fine fine film"], 60)?;
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

/// An encoded data set from a cache.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedDataset {
    /// The data.
    pub data: EncodedDataset,
    /// The rows of the files that were left out, when it was made.
    pub skipped: Skipped,
    /// Whether it was there already.
    pub reused: bool,
    /// The file.
    pub path: PathBuf,
}

/// What a file says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    /// The [`Key`] as JSON.
    key: String,
    texts: TextsMetadata,
    second_texts: Option<TextsMetadata>,
    labels: LabelKind,
    skipped: Skipped,
}

/// Which labels the texts have.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum LabelKind {
    Classes,
    Scores,
    Unlabelled,
}

/// A data set that is wanted: where it is kept, what it must be made from, and how.
struct Wanted<'a> {
    path: PathBuf,
    /// The [`Key`] as JSON.
    key: String,
    task: &'a Task,
    tokenizer: &'a TextTokenizer,
    config: &'a EncodingConfig,
}

impl EncodedCache {
    /// A cache in this folder, which is made when it is needed.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A data set in memory, tokenised now or before.
    ///
    /// # Errors
    /// As [`EncodedDataset::new`]; [`DataError::Storage`] if the file cannot be written.
    pub fn dataset(
        &self,
        dataset: &Dataset,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
    ) -> Result<CachedDataset, DataError> {
        let source = Source::Content {
            fingerprint: dataset.fingerprint(),
        };
        let task = &dataset.task;
        let key = Key::new(source, task, &Cleaning::default(), tokenizer, config).json()?;
        let wanted = Wanted {
            path: self.path(&dataset.name, &key),
            key,
            task,
            tokenizer,
            config,
        };
        wanted.open_or_make(|| Chunks::of(&dataset.examples), &mut |_| ())
    }

    /// The examples of a reader, tokenised now or before. Nothing but a chunk of text and the
    /// labels is in memory at a time.
    ///
    /// `progress` is called after every chunk.
    ///
    /// # Errors
    /// The first bad row, unless the reader skips them; as [`EncodedDataset::new`];
    /// [`DataError::NoRows`]; [`DataError::Storage`] if the file cannot be written.
    pub fn reader(
        &self,
        reader: ExampleReader,
        cleaning: &Cleaning,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
        progress: &mut dyn FnMut(EncodingProgress),
    ) -> Result<CachedDataset, DataError> {
        let (name, task) = (reader.name().to_owned(), reader.task().clone());
        let key = |stamp: fn(&Path) -> Result<FileStamp, DataError>| {
            let files = reader.files().iter().map(|path| stamp(path));
            let source = Source::Files {
                files: files.collect::<Result<_, _>>()?,
                recipe: reader.recipe().to_owned(),
                skip_bad_rows: reader.bad_rows() == BadRows::Skip,
            };
            Key::new(source, &task, cleaning, tokenizer, config).json()
        };
        // A file that has changed since makes the old data set stale: the new one takes its place.
        let (place, key) = (key(FileStamp::nameless)?, key(FileStamp::of)?);
        let wanted = Wanted {
            path: self.path(&name, &place),
            key,
            task: &task,
            tokenizer,
            config,
        };
        wanted.open_or_make(|| Chunks::new(reader, cleaning.clone()), progress)
    }

    /// The file of a data set: its name for people, a hash of what tells it from others.
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
        let folder = self.path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder).map_err(|source| DataError::io(folder, source))?;
        let file = ArrayFileWriter::create(&self.path)?;
        // Another program may have made it while this one waited for its turn.
        if let Some(cached) = self.open()? {
            return Ok(cached);
        }
        self.write(file, chunks(), progress)?;
        let made = self.open()?.map(|cached| CachedDataset {
            reused: false,
            ..cached
        });
        made.ok_or_else(|| DataError::CacheMismatch {
            path: self.path.clone(),
        })
    }

    /// The data set in a file, `None` if it has to be made: the file is missing, damaged, of something
    /// else, or stale.
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
        match map_dataset(&file, &metadata, self.task) {
            Ok(data) => Ok(Some(CachedDataset {
                data,
                skipped: metadata.skipped,
                reused: true,
                path: self.path.clone(),
            })),
            Err(DataError::CacheMismatch { .. }) => Ok(None),
            Err(DataError::Storage(error)) if error.is_unusable_file() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tokenises chunk after chunk into the file. While one chunk is tokenised the next is read.
    fn write(
        &self,
        mut file: ArrayFileWriter,
        mut chunks: Chunks<'_>,
        progress: &mut dyn FnMut(EncodingProgress),
    ) -> Result<(), DataError> {
        let mut texts = TextsWriter::begin(&mut file, "")?;
        let mut second_texts = match (self.task.texts, self.config.pairs) {
            (Texts::Pair, PairEncoding::Separate) => {
                Some(TextsWriter::begin(&mut file, "second/")?)
            }
            _ => None,
        };
        let mut labels = LabelsBuilder::new(self.task);
        let skipped = chunks.for_each(self.task, self.tokenizer, self.config, &mut |chunk| {
            labels.push_all(chunk.examples)?;
            texts.write(&mut file, &chunk.texts)?;
            if let (Some(writer), Some(second)) = (&mut second_texts, &chunk.second_texts) {
                writer.write(&mut file, second)?;
            }
            progress(chunk.progress);
            Ok(())
        })?;
        let kind = match labels {
            LabelsBuilder::Classes { labels, .. } => {
                let array = file.array("classes")?;
                file.write(&array, &labels)?;
                LabelKind::Classes
            }
            LabelsBuilder::Scores { labels } => {
                let array = file.array("scores")?;
                file.write(&array, &labels)?;
                LabelKind::Scores
            }
            LabelsBuilder::Unlabelled { .. } => LabelKind::Unlabelled,
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
    task: &Task,
) -> Result<EncodedDataset, DataError> {
    let second_texts = match metadata.second_texts {
        Some(second) => Some(open_texts(file, "second/", second)?),
        None => None,
    };
    let labels = match metadata.labels {
        LabelKind::Classes => EncodedLabels::Classes(file.array("classes")?),
        LabelKind::Scores => EncodedLabels::Scores(file.array("scores")?),
        LabelKind::Unlabelled => EncodedLabels::Unlabelled,
    };
    let labelled = match &labels {
        EncodedLabels::Classes(classes) => classes.len(),
        EncodedLabels::Scores(scores) => scores.len(),
        EncodedLabels::Unlabelled => metadata.texts.texts,
    };
    if labelled != metadata.texts.texts {
        return Err(DataError::CacheMismatch {
            path: file.path().to_path_buf(),
        });
    }
    Ok(EncodedDataset {
        texts: open_texts(file, "", metadata.texts)?,
        second_texts,
        labels,
        task: task.clone(),
    })
}
