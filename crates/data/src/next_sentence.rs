//! Sentence pairs for next-sentence prediction, BERT's second pre-training task
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805), section 3.1).

use std::ops::Range;

use finetune_random::{Purpose, generator};
use rand::RngExt;

use crate::dataset::{Dataset, Example, Label, Schema, Target, TextArity};
use crate::error::DataError;
use crate::sentences::sentences;
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
    let config = EncodingConfig {
        truncation: tokenizer.default_truncation(),
        ..EncodingConfig::new(room + 1 + special_tokens)
    };
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
            let start = rest[0].range.start as u64;
            let mut random = generator(self.seed, Purpose::NextSentence, document as u64, start);
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
