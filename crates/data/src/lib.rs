//! Text in, token ids out.
//!
//! Everything that happens to a text before a model sees it, for classification, scoring, pairs of
//! texts and masked language modelling with encoders of the BERT family. There are no tensors here:
//! a batch is a few plain vectors, so any framework can take it from there.
//!
//! # The pipeline
//!
//! 1. **Read**: [`catalog`] opens published data sets by name, [`tabular`] any CSV, TSV, JSON Lines
//!    or Parquet file of your own; both on top of the streaming readers in [`table`]. The result is
//!    a [`Dataset`] of [`Example`]s, or an [`ExampleReader`] where it would not fit into memory.
//! 2. **Prepare**: [`Cleaning`] as values, [`Audit`] for duplicates, leaks and contradictions,
//!    stratified splits and subsets, [`Folds`] that other runs share.
//! 3. **Tokenise**: a [`TextTokenizer`], loaded from a Hugging Face model folder or trained, turns
//!    texts into an [`EncodedDataset`] on all cores: flat arrays of token ids, truncated as an
//!    [`EncodingConfig`] says, in memory or mapped from an [`EncodedCache`].
//! 4. **Sample**: a [`Sampler`] cuts each epoch into batches, by default of rows of about one
//!    length ([`Order::BucketedByLength`]); [`sorted_by_length`] does so for prediction.
//! 5. **Collate**: [`collate`] pads the rows of a batch to one length and marks the padding; a
//!    [`Masker`] also hides tokens, for masked language modelling.
//!
//! Every random choice is a function of a seed and of where it is made, never of what was drawn
//! before: the same seed gives the same batches on any number of threads, and a run can be resumed
//! in the middle of an epoch. Every failure is a [`DataError`] that names the file and the row.
//!
//! # Example
//!
//! ```
//! use finetune_data::tabular::{self, Files, Options};
//! use finetune_data::{
//!     EncodedDataset, EncodingConfig, Order, Padding, Sampler, TextTokenizer, collate,
//! };
//!
//! let folder = tempfile::tempdir()?;
//! let (train, test) = (folder.path().join("train.csv"), folder.path().join("test.csv"));
//! std::fs::write(&train, "text,label\na fine film,good\nno plot at all,bad\nfine!,good\n")?;
//! std::fs::write(&test, "text,label\na film,good\n")?;
//!
//! let splits = tabular::open(&Files::train_test(&train, &test), &Options::default())?.splits;
//! let texts = splits.train.examples.iter().map(|example| &example.text);
//! let tokenizer = TextTokenizer::train_word_piece(texts, 100)?;
//! let encoded = EncodedDataset::new(&splits.train, &tokenizer, &EncodingConfig::new(128))?;
//!
//! let sampler = Sampler::new(Order::BucketedByLength, 2, 42)?;
//! for rows in sampler.batches(&encoded.lengths()?, 0) {
//!     let batch = collate(&encoded, &rows, Padding::Longest, tokenizer.pad_token_id())?;
//!     assert_eq!(batch.slots(), batch.size() * batch.tokens.sequence_length);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic_file;
mod audit;
mod batch;
pub mod catalog;
mod cleaning;
mod collect;
mod corpus;
mod dataset;
mod encoded;
mod error;
mod folds;
mod label_reader;
mod mapping;
mod masking;
mod partition;
mod progress;
mod reader;
mod sampler;
mod splits;
pub mod table;
pub mod tabular;
mod tokenizer;

pub use audit::{
    Audit, ClassCount, Conflicts, Duplicates, LengthAudit, LengthBin, SharedTexts, SplitAudit,
    TruncatedShare, text_keys,
};
pub use batch::{Batch, Padding, TokenBatch, collate, collate_texts};
pub use cleaning::{Cleaning, CleaningStep};
pub use corpus::corpus;
pub use dataset::{Dataset, Example, Label, Target, Task, Texts};
pub use encoded::{
    CachedDataset, EncodedCache, EncodedDataset, EncodedLabels, EncodedRow, EncodedTexts,
    EncodingProgress, Labels,
};
pub use error::DataError;
#[cfg(feature = "hub")]
pub use finetune_hub as hub;
pub use finetune_storage::StorageError;
pub use folds::{FoldKind, Folds};
pub use masking::{MaskedBatch, Masker, MaskingConfig};
pub use reader::{BadRows, ExampleReader};
pub use sampler::{BatchSize, Order, Sampler, Step, sorted_by_length};
pub use splits::{Opened, Skipped, Split, SplitReport, Splits};
pub use tokenizer::{
    EncodingConfig, Offsets, PairEncoding, PairTruncation, TextTokenizer, Truncation,
};
