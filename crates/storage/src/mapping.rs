//! Memory mapping of files.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a file for reading.
///
/// Mapping is `unsafe` because another process could modify or truncate the mapped file. This would
/// change bytes behind a shared reference, or end this process with a bus error. Files of this
/// crate are written under another name and never modified afterwards. A new file replaces an old
/// one by renaming, so readers of the old file keep its content.
#[allow(unsafe_code, reason = "memory-mapping a file has no safe form")]
pub(crate) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: files of this crate are replaced by renaming and never modified, as described above.
    // If another program modifies one anyway, numbers change their values, but plain numbers have
    // no invalid bit patterns.
    unsafe { Mmap::map(file) }
}
