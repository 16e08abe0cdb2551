//! Hash of the content of a dataset.

use sha2::{Digest, Sha256};

/// Incremental SHA-256 of byte strings. Each has a length prefix, so that different contents never hash
/// the same bytes.
pub(crate) struct ContentHash(Sha256);

impl ContentHash {
    /// Begins with a marker of what is hashed.
    pub(crate) fn new(marker: &[u8]) -> Self {
        let mut hash = Self(Sha256::new());
        hash.add(marker);
        hash
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Returns the hash as hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_string_ends_matters() {
        let hash = |parts: [&str; 2]| {
            let mut hash = ContentHash::new(b"test");
            parts.iter().for_each(|part| hash.add(part.as_bytes()));
            hash.finish()
        };
        assert_ne!(hash(["ab", "c"]), hash(["a", "bc"]));
        assert_eq!(hash(["ab", "c"]), hash(["ab", "c"]));
        assert_eq!(hash(["", ""]).len(), 64);
    }
}
