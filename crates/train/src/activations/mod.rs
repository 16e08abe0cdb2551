//! Cache of the activations of frozen layers.
//!
//! If the embeddings and lower layers are frozen and have no dropout, their output for a text is
//! the same in every epoch. It is computed once, and an epoch then costs only the layers that
//! train:
//!
//! 1. [`ActivationCacheConfig`] configures location and precision of the cache.
//! 2. [`ActivationCacheConfig::plan`] finds the highest split point below which nothing trains, and the cache
//!    size.
//! 3. [`ActivationPlan::compute`] makes one forward pass in batches of similar lengths, or opens
//!    the file of an earlier run with the same weights, data and settings.
//! 4. [`forward`] is the forward pass from tokens or from cached activations.
//!
//! In f32 the cache does not change results: on flex, losses, gradients and predictions are
//! bit-identical to those of a run without it, because the operations of `finetune-ops` compute a
//! text independently of the others in its batch.
//!
//! ```
//! use burn::tensor::Device;
//! use finetune_data::{EncodedDataset, EncodedTexts, Labels, Schema, collate};
//! use finetune_model::{EncoderConfig, SequenceClassifierConfig, init_weights};
//! use finetune_train::{ActivationCacheConfig, CacheLocation, forward};
//!
//! let data = EncodedDataset {
//!     texts: EncodedTexts::from_token_ids([vec![2, 7, 3], vec![2, 8, 9, 3]]),
//!     second_texts: None,
//!     labels: Labels::Classes(vec![1, 0]).into(),
//!     schema: Schema::classification(["no", "yes"]),
//! };
//! let encoder = EncoderConfig {
//!     vocab_size: 20,
//!     hidden_size: 16,
//!     num_hidden_layers: 2,
//!     num_attention_heads: 2,
//!     intermediate_size: 32,
//!     ..Default::default()
//! };
//! let config = SequenceClassifierConfig::new(encoder, vec!["no".into(), "yes".into()]);
//! let model = init_weights(config.init(&Device::flex())?, 0.02, 1);
//!
//! let cache = ActivationCacheConfig { location: CacheLocation::Memory, ..Default::default() };
//! // Embeddings and the first layer are frozen: 16 numbers are kept of each of the 7 tokens.
//! let plan = cache.plan(&model, &data, 2)?.ok_or("nothing is frozen")?;
//! assert_eq!(plan.bytes(), 7 * 16 * 4);
//! let activations = plan.compute(&model, &data, 8.into(), &mut ())?;
//!
//! let batch = collate(&data, &[1, 0])?;
//! let kept = forward(&model, &batch, Some(&activations), None)?;
//! let computed = forward(&model, &batch, None, None)?;
//! assert_eq!(kept.into_data(), computed.into_data());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache_plan;
mod cached;
mod compute;
mod config;
mod element;
mod file;
mod forward;
mod per_split;
mod row_store;

pub use cache_plan::{ActivationPlan, deterministic_stages};
pub use cached::CachedActivations;
pub use config::{ActivationCacheConfig, CacheDtype, CacheLocation};
pub(crate) use file::{fingerprint, fingerprint_of_texts};
pub use forward::forward;
pub(crate) use forward::forward_with;
pub(crate) use per_split::{CachePlans, CachedSplits, PerSplit};
pub(crate) use row_store::{RowStore, StoreFile, StoredRows, TakeRow};
