//! A reader to fuzz: how its valid files are written, damaged and read.

use std::error::Error;
use std::path::Path;

/// Result of writing or reading files.
pub(crate) type Attempt = Result<(), Box<dyn Error>>;

/// Reader to fuzz.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Name in the table and for `--reader`.
    pub(crate) name: &'static str,
    /// Share of the inputs that this reader gets: `1 / cost`.
    pub(crate) cost: u64,
    /// Names of the files that are damaged, one at a time; a name that begins with a dot stands for
    /// all files with this extension, in subdirectories, too, and a dot for all files.
    pub(crate) files: &'static [&'static str],
    /// What is damaged besides bytes.
    pub(crate) shape: Shape,
    /// Whether reading changes files, so that each input needs a fresh copy of the directory.
    pub(crate) writes: bool,
    /// Writes valid files into the subdirectories `0`, `1`, ... of a directory.
    pub(crate) seeds: fn(&Path) -> Attempt,
    /// Reads the files of one of these subdirectories.
    pub(crate) read: fn(&Path) -> Attempt,
}

/// Structure of a file, which is damaged in half of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Bytes or lines of text.
    Bytes,
    /// JSON.
    Json,
    /// Content compressed by gzip.
    Gzip,
    /// Length, JSON header and bytes of safetensors.
    Safetensors,
}
