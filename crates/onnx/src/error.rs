//! Errors of this crate.

use std::io;
use std::path::{Path, PathBuf};

/// Error of an export; it names the file, or the part of the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The model cannot be loaded.
    #[error(transparent)]
    Predict(#[from] finetune_predict::PredictError),
    /// The file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A part of the model cannot be expressed.
    #[error("no ONNX form of {part}: {reason}")]
    NotExportable {
        /// Part of the model.
        part: String,
        /// Why, and what helps.
        reason: &'static str,
    },
    /// A weight cannot be written in the precision.
    #[error("{name} has {found}, which {precision} cannot hold: export it in f32")]
    OutOfRange {
        /// Name of the tensor.
        name: String,
        /// Value found.
        found: f32,
        /// Precision.
        precision: crate::OnnxPrecision,
    },
    /// The file would be larger than the format allows.
    #[error(
        "the file would have {bytes} bytes, an ONNX file has at most {limit}: export f16 or int8"
    )]
    TooLarge {
        /// Size in bytes.
        bytes: usize,
        /// Largest size in bytes.
        limit: usize,
    },
}

impl OnnxError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io { path, source }
    }

    pub(crate) fn not_exportable(part: impl Into<String>, reason: &'static str) -> Self {
        Self::NotExportable {
            part: part.into(),
            reason,
        }
    }
}
