//! Tensor in a file, whose elements are read on demand.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{bf16, f16};

use crate::error::ModelError;

/// Tensors of a file by name.
pub(crate) type StoredTensors = BTreeMap<String, StoredTensor>;

/// Element type of a tensor in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ElementType {
    F64,
    F32,
    F16,
    BF16,
    /// Type that is unsupported for weights, by its name in the format.
    Other(String),
}

/// Tensor in a file.
pub(crate) struct StoredTensor {
    /// File, for errors.
    pub(super) path: Arc<Path>,
    /// Name in the file.
    pub(crate) name: String,
    /// Shape in the file, where the weights of linear layers are output-major.
    pub(super) shape: Vec<usize>,
    pub(super) element_type: ElementType,
    /// Reads the elements, little-endian and row-major.
    pub(super) read: Box<dyn Fn() -> io::Result<Vec<u8>>>,
}

impl StoredTensor {
    /// Reads the elements as f32; both 16-bit types are converted exactly, and f64 is rounded.
    ///
    /// # Errors
    /// - [`ModelError::InvalidTensor`] if the elements are not floating-point numbers.
    /// - [`ModelError::InvalidTensor`] if one is NaN or infinite; training would spread it to the whole
    ///   model.
    /// - [`ModelError::InvalidWeights`] if the file is corrupted.
    /// - [`ModelError::Io`] if the file cannot be read.
    pub(super) fn values(&self) -> Result<Vec<f32>, ModelError> {
        let convert: fn(&[u8]) -> Vec<f32> = match &self.element_type {
            ElementType::F64 => |bytes| elements(bytes, |eight| f64::from_le_bytes(eight) as f32),
            ElementType::F32 => |bytes| elements(bytes, f32::from_le_bytes),
            ElementType::F16 => |bytes| elements(bytes, |pair| f16::from_le_bytes(pair).to_f32()),
            ElementType::BF16 => |bytes| elements(bytes, |pair| bf16::from_le_bytes(pair).to_f32()),
            ElementType::Other(found) => {
                let problem = format!("holds {found}, expected f64, f32, f16 or bf16");
                return Err(self.error(problem));
            }
        };
        let values = convert(&(self.read)().map_err(|error| self.unreadable(error))?);
        let expected: usize = self.shape.iter().product();
        if values.len() != expected {
            let found = values.len();
            let reason = format!(
                "tensor {} has {found} values, expected {expected}",
                self.name
            );
            return Err(ModelError::corrupted_weights(&self.path, reason));
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(self.error(format!(
                "has {} at {index}, expected finite values",
                values[index]
            ))),
            None => Ok(values),
        }
    }

    /// Creates the error of this tensor.
    pub(super) fn error(&self, problem: String) -> ModelError {
        ModelError::tensor(&self.path, &self.name, problem)
    }

    /// Inconsistent files are corrupted; all other errors come from the system.
    fn unreadable(&self, source: io::Error) -> ModelError {
        match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                let reason = format!("tensor {}: {source}", self.name);
                ModelError::corrupted_weights(&self.path, reason)
            }
            _ => ModelError::io(&self.path)(source),
        }
    }
}

fn elements<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().copied().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(element_type: ElementType, bytes: Vec<u8>) -> StoredTensor {
        StoredTensor {
            path: Path::new("file").into(),
            name: "weight".to_string(),
            shape: vec![3],
            element_type,
            read: Box::new(move || Ok(bytes.clone())),
        }
    }

    #[test]
    fn each_element_type_gives_its_exact_values() {
        // 1, -2.5 and the smallest number of the type.
        let f32s = [1.0f32, -2.5, f32::MIN_POSITIVE];
        let bytes = f32s.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(stored(ElementType::F32, bytes).values().unwrap(), f32s);
        let f64s = [1.0f64, -2.5, f64::from(f32::MIN_POSITIVE)];
        let bytes = f64s.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(stored(ElementType::F64, bytes).values().unwrap(), f32s);
        let f16s = vec![0x00, 0x3c, 0x00, 0xc1, 0x01, 0x00];
        let smallest = 2f32.powi(-24);
        assert_eq!(
            stored(ElementType::F16, f16s).values().unwrap(),
            [1.0, -2.5, smallest]
        );
        let bf16s = vec![0x80, 0x3f, 0x20, 0xc0, 0x01, 0x00];
        let smallest = f32::from_bits(0x0001_0000);
        assert_eq!(
            stored(ElementType::BF16, bf16s).values().unwrap(),
            [1.0, -2.5, smallest]
        );
    }

    #[test]
    fn what_is_no_number_is_named_with_its_place() {
        for (element_type, bytes) in [
            (
                ElementType::F32,
                [1.0, 2.0, f32::NAN].map(f32::to_le_bytes).concat(),
            ),
            (ElementType::F16, vec![0x00, 0x3c, 0x00, 0xc1, 0x00, 0x7c]),
            (ElementType::BF16, vec![0x80, 0x3f, 0x20, 0xc0, 0x80, 0xff]),
        ] {
            let error = stored(element_type, bytes).values().unwrap_err();
            let message = error.to_string();
            assert!(message.contains("tensor weight has "), "{message}");
            assert!(
                message.ends_with(" at 2, expected finite values"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_wrong_number_of_values_is_damage() {
        for bytes in [vec![], vec![0; 8], vec![0; 16]] {
            let error = stored(ElementType::F32, bytes).values().unwrap_err();
            assert!(error.to_string().contains("not a readable"), "{error}");
        }
    }
}
