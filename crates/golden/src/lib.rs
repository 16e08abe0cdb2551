//! Expected tensors for tests: what a reference implementation computed, kept as safetensors files
//! beside the script that made them.
//!
//! For tests only, so its functions panic with what a test wants to say.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

/// A file of expected tensors.
#[derive(Debug)]
pub struct Golden {
    bytes: Vec<u8>,
}

impl Golden {
    /// Takes a file that is compiled into the test.
    pub fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
        }
    }

    /// Reads a file.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn read(path: &Path) -> Self {
        match std::fs::read(path) {
            Ok(bytes) => Self { bytes },
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    fn file(&self) -> SafeTensors<'_> {
        match SafeTensors::deserialize(&self.bytes) {
            Ok(file) => file,
            Err(error) => panic!("golden file: {error}"),
        }
    }

    /// The elements of a tensor of 4- or 8-byte elements, and its shape.
    fn elements<const N: usize, T>(
        &self,
        name: &str,
        dtype: Dtype,
        read: fn([u8; N]) -> T,
    ) -> (Vec<T>, Vec<usize>) {
        let file = self.file();
        let view = match file.tensor(name) {
            Ok(view) => view,
            Err(error) => panic!("golden tensor {name}: {error}"),
        };
        assert_eq!(view.dtype(), dtype, "golden tensor {name}");
        let (elements, rest) = view.data().as_chunks::<N>();
        assert!(rest.is_empty(), "golden tensor {name}");
        (
            elements.iter().copied().map(read).collect(),
            view.shape().to_vec(),
        )
    }

    /// A tensor of 32-bit floats and its shape.
    ///
    /// # Panics
    /// If there is none of that name and type.
    pub fn floats(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        self.elements(name, Dtype::F32, f32::from_le_bytes)
    }

    /// The elements of a tensor of 64-bit floats.
    ///
    /// # Panics
    /// If there is none of that name and type.
    pub fn doubles(&self, name: &str) -> Vec<f64> {
        self.elements(name, Dtype::F64, f64::from_le_bytes).0
    }

    /// A tensor of 64-bit integers and its shape.
    ///
    /// # Panics
    /// If there is none of that name and type.
    pub fn integers(&self, name: &str) -> (Vec<i64>, Vec<usize>) {
        self.elements(name, Dtype::I64, i64::from_le_bytes)
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.file().names().into_iter().map(String::from).collect();
        names.sort();
        names
    }

    /// Checks that every element of `got` is at most `tolerance` from the tensor's.
    ///
    /// # Panics
    /// If one is not, with the largest distance and its position.
    pub fn check(&self, name: &str, got: &[f32], tolerance: f32) {
        let (expected, _) = self.floats(name);
        check(name, got, &expected, tolerance);
    }
}

/// Checks that every element of `got` is at most `tolerance` from that of `expected`.
///
/// # Panics
/// If the lengths differ or an element is farther off, with the largest distance and its position.
pub fn check(name: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{name}: number of elements");
    let distances = got
        .iter()
        .zip(expected)
        .map(|(got, expected)| (got - expected).abs());
    // A NaN is farther than anything: total_cmp puts it last.
    let worst = distances
        .enumerate()
        .max_by(|(_, a), (_, b)| a.total_cmp(b));
    if let Some((at, distance)) = worst {
        let (got, expected) = (got[at], expected[at]);
        let message = format!("{name}[{at}]: got {got}, expected {expected}, {distance:e} apart");
        assert!(distance <= tolerance, "{message}");
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_close_passes() {
        check("x", &[1.0, 2.0], &[1.0, 2.0005], 1e-3);
    }

    #[test]
    #[should_panic(expected = "x[1]: got 2, expected 2.01")]
    fn what_is_far_is_shown() {
        check("x", &[1.0, 2.0], &[1.0, 2.01], 1e-3);
    }

    #[test]
    #[should_panic(expected = "NaN apart")]
    fn not_a_number_is_far() {
        check("x", &[f32::NAN], &[1.0], 1e-3);
    }
}
