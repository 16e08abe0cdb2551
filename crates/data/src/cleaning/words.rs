//! Conversion of cleaning steps from and to command-line arguments.

use std::fmt;
use std::str::FromStr;

use super::CleaningStep;
use crate::error::DataError;

/// Parses a step from its name. `NAME=VALUE` sets the replacement of URLs, mentions and emoji, and
/// the special characters to keep.
///
/// ```
/// use finetune_data::CleaningStep;
///
/// assert_eq!("html".parse::<CleaningStep>()?, CleaningStep::Html);
/// let urls = CleaningStep::Urls { replacement: "URL".into() };
/// assert_eq!("urls=URL".parse::<CleaningStep>()?, urls);
/// # Ok::<(), finetune_data::DataError>(())
/// ```
impl FromStr for CleaningStep {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let replacement = value.unwrap_or_default().to_owned();
        let (step, takes_value) = match name {
            "html" => (Self::Html, false),
            "urls" => (Self::Urls { replacement }, true),
            "mentions" => (Self::Mentions { replacement }, true),
            "emoji" => (Self::Emoji { replacement }, true),
            "special_characters" => {
                let (keep, replacement) = (replacement, String::new());
                (Self::SpecialCharacters { keep, replacement }, true)
            }
            "collapse_whitespace" => (Self::CollapseWhitespace, false),
            "lowercase" => (Self::Lowercase, false),
            _ => return Err(unknown(text)),
        };
        match value.is_some() && !takes_value {
            true => Err(unknown(text)),
            false => Ok(step),
        }
    }
}

fn unknown(text: &str) -> DataError {
    let expected =
        "html, urls, mentions, emoji, special_characters, collapse_whitespace or lowercase";
    DataError::setting("cleaning step", expected, format!("{text:?}"))
}

impl fmt::Display for CleaningStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, settings) = self.words();
        formatter.write_str(name)?;
        match settings.first() {
            Some(value) if !value.is_empty() => write!(formatter, "={value}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back() {
        for text in [
            "html",
            "urls",
            "urls=URL",
            "mentions=@user",
            "emoji",
            "special_characters=.,!?",
            "collapse_whitespace",
            "lowercase",
        ] {
            assert_eq!(text.parse::<CleaningStep>().unwrap().to_string(), text);
        }
        for wrong in ["", "HTML", "html=x", "stemming"] {
            let message = wrong.parse::<CleaningStep>().unwrap_err().to_string();
            assert!(message.contains("collapse_whitespace"), "{message}");
        }
    }
}
