//! Reader of [safetensors](https://huggingface.co/docs/safetensors/index#format) files: the length
//! of the header in eight bytes, a JSON header with dtype, shape and offsets of each tensor, and
//! the elements.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::stored_tensor::{ElementType, StoredTensor, StoredTensors};
use super::weights::open_file;
use crate::error::ModelError;

/// Maximum header length in bytes, as in other readers of the format.
const LONGEST_HEADER: u64 = 100_000_000;

/// Opens a file and reads its header.
///
/// # Errors
/// - [`ModelError::Io`] if the file cannot be read.
/// - [`ModelError::InvalidWeights`] if it is inconsistent: the tensors must fill it without gaps or
///   overlap.
pub(super) fn open(path: &Path) -> Result<StoredTensors, ModelError> {
    let file = open_file(path)?;
    let (header, data_start) = read_header(&file).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => ModelError::corrupted_weights(path, source),
        _ => ModelError::io(path)(source),
    })?;
    let (path, file) = (Arc::<Path>::from(path), Arc::new(file));
    let tensors = header.tensors().into_iter().map(|(name, info)| {
        let stored = StoredTensor {
            path: path.clone(),
            name: name.clone(),
            shape: info.shape.clone(),
            element_type: element_type(info.dtype),
            read: reader(file.clone(), data_start, info),
        };
        (name, stored)
    });
    Ok(tensors.collect())
}

/// Returns the checked header and the offset of the first element.
fn read_header(mut file: &File) -> io::Result<(Metadata, u64)> {
    let found = file.metadata()?.len();
    let mut prefix = [0; 8];
    if found < prefix.len() as u64 {
        return Err(damage(format!(
            "{found} bytes, a header has at least {}",
            prefix.len()
        )));
    }
    file.read_exact(&mut prefix)?;
    let length = u64::from_le_bytes(prefix);
    let most = LONGEST_HEADER.min(found - prefix.len() as u64);
    // Checked before anything of this size is allocated.
    if length > most {
        return Err(damage(format!(
            "the header claims {length} bytes, expected at most {most}"
        )));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header)?;
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|error| damage(format!("the header is no list of tensors: {error}")))?;
    let data_start = prefix.len() as u64 + length;
    let expected = data_start.saturating_add(header.data_len() as u64);
    if found != expected {
        return Err(damage(format!(
            "{found} bytes, expected {expected} by its header"
        )));
    }
    Ok((header, data_start))
}

fn damage(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Returns a function that reads a tensor's elements; its offsets must be within the file.
fn reader(
    file: Arc<File>,
    data_start: u64,
    info: &TensorInfo,
) -> Box<dyn Fn() -> io::Result<Vec<u8>>> {
    let (start, end) = info.data_offsets;
    Box::new(move || {
        let mut file = &*file;
        file.seek(SeekFrom::Start(data_start + start as u64))?;
        let mut bytes = vec![0; end - start];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    })
}

fn element_type(dtype: Dtype) -> ElementType {
    match dtype {
        Dtype::F64 => ElementType::F64,
        Dtype::F32 => ElementType::F32,
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::BF16,
        other => ElementType::Other(other.to_string().to_lowercase()),
    }
}
