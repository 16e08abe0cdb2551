//! Extraction of entities from the tags of a sentence.

use serde::{Deserialize, Serialize};

use super::EntityMode;
use super::scheme::{EntityScheme, Tag};
use crate::error::EvalError;

/// Entity: a range of words with a type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// First word.
    pub start: usize,
    /// Word after the last one.
    pub end: usize,
    /// Type, such as `PER`; `_` for tags without one.
    pub label: String,
}

/// Returns the entities of a sentence, in the order of their words.
///
/// A tag is a prefix, a hyphen and a type, such as `B-PER`, or `O`.
///
/// # Errors
/// - [`EvalError::InvalidRow`] in strict mode if a tag does not begin with a prefix of the scheme; the
///   row is the word.
///
/// ```
/// use finetune_eval::{EntityMode, EntityScheme, entities};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let tags = ["I-PER", "I-PER", "O", "B-LOC"];
/// let lenient = entities(&tags, EntityMode::Lenient)?;
/// assert_eq!((lenient[0].start, lenient[0].end, &lenient[0].label[..]), (0, 2, "PER"));
/// assert_eq!(lenient.len(), 2);
/// // In IOB2 nothing begins with I.
/// assert_eq!(entities(&tags, EntityMode::Strict(EntityScheme::Iob2))?, lenient[1..]);
/// # Ok(())
/// # }
/// ```
pub fn entities<S: AsRef<str>>(tags: &[S], mode: EntityMode) -> Result<Vec<Entity>, EvalError> {
    match mode {
        EntityMode::Lenient => Ok(lenient(tags)),
        EntityMode::Strict(scheme) => strict(tags, scheme),
    }
}

/// As [`get_entities`](https://github.com/chakki-works/seqeval/blob/v1.2.2/seqeval/metrics/sequence_labeling.py).
fn lenient<S: AsRef<str>>(tags: &[S]) -> Vec<Entity> {
    let mut found = Vec::new();
    let (mut previous, mut start) = (Tag::OUTSIDE, 0);
    let tags = tags.iter().map(|tag| split(tag.as_ref()));
    for (word, tag) in tags.chain([Tag::OUTSIDE]).enumerate() {
        let other_type = previous.label != tag.label;
        let ends = matches!(
            (previous.prefix, tag.prefix),
            ('E' | 'S', _) | ('B' | 'I', 'B' | 'S' | 'O')
        );
        if ends || is_inside(previous) && other_type {
            found.push(Entity {
                start,
                end: word,
                label: previous.label.to_string(),
            });
        }
        let begins = matches!(
            (previous.prefix, tag.prefix),
            (_, 'B' | 'S') | ('E' | 'S' | 'O', 'E' | 'I')
        );
        if begins || is_inside(tag) && other_type {
            start = word;
        }
        previous = tag;
    }
    found
}

fn is_inside(tag: Tag<'_>) -> bool {
    !matches!(tag.prefix, 'O' | '.')
}

/// As [`Tokens.entities`](https://github.com/chakki-works/seqeval/blob/v1.2.2/seqeval/scheme.py).
fn strict<S: AsRef<str>>(tags: &[S], scheme: EntityScheme) -> Result<Vec<Entity>, EvalError> {
    let patterns = scheme.patterns();
    let mut read = Vec::with_capacity(tags.len() + 1);
    for (word, tag) in tags.iter().enumerate() {
        let (tag, name) = (split(tag.as_ref()), tag.as_ref());
        if !patterns.prefixes.contains(tag.prefix) {
            let expected = format!("one that begins with one of {}", patterns.prefixes);
            return Err(EvalError::row(word as u64, "tag", name, expected));
        }
        read.push(tag);
    }
    read.push(Tag::OUTSIDE);
    let mut found = Vec::new();
    let (mut previous, mut word) = (Tag::OUTSIDE, 0);
    while word < read.len() {
        let tag = read[word];
        if !patterns.begins(previous, tag) {
            previous = tag;
            word += 1;
            continue;
        }
        let inside = read[word..].windows(2);
        let inside = inside.take_while(|pair| patterns.continues(pair[0], pair[1]));
        let end = word + 1 + inside.count();
        // The last tag, which is outside, begins nothing: there is one behind every entity.
        if patterns.ends(read[end - 1], read[end]) {
            found.push(Entity {
                start: word,
                end,
                label: tag.label.to_string(),
            });
        }
        previous = read[end - 1];
        word = end;
    }
    Ok(found)
}

/// Returns prefix and type of a tag.
fn split(tag: &str) -> Tag<'_> {
    let mut characters = tag.chars();
    let prefix = characters.next().unwrap_or('O');
    let rest = characters.as_str();
    // As in seqeval, only what is in front of the first hyphen is left out.
    let label = rest.split_once('-').map_or(rest, |(_, label)| label);
    Tag {
        prefix,
        label: if label.is_empty() { "_" } else { label },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tags: &str, mode: EntityMode) -> String {
        let tags: Vec<&str> = tags.split(' ').collect();
        let found = entities(&tags, mode).unwrap();
        let found = found
            .iter()
            .map(|entity| format!("{}{}-{}", entity.label, entity.start, entity.end));
        found.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn neighbors_of_one_type_are_told_apart_by_their_prefixes() {
        let strict = EntityMode::Strict;
        for (tags, mode, expected) in [
            ("I-X I-X B-X I-X", strict(EntityScheme::Iob1), "X0-2 X2-4"),
            ("B-X I-X B-X O", strict(EntityScheme::Iob2), "X0-2 X2-3"),
            ("I-X E-X I-X O", strict(EntityScheme::Ioe1), "X0-2 X2-3"),
            ("I-X E-X E-X O", strict(EntityScheme::Ioe2), "X0-2 X2-3"),
            ("B-X E-X S-X", strict(EntityScheme::Iobes), "X0-2 X2-3"),
            ("B-X I-X L-X U-X", strict(EntityScheme::Bilou), "X0-3 X3-4"),
            ("B-X I-Y", EntityMode::Lenient, "X0-1 Y1-2"),
            ("B I O B", EntityMode::Lenient, "_0-2 _3-4"),
            ("", EntityMode::Lenient, ""),
        ] {
            assert_eq!(shown(tags, mode), expected, "{tags}");
        }
    }

    #[test]
    fn incomplete_entities_are_none_in_strict_mode() {
        let strict = EntityMode::Strict(EntityScheme::Iobes);
        assert_eq!(shown("B-X I-X O S-Y", strict), "Y3-4");
        assert_eq!(shown("B-X I-X O S-Y", EntityMode::Lenient), "X0-2 Y3-4");
    }

    #[test]
    fn a_prefix_of_another_scheme_is_named_with_its_word() {
        let strict = EntityMode::Strict(EntityScheme::Iob2);
        let error = entities(&["O", "S-X"], strict).unwrap_err().to_string();
        assert_eq!(
            error,
            "row 1: the tag is S-X, expected one that begins with one of IOB"
        );
    }
}
