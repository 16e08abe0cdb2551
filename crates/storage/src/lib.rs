//! Arrays of numbers on disk: written once, memory-mapped, and checked before they are used.
//!
//! Token ids of a data set larger than memory, or the activations of a frozen encoder, are long
//! arrays of plain numbers that are computed once and read many times. Here they go into one file:
//!
//! 1. **Write**: an [`ArrayFileWriter`] takes any number of arrays, a piece at a time and in any
//!    order, with metadata of the caller's choice. The file gets its name only when it is complete
//!    and on the disk: a program that is killed leaves nothing that another would open.
//! 2. **Open**: [`ArrayFile::open`] maps the file into memory. That takes the same few
//!    milliseconds for any size, because nothing is read yet.
//! 3. **Read**: an [`Array`] gives slices, of a file or of a vector in memory alike. Each block of
//!    a file is held to its checksum before its first number is given out.
//!
//! A file that was changed since it was written, by whatever program, is noticed on opening and
//! checked as a whole; a disk that changes bits behind the system's back is noticed on reading.
//!
//! Small files that shall appear whole or not at all go through [`write_atomically`], folders of
//! files through [`FolderWriter`].
//!
//! # Example
//!
//! ```
//! use finetune_storage::{ArrayFile, ArrayFileWriter};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("squares.arrays");
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
mod error;
mod file;
mod folder;
mod footer;
mod mapping;
mod number;
mod writer;

pub use array::Array;
pub use atomic::{remove_partial_files, write_atomically};
pub use error::StorageError;
pub use file::ArrayFile;
pub use folder::{Folder, FolderWriter};
pub use number::Number;
pub use writer::{ArrayFileWriter, ArrayHandle};
