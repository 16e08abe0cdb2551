//! The child process: reads one damaged input after the other, and says how each ended.

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::Path;

use finetune_train::panic_text;

use crate::input::{Input, Seeds, copy};
use crate::reader::Reader;

/// Begin of a line that names the input that is read next.
pub(crate) const BEGINS: &str = "begins ";
/// Line after an input that was read.
pub(crate) const READ: &str = "read";
/// Line after an input that was refused.
pub(crate) const REFUSED: &str = "refused";
/// Begin of the line after an input with a panic.
pub(crate) const PANICKED: &str = "panicked ";

/// Reads the inputs with these numbers.
///
/// # Errors
/// If a file cannot be written, or an undamaged seed is refused.
pub(crate) fn run(
    reader: &'static Reader,
    directory: &Path,
    seed: u64,
    numbers: Range<u64>,
) -> Result<(), Box<dyn std::error::Error>> {
    let seeds = Seeds::read(reader, directory)?;
    let work = tempfile::tempdir()?;
    for (number, seed) in seeds.directories().iter().enumerate() {
        let place = work.path().join("seed");
        copy(seed, &place)?;
        let read = (reader.read)(&place);
        read.map_err(|error| format!("seed {number} of {} is refused: {error}", reader.name))?;
    }
    panic::set_hook(Box::new(|_| {}));
    let mut out = io::stdout().lock();
    for number in numbers {
        writeln!(out, "{BEGINS}{number}")?;
        out.flush()?;
        let input = seeds.input(seed, number);
        let place = place(reader, &input, work.path())?;
        let path = place.join(&input.file);
        let undamaged = fs::read(&path)?;
        fs::write(&path, &input.bytes)?;
        match catch_unwind(AssertUnwindSafe(|| (reader.read)(&place))) {
            Ok(Ok(())) => writeln!(out, "{READ}")?,
            Ok(Err(_)) => writeln!(out, "{REFUSED}")?,
            Err(panic) => {
                let text = panic_text(&*panic).unwrap_or_default().replace('\n', " ");
                writeln!(out, "{PANICKED}{text}")?;
            }
        }
        if !reader.writes {
            fs::write(&path, undamaged)?;
        }
    }
    Ok(())
}

/// Returns a directory with the undamaged files of an input: a new copy if reading changes them.
fn place(reader: &Reader, input: &Input, work: &Path) -> io::Result<std::path::PathBuf> {
    let name = input.directory.file_name().unwrap_or_default();
    let place = work.join(name);
    if reader.writes || !place.exists() {
        copy(&input.directory, &place)?;
    }
    Ok(place)
}
