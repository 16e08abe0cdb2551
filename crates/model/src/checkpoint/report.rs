//! What became of each tensor of a checkpoint.

/// Names as they stand in the file. Two kinds of tensors are not listed: the numbers of the
/// positions, which old files have as a tensor, and a decoder whose values are those of the word
/// embeddings, or of the bias, that have been taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Tensors taken from the file.
    pub loaded: Vec<String>,
    /// Tensors the file has not got, or has for other classes: freshly initialised from the seed.
    pub initialised: Vec<String>,
    /// Tensors of the head that an adapter's checkpoint has not got: as they were in the model.
    pub kept: Vec<String>,
    /// Tensors of the file that the model has no place for.
    pub unused: Vec<String>,
}

impl std::fmt::Display for LoadReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tensors loaded", self.loaded.len())?;
        for (what, names) in [
            ("new", &self.initialised),
            ("kept", &self.kept),
            ("unused", &self.unused),
        ] {
            if !names.is_empty() {
                write!(f, ", {what}: {}", names.join(" "))?;
            }
        }
        Ok(())
    }
}
