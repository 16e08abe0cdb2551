//! Encoded data sets kept on disk, so that a text is tokenised once and not once a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use finetune_storage::{ArrayFile, ArrayFileWriter};
use serde::{Deserialize, Serialize};

use super::EncodedDataset;
use super::files::{TextsMetadata, TextsWriter, open_texts};
use super::labels::{EncodedLabels, LabelsBuilder};
use super::stream::{Chunks, EncodingProgress};
use crate::cleaning::Cleaning;
use crate::dataset::{Dataset, Task, Texts, hexadecimal};
use crate::error::DataError;
use crate::reader::{BadRows, ExampleReader};
use crate::splits::Skipped;
use crate::tokenizer::{EncodingConfig, PairEncoding, TextTokenizer};

/// The version of what is in a file; part of its key.
const VERSION: u32 = 1;

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

/// All that the content of a file depends on.
#[derive(Debug, Serialize)]
struct Key<'a> {
    version: u32,
    source: Source,
    task: &'a Task,
    cleaning: String,
    tokenizer: String,
    encoding: &'a EncodingConfig,
}

/// The text.
#[derive(Debug, Serialize)]
enum Source {
    /// By its content.
    Content { fingerprint: String },
    /// By the files that hold it and the way they are read.
    Files {
        files: Vec<FileStamp>,
        recipe: String,
        skip_bad_rows: bool,
    },
}

/// A file as it was when it was read. A file that is written to gets another time.
#[derive(Debug, Serialize)]
struct FileStamp {
    path: PathBuf,
    bytes: u64,
    modified_nanoseconds: u128,
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
        let key = Key {
            version: VERSION,
            source: Source::Content {
                fingerprint: dataset.fingerprint(),
            },
            task: &dataset.task,
            cleaning: Cleaning::default().fingerprint(),
            tokenizer: tokenizer.fingerprint(),
            encoding: config,
        };
        let place = key.json()?;
        let path = self.path(&dataset.name, &place);
        let chunks = || Chunks::of(&dataset.examples);
        self.open_or_make(
            &path,
            &place,
            &dataset.task,
            tokenizer,
            config,
            chunks,
            &mut |_| (),
        )
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
            let key = Key {
                version: VERSION,
                source: Source::Files {
                    files: files.collect::<Result<_, _>>()?,
                    recipe: reader.recipe().to_owned(),
                    skip_bad_rows: reader.bad_rows() == BadRows::Skip,
                },
                task: &task,
                cleaning: cleaning.fingerprint(),
                tokenizer: tokenizer.fingerprint(),
                encoding: config,
            };
            key.json()
        };
        // A file that has changed since makes the old data set stale: the new one takes its place.
        let (place, key) = (key(FileStamp::nameless)?, key(FileStamp::of)?);
        let path = self.path(&name, &place);
        let chunks = || Chunks::new(reader, cleaning.clone());
        self.open_or_make(&path, &key, &task, tokenizer, config, chunks, progress)
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

    #[allow(
        clippy::too_many_arguments,
        reason = "the one body beneath two entry points"
    )]
    fn open_or_make<'a>(
        &self,
        path: &Path,
        key: &str,
        task: &Task,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
        chunks: impl FnOnce() -> Chunks<'a>,
        progress: &mut dyn FnMut(EncodingProgress),
    ) -> Result<CachedDataset, DataError> {
        if let Some(cached) = open_if_fresh(path, key, task)? {
            return Ok(cached);
        }
        fs::create_dir_all(&self.directory)
            .map_err(|source| DataError::io(&self.directory, source))?;
        let file = ArrayFileWriter::create(path)?;
        // Another program may have made it while this one waited for its turn.
        if let Some(cached) = open_if_fresh(path, key, task)? {
            return Ok(cached);
        }
        write(file, key, task, tokenizer, config, chunks(), progress)?;
        let made = open_if_fresh(path, key, task)?;
        let made = made.map(|cached| CachedDataset {
            reused: false,
            ..cached
        });
        made.ok_or_else(|| DataError::CacheMismatch {
            path: path.to_path_buf(),
        })
    }
}

impl Key<'_> {
    fn json(&self) -> Result<String, DataError> {
        serde_json::to_string(self)
            .map_err(|source| DataError::json(Path::new("cache key"), source))
    }
}

impl FileStamp {
    /// The file as it is now. Of a folder, all that is in it: the bytes of all files and the time
    /// of the last change.
    fn of(path: &Path) -> Result<Self, DataError> {
        let mut stamp = Self::nameless(path)?;
        stamp.add(path)?;
        Ok(stamp)
    }

    fn add(&mut self, path: &Path) -> Result<(), DataError> {
        let failed = |source| DataError::io(path, source);
        let metadata = fs::metadata(path).map_err(failed)?;
        let modified = metadata.modified().map_err(failed)?;
        let modified = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.modified_nanoseconds = self.modified_nanoseconds.max(modified.as_nanos());
        if !metadata.is_dir() {
            self.bytes += metadata.len();
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(failed)? {
            self.add(&entry.map_err(failed)?.path())?;
        }
        Ok(())
    }

    /// The file whatever its content.
    fn nameless(path: &Path) -> Result<Self, DataError> {
        let path = fs::canonicalize(path).map_err(|source| DataError::io(path, source))?;
        Ok(Self {
            path,
            bytes: 0,
            modified_nanoseconds: 0,
        })
    }
}

/// The data set in a file, `None` if it has to be made: the file is missing, damaged, of something
/// else, or stale.
fn open_if_fresh(path: &Path, key: &str, task: &Task) -> Result<Option<CachedDataset>, DataError> {
    let opened = ArrayFile::open(path).and_then(|file| {
        let metadata: Metadata = file.metadata()?;
        Ok((file, metadata))
    });
    let (file, metadata) = match opened {
        Ok(opened) => opened,
        Err(error) if error.is_unusable_file() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if metadata.key != key {
        return Ok(None);
    }
    match map_dataset(&file, &metadata, task) {
        Ok(data) => Ok(Some(CachedDataset {
            data,
            skipped: metadata.skipped,
            reused: true,
            path: path.to_path_buf(),
        })),
        Err(DataError::CacheMismatch { .. }) => Ok(None),
        Err(DataError::Storage(error)) if error.is_unusable_file() => Ok(None),
        Err(error) => Err(error),
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

/// Tokenises chunk after chunk into the file. While one chunk is tokenised the next is read.
fn write(
    mut file: ArrayFileWriter,
    key: &str,
    task: &Task,
    tokenizer: &TextTokenizer,
    config: &EncodingConfig,
    mut chunks: Chunks<'_>,
    progress: &mut dyn FnMut(EncodingProgress),
) -> Result<(), DataError> {
    let mut texts = TextsWriter::begin(&mut file, "")?;
    let mut second_texts = match (task.texts, config.pairs) {
        (Texts::Pair, PairEncoding::Separate) => Some(TextsWriter::begin(&mut file, "second/")?),
        _ => None,
    };
    let mut labels = LabelsBuilder::new(task);
    let skipped = chunks.for_each(task, tokenizer, config, &mut |chunk| {
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
        key: key.to_owned(),
        texts: texts.metadata(),
        second_texts: second_texts.as_ref().map(TextsWriter::metadata),
        labels: kind,
        skipped,
    };
    Ok(file.finish(metadata)?)
}
