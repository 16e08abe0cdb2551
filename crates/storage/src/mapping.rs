//! The one place that maps a file into memory.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a file for reading.
///
/// Mapping is `unsafe` because another program could change or cut the file while it is mapped,
/// which would change bytes behind a shared reference, or end this program with a bus error. Our
/// files are written under another name and never changed once they have their own; a new one
/// takes the place of an old one by renaming, which leaves the old one's bytes to those who have
/// it open.
#[allow(unsafe_code, reason = "memory-mapping a file has no safe form")]
pub(crate) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: files of this crate are replaced by renaming and never written to, as said above. A
    // program that writes to one regardless breaks what every reader of mapped files relies on;
    // bytes of plain numbers then change their value, but have no invalid one.
    unsafe { Mmap::map(file) }
}
