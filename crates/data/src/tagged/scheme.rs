//! Tagging schemes: which tags may follow each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::spans::{WordSpan, spans};
use crate::error::DataError;

/// Scheme of the tags of words.
///
/// A tag is `O`, or a prefix, a hyphen and a type.
///
/// ```
/// use finetune_data::tagged::TagScheme;
///
/// let tags = ["I-PER", "I-PER", "B-PER", "O"].map(String::from);
/// assert!(TagScheme::Iob1.check(&tags).is_ok());
/// assert_eq!(TagScheme::Bio.check(&tags), Err(0)); // nothing begins with I
/// let converted = TagScheme::Bioes.convert(&tags);
/// assert_eq!(converted, ["B-PER", "E-PER", "S-PER", "O"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagScheme {
    /// No scheme: any tag may follow any other, such as parts of speech.
    Plain,
    /// IOB1: entities have `I`, and `B` only the first word behind an entity of the same type.
    Iob1,
    /// BIO, or IOB2: every entity begins with `B`.
    Bio,
    /// BIOES, or IOBES: entities end with `E`, and entities of one word have `S`.
    Bioes,
    /// BILOU: as BIOES, with `L` for `E` and `U` for `S`.
    Bilou,
}

/// Prefix and type of a tag; the type of `O` is empty.
pub(super) fn parts(tag: &str) -> (&str, &str) {
    tag.split_once('-').unwrap_or((tag, ""))
}

impl TagScheme {
    /// All schemes.
    pub const ALL: [Self; 5] = [Self::Plain, Self::Iob1, Self::Bio, Self::Bioes, Self::Bilou];

    /// Returns the name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Iob1 => "iob1",
            Self::Bio => "bio",
            Self::Bioes => "bioes",
            Self::Bilou => "bilou",
        }
    }

    /// Returns whether tags have prefixes, so that they stand for entities.
    pub fn has_entities(self) -> bool {
        self != Self::Plain
    }

    /// Returns the scheme that the prefixes of some tags belong to: `bio` if all begin with `B`, `I`
    /// or `O`, `plain` if they have no prefixes.
    pub fn of_tags<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        let mut prefixes = String::new();
        for tag in tags {
            match parts(tag) {
                ("O", "") => {}
                (prefix @ ("B" | "I" | "E" | "S" | "L" | "U"), label) if !label.is_empty() => {
                    prefixes.push_str(prefix);
                }
                _ => return Self::Plain,
            }
        }
        match prefixes {
            prefixes if prefixes.is_empty() => Self::Plain,
            prefixes if prefixes.contains(['E', 'S']) => Self::Bioes,
            prefixes if prefixes.contains(['L', 'U']) => Self::Bilou,
            _ => Self::Bio,
        }
    }

    /// Returns the scheme of several sentences: that of their prefixes, or IOB1 if some of the sentences
    /// break BIO and none breaks IOB1.
    pub fn infer<'a, T: AsRef<str> + 'a>(sentences: impl Iterator<Item = &'a [T]> + Clone) -> Self {
        let all = |scheme: Self| sentences.clone().all(|tags| scheme.check(tags).is_ok());
        match Self::of_tags(sentences.clone().flatten().map(AsRef::as_ref)) {
            Self::Bio if !all(Self::Bio) && all(Self::Iob1) => Self::Iob1,
            scheme => scheme,
        }
    }

    /// Returns whether `next` may follow `previous`; `None` stands for the beginning and the end of a
    /// sentence.
    pub fn allows(self, previous: Option<&str>, next: Option<&str>) -> bool {
        let outside = ("O", "");
        let (before, label_before) = previous.map_or(outside, parts);
        let (after, label) = next.map_or(outside, parts);
        let known = |prefix: &str, label: &str, prefixes: &str| match prefix {
            "O" => label.is_empty(),
            prefix => prefixes.contains(prefix) && !label.is_empty(),
        };
        let same = label_before == label;
        let (prefixes, last) = match self {
            Self::Plain => return true,
            Self::Iob1 => {
                let follows = after != "B" || matches!(before, "I" | "B") && same;
                return follows && known(before, label_before, "IB") && known(after, label, "IB");
            }
            Self::Bio => {
                let follows = after != "I" || matches!(before, "I" | "B") && same;
                return follows && known(before, label_before, "IB") && known(after, label, "IB");
            }
            Self::Bioes => ("BIES", "E"),
            Self::Bilou => ("BILU", "L"),
        };
        let is_open = matches!(before, "B" | "I");
        let continues = after == "I" || after == last;
        let fits = match is_open {
            true => continues && same,
            false => !continues,
        };
        fits && known(before, label_before, prefixes) && known(after, label, prefixes)
    }

    /// Checks the tags of a sentence.
    ///
    /// # Errors
    /// The index of the first word whose tag may not stand there, or whose tag the end of the
    /// sentence may not follow.
    pub fn check(self, tags: &[impl AsRef<str>]) -> Result<(), usize> {
        let mut previous = None;
        for (word, tag) in tags.iter().enumerate() {
            if !self.allows(previous, Some(tag.as_ref())) {
                return Err(word);
            }
            previous = Some(tag.as_ref());
        }
        match self.allows(previous, None) {
            true => Ok(()),
            false => Err(tags.len() - 1),
        }
    }

    /// Returns the tags in this scheme of the same entities; tags without a scheme stay as they are.
    pub fn convert(self, tags: &[impl AsRef<str>]) -> Vec<String> {
        match self {
            Self::Plain => tags.iter().map(|tag| tag.as_ref().to_string()).collect(),
            _ => self.tags_of(tags.len(), &spans(tags)),
        }
    }

    /// Returns the tags of a sentence with these entities, which are in the order of the words and do
    /// not overlap.
    ///
    /// # Panics
    /// If an entity has no words, or ends behind the last word.
    pub fn tags_of(self, words: usize, entities: &[WordSpan]) -> Vec<String> {
        let mut tags = vec!["O".to_string(); words];
        let mut previous: Option<&WordSpan> = None;
        for entity in entities {
            let touches = previous
                .is_some_and(|before| before.end == entity.start && before.label == entity.label);
            let (last, single) = match self {
                Self::Bioes => ("E", "S"),
                Self::Bilou => ("L", "U"),
                Self::Iob1 if !touches => ("I", "I"),
                _ => ("I", "B"),
            };
            let first = match self {
                Self::Iob1 if !touches => "I",
                _ => "B",
            };
            let length = entity.end - entity.start;
            for (place, tag) in tags[entity.start..entity.end].iter_mut().enumerate() {
                let prefix = match place {
                    0 if length == 1 => single,
                    0 => first,
                    place if place + 1 == length => last,
                    _ => "I",
                };
                *tag = format!("{prefix}-{}", entity.label);
            }
            previous = Some(entity);
        }
        tags
    }
}

impl fmt::Display for TagScheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Parses the name of a scheme; `iob2` is `bio`, and `iobes` is `bioes`.
impl FromStr for TagScheme {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let name = match text {
            "iob2" => "bio",
            "iobes" => "bioes",
            name => name,
        };
        let scheme = Self::ALL.into_iter().find(|scheme| scheme.name() == name);
        let expected = "plain, iob1, bio, bioes or bilou";
        scheme.ok_or_else(|| DataError::setting("scheme", expected, format!("{text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<&str> {
        text.split(' ').collect()
    }

    #[test]
    fn the_first_word_that_breaks_a_scheme_is_found() {
        use TagScheme::{Bilou, Bio, Bioes, Iob1, Plain};
        for (scheme, text, expected) in [
            (Plain, "DET NOUN -", Ok(())),
            (Iob1, "I-X I-Y B-Y O I-X", Ok(())),
            (Iob1, "O B-X", Err(1)),
            (Iob1, "I-Y B-X", Err(1)),
            (Bio, "B-X I-X B-X O B-Y", Ok(())),
            (Bio, "O I-X", Err(1)),
            (Bio, "B-X I-Y", Err(1)),
            (Bio, "B-X S-X", Err(1)),
            (Bio, "B- O", Err(0)),
            (Bio, "O O-X", Err(1)),
            (Bioes, "B-X I-X E-X S-X O", Ok(())),
            (Bioes, "B-X", Err(0)),
            (Bioes, "B-X O", Err(1)),
            (Bioes, "O E-X", Err(1)),
            (Bioes, "S-X I-X", Err(1)),
            (Bilou, "B-X L-X U-Y", Ok(())),
            (Bilou, "S-X", Err(0)),
        ] {
            assert_eq!(scheme.check(&tags(text)), expected, "{scheme}: {text}");
        }
    }

    #[test]
    fn every_scheme_converts_to_every_other() {
        let forms = [
            (TagScheme::Iob1, "I-X I-X I-X B-X I-Y O I-X"),
            (TagScheme::Bio, "B-X I-X I-X B-X B-Y O B-X"),
            (TagScheme::Bioes, "B-X I-X E-X S-X S-Y O S-X"),
            (TagScheme::Bilou, "B-X I-X L-X U-X U-Y O U-X"),
        ];
        for (from, text) in forms {
            assert_eq!(from.check(&tags(text)), Ok(()), "{from}");
            for (to, expected) in forms {
                assert_eq!(to.convert(&tags(text)), tags(expected), "{from} to {to}");
            }
        }
    }

    #[test]
    fn prefixes_tell_the_scheme() {
        let of = |text: &str| TagScheme::of_tags(tags(text));
        assert_eq!(of("O B-X I-X"), TagScheme::Bio);
        assert_eq!(of("O I-X"), TagScheme::Bio);
        assert_eq!(of("B-X E-X O"), TagScheme::Bioes);
        assert_eq!(of("U-X O"), TagScheme::Bilou);
        assert_eq!(of("NOUN B-X"), TagScheme::Plain);
        assert_eq!(of("O"), TagScheme::Plain);
        assert_eq!("iob2".parse::<TagScheme>().unwrap(), TagScheme::Bio);
        assert!("iob".parse::<TagScheme>().is_err());
    }
}
