//! Prediction for the words of one text.

use finetune_data::tagged::TagScheme;
use finetune_eval::{EntityMode, entities};
use serde::{Deserialize, Serialize};

use super::decoder::DecodedWord;
use crate::error::PredictError;

/// Prediction for the words of one text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenPrediction {
    /// Entities, in the order of the text; none for tags without a scheme.
    pub entities: Vec<EntityPrediction>,
    /// All words with their tags.
    pub words: Vec<WordPrediction>,
}

/// Entity in a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EntityPrediction {
    /// Type, such as `PER`.
    pub label: String,
    /// Mean probability of the tags of its words, in `[0, 1]`.
    #[cfg_attr(feature = "openapi", schema(minimum = 0.0, maximum = 1.0))]
    pub probability: f64,
    /// Its part of the text.
    pub text: String,
    /// First character, from 0, counted as in Python.
    pub start: usize,
    /// Character after the last one.
    pub end: usize,
}

/// Word with its tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WordPrediction {
    /// The word.
    pub text: String,
    /// Tag, such as `B-PER`.
    pub label: String,
    /// Probability of the tag, in `[0, 1]`.
    #[cfg_attr(feature = "openapi", schema(minimum = 0.0, maximum = 1.0))]
    pub probability: f64,
    /// First character, from 0, counted as in Python.
    pub start: usize,
    /// Character after the last one.
    pub end: usize,
}

impl TokenPrediction {
    /// Returns the tag of each word.
    pub fn labels(&self) -> Vec<&str> {
        self.words.iter().map(|word| &word.label[..]).collect()
    }

    /// Makes the prediction of words with their byte ranges in the text.
    pub(super) fn new(
        text: &str,
        words: &[std::ops::Range<usize>],
        decoded: &[DecodedWord],
        class_names: &[String],
        scheme: TagScheme,
    ) -> Result<Self, PredictError> {
        let mut characters = CharacterOffsets::of(text);
        let words = words
            .iter()
            .zip(decoded)
            .map(|(range, word)| WordPrediction {
                text: text[range.clone()].to_string(),
                label: class_names[word.class].clone(),
                probability: word.probabilities[word.class],
                start: characters.at(range.start),
                end: characters.at(range.end),
            });
        let words: Vec<WordPrediction> = words.collect();
        let tags: Vec<&str> = words.iter().map(|word| &word.label[..]).collect();
        let found = match scheme.has_entities() {
            true => entities(&tags, EntityMode::Lenient)?,
            false => Vec::new(),
        };
        let found = found.into_iter().map(|entity| {
            let inside = &words[entity.start..entity.end];
            let (start, end) = (inside[0].start, inside[inside.len() - 1].end);
            let sum: f64 = inside.iter().map(|word| word.probability).sum();
            EntityPrediction {
                label: entity.label,
                probability: sum / inside.len() as f64,
                text: text.chars().skip(start).take(end - start).collect(),
                start,
                end,
            }
        });
        Ok(Self {
            entities: found.collect(),
            words,
        })
    }
}

/// Character offsets of ascending byte offsets.
struct CharacterOffsets<'a> {
    text: &'a str,
    bytes: usize,
    characters: usize,
}

impl<'a> CharacterOffsets<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            bytes: 0,
            characters: 0,
        }
    }

    fn at(&mut self, byte: usize) -> usize {
        self.characters += self.text[self.bytes..byte].chars().count();
        self.bytes = byte;
        self.characters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_parts_of_the_text() {
        let text = "Ó: Ana  Öz.";
        let words = finetune_data::tagged::split_words(text);
        let word = |class: usize, probability: f64| {
            let mut probabilities = vec![0.0; 3];
            probabilities[class] = probability;
            DecodedWord {
                class,
                probabilities,
            }
        };
        let decoded = [
            word(2, 0.9),
            word(2, 0.9),
            word(0, 0.5),
            word(1, 0.75),
            word(2, 1.0),
        ];
        let names = ["B-PER", "I-PER", "O"].map(String::from);
        let found = TokenPrediction::new(text, &words, &decoded, &names, TagScheme::Bio).unwrap();
        assert_eq!(found.labels(), ["O", "O", "B-PER", "I-PER", "O"]);
        let expected = EntityPrediction {
            label: "PER".to_string(),
            probability: 0.625,
            text: "Ana  Öz".to_string(),
            start: 3,
            end: 10,
        };
        assert_eq!(found.entities, [expected]);
        let plain = TokenPrediction::new(text, &words, &decoded, &names, TagScheme::Plain);
        assert!(plain.unwrap().entities.is_empty());
    }
}
