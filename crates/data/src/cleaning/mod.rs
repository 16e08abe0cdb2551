//! Configurable cleaning of texts.

mod characters;
mod html;
mod patterns;
mod words;

use std::borrow::Cow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::content_hash::hexadecimal;
use crate::dataset::{Dataset, Example};

/// Cleaning steps applied to a text before tokenization, in order (default: none).
///
/// The order matters: decode entities before removing special characters, and collapse whitespace
/// last.
///
/// ```
/// use finetune_data::{Cleaning, CleaningStep};
///
/// let cleaning: Cleaning = serde_json::from_str(
///     r#"{"steps": ["html", {"urls": {"replacement": "URL"}}, {"mentions": {}}, "collapse_whitespace"]}"#,
/// )?;
/// let tweet = "@anna Fire near <b>La Ronge</b> &amp; smoke:  http://t.co/Ab1.";
/// assert_eq!(cleaning.apply(tweet), "Fire near La Ronge & smoke: URL.");
///
/// let lower = Cleaning { steps: vec![CleaningStep::Lowercase] };
/// assert_eq!(lower.apply("A Fine Film"), "a fine film");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleaning {
    /// Steps, in order of application.
    #[serde(default)]
    pub steps: Vec<CleaningStep>,
}

/// A cleaning step.
///
/// In a configuration file, a step is its name, such as `"html"`, or an object with settings, such
/// as `{"urls": {"replacement": "URL"}}`. Omitted settings are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CleaningStep {
    /// Removes tags and comments and decodes entities such as `&amp;`. Line-break and block tags,
    /// such as `<br />`, become a space; other tags are removed without replacement. Scripts and
    /// styles are removed with their content. A `<` that does not begin a tag is kept, as in `a <
    /// b`.
    Html,
    /// Replaces URLs that begin with `http://`, `https://`, `ftp://` or `www.`. Sentence
    /// punctuation after a URL is kept.
    Urls {
        /// Replacement (default: empty, which removes URLs).
        #[serde(default)]
        replacement: String,
    },
    /// Replaces mentions such as `@name`; email addresses are kept.
    Mentions {
        /// Replacement (default: empty, which removes mentions).
        #[serde(default)]
        replacement: String,
    },
    /// Replaces emoji; a sequence displayed as one emoji is replaced once.
    Emoji {
        /// Replacement (default: empty, which removes emoji).
        #[serde(default)]
        replacement: String,
    },
    /// Replaces every character that is not a letter (with accents), a digit, whitespace or in
    /// `keep`.
    SpecialCharacters {
        /// Other characters to keep, such as `.,!?'` (default: none).
        #[serde(default)]
        keep: String,
        /// Replacement of each character (default: empty, which removes it).
        #[serde(default)]
        replacement: String,
    },
    /// Collapses each run of whitespace to one space and trims the ends.
    CollapseWhitespace,
    /// Converts to lowercase, in any script.
    Lowercase,
}

impl CleaningStep {
    fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::Html => html::strip(text),
            Self::Urls { replacement: with } => patterns::replace_urls(text, with),
            Self::Mentions { replacement: with } => patterns::replace_mentions(text, with),
            Self::Emoji { replacement: with } => patterns::replace_emoji(text, with),
            Self::SpecialCharacters { keep, replacement } => {
                characters::replace_special(text, keep, replacement)
            }
            Self::CollapseWhitespace => characters::single_spaces(text),
            Self::Lowercase => characters::lowercase(text),
        }
    }
}

impl Cleaning {
    /// Returns the text after all steps; borrowed if it is unchanged.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let start = Cow::Borrowed(text);
        self.steps.iter().fold(start, |text, step| match text {
            Cow::Borrowed(text) => step.apply(text),
            Cow::Owned(text) => match step.apply(&text) {
                Cow::Owned(changed) => Cow::Owned(changed),
                // A step that borrows returns the whole text unchanged.
                Cow::Borrowed(_) => Cow::Owned(text),
            },
        })
    }

    /// Cleans the texts of all examples, in parallel; both texts of pairs.
    pub fn clean_examples(&self, examples: &mut [Example]) {
        if !self.steps.is_empty() {
            examples
                .par_iter_mut()
                .for_each(|example| self.clean_example(example));
        }
    }

    fn clean_example(&self, example: &mut Example) {
        for text in std::iter::once(&mut example.text).chain(&mut example.text_pair) {
            if let Cow::Owned(cleaned) = self.apply(text) {
                *text = cleaned;
            }
        }
    }

    /// Returns a hexadecimal hash of the steps. Equal steps in the same order have the same hash,
    /// regardless of how a configuration file writes them.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        // Increment the number when the effect of a step changes.
        hash.update(b"finetune cleaning 1");
        for step in &self.steps {
            let (name, settings) = step.words();
            for word in std::iter::once(name).chain(settings) {
                hash.update((word.len() as u64).to_le_bytes());
                hash.update(word);
            }
        }
        hexadecimal(&hash.finalize())
    }
}

impl Dataset {
    /// Cleans all texts, in parallel. Without steps, nothing changes.
    ///
    /// ```
    /// use finetune_data::{Cleaning, CleaningStep, Dataset, Example, Label, Schema};
    ///
    /// let dataset = Dataset {
    ///     name: "reviews".into(),
    ///     schema: Schema::classification(["bad", "good"]),
    ///     examples: vec![Example::new("Fine.<br /><br />Really.", Label::Class(1))],
    /// };
    /// let steps = vec![CleaningStep::Html, CleaningStep::CollapseWhitespace];
    /// let cleaned = dataset.clean(&Cleaning { steps });
    /// assert_eq!(cleaned.examples[0].text, "Fine. Really.");
    /// ```
    #[must_use]
    pub fn clean(mut self, cleaning: &Cleaning) -> Dataset {
        cleaning.clean_examples(&mut self.examples);
        self
    }
}

impl CleaningStep {
    /// Returns the name of the step and the values of its settings.
    fn words(&self) -> (&str, Vec<&str>) {
        match self {
            Self::Html => ("html", vec![]),
            Self::Urls { replacement: with } => ("urls", vec![with]),
            Self::Mentions { replacement: with } => ("mentions", vec![with]),
            Self::Emoji { replacement: with } => ("emoji", vec![with]),
            Self::SpecialCharacters { keep, replacement } => {
                ("special_characters", vec![keep, replacement])
            }
            Self::CollapseWhitespace => ("collapse_whitespace", vec![]),
            Self::Lowercase => ("lowercase", vec![]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Label, Schema};

    fn all_steps() -> Cleaning {
        let with = String::new;
        Cleaning {
            steps: vec![
                CleaningStep::Html,
                CleaningStep::Urls {
                    replacement: "URL".into(),
                },
                CleaningStep::Mentions {
                    replacement: with(),
                },
                CleaningStep::Emoji {
                    replacement: with(),
                },
                CleaningStep::SpecialCharacters {
                    keep: "'".into(),
                    replacement: " ".into(),
                },
                CleaningStep::CollapseWhitespace,
                CleaningStep::Lowercase,
            ],
        }
    }

    #[test]
    fn steps_work_in_the_order_given() {
        let text = "<p>It's @bob at 5pm &#8211; see https://a.bc/d?e=f!</p> \u{1F525}";
        assert_eq!(all_steps().apply(text), "it's at 5pm see url");
        let mut reversed = all_steps();
        reversed.steps.reverse();
        assert_ne!(reversed.apply(text), "it's at 5pm see url");
    }

    #[test]
    fn a_text_that_no_step_changes_is_borrowed() {
        assert!(matches!(all_steps().apply("a fine film"), Cow::Borrowed(_)));
        assert!(matches!(
            Cleaning::default().apply(" <b> "),
            Cow::Borrowed(" <b> ")
        ));
    }

    #[test]
    fn a_config_file_says_each_step_and_nothing_else() {
        let text = serde_json::to_string(&all_steps()).unwrap();
        assert!(
            text.starts_with(r#"{"steps":["html",{"urls":{"replacement":"URL"}},"#),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<Cleaning>(&text).unwrap(),
            all_steps()
        );
        assert_eq!(
            serde_json::from_str::<Cleaning>("{}").unwrap(),
            Cleaning::default()
        );
        for bad in [
            r#"{"step": []}"#,
            r#"{"steps": ["htlm"]}"#,
            r#"{"steps": [{"urls": {"by": "URL"}}]}"#,
        ] {
            assert!(serde_json::from_str::<Cleaning>(bad).is_err(), "{bad}");
        }
    }

    /// A changed value here changes the recorded fingerprint of the same cleaning.
    #[test]
    fn fingerprints_never_change() {
        assert_eq!(
            all_steps().fingerprint(),
            "126ea22595d99b8ded43222d6b57b70443536ff38fd60ee1e9689ccb8879c1e6"
        );
    }

    #[test]
    fn a_fingerprint_covers_steps_settings_and_order() {
        let mut reversed = all_steps();
        reversed.steps.reverse();
        let mut fewer = all_steps();
        fewer.steps.pop();
        let mut other = all_steps();
        other.steps[1] = CleaningStep::Urls {
            replacement: "LINK".into(),
        };
        let prints = [all_steps(), reversed, fewer, other].map(|steps| steps.fingerprint());
        let distinct: std::collections::BTreeSet<_> = prints.iter().collect();
        assert_eq!(distinct.len(), prints.len());
    }

    #[test]
    fn both_texts_of_a_pair_are_cleaned() {
        let dataset = Dataset {
            name: "pairs".into(),
            schema: Schema::classification(["different", "same"]),
            examples: vec![
                Example::pair("A", "B", Label::Class(1)),
                Example::new("C", Label::Class(0)),
            ],
        };
        let lower = Cleaning {
            steps: vec![CleaningStep::Lowercase],
        };
        let cleaned = dataset.clone().clean(&lower);
        assert_eq!(
            cleaned.examples[0],
            Example::pair("a", "b", Label::Class(1))
        );
        assert_eq!(cleaned.examples[1], Example::new("c", Label::Class(0)));
        assert_eq!(dataset.clone().clean(&Cleaning::default()), dataset);
    }
}
