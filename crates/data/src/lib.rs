//! Text in, token ids out.
//!
//! Everything that happens to a text before a model sees it, for classification with encoders of
//! the BERT family. There are no tensors here: a batch is a few plain vectors, so any framework
//! can take it from there.
//!
//! # The pipeline
//!
//! 1. **Read**: [`ag_news`] opens the AG News data set, [`tabular`] any CSV, TSV, JSON Lines or
//!    Parquet file of your own; both on top of the streaming readers in [`table`]. The result is a
//!    [`Dataset`] of texts with labels, which can be cut to a stratified [`Dataset::subset`].
//! 2. **Tokenise**: a [`TextTokenizer`], loaded from a Hugging Face model folder or trained, turns
//!    texts into an [`EncodedDataset`] on all cores: flat arrays of token ids, truncated.
//! 3. **Sample**: a [`Sampler`] cuts each epoch into batches, by default of rows of about one
//!    length ([`Order::BucketedByLength`]); [`sorted_by_length`] does so for prediction.
//! 4. **Collate**: [`collate`] pads the rows of a batch to one length and marks the padding.
//!
//! Every random choice is a function of a seed and of where it is made, never of what was drawn
//! before: the same seed gives the same batches on any number of threads, and a run can be resumed
//! in the middle of an epoch. Every failure is a [`DataError`] that names the file and the row.
//!
//! # Example
//!
//! ```
//! use finetune_data::tabular::{self, Columns};
//! use finetune_data::{EncodedDataset, Order, Padding, Sampler, TextTokenizer, collate};
//!
//! let folder = tempfile::tempdir()?;
//! let (train, test) = (folder.path().join("train.csv"), folder.path().join("test.csv"));
//! std::fs::write(&train, "text,label\na fine film,good\nno plot at all,bad\nfine!,good\n")?;
//! std::fs::write(&test, "text,label\na film,good\n")?;
//!
//! let splits = tabular::open(&train, &test, &Columns::default())?;
//! let texts = splits.train.examples.iter().map(|example| &example.text);
//! let tokenizer = TextTokenizer::train_word_piece(texts, 100)?;
//! let encoded = EncodedDataset::new(&splits.train, &tokenizer, 128)?;
//!
//! let sampler = Sampler::new(Order::BucketedByLength, 2, 42)?;
//! for rows in sampler.batches(&encoded.texts.lengths(), 0) {
//!     let batch = collate(&encoded, &rows, Padding::Longest, tokenizer.pad_token_id())?;
//!     assert_eq!(batch.token_ids.len(), batch.size() * batch.sequence_length);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod ag_news;
mod atomic_file;
mod batch;
mod dataset;
mod encoded;
mod error;
mod sampler;
mod split_files;
pub mod table;
pub mod tabular;
mod tokenizer;

pub use batch::{Batch, Padding, collate};
pub use dataset::{Dataset, Example, Splits};
pub use encoded::{EncodedDataset, EncodedTexts};
pub use error::DataError;
pub use sampler::{Order, Sampler, sorted_by_length};
pub use tokenizer::TextTokenizer;
