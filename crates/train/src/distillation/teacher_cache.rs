//! Cached outputs of a teacher: computed once per text, kept in f16.

use std::cell::RefCell;
use std::ops::Range;

use burn::tensor::{Device, Tensor};
use finetune_ops::{read_floats, upload_floats};
use serde::{Deserialize, Serialize};

use super::student_task::{CachedRows, RowEnds};
use super::targets::{Targets, TeacherTargets};
use crate::activations::{CacheDtype, CacheLocation, RowStore, StoreFile, StoredRows, TakeRow};
use crate::callback::{ActivationsRecord, Callback, Event, Phase};
use crate::error::TrainError;

/// Version of a file's content; part of the key.
const VERSION: u32 = 2;

/// Everything that the content of a file depends on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Key {
    version: u32,
    texts: String,
    teacher: String,
    settings: String,
}

/// Outputs of a teacher for each row: its logits, or the embeddings of its texts, then for each of its
/// texts the hidden states of each pair of layers, and queries, keys and values.
#[derive(Debug)]
pub(super) struct TeacherCache {
    stored: StoredRows,
    /// Number of logits in a row of them; 0 if there are none.
    width: usize,
}

/// Targets of a batch, and where those of its rows are.
type Computed = (TeacherTargets, RowEnds);

/// What a cache is filled from.
pub(super) struct CacheSource<'a> {
    pub(super) location: &'a CacheLocation,
    pub(super) targets: &'a Targets,
    /// Number of rows of logits, and of the logits in each.
    pub(super) logits: [usize; 2],
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
            logits: [rows_of_logits, width],
            lengths,
            batches,
        } = *self;
        let width = if targets.logits { width } else { 0 };
        let tokens: usize = lengths.iter().sum();
        let values = rows_of_logits * width + tokens * targets.values_per_token();
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
        Ok(TeacherCache { stored, width })
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
        let [tokens, rows_of_logits] =
            [&texts.ends.tokens, &texts.ends.logits].map(|ends| ends.last().copied().unwrap_or(0));
        let mut arrays = vec![Array::new(self.width, rows_of_logits)];
        let widths = targets.widths_of_arrays();
        arrays.extend(widths.into_iter().map(|width| Array::new(width, tokens)));
        let mut values = Vec::new();
        for (index, row) in texts.rows.iter().enumerate() {
            let parts = parts(&arrays, &texts.ends, texts.rows.len(), index);
            values.resize(parts.iter().map(|(_, range)| range.len()).sum(), 0.0);
            self.stored.copy(*row, &mut values)?;
            let mut rest = &values[..];
            for (array, range) in parts {
                let (own, others) = rest.split_at(range.len());
                arrays[array].values[range].copy_from_slice(own);
                rest = others;
            }
        }
        let mut tensors = arrays.into_iter().map(|array| {
            let shape = [array.values.len() / array.width.max(1), array.width];
            (!array.values.is_empty()).then(|| upload_floats(array.values, shape, device))
        });
        let logits = tensors.next().flatten();
        let mut tensors = tensors.flatten();
        Ok(TeacherTargets {
            logits,
            hidden_states: tensors.by_ref().take(targets.layers.len()).collect(),
            relations: tensors.collect(),
        })
    }
}

/// Values of a batch with a number of rows, such as hidden states.
struct Array {
    width: usize,
    values: Vec<f32>,
}

impl Array {
    fn new(width: usize, rows: usize) -> Self {
        Self {
            width,
            values: vec![0.0; width * rows],
        }
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
        let (targets, ends) = computed(rows)?;
        let read = |tensor: Tensor<2>| Array {
            width: tensor.dims()[1],
            values: read_floats(tensor),
        };
        let logits = targets.logits.map_or_else(|| Array::new(0, 0), read);
        let others = targets.hidden_states.into_iter().chain(targets.relations);
        let arrays: Vec<Array> = std::iter::once(logits).chain(others.map(read)).collect();
        for (index, row) in rows.iter().enumerate() {
            values.clear();
            for (array, range) in parts(&arrays, &ends, rows.len(), index) {
                values.extend_from_slice(&arrays[array].values[range]);
            }
            take(*row, &values)?;
        }
        callback.on_event(&Event::BatchSubmitted { rows: rows.len() })?;
    }
    callback.on_event(&Event::PhaseEnd(Phase::Activations))
}

/// Returns which values of the arrays belong to a row, in the order in which they are stored: those of
/// the first array, which has logits, then for each text those of the others, which have tokens.
fn parts(
    arrays: &[Array],
    ends: &RowEnds,
    rows: usize,
    index: usize,
) -> Vec<(usize, Range<usize>)> {
    let mut parts = Vec::new();
    let mut add = |array: usize, [start, end]: [usize; 2]| {
        let width = arrays[array].width;
        parts.push((array, start * width..end * width));
    };
    ranges(&ends.logits, rows, index).for_each(|range| add(0, range));
    for range in ranges(&ends.tokens, rows, index) {
        (1..arrays.len()).for_each(|array| add(array, range));
    }
    parts
}

/// Returns the parts of a row: every `rows`th part from the row's own.
fn ranges(ends: &[usize], rows: usize, index: usize) -> impl Iterator<Item = [usize; 2]> {
    let parts = ends.windows(2).skip(index).step_by(rows.max(1));
    parts.map(|ends| [ends[0], ends[1]])
}
