//! Write-once, memory-mapped and checksummed arrays of numbers on disk.
//!
//! Token ids of a large dataset or activations of a frozen encoder are long arrays of numbers that
//! are computed once and read many times. This crate stores them in one file:
//!
//! 1. **Write**: an [`ArrayFileWriter`] writes any number of arrays, in pieces and in any order,
//!    with metadata chosen by the caller. The file is renamed to its final name when it is complete
//!    and synced to disk, so a killed process leaves no incomplete file under that name.
//! 2. **Open**: [`ArrayFile::open`] maps the file into memory. This takes a few milliseconds for
//!    any size, because the data is not read.
//! 3. **Read**: an [`Array`] returns slices of a mapped file or of a vector in memory. Each block
//!    of a file is verified by its checksum before its first use.
//!
//! A modified file is detected when it is opened, by its modification time, and is then verified as
//! a whole. Silent disk corruption is detected when a block is first read.
//!
//! [`write_atomically`] writes a small file atomically, and [`DirectoryWriter`] a directory of files.
//! [`placeholder`] recognizes Git LFS pointers and HTML pages in place of a file.
//!
//! # Example
//!
//! ```
//! use finetune_storage::{ArrayFile, ArrayFileWriter};
//!
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("squares.arrays");
//! let mut writer = ArrayFileWriter::create(&path)?;
//! let squares = writer.array::<u32>("squares")?;
//! for number in 0..1000u32 {
//!     writer.write(&squares, &[number * number])?;
//! }
//! writer.finish("the squares of small numbers")?;
//!
//! let file = ArrayFile::open(&path)?;
//! let squares = file.array::<u32>("squares")?;
//! assert_eq!(squares.get(30..32)?, [900, 961]);
//! assert_eq!(file.metadata::<String>()?, "the squares of small numbers");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod array;
mod atomic;
mod blocks;
mod directory;
mod error;
mod file;
mod footer;
mod placeholder;
mod writer;

pub use array::{Array, Element};
pub use atomic::{remove_partial_files, write_atomically};
pub use directory::{Directory, DirectoryWriter};
pub use error::StorageError;
pub use file::ArrayFile;
pub use placeholder::{Placeholder, placeholder, placeholder_file};
pub use writer::{ArrayFileWriter, ArrayHandle};
