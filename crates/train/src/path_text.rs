//! Paths in settings and records, as text. JSON has no other text than Unicode: what is not UTF-8 in
//! a path is replaced by U+FFFD, and the run uses the path itself.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Serializes a path as text.
pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(serializer)
}

/// Serializes an optional path as text.
pub(crate) fn serialize_option<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.as_deref().map(text).serialize(serializer)
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use crate::{CacheLocation, TextConfig};

    #[test]
    fn settings_with_any_path_can_be_written() {
        let path: &std::path::Path = OsStr::from_bytes(b"caches/\xff").as_ref();
        let text = TextConfig {
            tokenizer_cache_dir: Some(path.to_path_buf()),
            ..TextConfig::default()
        };
        let json = serde_json::to_value(text).unwrap();
        assert_eq!(json["tokenizer_cache_dir"], "caches/\u{fffd}");
        let json = serde_json::to_value(CacheLocation::Disk(path.to_path_buf())).unwrap();
        assert_eq!(json["disk"], "caches/\u{fffd}");
        let back: CacheLocation = serde_json::from_value(json).unwrap();
        assert_eq!(back, CacheLocation::Disk("caches/\u{fffd}".into()));
    }
}
