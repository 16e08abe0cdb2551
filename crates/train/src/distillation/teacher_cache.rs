//! Cached outputs of a teacher: computed once per text, kept in f16.

use std::cell::RefCell;

use burn::tensor::Device;
use finetune_ops::{read_floats, upload_floats};
use serde::{Deserialize, Serialize};

use super::student_task::CachedRows;
use super::targets::{Targets, TeacherTargets};
use crate::activations::{CacheDtype, CacheLocation, RowStore, StoreFile, StoredRows, TakeRow};
use crate::callback::{ActivationsRecord, Callback, Event, Phase};
use crate::error::TrainError;

/// Version of a file's content; part of the key.
const VERSION: u32 = 1;

/// Everything that the content of a file depends on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Key {
    version: u32,
    texts: String,
    teacher: String,
    settings: String,
}

/// Outputs of a teacher for each row: its logits, then for each of its texts the hidden states of each
/// pair of layers, and queries, keys and values.
#[derive(Debug)]
pub(super) struct TeacherCache {
    stored: StoredRows,
    /// Logits of a row.
    outputs: usize,
}

/// Targets of a batch, and the ends of its texts among its tokens.
type Computed = (TeacherTargets, Vec<usize>);

/// What a cache is filled from.
pub(super) struct CacheSource<'a> {
    pub(super) location: &'a CacheLocation,
    pub(super) targets: &'a Targets,
    /// Logits of a row.
    pub(super) outputs: usize,
    /// Tokens of each row.
    pub(super) lengths: &'a [usize],
    /// All rows.
    pub(super) batches: &'a [Vec<usize>],
}

impl CacheSource<'_> {
    /// Computes the outputs for all rows, or opens the file of an earlier run. `key` returns the fingerprints of texts and teacher.
    ///
    /// # Errors
    /// - [`TrainError::Activations`] if there is not enough memory, or a value is too large for f16.
    /// - [`TrainError::Io`] or [`TrainError::Storage`] if the file cannot be read or written.
    /// - Any error of the functions or of `callback`.
    pub(super) fn fill(
        &self,
        key: impl FnOnce() -> Result<(String, String), TrainError>,
        computed: impl Fn(&[usize]) -> Result<Computed, TrainError>,
        callback: &mut dyn Callback,
    ) -> Result<TeacherCache, TrainError> {
        let Self {
            location,
            targets,
            outputs,
            lengths,
            batches,
        } = *self;
        let outputs = if targets.logits { outputs } else { 0 };
        let tokens: usize = lengths.iter().sum();
        let values = lengths.len() * outputs + tokens * targets.values_per_token();
        let store = RowStore {
            location,
            dtype: CacheDtype::F16,
            rows: lengths.len(),
            texts: 1,
            num_values: values as u64,
        };
        let callback = RefCell::new(callback);
        let stored = store.get(
            |directory| {
                let (texts, teacher) = key()?;
                let settings = targets.cache_settings();
                let name = format!("{}-{}.teacher", &texts[..16], &teacher[..16]);
                Ok(StoreFile {
                    path: directory.join(name),
                    key: Key {
                        version: VERSION,
                        texts,
                        teacher,
                        settings,
                    },
                })
            },
            |reused| {
                let mut callback = callback.borrow_mut();
                callback.on_event(&Event::Activations(ActivationsRecord {
                    rows: lengths.len(),
                    bytes: values as u64 * 2,
                    reused,
                }))
            },
            |take| compute(batches, &computed, *callback.borrow_mut(), take),
        )?;
        Ok(TeacherCache { stored, outputs })
    }
}

impl TeacherCache {
    /// Returns the outputs for the rows of a batch.
    ///
    /// # Errors
    /// - [`TrainError::Storage`] if the file has changed since it was written.
    pub(super) fn batch(
        &self,
        texts: &CachedRows,
        targets: &Targets,
        device: &Device,
    ) -> Result<TeacherTargets, TrainError> {
        let widths = targets.widths_of_arrays();
        let tokens = texts.offsets.last().copied().unwrap_or(0);
        let mut logits = Vec::with_capacity(texts.rows.len() * self.outputs);
        let mut arrays: Vec<Vec<f32>> = widths.iter().map(|w| vec![0.0; w * tokens]).collect();
        let mut values = Vec::new();
        for (index, row) in texts.rows.iter().enumerate() {
            let ranges = ranges(&texts.offsets, texts.rows.len(), index);
            let length: usize = ranges.iter().map(|[start, end]| end - start).sum();
            values.resize(self.outputs + length * targets.values_per_token(), 0.0);
            self.stored.copy(*row, &mut values)?;
            let (own, mut rest) = values.split_at(self.outputs);
            logits.extend_from_slice(own);
            for [start, end] in ranges {
                for (array, width) in arrays.iter_mut().zip(&widths) {
                    let (own, others) = rest.split_at((end - start) * width);
                    array[start * width..end * width].copy_from_slice(own);
                    rest = others;
                }
            }
        }
        let mut tensors = arrays.into_iter().zip(&widths);
        let mut next = || {
            let (values, width) = tensors.next()?;
            Some(upload_floats(values, [tokens, *width], device))
        };
        let hidden_states = (0..targets.layers.len()).map_while(|_| next()).collect();
        let shape = [texts.rows.len(), self.outputs];
        Ok(TeacherTargets {
            logits: (self.outputs > 0).then(|| upload_floats(logits, shape, device)),
            hidden_states,
            relations: std::iter::from_fn(next).collect(),
        })
    }
}

/// Passes the outputs of each row to `take`.
fn compute(
    batches: &[Vec<usize>],
    computed: &impl Fn(&[usize]) -> Result<Computed, TrainError>,
    callback: &mut dyn Callback,
    take: TakeRow,
) -> Result<(), TrainError> {
    callback.on_event(&Event::phase_begin(Phase::Activations, batches.len()))?;
    let mut values = Vec::new();
    for rows in batches {
        let (targets, offsets) = computed(rows)?;
        let outputs = targets.logits.as_ref().map_or(0, |logits| logits.dims()[1]);
        let logits = targets.logits.map(read_floats).unwrap_or_default();
        let arrays = targets.hidden_states.into_iter().chain(targets.relations);
        let arrays: Vec<_> = arrays
            .map(|array| (array.dims()[1], read_floats(array)))
            .collect();
        for (index, row) in rows.iter().enumerate() {
            values.clear();
            values.extend_from_slice(&logits[index * outputs..(index + 1) * outputs]);
            for [start, end] in ranges(&offsets, rows.len(), index) {
                for (width, array) in &arrays {
                    values.extend_from_slice(&array[start * width..end * width]);
                }
            }
            take(*row, &values)?;
        }
        callback.on_event(&Event::BatchSubmitted { rows: rows.len() })?;
    }
    callback.on_event(&Event::PhaseEnd(Phase::Activations))
}

/// Returns the tokens of each text of a row: every `rows`th text from the row's own.
fn ranges(offsets: &[usize], rows: usize, index: usize) -> Vec<[usize; 2]> {
    let texts = offsets.windows(2).skip(index).step_by(rows.max(1));
    texts.map(|ends| [ends[0], ends[1]]).collect()
}
