//! Reader and writer of byte-level BPE files in RoBERTa's format: `vocab.json` and `merges.txt`.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::files::{BYTE_ORDER_MARK, read};
use crate::error::DataError;
use crate::excerpt::excerpt;

/// Token ids by token.
pub(super) type Vocabulary = HashMap<String, u32>;

/// Two tokens to merge; earlier merges take precedence.
pub(super) type Merge = (String, String);

pub(super) fn read_vocabulary(path: &Path) -> Result<Vocabulary, DataError> {
    let bytes = read(path)?;
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    let vocabulary: Vocabulary =
        serde_json::from_slice(bytes).map_err(|source| DataError::json(path, source))?;
    if vocabulary.is_empty() {
        return Err(DataError::empty_vocabulary(path));
    }
    Ok(vocabulary)
}

/// Reads one merge per line: two tokens separated by a space. Lines that begin with `#version` are
/// skipped, as in the `tokenizers` library.
///
/// # Errors
/// - [`DataError::InvalidRow`] if a line is not two tokens.
/// - [`DataError::InvalidTokenizer`] if the vocabulary lacks a token of a merge.
pub(super) fn read_merges(path: &Path, vocabulary: &Vocabulary) -> Result<Vec<Merge>, DataError> {
    let bytes = read(path)?;
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    let content = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut merges = Vec::new();
    for (row, line) in (1..).zip(content.split(|&byte| byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = str::from_utf8(line).map_err(|_| DataError::invalid_utf8(path, row))?;
        if line.starts_with("#version") {
            continue;
        }
        let merge = parse(line).ok_or_else(|| {
            let expected = "expected two tokens with a space between them";
            let found = excerpt(line);
            DataError::row(path, row, format!("{expected}, found {found:?}"))
        })?;
        check_merge(path, row, &merge, "", |token| {
            vocabulary.contains_key(token)
        })?;
        merges.push(merge);
    }
    Ok(merges)
}

/// Parses a line of `merges.txt`; `None` if it is not two tokens.
pub(super) fn parse(line: &str) -> Option<Merge> {
    let (first, second) = line.split_once(' ')?;
    let whole = !first.is_empty() && !second.is_empty() && !second.contains(' ');
    whole.then(|| (first.to_owned(), second.to_owned()))
}

/// Checks that the vocabulary contains both tokens of a merge and the result. The `tokenizers`
/// library assumes that it contains the result, and panics if the result is longer than any token.
pub(super) fn check_merge(
    path: &Path,
    row: u64,
    (first, second): &Merge,
    continuing_prefix: &str,
    known: impl Fn(&str) -> bool,
) -> Result<(), DataError> {
    let continuation = second.get(continuing_prefix.len()..).unwrap_or_default();
    let whole = format!("{first}{continuation}");
    let prefixed = second.len() >= continuing_prefix.len();
    let unknown = [first, second, &whole]
        .into_iter()
        .find(|token| !known(token));
    match unknown.or((!prefixed).then_some(second)) {
        None => Ok(()),
        Some(token) => {
            let token = excerpt(token);
            let problem = format!("merge {row}: the vocabulary lacks the token {token:?}");
            Err(DataError::tokenizer(path, problem))
        }
    }
}

/// Returns `vocab.json` and `merges.txt` of a BPE model in the JSON of the `tokenizers` library;
/// `None` if the merges cannot be written as lines.
pub(super) fn write(model: &Value) -> Option<(String, String)> {
    let vocabulary = model
        .get("vocab")
        .filter(|vocabulary| vocabulary.is_object())?;
    let merges = model.get("merges")?.as_array()?;
    let line = |merge: &Value| {
        let line = format!("{} {}", merge.get(0)?.as_str()?, merge.get(1)?.as_str()?);
        let listable = parse(&line).is_some() && !line.contains(['\n', '\r']);
        (listable && !line.starts_with("#version")).then(|| line + "\n")
    };
    let lines: String = merges.iter().map(line).collect::<Option<_>>()?;
    Some((format!("{vocabulary}\n"), format!("#version: 0.2\n{lines}")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_merge_is_two_tokens() {
        assert_eq!(parse("a b"), Some(("a".to_owned(), "b".to_owned())));
        for line in ["", "a", "a ", " b", "a  b", "a b c"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let model = serde_json::json!({
            "vocab": {"a": 0, "b": 1, "ab": 2},
            "merges": [["a", "b"]],
        });
        let (vocabulary, merges) = write(&model).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("vocab.json"), &vocabulary).unwrap();
        fs::write(path("merges.txt"), merges).unwrap();
        let read = read_vocabulary(&path("vocab.json")).unwrap();
        assert_eq!((read.len(), read["ab"]), (3, 2));
        let merges = read_merges(&path("merges.txt"), &read).unwrap();
        assert_eq!(merges, [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn merges_that_no_line_can_hold_are_not_written() {
        for bad in ["a c", "", "a\n"] {
            let model = serde_json::json!({"vocab": {}, "merges": [[bad, "b"]]});
            assert_eq!(write(&model), None);
        }
    }
}
