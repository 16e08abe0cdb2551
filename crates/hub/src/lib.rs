//! Downloads of datasets and models from the Hugging Face hub.
//!
//! [`fetch`] downloads the files of a [`Repository`] that match given patterns, verifies them, and
//! returns their directory in the cache. The cache is shared with `huggingface_hub` and
//! `transformers`: it has the same location and layout.
//!
//! ```no_run
//! use finetune_hub::{Repository, fetch};
//!
//! let repository = Repository::dataset("fancyzhx/ag_news");
//! let directory = fetch(&repository, &["data/*.parquet"])?;
//! println!("{}", directory.join("data").display());
//! # Ok::<(), finetune_hub::HubError>(())
//! ```
//!
//! # Guarantees
//!
//! - Cached files are used without a request. For a branch (default: `main`), this is the commit of
//!   the first download; [`Hub::force_download`] checks for a newer one.
//! - Each file is verified by its hash before use. All files of a directory belong to the same
//!   commit.
//! - An interrupted download is resumed, also by a later run.
//! - The number of attempts and the time without data are limited: downloads fail with an error
//!   instead of hanging.
//! - Processes that download the same repository at the same time wait for each other.
//!
//! # Environment
//!
//! | variable | meaning |
//! |---|---|
//! | `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME` | cache directory; its parent directory (with the cache in `hub`); the parent directory of `huggingface/hub` (default: `~/.cache/huggingface/hub`) |
//! | `HF_ENDPOINT` | endpoint of the hub, such as a mirror (default: `https://huggingface.co`) |
//! | `HF_HUB_OFFLINE` | `1`, `true`, `yes` or `on`: use only the cache (default: off) |
//! | `HF_TOKEN` | access token (default: content of the file `token` in `HF_HOME` or its default) |

mod cache;
mod download;
mod error;
mod hub;
mod pattern;
mod repository;
mod timeout;

pub use error::HubError;
pub use hub::{DownloadProgress, Hub, fetch};
pub use repository::{RepoType, Repository};
