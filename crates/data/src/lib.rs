//! Text loading, cleaning, tokenization and batching.
//!
//! Everything that happens to a text before it reaches the model: classification, regression, text
//! pairs and masked language modeling with encoders of the BERT family. This crate has no tensors:
//! a batch consists of plain vectors, which any framework can read.
//!
//! # Pipeline
//!
//! 1. **Read**: [`catalog`] opens public datasets by name; [`tabular`] opens any CSV, TSV, JSON,
//!    Parquet or Arrow file. Both use the streaming readers in [`table`]. [`tagged`] opens files with
//!    a class per word. The result is a
//!    [`Dataset`] of [`Example`]s, or an [`ExampleReader`] for data that does not fit into memory.
//! 2. **Prepare**: [`Cleaning`] steps, an [`Audit`] for duplicates, train-test overlap and label
//!    conflicts, stratified splits and subsets, and cross-validation [`Folds`] that can be shared
//!    between runs. [`AugmentationConfig`] makes new training rows.
//! 3. **Tokenize**: a [`TextTokenizer`], loaded from a Hugging Face model directory or trained,
//!    turns texts into an [`EncodedDataset`] on all cores. Token ids are stored in flat arrays, in
//!    memory or mapped from an [`EncodedCache`], and truncated according to an [`EncodingConfig`].
//! 4. **Sample**: a [`Sampler`] divides each epoch into batches, by default of rows of similar
//!    length ([`SamplingStrategy::GroupByLength`]). [`sorted_by_length`] makes batches for prediction.
//! 5. **Collate**: [`collate`] pads the rows of a batch to one length and builds the attention
//!    mask. A [`MlmCollator`] also masks tokens for masked language modeling, and
//!    [`next_sentence_pairs`] makes sentence pairs for next-sentence prediction.
//!
//! Every random choice is a function of a seed and a key (such as the epoch and the row), not of
//! earlier draws. The same seed gives the same batches on any number of threads, and a run can be
//! resumed in the middle of an epoch. Failures are [`DataError`]s that name the file and the row.
//!
//! # Example
//!
//! ```
//! use finetune_data::tabular::{self, SplitFiles, TabularOptions};
//! use finetune_data::{
//!     EncodedDataset, EncodingConfig, SamplingStrategy, Sampler, TextTokenizer, collate,
//! };
//!
//! let directory = tempfile::tempdir()?;
//! let (train, test) = (directory.path().join("train.csv"), directory.path().join("test.csv"));
//! std::fs::write(&train, "text,label\na fine film,good\nno plot at all,bad\nfine!,good\n")?;
//! std::fs::write(&test, "text,label\na film,good\n")?;
//!
//! let splits = tabular::open(&SplitFiles::train_test(&train, &test), &TabularOptions::default())?.splits;
//! let texts = splits.train.examples.iter().map(|example| &example.text);
//! let tokenizer = TextTokenizer::train_wordpiece(texts, 100)?;
//! let encoded = EncodedDataset::new(&splits.train, &tokenizer, &EncodingConfig::new(128))?;
//!
//! let sampler = Sampler::new(SamplingStrategy::GroupByLength, 2, 42)?;
//! for rows in sampler.batches(&encoded.lengths()?, 0) {
//!     let batch = collate(&encoded, &rows)?;
//!     assert_eq!(batch.tokens.sequence_offsets.len(), rows.len() + 1);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod augmentation;
mod batch;
pub mod catalog;
mod class_groups;
mod class_sets;
mod cleaning;
mod collect;
mod column_mapping;
mod content_hash;
mod corpus;
mod dataset;
mod embedding;
mod encoded;
mod error;
mod excerpt;
mod few_shot;
mod folds;
#[cfg(feature = "hub")]
mod hub_dataset;
mod label_reader;
mod masking;
mod next_sentence;
mod progress;
mod random_rows;
mod reader;
mod renamed_keys;
mod reranking;
mod row_splits;
mod sampler;
mod sentences;
mod splits;
mod stratified_split;
pub mod table;
pub mod tabular;
pub mod tagged;
mod token_labels;
mod tokenizer;

pub use audit::{
    Audit, ClassCount, Conflicts, Duplicates, LengthBin, LengthStatistics, SplitAudit,
    SplitOverlap, TruncationStatistics, text_hashes,
};
pub use augmentation::{AugmentationConfig, WordList};
pub use batch::{Batch, TokenBatch, collate, collate_texts};
pub use cleaning::{Cleaning, CleaningStep};
pub use corpus::concatenate_texts;
pub use dataset::{Dataset, Example, Label, Schema, Target, TextArity};
pub use embedding::{
    EmbeddingBatch, EmbeddingColumns, EmbeddingDataset, EmbeddingExample, EmbeddingFiles,
    EmbeddingKind, EmbeddingSplits, EncodedEmbeddingDataset,
};
pub use encoded::{
    CachedDataset, EncodedCache, EncodedDataset, EncodedLabels, EncodedRow, EncodedTexts,
    EncodingProgress, Labels,
};
pub use error::DataError;
#[cfg(feature = "hub")]
pub use finetune_hub as hub;
pub use finetune_storage::StorageError;
pub use folds::{FoldKind, Folds};
#[cfg(feature = "hub")]
pub use hub_dataset::{HubDataset, HubName};
pub use masking::{MaskedBatch, MaskingConfig, MlmCollator};
pub use next_sentence::next_sentence_pairs;
pub use reader::{ExampleReader, OnBadRow};
pub use renamed_keys::{explain_renamed_key, renamed_key_hint};
pub use reranking::{
    EncodedRerankingDataset, RerankingBatch, RerankingColumns, RerankingDataset, RerankingExample,
    RerankingSplits,
};
pub use row_splits::{RowSplits, SelectRows};
pub use sampler::{BatchSize, SampledBatch, Sampler, SamplingStrategy, sorted_by_length};
pub use splits::{LoadedDataset, SkippedRows, Split, SplitReport, Splits};
pub use token_labels::{LabelAlignment, LabeledTokens, TaggedBatch, TokenLabelCollator};
pub use tokenizer::{
    EncodingConfig, Offsets, PairEncoding, PairTruncation, TextTokenizer, Truncation,
};
