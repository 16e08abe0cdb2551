//! Datasets and models of the Hugging Face hub: downloads into a cache, and uploads.
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
//! [`Hub::upload_directory`] uploads the files of a directory in one commit.
//!
//! # Guarantees
//!
//! - Cached files are used without a request. For a branch (default: `main`), this is the commit of
//!   the first download; [`Hub::force_download`] checks for a newer one. If the hub cannot be
//!   reached, files that another library cached are used, too.
//! - Each file is verified by its hash before use. All files of a directory belong to the same
//!   commit.
//! - An interrupted download is resumed, also by a later run, and also one of `huggingface_hub`.
//! - The number of attempts, the time without data, and the time to wait after too many requests are
//!   limited: downloads fail with an error instead of hanging.
//! - The token is sent to the hub, and not to the hosts that large files come from.
//! - Processes that download the same repository at the same time wait for each other.
//!
//! # Environment
//!
//! | variable | meaning |
//! |---|---|
//! | `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME` | cache directory; its parent directory (with the cache in `hub`); the parent directory of `huggingface/hub` (default: `~/.cache/huggingface/hub`) |
//! | `HF_ENDPOINT` | endpoint of the hub, such as a mirror (default: `https://huggingface.co`) |
//! | `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE` | `1`, `true`, `yes` or `on`: use only the cache (default: off) |
//! | `HF_TOKEN`, `HF_TOKEN_PATH` | access token; file that contains it (default: the file `token` in `HF_HOME` or its default) |
//! | `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` | proxy of the requests (default: none) |

mod cache;
mod client;
mod download;
mod error;
mod hub;
mod pattern;
mod refusal;
mod repository;
mod snapshot;
mod transfer;
mod upload;
mod watch;

pub use error::HubError;
pub use hub::Hub;
pub use repository::{RepoType, Repository};
pub use snapshot::{DownloadProgress, SelectFiles, fetch};
pub use upload::UploadConfig;
pub use watch::watch_downloads;
