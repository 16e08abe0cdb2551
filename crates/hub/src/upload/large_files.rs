//! Large files of an upload: the hub says which they are, and their content goes to its storage.

use std::fs::File;
use std::io::Read;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Uploader;
use super::files::Upload;
use crate::client::MediaType;
use crate::download::sha256;
use crate::error::HubError;

/// Bytes of each file that the hub decides by.
const SAMPLE: u64 = 512;

/// Files with the hashes of their content.
pub(super) type LargeFiles<'a> = Vec<(String, &'a Upload)>;

impl Uploader<'_> {
    /// Returns the files that the hub wants in its storage.
    pub(super) fn large_files<'a>(&self, files: &'a [Upload]) -> Result<LargeFiles<'a>, HubError> {
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
    pub(super) fn store(&self, large: &LargeFiles<'_>) -> Result<(), HubError> {
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
}
