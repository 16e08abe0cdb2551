//! Sentence pairs for next-sentence prediction, BERT's second pre-training task
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805), section 3.1).

use std::ops::Range;

use finetune_random::{Purpose, generator};
use rand::RngExt;

use crate::dataset::{Dataset, Example, Label, Schema, Target, TextArity};
use crate::error::DataError;
use crate::tokenizer::{EncodingConfig, TextTokenizer};

/// Class names of sentence pairs, with the ids of
/// [`BertForNextSentencePrediction`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py):
/// 0 if the second segment follows the first, 1 if it is a random one.
const CLASS_NAMES: [&str; 2] = ["is_next", "not_next"];

/// Class of pairs whose second segment follows the first.
const IS_NEXT: usize = 0;

/// Class of pairs whose second segment is from another text.
const NOT_NEXT: usize = 1;

/// Divides texts into pairs of segments, labeled `is_next` or `not_next`.
///
/// A segment consists of consecutive sentences of a text. As in BERT, consecutive sentences that
/// fit into `max_length` tokens are divided in two at a random boundary. With probability
/// `random_fraction`, in `[0, 1]`, the second part is replaced by a segment of at most as many
/// tokens from another text, and begins the next pair instead. At least one sentence is taken, even
/// if it is too long. The last sentence of a text is dropped if it would be alone; a text of one
/// sentence only provides random segments.
///
/// A sentence ends at a line break, and at whitespace after `.`, `!`, `?` or `…` and any closing
/// quotation marks or brackets. Labels of `texts` are ignored; both texts of a pair are texts of
/// their own. The result depends only on the arguments.
///
/// ```
/// use finetune_data::{Dataset, Example, Label, Schema, TextTokenizer, next_sentence_pairs};
///
/// let texts = ["It rained. We stayed.", "Bread was baked. It was eaten."];
/// let tokenizer = TextTokenizer::train_wordpiece(texts.repeat(3), 100)?;
/// let corpus = Dataset {
///     name: "diary".into(),
///     schema: Schema::classification(["unused"]),
///     examples: texts.map(|text| Example::new(text, Label::Unlabeled)).into(),
/// };
/// let pairs = next_sentence_pairs(&corpus, &tokenizer, 32, 0.0, 42)?;
/// let first = &pairs.examples[0];
/// assert_eq!(first.text, "It rained.");
/// assert_eq!(first.text_pair.as_deref(), Some("We stayed."));
/// assert_eq!(pairs.class_names(), ["is_next", "not_next"]);
/// # Ok::<(), finetune_data::DataError>(())
/// ```
///
/// # Errors
/// - [`DataError::InvalidSetting`] if `random_fraction` is outside `[0, 1]`, if `max_length` has no
///   room for two tokens, if fewer than two texts have sentences, or if no text has two.
/// - [`DataError::InvalidTokenizer`] if the tokenizer has no template for pairs.
/// - [`DataError::Encode`] if the tokenizer fails on a sentence.
pub fn next_sentence_pairs(
    texts: &Dataset,
    tokenizer: &TextTokenizer,
    max_length: usize,
    random_fraction: f64,
    seed: u64,
) -> Result<Dataset, DataError> {
    if !(0.0..=1.0).contains(&random_fraction) {
        return Err(DataError::setting(
            "random_fraction",
            "from 0 to 1",
            random_fraction,
        ));
    }
    let room = room(tokenizer, max_length)?;
    let documents = documents(texts, tokenizer, room)?;
    check(&documents, &texts.name)?;
    let pairs = Pairs {
        documents,
        room,
        random_fraction,
        seed,
    };
    Ok(Dataset {
        name: format!("{}, sentence pairs", texts.name),
        schema: Schema {
            texts: TextArity::Pair,
            target: Target::Classes(CLASS_NAMES.map(String::from).into()),
        },
        examples: (0..pairs.documents.len())
            .flat_map(|document| pairs.of_document(document))
            .collect(),
    })
}

/// Returns the number of tokens of a pair without its special tokens.
fn room(tokenizer: &TextTokenizer, max_length: usize) -> Result<usize, DataError> {
    let empty = tokenizer.encode_pairs(&[("", "")], &EncodingConfig::default())?;
    let special_tokens = empty.token_count();
    if max_length < special_tokens + 2 {
        let expected = format!("at least {} tokens", special_tokens + 2);
        return Err(DataError::setting("max_length", expected, max_length));
    }
    Ok(max_length - special_tokens)
}

/// A text with at least one sentence.
struct Document<'a> {
    text: &'a str,
    sentences: Vec<Sentence>,
}

/// A sentence with at least one token.
struct Sentence {
    /// Its bytes in the text.
    range: Range<usize>,
    /// Number of tokens, at most one more than a pair has room for.
    tokens: usize,
}

/// Returns the texts with their sentences; those without tokens are left out.
fn documents<'a>(
    texts: &'a Dataset,
    tokenizer: &TextTokenizer,
    room: usize,
) -> Result<Vec<Document<'a>>, DataError> {
    let examples = texts.examples.iter();
    let texts: Vec<&str> = examples
        .flat_map(|example| std::iter::once(&example.text).chain(&example.text_pair))
        .map(String::as_str)
        .collect();
    let ranges: Vec<Vec<Range<usize>>> = texts.iter().map(|text| sentences(text)).collect();
    let all: Vec<&str> = texts
        .iter()
        .zip(&ranges)
        .flat_map(|(text, ranges)| ranges.iter().map(|range| &text[range.clone()]))
        .collect();
    let special_tokens = tokenizer.encode(&[""], &EncodingConfig::default())?;
    let special_tokens = special_tokens.token_count();
    let config = EncodingConfig::new(room + 1 + special_tokens);
    let lengths = tokenizer.encode(&all, &config)?.lengths()?;
    let mut lengths = lengths.into_iter().map(|length| length - special_tokens);
    let documents = texts.into_iter().zip(ranges).map(|(text, ranges)| {
        let sentences = ranges.into_iter().zip(lengths.by_ref());
        let sentences = sentences.map(|(range, tokens)| Sentence { range, tokens });
        Document {
            text,
            sentences: sentences.filter(|sentence| sentence.tokens > 0).collect(),
        }
    });
    Ok(documents
        .filter(|document| !document.sentences.is_empty())
        .collect())
}

/// Checks that there are pairs of both classes.
fn check(documents: &[Document<'_>], name: &str) -> Result<(), DataError> {
    if documents.len() < 2 {
        let expected = format!("at least 2 for next-sentence prediction in {name:?}");
        return Err(DataError::setting("texts", expected, documents.len()));
    }
    if documents
        .iter()
        .all(|document| document.sentences.len() < 2)
    {
        let expected = format!("at least 1 for next-sentence prediction in {name:?}");
        return Err(DataError::setting("texts of two sentences", expected, 0));
    }
    Ok(())
}

/// Returns the bytes of each sentence of a text, without surrounding whitespace.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut add = |end: usize| {
        let sentence = text[start..end].trim();
        if !sentence.is_empty() {
            let begin = end - text[start..end].trim_start().len();
            sentences.push(begin..begin + sentence.len());
        }
        start = end;
    };
    let mut has_ended = false;
    for (at, character) in text.char_indices() {
        if matches!(character, '\n' | '\r') || has_ended && character.is_whitespace() {
            add(at);
        }
        has_ended = match character {
            '.' | '!' | '?' | '…' => true,
            '"' | '\'' | '”' | '’' | '»' | ')' | ']' => has_ended,
            _ => false,
        };
    }
    add(text.len());
    sentences
}

/// Documents and how they are paired.
struct Pairs<'a> {
    documents: Vec<Document<'a>>,
    room: usize,
    random_fraction: f64,
    seed: u64,
}

impl Pairs<'_> {
    /// Returns the pairs that begin in a document, in its order.
    fn of_document(&self, document: usize) -> Vec<Example> {
        let mut rest = &self.documents[document].sentences[..];
        let mut pairs = Vec::new();
        while rest.len() >= 2 {
            let random_key = (document as u64, rest[0].range.start as u64);
            let mut random =
                generator(self.seed, Purpose::NextSentence, random_key.0, random_key.1);
            let length = fitting(rest, self.room).max(2);
            let boundary = random.random_range(1..length);
            let (first, following) = rest[..length].split_at(boundary);
            let first = self.segment(document, first);
            let (second, class, used) = if random.random_bool(self.random_fraction) {
                let tokens = following.iter().map(|sentence| sentence.tokens).sum();
                let second = self.segment_elsewhere(document, tokens, &mut random);
                (second, NOT_NEXT, boundary)
            } else {
                (self.segment(document, following), IS_NEXT, length)
            };
            pairs.push(Example::pair(first, second, Label::Class(class)));
            rest = &rest[used..];
        }
        pairs
    }

    /// Returns a random segment of at most `tokens` tokens from another document.
    fn segment_elsewhere(
        &self,
        document: usize,
        tokens: usize,
        random: &mut impl rand::Rng,
    ) -> &str {
        let other = random.random_range(0..self.documents.len() - 1);
        let other = other + usize::from(other >= document);
        let sentences = &self.documents[other].sentences;
        let sentences = &sentences[random.random_range(0..sentences.len())..];
        self.segment(other, &sentences[..fitting(sentences, tokens)])
    }

    /// Returns the text of consecutive sentences of a document.
    fn segment(&self, document: usize, sentences: &[Sentence]) -> &str {
        let start = sentences.first().map_or(0, |first| first.range.start);
        let end = sentences.last().map_or(start, |last| last.range.end);
        &self.documents[document].text[start..end]
    }
}

/// Returns how many of the first sentences have at most `room` tokens together; at least 1.
fn fitting(sentences: &[Sentence], room: usize) -> usize {
    let mut total = 0;
    let fit = sentences.iter().take_while(|sentence| {
        total += sentence.tokens;
        total <= room
    });
    fit.count().max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn corpus(texts: impl IntoIterator<Item = String>) -> Dataset {
        let texts = texts.into_iter();
        Dataset {
            name: "corpus".into(),
            schema: Schema {
                texts: TextArity::Single,
                target: Target::Unlabeled,
            },
            examples: texts
                .map(|text| Example::new(text, Label::Unlabeled))
                .collect(),
        }
    }

    /// A tokenizer with a token for each of `b` to `z` and each digit, at the start of words and inside.
    fn tokenizer() -> TextTokenizer {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789.";
        TextTokenizer::train_wordpiece([letters; 3], 80).unwrap()
    }

    /// Texts of the given numbers of sentences. Sentence `s` of text `t` is `t<t>s<s>.`, so that
    /// it tells where it is from.
    fn numbered(sentences: &[usize]) -> Dataset {
        let text = |(text, count): (usize, &usize)| {
            let sentences = (0..*count).map(|sentence| format!("t{text}s{sentence}."));
            sentences.collect::<Vec<_>>().join(" ")
        };
        corpus(sentences.iter().enumerate().map(text))
    }

    /// The numbers of the text and sentence of each sentence of a segment.
    fn places(segment: &str) -> Vec<(usize, usize)> {
        let place = |sentence: &str| {
            let (text, sentence) = sentence[1..sentence.len() - 1].split_once('s').unwrap();
            (text.parse().unwrap(), sentence.parse().unwrap())
        };
        segment.split(' ').map(place).collect()
    }

    #[test]
    fn sentences_end_at_punctuation_before_whitespace_and_at_line_breaks() {
        let split = |text: &'static str| -> Vec<&str> {
            sentences(text)
                .into_iter()
                .map(|range| &text[range])
                .collect()
        };
        for (text, expected) in [
            ("One. Two! Three?", &["One.", "Two!", "Three?"][..]),
            (
                "Version 2.0 is out... At last",
                &["Version 2.0 is out...", "At last"],
            ),
            (
                "(He said \"no.\") Then…  he left",
                &["(He said \"no.\")", "Then…", "he left"],
            ),
            (
                " A title\r\n\r\nA line\tgoes on ",
                &["A title", "A line\tgoes on"],
            ),
            ("quote \" is no end", &["quote \" is no end"]),
            (" \n. ", &["."]),
            ("", &[]),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    #[test]
    fn half_of_the_pairs_are_random() {
        let tokenizer = tokenizer();
        let texts = numbered(&[7; 300]);
        for (fraction, seed) in [(0.5, 1), (0.5, 2), (0.2, 1), (0.0, 1), (1.0, 1)] {
            let pairs = next_sentence_pairs(&texts, &tokenizer, 64, fraction, seed).unwrap();
            let [next, random] = pairs.class_counts()[..] else {
                panic!("two classes");
            };
            let count = (next + random) as f64;
            let error = (fraction * (1.0 - fraction) / count).sqrt();
            assert!(count >= 300.0, "{count}");
            assert!(
                (random as f64 / count - fraction).abs() <= 4.0 * error,
                "{random} of {count}"
            );
        }
    }

    #[test]
    fn long_sentences_are_taken_alone_and_blank_texts_are_no_source() {
        let long = |letter: &str| format!("{}. {}.", letter.repeat(50), letter.repeat(50));
        let texts = corpus([long("b"), " \n ".into(), long("c")]);
        let pairs = next_sentence_pairs(&texts, &tokenizer(), 20, 1.0, 1).unwrap();
        assert_eq!(pairs.len(), 2);
        for (pair, letters) in pairs.examples.iter().zip([["b", "c"], ["c", "b"]]) {
            let expected = letters.map(|letter| format!("{}.", letter.repeat(50)));
            let found = [Some(&pair.text), pair.text_pair.as_ref()];
            assert_eq!(found, [Some(&expected[0]), Some(&expected[1])]);
        }
    }

    #[test]
    fn both_texts_of_a_pair_are_texts() {
        let mut texts = numbered(&[2]);
        texts.examples[0].text_pair = Some("t1s0. t1s1.".into());
        let pairs = next_sentence_pairs(&texts, &tokenizer(), 64, 1.0, 1).unwrap();
        let firsts: Vec<&str> = pairs.examples.iter().map(|pair| &*pair.text).collect();
        assert_eq!(firsts, ["t0s0.", "t1s0."]);
    }

    #[test]
    fn impossible_corpora_and_settings_are_refused() {
        let tokenizer = tokenizer();
        let refused = |texts: &[usize], max_length, fraction| {
            let pairs = next_sentence_pairs(&numbered(texts), &tokenizer, max_length, fraction, 1);
            pairs.unwrap_err().to_string()
        };
        assert_eq!(
            refused(&[3, 0], 64, 0.5),
            "texts: expected at least 2 for next-sentence prediction in \"corpus\", found 1"
        );
        assert_eq!(
            refused(&[1, 1, 1], 64, 0.5),
            "texts of two sentences: expected at least 1 for next-sentence prediction in \
             \"corpus\", found 0"
        );
        assert_eq!(
            refused(&[2, 2], 4, 0.5),
            "max_length: expected at least 5 tokens, found 4"
        );
        for fraction in [-0.1, 1.1, f64::NAN] {
            let message = refused(&[2, 2], 64, fraction);
            assert!(message.starts_with("random_fraction"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn pairs_are_adjacent_or_from_another_text(
            mut sentences in prop::collection::vec(0usize..9, 2..12),
            max_length in 16usize..80,
            seed: u64,
        ) {
            sentences[0] = 2;
            sentences[1] = 1;
            let (texts, tokenizer) = (numbered(&sentences), tokenizer());
            let pairs = next_sentence_pairs(&texts, &tokenizer, max_length, 0.5, seed).unwrap();
            let again = next_sentence_pairs(&texts, &tokenizer, max_length, 0.5, seed).unwrap();
            prop_assert_eq!(&pairs, &again);
            // The first sentence that no pair has used yet, of each text.
            let mut next = vec![0; sentences.len()];
            for pair in &pairs.examples {
                let (first, second) = (places(&pair.text), places(pair.text_pair.as_ref().unwrap()));
                for segment in [&first, &second] {
                    for two in segment.windows(2) {
                        prop_assert_eq!((two[0].0, two[0].1 + 1), two[1]);
                    }
                }
                let (text, start) = first[0];
                let (_, last) = first[first.len() - 1];
                prop_assert_eq!(start, next[text]);
                next[text] = last + 1;
                match pair.label.class() {
                    Some(IS_NEXT) => {
                        prop_assert_eq!(second[0], (text, last + 1));
                        next[text] += second.len();
                    }
                    _ => prop_assert_ne!(second[0].0, text),
                }
                let config = EncodingConfig::new(max_length);
                let row = tokenizer.encode_pairs(&[(&pair.text, pair.text_pair.as_ref().unwrap())], &config);
                let row = row.unwrap();
                // One sentence of another text may be longer than what it replaces.
                let fits = second.len() > 1 || second[0].0 == text;
                prop_assert!(!fits || !row.is_truncated(0).unwrap());
            }
            // At most the last sentence of a text is left.
            for (text, count) in sentences.iter().enumerate() {
                prop_assert!(next[text] + 1 >= *count);
            }
        }
    }
}
