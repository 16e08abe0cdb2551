//! Bearer token.

use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::ServeError;

/// Bearer token, stored as a hash so that comparison takes constant time.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    hash: [u8; 32],
}

impl Token {
    /// Reads a token from a file, without surrounding white space.
    pub(crate) fn read(path: &Path) -> Result<Self, ServeError> {
        let text = std::fs::read_to_string(path).map_err(ServeError::io(path))?;
        let token = text.trim();
        let invalid = |message: &str| ServeError::InvalidFile {
            path: path.to_path_buf(),
            message: message.to_string(),
        };
        if token.is_empty() {
            return Err(invalid("the file of the token is empty"));
        }
        // Characters that are valid in the header.
        match token.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self {
                hash: Sha256::digest(token).into(),
            }),
            false => Err(invalid(
                "a token is one line of ASCII letters, digits and signs",
            )),
        }
    }

    /// Returns whether the value of an `Authorization` header contains this token.
    pub(crate) fn is_in(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked(7) else {
            return false;
        };
        let shown: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
        scheme.eq_ignore_ascii_case(b"bearer ") && shown == self.hash
    }
}

/// Omits the hash, from which a weak token could be guessed.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Token, ServeError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, content).unwrap();
        Token::read(&path)
    }

    #[test]
    fn only_the_token_itself_opens() {
        let token = read(" s3cret\n").unwrap();
        for right in ["Bearer s3cret", "bearer s3cret", "Bearer  s3cret "] {
            assert!(token.is_in(right.as_bytes()), "{right}");
        }
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "s3cret",
            "Basic s3cret",
            "Bearer s3cre",
            "Bearer s3crett",
        ] {
            assert!(!token.is_in(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_file_without_a_token_is_refused() {
        for (content, message) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("two words", "one line"),
            ("naïve", "one line"),
        ] {
            let found = read(content).unwrap_err().to_string();
            assert!(found.contains(message), "{found}");
        }
        assert!(Token::read(Path::new("/nowhere/token")).is_err());
    }
}
