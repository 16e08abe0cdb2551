//! Chunked tokenization of examples.

use std::borrow::Cow;

use super::{EncodedTextsBuilder, check_pairs, encode};
use crate::cleaning::Cleaning;
use crate::dataset::{Example, Schema};
use crate::error::DataError;
use crate::reader::ExampleReader;
use crate::splits::SkippedRows;
use crate::tokenizer::{EncodingConfig, TextTokenizer};

/// Bytes of text and examples at which a chunk ends: large enough to keep all cores busy, small
/// compared with memory.
const CHUNK_BYTES: usize = 4 << 20;
const CHUNK_EXAMPLES: usize = 8192;

/// Progress of tokenization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EncodingProgress {
    /// Number of texts or pairs tokenized so far.
    pub texts: usize,
    /// Fraction of the files read so far, in `[0, 1]`; `None` if unknown.
    pub fraction: Option<f64>,
}

/// Source of the examples.
pub(super) enum Chunks<'a> {
    Memory(&'a [Example]),
    Reader {
        reader: Box<ExampleReader>,
        cleaning: Cleaning,
    },
}

/// Chunk of tokenized examples.
pub(super) struct EncodedChunk<'a> {
    pub(super) examples: &'a [Example],
    pub(super) texts: EncodedTextsBuilder,
    pub(super) second_texts: Option<EncodedTextsBuilder>,
    pub(super) progress: EncodingProgress,
}

impl<'a> Chunks<'a> {
    pub(super) fn of(examples: &'a [Example]) -> Self {
        Self::Memory(examples)
    }

    pub(super) fn new(reader: ExampleReader, cleaning: Cleaning) -> Self {
        Self::Reader {
            reader: Box::new(reader),
            cleaning,
        }
    }

    /// Tokenizes all examples and passes each chunk to `take`; the next chunk is read in parallel.
    /// Returns the skipped rows.
    pub(super) fn for_each(
        &mut self,
        schema: &Schema,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
        take: &mut dyn FnMut(EncodedChunk<'_>) -> Result<(), DataError>,
    ) -> Result<SkippedRows, DataError> {
        let mut done = 0;
        let mut chunk = self.next()?;
        while !chunk.is_empty() {
            check_pairs(&chunk, done, schema)?;
            let fraction = self.fraction();
            let (encoded, next) =
                rayon::join(|| encode(&chunk, schema, tokenizer, config), || self.next());
            let (texts, second_texts) = encoded.map_err(|error| error.of_text_after(done))?;
            done += chunk.len();
            take(EncodedChunk {
                examples: &chunk,
                texts,
                second_texts,
                progress: EncodingProgress {
                    texts: done,
                    fraction,
                },
            })?;
            chunk = next?;
        }
        match self {
            Self::Reader { reader, .. } if done == 0 => Err(reader.no_rows()),
            Self::Reader { reader, .. } => Ok(reader.skipped().clone()),
            Self::Memory(_) => Ok(SkippedRows::default()),
        }
    }

    /// Returns the next examples, cleaned; empty at the end.
    fn next(&mut self) -> Result<Cow<'a, [Example]>, DataError> {
        match self {
            Self::Memory(examples) => {
                let (now, rest) = examples.split_at(chunk_length(examples));
                *examples = rest;
                Ok(Cow::Borrowed(now))
            }
            Self::Reader { reader, cleaning } => {
                let (mut chunk, mut bytes) = (Vec::new(), 0);
                while bytes < CHUNK_BYTES && chunk.len() < CHUNK_EXAMPLES {
                    let Some(example) = reader.next() else { break };
                    let example = example?;
                    bytes += size(&example);
                    chunk.push(example);
                }
                cleaning.clean_examples(&mut chunk);
                Ok(Cow::Owned(chunk))
            }
        }
    }

    fn fraction(&self) -> Option<f64> {
        match self {
            Self::Memory(_) => None,
            Self::Reader { reader, .. } => reader.fraction_read(),
        }
    }
}

fn chunk_length(examples: &[Example]) -> usize {
    let mut bytes = 0;
    let within = examples.iter().take(CHUNK_EXAMPLES).take_while(|example| {
        let before = bytes;
        bytes += size(example);
        before < CHUNK_BYTES
    });
    within.count()
}

fn size(example: &Example) -> usize {
    example.text.len() + example.text_pair.as_ref().map_or(0, String::len)
}
