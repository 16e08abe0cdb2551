//! Reader of JSON Lines: words with tags, or texts with spans.

use std::path::Path;

use serde_json::{Map, Value};

use super::options::TaggedOptions;
use super::sentence::Sentence;
use super::spans::{CharacterSpan, on_words};
use super::{Sentences, TagScheme, split_words};
use crate::error::DataError;
use crate::excerpt::excerpt;

/// Keys of the tags and of the spans, most likely first.
const TAGS: [&str; 2] = ["ner_tags", "tags"];
const SPANS: [&str; 2] = ["entities", "spans"];

/// Reads the sentences of a file, one per line.
pub(super) fn sentences(path: &Path, lines: &[String], options: &TaggedOptions) -> Sentences {
    let lines = (1..).zip(lines).filter(|(_, line)| !line.trim().is_empty());
    let sentence = |(row, line): (u64, &String)| {
        let object: Map<String, Value> =
            serde_json::from_str(line).map_err(|source| DataError::Json {
                path: path.to_path_buf(),
                row,
                source,
            })?;
        Object {
            row,
            object: &object,
            options,
        }
        .sentence()
        .map_err(|problem| DataError::row(path, row, problem))
    };
    lines.map(sentence).collect()
}

struct Object<'a> {
    row: u64,
    object: &'a Map<String, Value>,
    options: &'a TaggedOptions,
}

impl Object<'_> {
    /// Returns the sentence, or what is wrong with the object.
    fn sentence(&self) -> Result<Sentence, String> {
        let columns = &self.options.columns;
        match self.object.get(&columns.tokens) {
            Some(tokens) => self.tagged(tokens),
            None => match self.object.get(&columns.text) {
                Some(Value::String(text)) => self.with_spans(text),
                _ => Err(format!(
                    "expected a list {:?} or a text {:?}",
                    columns.tokens, columns.text
                )),
            },
        }
    }

    fn tagged(&self, tokens: &Value) -> Result<Sentence, String> {
        let expected = || format!("{:?} is no list of words", self.options.columns.tokens);
        let words = tokens.as_array().ok_or_else(expected)?.iter();
        let words = words.map(|word| word.as_str().map(String::from).ok_or_else(expected));
        let words: Vec<String> = words.collect::<Result<_, _>>()?;
        let tags = self.value(&self.options.columns.tags, &TAGS);
        let tags = tags.map(|tags| self.tags(tags)).transpose()?;
        match &tags {
            Some(tags) if tags.len() != words.len() => {
                Err(format!("{} tags for {} words", tags.len(), words.len()))
            }
            _ => Ok(self.of(words, tags)),
        }
    }

    /// Returns tags by name, or by their position among the class names.
    fn tags(&self, tags: &Value) -> Result<Vec<String>, String> {
        let tags = tags.as_array().ok_or("the tags are no list")?.iter();
        let names = &self.options.class_names;
        let tag = |tag: &Value| match (tag, tag.as_u64()) {
            (Value::String(tag), _) => Ok(tag.clone()),
            (_, Some(number)) if names.is_empty() => Err(format!(
                "the tag {number} is a number, which needs class_names"
            )),
            (_, Some(number)) => {
                let name = usize::try_from(number).ok().and_then(|at| names.get(at));
                let outside = || format!("the tag {number} is none of {} classes", names.len());
                name.cloned().ok_or_else(outside)
            }
            (other, None) => {
                let other = other.to_string();
                Err(format!(
                    "the tag {} is neither a name nor a number",
                    excerpt(&other)
                ))
            }
        };
        tags.map(tag).collect()
    }

    fn with_spans(&self, text: &str) -> Result<Sentence, String> {
        let ranges = split_words(text);
        let words: Vec<String> = ranges
            .iter()
            .map(|word| text[word.clone()].to_string())
            .collect();
        let Some(spans) = self.value(&self.options.columns.spans, &SPANS) else {
            return Ok(self.of(words, None));
        };
        let spans = spans.as_array().ok_or("the spans are no list")?.iter();
        let spans: Vec<CharacterSpan> = spans.map(span).collect::<Result<_, _>>()?;
        let entities = on_words(text, &ranges, spans)?;
        // The scheme of the options is that of the files, and spans have none of their own.
        let scheme = self.options.scheme.unwrap_or(TagScheme::Bio);
        let tags = scheme.tags_of(words.len(), &entities);
        Ok(self.of(words, Some(tags)))
    }

    /// Returns the value of a key, or of the first of the usual ones that the object has; `None` if
    /// it is missing or null.
    fn value(&self, key: &Option<String>, usual: &[&str]) -> Option<&Value> {
        let value = match key {
            Some(key) => self.object.get(key),
            None => usual.iter().find_map(|key| self.object.get(*key)),
        };
        value.filter(|value| !value.is_null())
    }

    fn of(&self, words: Vec<String>, tags: Option<Vec<String>>) -> Sentence {
        Sentence {
            row: self.row,
            rows_per_word: 0,
            words,
            tags,
        }
    }
}

/// Returns a span from an object, or from a list of start, end and label.
fn span(value: &Value) -> Result<CharacterSpan, String> {
    let parts = match value {
        Value::Object(object) => ["start", "end", "label"].map(|key| object.get(key)),
        Value::Array(list) => [list.first(), list.get(1), list.get(2)],
        _ => [None; 3],
    };
    let offset = |value: Option<&Value>| usize::try_from(value?.as_u64()?).ok();
    let [start, end, label] = parts;
    let label = label
        .and_then(Value::as_str)
        .filter(|label| !label.is_empty());
    match (offset(start), offset(end), label) {
        (Some(start), Some(end), Some(label)) => {
            let label = label.to_string();
            Ok(CharacterSpan { start, end, label })
        }
        _ => {
            let found = value.to_string();
            Err(format!(
                "the span {} has no start, end and label",
                excerpt(&found)
            ))
        }
    }
}
