//! Store of values per row, in memory or in a mapped file.

use std::fs;
use std::path::PathBuf;

use finetune_storage::{Array, ArrayFile, ArrayFileWriter, StorageError};
use half::f16;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::element::{Kept, Numbers, keep, room};
use super::{CacheDtype, CacheLocation};
use crate::error::TrainError;

/// Name of the array of values.
const NUMBERS: &str = "activations";

/// Name of the array of row offsets.
const STARTS: &str = "starts";

/// Values of each row, and where they start.
#[derive(Debug, Clone)]
pub(crate) struct StoredRows {
    pub(super) numbers: Numbers,
    pub(super) starts: Array<u64>,
}

impl StoredRows {
    /// Copies the values of a text to `to`, converted to f32; `to` has as many as the text.
    ///
    /// # Errors
    /// - [`StorageError`] if the file has changed since it was written.
    pub(crate) fn copy(&self, text: usize, to: &mut [f32]) -> Result<(), StorageError> {
        let start = self.starts.get(text..text + 1)?[0] as usize;
        self.numbers.copy(start..start + to.len(), to)
    }
}

/// Takes the number of a text and its values, one after the other in any order.
pub(crate) type TakeRow<'a> = &'a mut dyn FnMut(usize, &[f32]) -> Result<(), TrainError>;

/// Rows that are to be stored.
pub(crate) struct RowStore<'a> {
    pub(crate) location: &'a CacheLocation,
    pub(crate) dtype: CacheDtype,
    pub(crate) rows: usize,
    /// Texts per row that are stored apart; those with number `i` follow all with smaller numbers.
    pub(crate) texts: usize,
    /// Values of all rows.
    pub(crate) num_values: u64,
}

/// File that rows are stored in.
pub(crate) struct StoreFile<K> {
    pub(crate) path: PathBuf,
    /// Everything that the content depends on.
    pub(crate) key: K,
}

impl RowStore<'_> {
    /// Returns the rows that `fill` passes on, or those of a file that an earlier run wrote. `file` is
    /// asked for a location on disk only. `announce` learns whether a file was found before `fill` is
    /// called.
    ///
    /// An interrupted run leaves no file. Runs that need the same file wait for each other; one of
    /// another key is overwritten.
    ///
    /// # Errors
    /// - [`TrainError::Activations`] if a value is NaN, infinite or too large for the type, or there
    ///   is not enough memory.
    /// - [`TrainError::Io`] or [`TrainError::Storage`] if the directory or file cannot be read or
    ///   written.
    /// - Any error of the functions.
    pub(crate) fn get<K: Serialize + DeserializeOwned + PartialEq>(
        &self,
        file: impl FnOnce(&std::path::Path) -> Result<StoreFile<K>, TrainError>,
        announce: impl FnMut(bool) -> Result<(), TrainError>,
        fill: impl FnOnce(TakeRow) -> Result<(), TrainError>,
    ) -> Result<StoredRows, TrainError> {
        match self.dtype {
            CacheDtype::F32 => self.get_as::<f32, K>(file, announce, fill),
            CacheDtype::F16 => self.get_as::<f16, K>(file, announce, fill),
        }
    }

    fn get_as<T: Kept, K: Serialize + DeserializeOwned + PartialEq>(
        &self,
        file: impl FnOnce(&std::path::Path) -> Result<StoreFile<K>, TrainError>,
        mut announce: impl FnMut(bool) -> Result<(), TrainError>,
        fill: impl FnOnce(TakeRow) -> Result<(), TrainError>,
    ) -> Result<StoredRows, TrainError> {
        let CacheLocation::Disk(directory) = self.location else {
            announce(false)?;
            let mut all = room::<T>(self.num_values)?;
            let starts = self.collect(fill, |values: &[T]| {
                all.extend_from_slice(values);
                Ok(())
            })?;
            return Ok(StoredRows {
                numbers: T::numbers(all.into()),
                starts: starts.into(),
            });
        };
        let file = file(directory)?;
        if let Some(found) = self.find::<T, K>(&file)? {
            announce(true)?;
            return Ok(found);
        }
        fs::create_dir_all(directory).map_err(TrainError::io(directory))?;
        let mut writer = ArrayFileWriter::create(&file.path)?;
        // Another run may have written the file while this one waited.
        if let Some(found) = self.find::<T, K>(&file)? {
            announce(true)?;
            return Ok(found);
        }
        announce(false)?;
        let array = writer.array::<T>(NUMBERS)?;
        let starts = self.collect(fill, |values| Ok(writer.write(&array, values)?))?;
        let array = writer.array::<u64>(STARTS)?;
        writer.write(&array, &starts)?;
        writer.finish(&file.key)?;
        Ok(self.open::<T, K>(&file)?)
    }

    /// Passes the values of each row to `take`, as the element type; returns where each row starts.
    fn collect<T: Kept>(
        &self,
        fill: impl FnOnce(TakeRow) -> Result<(), TrainError>,
        mut take: impl FnMut(&[T]) -> Result<(), TrainError>,
    ) -> Result<Vec<u64>, TrainError> {
        let mut starts = vec![0; self.rows * self.texts];
        let (mut taken, mut kept) = (0, Vec::new());
        fill(&mut |text, values| {
            keep::<T>(text % self.rows, values.iter().copied(), &mut kept)?;
            take(&kept)?;
            starts[text] = taken;
            taken += kept.len() as u64;
            Ok(())
        })?;
        Ok(starts)
    }

    /// Opens a file; `None` if it is missing or does not match.
    fn find<T: Kept, K: DeserializeOwned + PartialEq>(
        &self,
        file: &StoreFile<K>,
    ) -> Result<Option<StoredRows>, TrainError> {
        match self.open::<T, K>(file) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_unusable_file() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file, which must exist and match.
    fn open<T: Kept, K: DeserializeOwned + PartialEq>(
        &self,
        file: &StoreFile<K>,
    ) -> Result<StoredRows, StorageError> {
        let stored = ArrayFile::open(&file.path)?;
        let numbers = stored.array::<T>(NUMBERS)?;
        let starts: Array<u64> = stored.array(STARTS)?;
        let fits = stored.metadata::<K>()? == file.key
            && numbers.len() as u64 == self.num_values
            && starts.len() == self.rows * self.texts;
        match fits {
            true => Ok(StoredRows {
                numbers: T::numbers(numbers),
                starts,
            }),
            false => Err(StorageError::UnknownFormat {
                path: file.path.clone(),
            }),
        }
    }
}
