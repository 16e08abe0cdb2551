//! Vectorizers: conversion of texts to sparse rows.
//!
//! Texts are processed in parallel in chunks of a fixed size, and the results are joined in order,
//! so the matrix does not depend on the number of threads.

mod count;
mod document_frequency;
mod hashing;
mod norm;
mod term_counts;
mod tfidf;
mod vocabulary;

pub use count::{CountVectorizer, CountVectorizerConfig};
pub use document_frequency::DocumentFrequency;
pub use hashing::{HashingVectorizer, HashingVectorizerConfig};
pub use norm::Norm;
pub use tfidf::{TfidfVectorizer, TfidfVectorizerConfig};
pub(crate) use vocabulary::Vocabulary;

/// Number of texts per parallel task.
const TEXTS_PER_CHUNK: usize = 256;
