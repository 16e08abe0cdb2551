//! `pytorch_model.bin`: what `torch.save` wrote of a state dict. The description of the tensors is
//! a pickle, a program for a small machine that can call any Python function; the elements lie
//! beside it.
//!
//! The crate `pytorch-reader` interprets the few calls that put tensors together and turns every
//! other one into a name: there is no Python in this process that could run it. A file with such a
//! call is refused all the same, as
//! [`torch.load`](https://docs.pytorch.org/docs/stable/notes/serialization.html#weights-only)
//! refuses it: weights have no use for it.

use std::path::Path;
use std::sync::Arc;

use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader};

use super::stored_tensor::{ElementType, StoredTensor, StoredTensors};
use super::weights::open_file;
use crate::ModelError;

/// The name that the reader gives to a tensor where it lists values of all kinds.
const TENSOR: &str = "torch.Tensor";

/// The tensors of a file: a zip archive, or the stream of pickles that PyTorch wrote before 1.6.
/// Only the pickle is read.
///
/// # Errors
/// [`ModelError::Io`] if there is no such file, [`ModelError::PickledCall`] if it holds anything
/// but plain values and tensors, [`ModelError::DamagedWeights`] if it is not in the format.
pub(super) fn open(path: &Path) -> Result<StoredTensors, ModelError> {
    drop(open_file(path)?);
    let failed = |error| match error {
        PytorchError::Io(source) if source.raw_os_error().is_some() => ModelError::Io {
            path: path.to_path_buf(),
            source,
        },
        error => ModelError::DamagedWeights {
            path: path.to_path_buf(),
            reason: error.to_string(),
        },
    };
    let values = PytorchReader::read_pickle_data(path, None).map_err(failed)?;
    if let Some(found) = foreign(&values) {
        return Err(ModelError::PickledCall {
            path: path.to_path_buf(),
            found: found.to_string(),
        });
    }
    let reader = PytorchReader::new(path).map_err(failed)?;
    let path = Arc::<Path>::from(path);
    let tensors = reader.into_tensors().into_iter().map(|(name, tensor)| {
        let size = tensor.dtype().size();
        let stored = StoredTensor {
            path: path.clone(),
            name: name.clone(),
            shape: tensor.shape().to_vec(),
            element_type: element_type(tensor.dtype()),
            read: Box::new(move || Ok(little_endian(tensor.read()?, size))),
        };
        (name, stored)
    });
    Ok(tensors.collect())
}

/// The first value that is neither plain nor a tensor.
fn foreign(value: &PickleValue) -> Option<&str> {
    match value {
        PickleValue::Unsupported(name) => (name != TENSOR).then_some(name),
        PickleValue::List(values) => values.iter().find_map(foreign),
        PickleValue::Dict(values) => values.values().find_map(foreign),
        _ => None,
    }
}

fn element_type(dtype: DType) -> ElementType {
    match dtype {
        DType::F32 => ElementType::F32,
        DType::F16 => ElementType::F16,
        DType::BF16 => ElementType::BF16,
        other => ElementType::Other(format!("{other:?}").to_lowercase()),
    }
}

/// The reader gives elements in the order of this machine.
fn little_endian(mut bytes: Vec<u8>, size: usize) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    bytes
}
