//! Hints for settings that had another name in an earlier version.

use serde::de::Error;

/// Earlier and current names of keys and values, a pair per line; a name may have become several.
const RENAMED: &str = include_str!("renamed_keys.txt");

/// Returns the error with the current name of the key or value that it does not know, if that had
/// another name in an earlier version.
///
/// ```
/// use finetune_data::{MaskingConfig, explain_renamed_key};
///
/// let error = serde_json::from_str::<MaskingConfig>(r#"{"whole_words": true}"#).unwrap_err();
/// let message = explain_renamed_key(error).to_string();
/// assert!(message.contains("; `whole_words` is now `whole_word_mask` at line 1"), "{message}");
/// ```
pub fn explain_renamed_key(error: serde_json::Error) -> serde_json::Error {
    let message = error.to_string();
    match renamed_key_hint(&message) {
        Some(hint) => {
            let (what, place) = match message.rfind(" at line ") {
                Some(end) => message.split_at(end),
                None => (message.as_str(), ""),
            };
            serde_json::Error::custom(format!("{what}; {hint}{place}"))
        }
        None => error,
    }
}

/// Returns the current name of the unknown key or value that the message of a deserializer is
/// about, as in "`order` is now `sampling_strategy`"; `None` if it had no other name.
pub fn renamed_key_hint(message: &str) -> Option<String> {
    let (_, rest) = message
        .split_once("unknown field `")
        .or_else(|| message.split_once("unknown variant `"))?;
    let (old, expected) = rest.split_once('`')?;
    // Only a name that is expected there: the same word may have become another one elsewhere.
    let mut renamed = RENAMED.lines().filter_map(|line| line.split_once(' '));
    let (_, new) =
        renamed.find(|(from, to)| *from == old && expected.contains(&format!("`{to}`")))?;
    Some(format!("`{old}` is now `{new}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_what_is_expected_there() {
        let hint = |old: &str, expected: &str| {
            renamed_key_hint(&format!(
                "unknown field `{old}`, expected one of {expected}"
            ))
        };
        assert_eq!(
            hint("setting", "`path`, `name`").as_deref(),
            Some("`setting` is now `path`")
        );
        assert_eq!(
            hint("setting", "`resource`, `factor`").as_deref(),
            Some("`setting` is now `resource`")
        );
        assert_eq!(hint("setting", "`seed`, `name`"), None);
        assert_eq!(hint("batchsize", "`batch_size`, `seed`"), None);
        assert_eq!(renamed_key_hint("EOF while parsing a value"), None);
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let error = || serde_json::from_str::<u8>("[").unwrap_err();
        let expected = error().to_string();
        assert_eq!(explain_renamed_key(error()).to_string(), expected);
    }
}
