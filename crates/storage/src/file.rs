//! Reading of array files.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memmap2::Mmap;
use serde::de::DeserializeOwned;

use crate::array::{Array, Element};
use crate::blocks::Blocks;
use crate::error::StorageError;
use crate::footer::Footer;

/// Memory-mapped array file.
///
/// Cloning is cheap; the mapping is kept until the last clone and the last [`Array`] are dropped.
#[derive(Clone)]
pub struct ArrayFile(Arc<MappedFile>);

struct MappedFile {
    path: PathBuf,
    mapping: Mmap,
    footer: Footer,
    blocks: Blocks,
}

impl fmt::Debug for ArrayFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ArrayFile")
            .field("path", &self.0.path)
            .field("arrays", &self.0.footer.arrays)
            .finish_non_exhaustive()
    }
}

impl ArrayFile {
    /// Opens an array file.
    ///
    /// If the modification time is unchanged since writing, this takes the same time for any file
    /// size. Otherwise the whole file is verified once.
    ///
    /// # Errors
    /// - [`StorageError::Io`] if the file cannot be read or mapped.
    /// - [`StorageError::UnknownFormat`] if it is not an array file of this version.
    /// - [`StorageError::Corrupted`] if it is corrupted.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let file = File::open(path).map_err(StorageError::io(path))?;
        let metadata = file.metadata().map_err(StorageError::io(path))?;
        if !metadata.is_file() || metadata.len() == 0 {
            let path = path.to_path_buf();
            return Err(StorageError::UnknownFormat { path });
        }
        let mapping = map(&file).map_err(StorageError::io(path))?;
        let mut footer = Footer::of(path, &mapping)?;
        let blocks = Blocks::new(std::mem::take(&mut footer.block_sums));
        let opened = Self(Arc::new(MappedFile {
            path: path.to_path_buf(),
            mapping,
            footer,
            blocks,
        }));
        let sealed = sealed_time(opened.0.footer.sealed);
        if metadata.modified().map_err(StorageError::io(path))? != sealed {
            opened.verify()?;
            // A copy has a different time. If it cannot be set, the next opening verifies the file
            // again.
            let _ = file.set_modified(sealed);
        }
        Ok(opened)
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns the size of the file in bytes.
    pub fn size(&self) -> usize {
        self.0.mapping.len()
    }

    /// Verifies the checksums of the whole file.
    ///
    /// # Errors
    /// - [`StorageError::Corrupted`] if a checksum does not match.
    pub fn verify(&self) -> Result<(), StorageError> {
        self.check(0..self.0.footer.data_bytes)
    }

    /// Returns the metadata passed to the writer.
    ///
    /// # Errors
    /// - [`StorageError::Metadata`] if the metadata cannot be deserialized as `T`.
    pub fn metadata<T: DeserializeOwned>(&self) -> Result<T, StorageError> {
        T::deserialize(&self.0.footer.metadata).map_err(StorageError::metadata(&self.0.path))
    }

    /// Returns an array of the file.
    ///
    /// # Errors
    /// - [`StorageError::NoSuchArray`] if there is no array of this name and type.
    /// - [`StorageError::Corrupted`] if the array is not within the file.
    pub fn array<T: Element>(&self, name: &str) -> Result<Array<T>, StorageError> {
        let place = self.0.footer.arrays.get(name);
        let Some(place) = place.filter(|place| place.number == T::NAME) else {
            return Err(StorageError::NoSuchArray {
                path: self.0.path.clone(),
                name: name.to_owned(),
                expected: T::NAME,
                found: place.map_or("none".to_owned(), |place| {
                    format!("one of {}", place.number)
                }),
            });
        };
        let end = place
            .length
            .checked_mul(size_of::<T>())
            .and_then(|bytes| place.start.checked_add(bytes));
        if end.is_none_or(|end| end > self.0.footer.data_bytes)
            || place.start % align_of::<T>() != 0
        {
            let what = format!("the array {name:?} is not within the file");
            return Err(StorageError::corrupted(&self.0.path, what));
        }
        Ok(Array::mapped(self.clone(), place.start, place.length))
    }

    /// Returns the elements in a byte range that [`Self::array`] has validated.
    pub(crate) fn numbers<T: Element>(&self, bytes: Range<usize>) -> Result<&[T], StorageError> {
        self.check(bytes.clone())?;
        Ok(bytemuck::cast_slice(&self.0.mapping[bytes]))
    }

    /// Verifies the blocks that contain these bytes. A corrupted file is removed, so that it is not
    /// used again.
    fn check(&self, bytes: Range<usize>) -> Result<(), StorageError> {
        let data = &self.0.mapping[..self.0.footer.data_bytes];
        let result = self.0.blocks.check(&self.0.path, data, bytes);
        if result.is_err() {
            // Best effort: the error is reported anyway, and the next opening verifies the file
            // again.
            let _ = fs::remove_file(&self.0.path);
        }
        result
    }
}

/// Converts the time in a footer.
pub(crate) fn sealed_time(nanoseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

/// Maps a file for reading.
///
/// Mapping is `unsafe` because another process could modify or truncate the mapped file. This would
/// change bytes behind a shared reference, or end this process with a bus error. Files of this
/// crate are written under another name and never modified afterwards. A new file replaces an old
/// one by renaming, so readers of the old file keep its content.
#[allow(unsafe_code, reason = "memory-mapping a file has no safe form")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: files of this crate are replaced by renaming and never modified, as described above.
    // If another program modifies one anyway, numbers change their values, but plain numbers have
    // no invalid bit patterns.
    unsafe { Mmap::map(file) }
}
