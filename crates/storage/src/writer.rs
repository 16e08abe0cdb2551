//! Writer of array files.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::array::Element;
use crate::blocks::BlockHasher;
use crate::error::StorageError;
use crate::file::sealed_time;
use crate::footer::{ALIGNMENT, ArrayLocation, Footer, MAGIC};

/// Writer of an array file, in pieces.
///
/// The first array is written directly to the file, so it should be the longest. The others are
/// buffered in unnamed temporary files in the same directory. Until [`Self::finish`], the file is
/// named `.NAME.partial` and locked by this writer. The lock is released when the process ends, and
/// the next writer of the same file starts over.
#[derive(Debug)]
pub struct ArrayFileWriter {
    path: PathBuf,
    partial: Partial,
    output: Output,
    arrays: Vec<PendingArray>,
}

/// The partial file; removed when dropped, unless it was renamed to its final name.
#[derive(Debug)]
struct Partial {
    path: PathBuf,
    renamed: bool,
    /// Held until the file is renamed or removed. Otherwise another writer could start a new file
    /// under the same name.
    _lock: File,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.renamed {
            // Errors are ignored; the next writer starts over anyway.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Handle of an array of an [`ArrayFileWriter`].
#[derive(Debug)]
pub struct ArrayHandle<T> {
    index: usize,
    number: PhantomData<T>,
}

#[derive(Debug)]
struct PendingArray {
    name: String,
    number: &'static str,
    length: usize,
    /// Temporary file; `None` for the first array, which is written directly.
    spool: Option<BufWriter<File>>,
}

impl ArrayFileWriter {
    /// Starts writing a file. An existing file of this name is unchanged until [`Self::finish`].
    ///
    /// If another process is writing the same file, this waits until that process is done.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if the directory does not exist or is not writable.
    pub fn create(path: &Path) -> Result<Self, StorageError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".partial");
        let partial = path.with_file_name(name);
        let file = lock(&partial).map_err(StorageError::io(&partial))?;
        let partial = Partial {
            _lock: file.try_clone().map_err(StorageError::io(&partial))?,
            path: partial,
            renamed: false,
        };
        let mut writer = Self {
            path: path.to_path_buf(),
            output: Output::new(file),
            partial,
            arrays: Vec::new(),
        };
        writer.write_out(&MAGIC)?;
        writer.align()?;
        Ok(writer)
    }

    /// Adds an empty array.
    ///
    /// # Errors
    /// - [`StorageError::DuplicateArray`] if there already is an array of this name.
    /// - [`StorageError::Io`] if a temporary file cannot be created.
    pub fn array<T: Element>(&mut self, name: &str) -> Result<ArrayHandle<T>, StorageError> {
        if self.arrays.iter().any(|array| array.name == name) {
            let (path, name) = (self.path.clone(), name.to_owned());
            return Err(StorageError::DuplicateArray { path, name });
        }
        let spool = match self.arrays.is_empty() {
            true => None,
            false => {
                let directory = directory_of(&self.path);
                let file = tempfile::tempfile_in(directory).map_err(StorageError::io(directory))?;
                Some(BufWriter::new(file))
            }
        };
        self.arrays.push(PendingArray {
            name: name.to_owned(),
            number: T::NAME,
            length: 0,
            spool,
        });
        Ok(ArrayHandle {
            index: self.arrays.len() - 1,
            number: PhantomData,
        })
    }

    /// Appends elements to an array.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if writing fails, for example because the disk is full.
    ///
    /// # Panics
    /// If `array` belongs to another writer and its index is out of range here.
    pub fn write<T: Element>(
        &mut self,
        array: &ArrayHandle<T>,
        numbers: &[T],
    ) -> Result<(), StorageError> {
        let begun = &mut self.arrays[array.index];
        begun.length += numbers.len();
        let bytes = bytemuck::cast_slice(numbers);
        match &mut begun.spool {
            None => self.write_out(bytes),
            Some(spool) => spool
                .write_all(bytes)
                .map_err(StorageError::io(&self.partial.path)),
        }
    }

    /// Completes the file, syncs it to disk and renames it to its final name.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if writing or renaming fails.
    /// - [`StorageError::Metadata`] if `metadata` cannot be serialized as JSON.
    pub fn finish(mut self, metadata: impl Serialize) -> Result<(), StorageError> {
        let mut places = BTreeMap::new();
        for begun in std::mem::take(&mut self.arrays) {
            let start = match begun.spool {
                None => MAGIC.len().next_multiple_of(ALIGNMENT),
                Some(spool) => {
                    self.align()?;
                    let start = self.output.written;
                    self.copy(spool)?;
                    start
                }
            };
            let place = ArrayLocation {
                number: begun.number.to_owned(),
                start,
                length: begun.length,
            };
            places.insert(begun.name, place);
        }
        let metadata =
            serde_json::to_value(metadata).map_err(StorageError::metadata(&self.path))?;
        self.seal(places, metadata)
    }

    /// Copies an array from its temporary file.
    fn copy(&mut self, spool: BufWriter<File>) -> Result<(), StorageError> {
        let failed = StorageError::io(&self.partial.path);
        let rewound = spool.into_inner().map_err(io::IntoInnerError::into_error);
        let rewound = rewound.and_then(|mut file| file.rewind().map(|()| file));
        let mut reader = BufReader::new(rewound.map_err(failed)?);
        let mut piece = vec![0; 1 << 16];
        loop {
            let read = reader
                .read(&mut piece)
                .map_err(StorageError::io(&self.partial.path))?;
            if read == 0 {
                return Ok(());
            }
            self.write_out(&piece[..read])?;
        }
    }

    fn seal(
        mut self,
        arrays: BTreeMap<String, ArrayLocation>,
        metadata: serde_json::Value,
    ) -> Result<(), StorageError> {
        let sealed = SystemTime::now().duration_since(UNIX_EPOCH);
        let footer = Footer {
            arrays,
            data_bytes: self.output.written,
            block_sums: self.output.hasher.finish(),
            // Whole microseconds, which every file system with sub-second times can store.
            sealed: sealed.map_or(0, |time| time.as_micros() as u64 * 1000),
            metadata,
        };
        let footer_bytes = footer.to_bytes(&self.path)?;
        let mut buffered = self.output.file;
        let complete = || {
            buffered.write_all(&footer_bytes)?;
            let file = buffered
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            file.set_modified(sealed_time(footer.sealed))?;
            fs::rename(&self.partial.path, &self.path)?;
            self.partial.renamed = true;
            sync_directory(&self.path)
        };
        complete().map_err(StorageError::io(&self.path))
    }

    fn align(&mut self) -> Result<(), StorageError> {
        let written = self.output.written;
        let padding = written.next_multiple_of(ALIGNMENT) - written;
        self.write_out(&[0; ALIGNMENT][..padding])
    }

    fn write_out(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let written = self.output.write(bytes);
        written.map_err(StorageError::io(&self.partial.path))
    }
}

/// The output file with the data for its footer.
struct Output {
    file: BufWriter<File>,
    hasher: BlockHasher,
    written: usize,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Output")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl Output {
    fn new(file: File) -> Self {
        Self {
            file: BufWriter::with_capacity(1 << 20, file),
            hasher: BlockHasher::default(),
            written: 0,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.written += bytes.len();
        Ok(())
    }
}

/// Opens and locks the partial file and truncates it.
fn lock(partial: &Path) -> io::Result<File> {
    loop {
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(partial)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => file.lock()?,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The previous holder may have renamed it, in which case this is the finished file.
        if is_still(&file, partial)? {
            file.set_len(0)?;
            return Ok(file);
        }
    }
}

#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((held.dev(), held.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Windows does not rename a file that is open.
#[cfg(not(unix))]
fn is_still(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

/// Syncs the directory entry of the new name to disk.
#[cfg(unix)]
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns the directory that contains a path.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}
