//! Reader of `pytorch_model.bin`: a state dict written by `torch.save`. The tensors are described
//! by a pickle, which can call any Python function; the elements are stored beside it.
//!
//! A file whose pickle names anything but tensors and plain containers is rejected before it is
//! interpreted, as by
//! [`torch.load`](https://docs.pytorch.org/docs/stable/notes/serialization.html#weights-only);
//! `pickle_calls` finds such names. No Python runs in this process, but weights do not need such
//! calls, and another program might run them.
//!
//! The crate `pytorch-reader` then interprets the calls that build tensors.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use pytorch_reader::{DType, FileFormat, PytorchError, PytorchReader};
use zip::ZipArchive;

use super::pickle_calls::foreign_call;
use super::stored_tensor::{ElementType, StoredTensor, StoredTensors};
use super::weights::open_file;
use crate::error::ModelError;

/// Opens a file: a zip archive, or the stream of pickles that PyTorch wrote before 1.6. An archive is
/// read once as a whole, to verify its checksums; of a stream, only the pickles are read.
///
/// # Errors
/// - [`ModelError::Io`] if the file cannot be read.
/// - [`ModelError::InvalidWeights`] if it is corrupted, has another format, or contains more than
///   plain values and tensors.
pub(super) fn open(path: &Path) -> Result<StoredTensors, ModelError> {
    let failed = |error| match error {
        PytorchError::Io(source) if source.raw_os_error().is_some() => ModelError::io(path)(source),
        error => ModelError::corrupted_weights(path, error),
    };
    let file = open_file(path)?;
    let (format, call) = calls(file).map_err(|source| failed(PytorchError::Io(source)))?;
    if let Some(found) = call {
        let problem = format!("the pickle calls {found}, expected tensors and plain values only");
        return Err(ModelError::weights(path, problem));
    }
    let reader = PytorchReader::new(path).map_err(failed)?;
    // Otherwise the check may have read other pickles than the reader.
    if reader.metadata().format_type != format {
        return Err(ModelError::corrupted_weights(
            path,
            format!("neither {format:?} nor another format of PyTorch"),
        ));
    }
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

/// Magic number at the start of a stream of pickles, in binary and decimal.
const OLD_STREAM: [&[u8]; 2] = [
    &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19],
    b"119547037146038801333356",
];

/// Maximum offset of the magic number, in bytes.
const OLD_STREAM_WITHIN: usize = 64;

/// Pickles of an old stream: magic number, version, machine, tensors, storages.
const OLD_STREAM_PICKLES: usize = 5;

/// Returns the format of a file, and the first call that weights do not need.
fn calls(mut file: File) -> io::Result<(FileFormat, Option<String>)> {
    let mut start = Vec::new();
    file.by_ref()
        .take(OLD_STREAM_WITHIN as u64)
        .read_to_end(&mut start)?;
    file.rewind()?;
    if start.starts_with(b"PK") {
        return Ok((FileFormat::Zip, calls_in_archive(file)?));
    }
    let is_old = |number: &&[u8]| start.windows(number.len()).any(|bytes| bytes == *number);
    let (format, pickles) = match OLD_STREAM.iter().any(is_old) {
        true => (FileFormat::Legacy, OLD_STREAM_PICKLES),
        false => (FileFormat::Pickle, 1),
    };
    let mut stream = BufReader::new(file);
    for _ in 0..pickles {
        let call = foreign_call(&mut stream)?;
        if call.is_some() {
            return Ok((format, call));
        }
    }
    Ok((format, None))
}

/// Returns the first such call in any pickle of an archive, and verifies the checksums of its entries.
fn calls_in_archive(file: File) -> io::Result<Option<String>> {
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let is_pickle = entry.name()?.ends_with(".pkl");
        // PyTorch can be told not to compute checksums; it writes 0 then.
        let has_checksum = entry.crc32() != 0;
        let mut entry = BufReader::with_capacity(1 << 20, entry);
        if is_pickle {
            let call = foreign_call(&mut entry)?;
            if call.is_some() {
                return Ok(call);
            }
        }
        if has_checksum {
            // The checksum is compared at the end of the entry.
            io::copy(&mut entry, &mut io::sink())?;
        }
    }
    Ok(None)
}

fn element_type(dtype: DType) -> ElementType {
    match dtype {
        DType::F64 => ElementType::F64,
        DType::F32 => ElementType::F32,
        DType::F16 => ElementType::F16,
        DType::BF16 => ElementType::BF16,
        other => ElementType::Other(format!("{other:?}").to_lowercase()),
    }
}

/// The reader returns elements in the byte order of this machine.
fn little_endian(mut bytes: Vec<u8>, size: usize) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    bytes
}
