//! Upload of a directory to a repository, in one commit.
//!
//! 1. The repository is created if there is none.
//! 2. The hub is asked which of the files are large ([preupload](https://huggingface.co/docs/hub/api)).
//! 3. The content of large files goes to the storage of the hub, as of
//!    [Git LFS](https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md), unless it is there.
//! 4. A commit names them, and has the content of the small ones.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Client, MediaType};
use crate::download::sha256;
use crate::error::HubError;
use crate::hub::Hub;
use crate::repository::Repository;

/// Bytes of each file that the hub decides by.
const SAMPLE: u64 = 512;

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

/// File to upload.
struct Upload {
    /// Path in the repository.
    name: String,
    path: PathBuf,
    size: u64,
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

/// Files with the hashes of their content.
type LargeFiles<'a> = Vec<(String, &'a Upload)>;

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

    /// Returns the files that the hub wants in its storage.
    fn large_files<'a>(&self, files: &'a [Upload]) -> Result<LargeFiles<'a>, HubError> {
        #[derive(Deserialize)]
        struct Answer {
            files: Vec<Mode>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mode {
            path: String,
            upload_mode: String,
        }
        let described = files.iter().map(|file| {
            let mut sample = Vec::new();
            let opened = File::open(&file.path);
            let read = opened.and_then(|opened| opened.take(SAMPLE).read_to_end(&mut sample));
            read.map_err(|source| HubError::io(&file.path, source))?;
            let sample = BASE64_STANDARD.encode(sample);
            Ok(json!({ "path": file.name, "size": file.size, "sample": sample }))
        });
        let described: Vec<Value> = described.collect::<Result<_, HubError>>()?;
        let (api, revision) = self.api();
        let url = format!("{api}/preupload/{revision}");
        let request = json!({ "files": described }).to_string();
        let answer: Answer = self
            .client
            .post_json(&url, MediaType::Json, request.as_bytes())?;
        let is_large = |file: &&Upload| {
            let mut modes = answer.files.iter();
            modes.any(|mode| mode.path == file.name && mode.upload_mode == "lfs")
        };
        let large = files.iter().filter(is_large).map(|file| {
            let hash = sha256(&file.path).map_err(|source| HubError::io(&file.path, source))?;
            Ok((hash, file))
        });
        large.collect()
    }

    /// Uploads the content of files that the storage does not have.
    fn store(&self, large: &LargeFiles<'_>) -> Result<(), HubError> {
        #[derive(Deserialize)]
        struct Answer {
            objects: Vec<Object>,
        }
        #[derive(Deserialize)]
        struct Object {
            oid: String,
            #[serde(default)]
            actions: Actions,
            error: Option<Refusal>,
        }
        #[derive(Deserialize)]
        struct Refusal {
            message: String,
        }
        #[derive(Default, Deserialize)]
        struct Actions {
            upload: Option<Action>,
            verify: Option<Action>,
        }
        #[derive(Deserialize)]
        struct Action {
            href: String,
        }
        if large.is_empty() {
            return Ok(());
        }
        let objects = large
            .iter()
            .map(|(hash, file)| json!({ "oid": hash, "size": file.size }));
        let request = json!({
            "operation": "upload",
            "transfers": ["basic"],
            "hash_algo": "sha256",
            "ref": { "name": self.repository.revision },
            "objects": objects.collect::<Vec<_>>(),
        });
        let page = self.repository.page(self.endpoint);
        let url = format!("{page}.git/info/lfs/objects/batch");
        let request = request.to_string();
        let answer: Answer = self
            .client
            .post_json(&url, MediaType::LfsJson, request.as_bytes())?;
        for Object {
            oid,
            actions,
            error,
        } in answer.objects
        {
            let Some((_, file)) = large.iter().find(|(hash, _)| *hash == oid) else {
                return Err(HubError::response(&url, format!("asks for {oid}")));
            };
            if let Some(Refusal { message }) = error {
                let reason = format!("{}: {message}", file.name);
                return Err(HubError::response(&url, reason));
            }
            if let Some(upload) = actions.upload {
                self.client.put(&upload.href, &file.path)?;
            }
            if let Some(verify) = actions.verify {
                let request = json!({ "oid": oid, "size": file.size }).to_string();
                self.client
                    .post(&verify.href, MediaType::LfsJson, request.as_bytes(), &[])?;
            }
        }
        Ok(())
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

/// Returns the files in a directory and below, without hidden ones.
fn files_in(directory: &Path) -> Result<Vec<Upload>, HubError> {
    let mut files = Vec::new();
    add_files(directory, "", &mut files)?;
    files.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    match files.is_empty() {
        true => Err(HubError::io(directory, std::io::ErrorKind::NotFound.into())),
        false => Ok(files),
    }
}

fn add_files(directory: &Path, prefix: &str, files: &mut Vec<Upload>) -> Result<(), HubError> {
    let failed = |source| HubError::io(directory, source);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(HubError::io(
                &path,
                std::io::ErrorKind::InvalidFilename.into(),
            ));
        };
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{name}");
        let metadata = fs::metadata(&path).map_err(|source| HubError::io(&path, source))?;
        match metadata.is_dir() {
            true => add_files(&path, &format!("{name}/"), files)?,
            false => files.push(Upload {
                name,
                path,
                size: metadata.len(),
            }),
        }
    }
    Ok(())
}
