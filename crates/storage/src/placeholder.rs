//! Detection of files that are not the file itself: Git LFS pointers and HTML pages.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Number of bytes at the beginning of a file that [`placeholder`] looks at.
const BEGINNING: usize = 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a file holds in place of the expected content. Its text completes a sentence such as
/// "the file is ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placeholder {
    /// The pointer that `git clone` leaves in place of a large file if Git LFS is not installed.
    GitLfsPointer,
    /// A page that a web server sent in place of the file, such as a page to sign in.
    HtmlPage,
}

impl fmt::Display for Placeholder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::GitLfsPointer => "a Git LFS pointer, not the file itself: run `git lfs pull`",
            Self::HtmlPage => "an HTML page, not the file itself: download the file again",
        })
    }
}

/// Returns what the bytes at the beginning of a file are, if they are a known placeholder.
///
/// ```
/// use finetune_storage::{Placeholder, placeholder};
///
/// assert_eq!(placeholder(b"<!DOCTYPE html>\n<html>"), Some(Placeholder::HtmlPage));
/// assert_eq!(placeholder(b"{\"model_type\": \"bert\"}"), None);
/// ```
pub fn placeholder(bytes: &[u8]) -> Option<Placeholder> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let bytes = &bytes[..bytes.len().min(BEGINNING)];
    let text = String::from_utf8_lossy(bytes).trim_start().to_lowercase();
    if text.starts_with("version https://git-lfs.github.com/spec/") {
        return Some(Placeholder::GitLfsPointer);
    }
    let is_page = is_tag(&text, "<!doctype html") || is_tag(&text, "<html");
    is_page.then_some(Placeholder::HtmlPage)
}

/// Returns what the file holds in place of the expected content; `None` for any other content, and for
/// a pipe, from which nothing is read.
///
/// # Errors
/// - An [`io::Error`] if the file cannot be opened or read.
pub fn placeholder_file(path: &Path) -> io::Result<Option<Placeholder>> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut beginning = Vec::with_capacity(BEGINNING);
    let file = File::open(path)?;
    file.take(BEGINNING as u64).read_to_end(&mut beginning)?;
    Ok(placeholder(&beginning))
}

/// Returns whether the text begins with the whole tag, not with a longer one.
fn is_tag(text: &str, tag: &str) -> bool {
    let rest = text.strip_prefix(tag);
    rest.is_some_and(|rest| rest.starts_with(|next: char| next == '>' || next.is_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTER: &str =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";

    #[test]
    fn pointers_and_pages_are_told_apart_from_content() {
        for (bytes, expected) in [
            (POINTER.as_bytes(), Some(Placeholder::GitLfsPointer)),
            (b"<html>", Some(Placeholder::HtmlPage)),
            (
                b"\xef\xbb\xbf\r\n <!doctype HTML>",
                Some(Placeholder::HtmlPage),
            ),
            (b"<HTML lang=\"en\">", Some(Placeholder::HtmlPage)),
            (b"version,text\n1,https://git-lfs.github.com/spec/v1", None),
            (b"<html_text>,label\n", None),
            (b"PAR1\x00\xff", None),
            (b"", None),
        ] {
            assert_eq!(placeholder(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_file_is_looked_at_from_its_beginning() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        std::fs::write(&path, POINTER).unwrap();
        let found = placeholder_file(&path).unwrap();
        assert_eq!(found, Some(Placeholder::GitLfsPointer));
        assert!(found.unwrap().to_string().contains("git lfs pull"));
        std::fs::write(&path, [0; 4096]).unwrap();
        assert_eq!(placeholder_file(&path).unwrap(), None);
        assert_eq!(placeholder_file(directory.path()).unwrap(), None);
        assert!(placeholder_file(&directory.path().join("none")).is_err());
    }
}
