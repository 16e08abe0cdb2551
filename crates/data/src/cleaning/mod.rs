//! Cleaning of texts, as a value that a run records.

mod characters;
mod html;
mod patterns;
mod words;

use std::borrow::Cow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, Example, hexadecimal};

/// What is done to a text before it is tokenised: steps, in the order given. By default nothing.
///
/// Order matters: entities are decoded before special characters go, and spaces are tidied last.
///
/// ```
/// use finetune_data::{Cleaning, CleaningStep};
///
/// let cleaning: Cleaning = serde_json::from_str(
///     r#"{"steps": ["html", {"urls": {"with": "URL"}}, {"mentions": {}}, "repeated_spaces"]}"#,
/// )?;
/// let tweet = "@anna Fire near <b>La Ronge</b> &amp; smoke:  http://t.co/Ab1.";
/// assert_eq!(cleaning.apply(tweet), "Fire near La Ronge & smoke: URL.");
///
/// let lower = Cleaning { steps: vec![CleaningStep::LowerCase] };
/// assert_eq!(lower.apply("A Fine Film"), "a fine film");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleaning {
    /// The steps, first to last.
    #[serde(default)]
    pub steps: Vec<CleaningStep>,
}

/// One thing that is done to a text.
///
/// In a config file a step is its name, such as `"html"`; one with settings is an object, such as
/// `{"urls": {"with": "URL"}}`, where settings left out are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CleaningStep {
    /// Tags and comments go, `&amp;` and its like become characters. A tag that ends a line or a
    /// block, such as `<br />`, becomes a space; others leave nothing behind. Scripts and styles go
    /// with what is in them. A `<` that begins no tag stays, as in `a < b`.
    Html,
    /// Web addresses that begin with `http://`, `https://`, `ftp://` or `www.` are replaced.
    /// Punctuation that ends a sentence after them stays.
    Urls {
        /// The replacement; empty to remove.
        #[serde(default)]
        with: String,
    },
    /// `@name` is replaced; e-mail addresses stay.
    Mentions {
        /// The replacement; empty to remove.
        #[serde(default)]
        with: String,
    },
    /// Emoji are replaced, each sequence that is drawn as one picture by one replacement.
    Emoji {
        /// The replacement; empty to remove.
        #[serde(default)]
        with: String,
    },
    /// Everything but letters (with their accents), digits, spaces and the characters kept is
    /// replaced.
    SpecialCharacters {
        /// The other characters that stay, such as `.,!?'`.
        #[serde(default)]
        keep: String,
        /// The replacement of each; empty to remove.
        #[serde(default)]
        with: String,
    },
    /// Each run of white space becomes one space, none at the ends.
    RepeatedSpaces,
    /// Lower case, in any script.
    LowerCase,
}

impl CleaningStep {
    fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::Html => html::strip(text),
            Self::Urls { with } => patterns::replace_urls(text, with),
            Self::Mentions { with } => patterns::replace_mentions(text, with),
            Self::Emoji { with } => patterns::replace_emoji(text, with),
            Self::SpecialCharacters { keep, with } => characters::replace_special(text, keep, with),
            Self::RepeatedSpaces => characters::single_spaces(text),
            Self::LowerCase => characters::lower_case(text),
        }
    }
}

impl Cleaning {
    /// The text after all steps; borrowed if none changed it.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let start = Cow::Borrowed(text);
        self.steps.iter().fold(start, |text, step| match text {
            Cow::Borrowed(text) => step.apply(text),
            Cow::Owned(text) => match step.apply(&text) {
                Cow::Owned(changed) => Cow::Owned(changed),
                // Steps borrow nothing but the whole text.
                Cow::Borrowed(_) => Cow::Owned(text),
            },
        })
    }

    /// Cleans the texts of examples, both of a pair, on all cores.
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

    /// A hash of the steps, in hexadecimal: the same steps in the same order have the same one,
    /// however a config file wrote them down.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        // The number goes up when a step does something else to a text than before.
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
    /// Cleans all texts, on all cores. An empty cleaning changes nothing.
    ///
    /// ```
    /// use finetune_data::{Cleaning, CleaningStep, Dataset, Example, Label, Task};
    ///
    /// let dataset = Dataset {
    ///     name: "reviews".into(),
    ///     task: Task::classification(["bad", "good"]),
    ///     examples: vec![Example::new("Fine.<br /><br />Really.", Label::Class(1))],
    /// };
    /// let steps = vec![CleaningStep::Html, CleaningStep::RepeatedSpaces];
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
    /// The step's name and the values of its settings.
    fn words(&self) -> (&str, Vec<&str>) {
        match self {
            Self::Html => ("html", vec![]),
            Self::Urls { with } => ("urls", vec![with]),
            Self::Mentions { with } => ("mentions", vec![with]),
            Self::Emoji { with } => ("emoji", vec![with]),
            Self::SpecialCharacters { keep, with } => ("special_characters", vec![keep, with]),
            Self::RepeatedSpaces => ("repeated_spaces", vec![]),
            Self::LowerCase => ("lower_case", vec![]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Label, Task};

    fn all_steps() -> Cleaning {
        let with = String::new;
        Cleaning {
            steps: vec![
                CleaningStep::Html,
                CleaningStep::Urls { with: "URL".into() },
                CleaningStep::Mentions { with: with() },
                CleaningStep::Emoji { with: with() },
                CleaningStep::SpecialCharacters {
                    keep: "'".into(),
                    with: " ".into(),
                },
                CleaningStep::RepeatedSpaces,
                CleaningStep::LowerCase,
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
            text.starts_with(r#"{"steps":["html",{"urls":{"with":"URL"}},"#),
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

    /// A changed value here means that runs with the same cleaning have different records.
    #[test]
    fn fingerprints_never_change() {
        assert_eq!(
            all_steps().fingerprint(),
            "967f9d7852358e9579a82121bd65538b8183e110f6bdb88814c7c181215d51f7"
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
            with: "LINK".into(),
        };
        let prints = [all_steps(), reversed, fewer, other].map(|steps| steps.fingerprint());
        let distinct: std::collections::BTreeSet<_> = prints.iter().collect();
        assert_eq!(distinct.len(), prints.len());
    }

    #[test]
    fn both_texts_of_a_pair_are_cleaned() {
        let dataset = Dataset {
            name: "pairs".into(),
            task: Task::classification(["different", "same"]),
            examples: vec![
                Example::pair("A", "B", Label::Class(1)),
                Example::new("C", Label::Class(0)),
            ],
        };
        let lower = Cleaning {
            steps: vec![CleaningStep::LowerCase],
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
