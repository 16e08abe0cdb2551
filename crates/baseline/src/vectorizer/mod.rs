//! From texts to the rows of a sparse matrix.
//!
//! Texts are taken apart in chunks of a fixed number, in parallel; what they give is put together
//! in the order of the texts, so that the matrix does not depend on the number of threads.

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

/// How many texts a thread takes at a time.
const TEXTS_PER_CHUNK: usize = 256;
