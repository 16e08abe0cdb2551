//! Upload of a directory to a repository, in one commit.
//!
//! 1. The repository is created if there is none.
//! 2. The hub is asked which of the files are large ([preupload](https://huggingface.co/docs/hub/api)).
//! 3. The content of large files goes to the storage of the hub, as of
//!    [Git LFS](https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md), unless it is there.
//! 4. A commit names them, and has the content of the small ones.

mod files;
mod large_files;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;

use self::files::{Upload, files_in};
use self::large_files::LargeFiles;
use crate::client::{Client, MediaType};
use crate::error::HubError;
use crate::hub::Hub;
use crate::repository::Repository;

/// How a directory is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadConfig {
    /// Whether a repository that is created is private (default: true).
    pub private: bool,
    /// First line of the message of the commit.
    pub message: String,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            private: true,
            message: "Upload with finetune".to_owned(),
        }
    }
}

impl Hub {
    /// Uploads all files in a directory to the branch of a repository, which is created if there is
    /// none, and returns the address of the commit. Hidden files are left out. Files of the repository
    /// that the directory does not have are kept.
    ///
    /// ```no_run
    /// use finetune_hub::{Hub, Repository, UploadConfig};
    ///
    /// // With a token that may write, in HF_TOKEN. The model card is `README.md` in the directory.
    /// let repository = Repository::model("my-name/topics");
    /// let model = "runs/topics/model".as_ref();
    /// let commit = Hub::from_env()?.upload_directory(&repository, model, &UploadConfig::default())?;
    /// println!("{commit}");
    /// # Ok::<(), finetune_hub::HubError>(())
    /// ```
    ///
    /// # Errors
    /// - [`HubError::InvalidRepository`] if the repository id or the revision is invalid.
    /// - [`HubError::UploadOffline`] if offline mode is enabled.
    /// - [`HubError::Forbidden`] if there is no token, or it has no right to write.
    /// - [`HubError::Io`] if a file cannot be read, or there is none.
    /// - The errors of requests, as for [`Hub::snapshot_download`].
    pub fn upload_directory(
        &self,
        repository: &Repository,
        directory: &Path,
        config: &UploadConfig,
    ) -> Result<String, HubError> {
        repository.check()?;
        if self.local_files_only {
            return Err(HubError::UploadOffline {
                repository: repository.to_string(),
            });
        }
        let files = files_in(directory)?;
        let uploader = Uploader {
            client: Client::new(self, repository),
            endpoint: &self.endpoint,
            repository,
        };
        uploader.create(config.private)?;
        let large = uploader.large_files(&files)?;
        uploader.store(&large)?;
        uploader.commit(&files, &large, &config.message)
    }
}

struct Uploader<'a> {
    client: Client<'a>,
    endpoint: &'a str,
    repository: &'a Repository,
}

impl Uploader<'_> {
    fn create(&self, private: bool) -> Result<(), HubError> {
        let id = &self.repository.id;
        let (owner, name) = match id.split_once('/') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, &id[..]),
        };
        let request = json!({
            "type": self.repository.kind.name(),
            "name": name,
            "organization": owner,
            "private": private,
        });
        let url = format!("{}/api/repos/create", self.endpoint);
        // The status of a repository that there is already.
        let conflict = 409;
        self.client
            .post(
                &url,
                MediaType::Json,
                request.to_string().as_bytes(),
                &[conflict],
            )
            .map(drop)
    }

    fn commit(
        &self,
        files: &[Upload],
        large: &LargeFiles<'_>,
        message: &str,
    ) -> Result<String, HubError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            commit_url: String,
        }
        let header = json!({ "summary": message, "description": "" });
        let mut lines = vec![json!({ "key": "header", "value": header })];
        for (hash, file) in large {
            let value = json!({
                "path": file.name, "algo": "sha256", "oid": hash, "size": file.size,
            });
            lines.push(json!({ "key": "lfsFile", "value": value }));
        }
        let is_small = |file: &&Upload| large.iter().all(|(_, large)| large.name != file.name);
        for file in files.iter().filter(is_small) {
            let content =
                fs::read(&file.path).map_err(|source| HubError::io(&file.path, source))?;
            let value = json!({
                "path": file.name, "encoding": "base64", "content": BASE64_STANDARD.encode(content),
            });
            lines.push(json!({ "key": "file", "value": value }));
        }
        let lines = lines.iter().map(|line| format!("{line}\n"));
        let body: String = lines.collect();
        let (api, revision) = self.api();
        let url = format!("{api}/commit/{revision}");
        let answer: Answer = self
            .client
            .post_json(&url, MediaType::JsonLines, body.as_bytes())?;
        Ok(answer.commit_url)
    }

    /// Returns the address of the API for the repository, and the revision as a part of it.
    fn api(&self) -> (String, String) {
        let repository = self.repository;
        (repository.api(self.endpoint), repository.quoted_revision())
    }
}
