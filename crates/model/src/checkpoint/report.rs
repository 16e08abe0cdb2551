//! Report of loading a checkpoint.

/// Tensors of a checkpoint and of the model after loading, by their names in the file. Not listed
/// are the position ids in old files, and tensors that duplicate the word embeddings or the
/// decoder's bias.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Tensors loaded from the file.
    pub loaded: Vec<String>,
    /// Tensors missing from the checkpoint, or saved for other classes: newly initialized from the
    /// seed.
    pub newly_initialized: Vec<String>,
    /// Head tensors missing from an adapter's checkpoint: unchanged.
    pub unchanged: Vec<String>,
    /// Unexpected tensors: in the file, but not in the model.
    pub unexpected: Vec<String>,
}

impl std::fmt::Display for LoadReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tensors loaded", self.loaded.len())?;
        for (what, names) in [
            ("new", &self.newly_initialized),
            ("kept", &self.unchanged),
            ("unused", &self.unexpected),
        ] {
            if !names.is_empty() {
                write!(f, ", {what}: {}", names.join(" "))?;
            }
        }
        Ok(())
    }
}
