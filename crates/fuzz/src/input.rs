//! Seeds of a reader, and the inputs made of them.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use finetune_random::{Purpose, generator, name_hash};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rand::RngExt;

use crate::reader::{Reader, Shape};
use crate::{json, mutation};

/// Valid files of a reader.
#[derive(Debug)]
pub(crate) struct Seeds {
    reader: &'static Reader,
    /// Directories with a complete set of files each.
    directories: Vec<PathBuf>,
    /// Directory by index, path in it and content of each file that is damaged.
    files: Vec<(usize, PathBuf, Vec<u8>)>,
}

/// One damaged file.
#[derive(Debug)]
pub(crate) struct Input {
    /// Directory of the undamaged files.
    pub(crate) directory: PathBuf,
    /// Path of the damaged file in it.
    pub(crate) file: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl Seeds {
    /// Reads the seeds that [`Reader::seeds`] wrote into a directory.
    pub(crate) fn read(reader: &'static Reader, directory: &Path) -> io::Result<Self> {
        let (mut directories, mut files) = (Vec::new(), Vec::new());
        for number in 0.. {
            let seed = directory.join(number.to_string());
            if !seed.is_dir() {
                break;
            }
            let mut paths = Vec::new();
            list(&seed, Path::new(""), &mut paths)?;
            paths.sort();
            for path in paths.into_iter().filter(|path| is_damaged(reader, path)) {
                let bytes = fs::read(seed.join(&path))?;
                files.push((number, path, bytes));
            }
            directories.push(seed);
        }
        match files.is_empty() {
            true => Err(io::Error::other(format!("{} has no seeds", reader.name))),
            false => Ok(Self {
                reader,
                directories,
                files,
            }),
        }
    }

    /// Returns the directories of undamaged files.
    pub(crate) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Returns the input with a number.
    pub(crate) fn input(&self, seed: u64, number: u64) -> Input {
        let mut random = generator(seed, Purpose::Search, number, name_hash(self.reader.name));
        let (directory, file, bytes) = &self.files[random.random_range(0..self.files.len())];
        let (_, _, other) = &self.files[random.random_range(0..self.files.len())];
        let in_shape = match random.random_range(0..2) {
            0 => None,
            _ => self.in_shape(bytes, other, &mut random),
        };
        Input {
            directory: self.directories[*directory].clone(),
            file: file.clone(),
            bytes: in_shape.unwrap_or_else(|| mutation::mutated(bytes, other, &mut random)),
        }
    }

    /// Returns the bytes with damage that their structure survives; `None` if they have none.
    fn in_shape(&self, bytes: &[u8], other: &[u8], random: &mut impl RngExt) -> Option<Vec<u8>> {
        match self.reader.shape {
            Shape::Bytes => None,
            Shape::Json => json::mutated(bytes, random),
            Shape::Gzip => {
                let inner = mutation::mutated(&unzipped(bytes)?, &unzipped(other)?, random);
                let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
                zip.write_all(&inner).ok()?;
                zip.finish().ok()
            }
            // The configuration beside the tensors.
            Shape::Safetensors if bytes.first() == Some(&b'{') => json::mutated(bytes, random),
            Shape::Safetensors => {
                let (length, rest) = bytes.split_at_checked(8)?;
                let length = u64::from_le_bytes(length.try_into().ok()?);
                let (header, tensors) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                let header = json::mutated(header, random)?;
                Some([&(header.len() as u64).to_le_bytes(), &header[..], tensors].concat())
            }
        }
    }
}

fn unzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inner = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut inner).ok()?;
    Some(inner)
}

/// Returns whether a reader's file is damaged.
fn is_damaged(reader: &Reader, path: &Path) -> bool {
    let text = path.to_string_lossy();
    reader.files.iter().any(|name| match name.starts_with('.') {
        true => *name == "." || text.ends_with(name),
        false => text == *name,
    })
}

/// Lists the files in a directory, as paths in it.
fn list(root: &Path, directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(directory))? {
        let path = directory.join(entry?.file_name());
        match root.join(&path).is_dir() {
            true => list(root, &path, found)?,
            false => found.push(path),
        }
    }
    Ok(())
}

/// Copies the files of a directory into another, which is emptied first.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let mut paths = Vec::new();
    list(from, Path::new(""), &mut paths)?;
    fs::create_dir_all(to)?;
    for path in paths {
        let target = to.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from.join(&path), target)?;
    }
    Ok(())
}
