//! Files of data sets and models from the Hugging Face hub.
//!
//! [`fetch`] downloads the files of a [`Repository`] that match some patterns, checks them, and
//! returns the folder in which they are: the cache that `huggingface_hub` and `transformers` use,
//! in their layout, so that what one has downloaded the others find.
//!
//! ```no_run
//! use finetune_hub::{Repository, fetch};
//!
//! let repository = Repository::dataset("fancyzhx/ag_news");
//! let folder = fetch(&repository, &["data/*.parquet"])?;
//! println!("{}", folder.join("data").display());
//! # Ok::<(), finetune_hub::HubError>(())
//! ```
//!
//! # What is promised
//!
//! - What is in the cache is used without a request. With a branch as revision (`main` unless said
//!   otherwise) that is the commit of the first download; [`Hub::refresh`] asks for a newer one.
//! - Each file is checked against the hash that the hub names it by before it is used. All files of
//!   a folder are of one commit.
//! - An interrupted download goes on where it stopped, also in a later run.
//! - Attempts are bounded, and a server that is silent for too long ends the download: an error,
//!   never a hang.
//! - Programs that fetch one repository at the same time wait for each other.
//!
//! # Environment
//!
//! | variable | meaning |
//! |---|---|
//! | `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME` | where the cache is: the folder itself, the folder above `hub`, the folder above `huggingface/hub`; `~/.cache/huggingface/hub` without any |
//! | `HF_ENDPOINT` | the hub, a mirror for instance |
//! | `HF_HUB_OFFLINE` | `1`, `true`, `yes` or `on`: use the cache only |
//! | `HF_TOKEN` | the access token; without it that of the file `token` in the folder above `hub` |

mod cache;
mod download;
mod error;
mod hub;
mod pattern;
mod repository;
mod watch;

pub use error::HubError;
pub use hub::{FetchProgress, Hub, fetch};
pub use repository::{Repository, RepositoryKind};
