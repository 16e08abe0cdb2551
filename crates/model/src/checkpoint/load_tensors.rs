//! Copying of a checkpoint's tensors into a model, and the report of it.

use std::collections::BTreeMap;
use std::fmt;

use burn::module::Module;
use burn::tensor::TensorData;

use super::class_names::OutputRows;
use super::missing_tensors::{Fresh, OUTPUT_LAYER, layer_of};
use super::stored_tensor::StoredTensor;
use super::tensor_names::TensorNames;
use super::tensor_parts::TensorPart;
use super::weights::Weights;
use crate::error::ModelError;
use crate::initialization;
use crate::parameters::{Parameter, parameters, replace};

/// Tensors of a checkpoint and of the model after loading, by their names in the file. Not listed
/// are the position ids in old files, and tensors that duplicate the word embeddings or the
/// decoder's bias.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Tensors loaded from the file.
    pub loaded: Vec<String>,
    /// Tensors of the classification layer whose rows were put into the order of the model's
    /// classes, by name; also in `loaded`.
    pub reordered: Vec<String>,
    /// Tensors of the classification layer whose rows belong to the model's classes by their
    /// position alone, as the checkpoint does not name its classes; also in `loaded`.
    pub by_position: Vec<String>,
    /// Tensors missing from the checkpoint, or saved for other classes: newly initialized from the
    /// seed.
    pub newly_initialized: Vec<String>,
    /// Head tensors missing from an adapter's checkpoint: unchanged.
    pub unchanged: Vec<String>,
    /// Unexpected tensors: in the file, but not in the model.
    pub unexpected: Vec<String>,
}

impl LoadReport {
    /// Adds the tensors of another report, by the names that `name` returns for them.
    pub fn extend(&mut self, other: Self, name: impl Fn(String) -> String) {
        for (all, more) in [
            (&mut self.loaded, other.loaded),
            (&mut self.reordered, other.reordered),
            (&mut self.by_position, other.by_position),
            (&mut self.newly_initialized, other.newly_initialized),
            (&mut self.unchanged, other.unchanged),
            (&mut self.unexpected, other.unexpected),
        ] {
            all.extend(more.into_iter().map(&name));
        }
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tensors loaded", self.loaded.len())?;
        for (what, names) in [
            ("reordered by class name", &self.reordered),
            ("classes by position", &self.by_position),
            ("new", &self.newly_initialized),
            ("unchanged", &self.unchanged),
            ("unexpected", &self.unexpected),
        ] {
            if !names.is_empty() {
                write!(f, ", {what}: {}", names.join(" "))?;
            }
        }
        Ok(())
    }
}

/// Copies the tensors of a checkpoint into a model.
pub(super) fn load_into<M: Module>(
    model: M,
    mut weights: Weights,
    names: TensorNames,
    fresh: Fresh,
) -> Result<(M, LoadReport), ModelError> {
    let mut report = LoadReport::default();
    let mut values = BTreeMap::new();
    let listed = parameters(&model);
    let new = fresh.layers(&listed, &weights, &names);
    for parameter in listed {
        let data = if new.contains(layer_of(&parameter)) {
            let parts = names.parts(&parameter).into_iter();
            report.newly_initialized.extend(parts.map(|part| part.name));
            initialization::values(&parameter, fresh.standard_deviation, fresh.seed)
        } else {
            let rows = (layer_of(&parameter) == OUTPUT_LAYER).then_some(&fresh.output_rows);
            let (taken, data) = take(&weights, &parameter, &names, rows)?;
            match rows {
                Some(rows) if rows.is_reordered() => report.reordered.extend(taken.clone()),
                Some(OutputRows::ByPosition) if fresh.has_classes => {
                    report.by_position.extend(taken.clone());
                }
                _ => {}
            }
            for name in taken {
                // Several parameters may be blocks of one tensor.
                if weights.mark_taken(&name) {
                    report.loaded.push(name);
                }
            }
            data
        };
        values.insert(parameter.path, data);
    }
    let unexpected = weights.unused().filter(|name| {
        let repeats = |path| repeats(&weights, name, values.get(path));
        !names.is_constant(name) && !names.copied_path(name).is_some_and(repeats)
    });
    report.unexpected = unexpected.cloned().collect();
    Ok((
        replace(model, |parameter| values.remove(&parameter.path)),
        report,
    ))
}

/// Returns the values of a parameter in burn's layout, and the names of its tensors in the checkpoint.
fn take(
    weights: &Weights,
    parameter: &Parameter,
    names: &TensorNames,
    rows: Option<&OutputRows>,
) -> Result<(Vec<String>, TensorData), ModelError> {
    let alternatives = names.alternatives(parameter);
    let find = |part: &TensorPart| weights.find(std::slice::from_ref(&part.name));
    let is_there = |parts: &&Vec<TensorPart>| parts.iter().any(|part| find(part).is_some());
    let parts = alternatives.iter().find(is_there).or(alternatives.first());
    let mut found = Vec::new();
    for part in parts.into_iter().flatten() {
        let stored = find(part).ok_or_else(|| weights.missing(&part.name))?;
        found.push((part, stored));
    }
    let data = in_memory(parameter, &found, rows)?;
    let taken = found.into_iter().map(|(part, _)| part.name.clone());
    Ok((taken.collect(), data))
}

/// Returns whether a tensor of the file equals the values given to a parameter.
fn repeats(weights: &Weights, name: &str, given: Option<&TensorData>) -> bool {
    let (Some(stored), Some(given)) = (weights.find(&[name.to_string()]), given) else {
        return false;
    };
    let same = |values: Vec<f32>| given.as_slice::<f32>().is_ok_and(|given| given == values);
    stored.shape == given.shape().as_slice() && stored.values().is_ok_and(same)
}

/// Converts the tensors that make up a parameter to burn's layout. With `rows`, it gets these rows of
/// the file.
///
/// # Errors
/// - [`ModelError::InvalidTensor`] if a tensor is invalid.
pub(crate) fn in_memory(
    parameter: &Parameter,
    parts: &[(&TensorPart, &StoredTensor)],
    rows: Option<&OutputRows>,
) -> Result<TensorData, ModelError> {
    let mut values = Vec::new();
    for (part, stored) in parts {
        let of_part = part.rows.shape(shape_in_file(parameter));
        let expected = part.block.shape_of_tensor(of_part);
        if stored.shape != expected {
            let problem = format!("has shape {:?}, expected {expected:?}", stored.shape);
            return Err(stored.error(problem));
        }
        values.append(&mut part.block.of_values(stored.values()?));
    }
    if let Some(OutputRows::ByName(rows)) = rows.filter(|rows| rows.is_reordered()) {
        let width = values.len() / rows.len();
        let row = |row: &usize| values[row * width..][..width].iter().copied();
        values = rows.iter().flat_map(row).collect();
    }
    Ok(match parameter.output_major() {
        Some([input, output]) => {
            let values = transposed(&values, [output, input]);
            TensorData::new(values, [input, output])
        }
        None => TensorData::new(values, parameter.shape.clone()),
    })
}

pub(super) fn shape_in_file(parameter: &Parameter) -> Vec<usize> {
    match parameter.output_major() {
        Some([input, output]) => vec![output, input],
        None => parameter.shape.clone(),
    }
}

/// Transposes a row-major matrix.
pub(super) fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    assert_eq!(
        values.len(),
        rows * columns,
        "a matrix of {rows} x {columns}"
    );
    let mut transposed = Vec::with_capacity(values.len());
    for column in 0..columns {
        transposed.extend((0..rows).map(|row| values[row * columns + column]));
    }
    transposed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_turns_over() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(transposed(&values, [2, 3]), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(transposed(&transposed(&values, [2, 3]), [3, 2]), values);
    }

    #[test]
    #[should_panic(expected = "a matrix of 2 x 2")]
    fn what_is_no_such_matrix_is_not_let_through() {
        transposed(&[1.0, 2.0, 3.0], [2, 2]);
    }
}
