//! Files over HTTP: what the hub says of one, downloads that go on where they stopped, and uploads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use ureq::Body;
use ureq::http::{HeaderMap, Response};

use crate::client::{Client, MOST_REDIRECTS};
use crate::error::HubError;
use crate::refusal::{Failure, text};

/// What the hub says of a file without sending it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) commit: String,
    pub(crate) etag: String,
    /// Number of bytes, if known.
    pub(crate) size: Option<u64>,
}

impl Client<'_> {
    /// Requests what the hub says of a file.
    pub(crate) fn metadata(&self, url: &str) -> Result<Metadata, HubError> {
        self.attempts(url, || self.metadata_once(url))
    }

    /// Appends the bytes that are missing in the file `part`, of which `size` are expected.
    pub(crate) fn download(
        &self,
        url: &str,
        part: &Path,
        size: Option<u64>,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(), HubError> {
        self.attempts(url, || {
            let result = self.download_once(url, part, size, on_bytes);
            if let Err(Failure::UnusablePart) = result {
                fs::remove_file(part)
                    .map_err(|source| Failure::Final(HubError::io(part, source)))?;
            }
            result
        })
    }

    /// Sends a file to a storage.
    pub(crate) fn put(&self, url: &str, path: &Path) -> Result<(), HubError> {
        self.attempts(url, || {
            let file = File::open(path);
            let file = file.map_err(|source| Failure::Final(HubError::io(path, source)))?;
            let sent = self.authorized(url, self.agent.put(url)).send(&file);
            self.checked(url, sent, &[]).map(drop)
        })
    }

    /// Follows redirects within the hub, as of a renamed repository. The one to the storage of large
    /// files is the answer: its headers describe the file.
    fn metadata_once(&self, url: &str) -> Result<Metadata, Failure> {
        let mut place = url.to_owned();
        let mut metadata = Metadata::default();
        for _ in 0..MOST_REDIRECTS {
            let response = self.head(&place)?;
            let (status, headers) = (response.status().as_u16(), response.headers());
            if !matches!(status, 200..400) {
                return Err(self.about(url).refused(status, headers));
            }
            metadata.update(headers);
            let location = text(headers, "location");
            let within = location.strip_prefix(&self.hub.endpoint);
            match within.unwrap_or(location).strip_prefix('/') {
                Some(path) if status >= 300 => place = format!("{}/{path}", self.hub.endpoint),
                _ if status >= 300 && metadata.etag.is_empty() => {
                    let reason = format!("is on {location:?}, which is not a hub");
                    return Err(Failure::Final(HubError::response(url, reason)));
                }
                _ => return Ok(metadata),
            }
        }
        Err(Failure::Final(HubError::response(
            url,
            "too many redirects",
        )))
    }

    fn download_once(
        &self,
        url: &str,
        part: &Path,
        size: Option<u64>,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        let unwritable = |source| Failure::Final(HubError::io(part, source));
        let file = OpenOptions::new().append(true).create(true).open(part);
        let mut file = file.map_err(unwritable)?;
        let mut start = file.metadata().map_err(unwritable)?.len();
        match size {
            Some(size) if start == size => return Ok(()),
            Some(size) if start > size => return Err(Failure::UnusablePart),
            _ => {}
        }
        let response = self.file(url, (start > 0).then_some(start))?;
        let (status, headers) = (response.status().as_u16(), response.headers());
        match status {
            206 if is_range_from(headers, start) => {}
            206 => return Err(Failure::UnusablePart),
            // The whole file, although a range was asked for.
            200 if start > 0 => {
                file.set_len(0).map_err(unwritable)?;
                start = 0;
            }
            200 => {}
            status => return Err(self.about(url).refused(status, headers)),
        }
        let missing = size.map(|size| size - start);
        let written = self.copy(url, part, response, &mut file, missing, on_bytes)?;
        match missing.filter(|&missing| missing != written) {
            Some(missing) => {
                let reason = format!("expected {missing} bytes, found {written}");
                Err(Failure::Transient(reason))
            }
            None => Ok(()),
        }
    }

    /// Writes the body of a response to a file, and returns its number of bytes.
    fn copy(
        &self,
        url: &str,
        part: &Path,
        response: Response<Body>,
        file: &mut File,
        missing: Option<u64>,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<u64, Failure> {
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 17];
        let mut written = 0;
        loop {
            let bytes = match body.read(&mut buffer) {
                Ok(0) => return Ok(written),
                Ok(bytes) => bytes,
                Err(error) => {
                    return Err(self.about(url).failed(error.into(), self.hub.read_timeout));
                }
            };
            if let Err(source) = file.write_all(&buffer[..bytes]) {
                let missing = missing.unwrap_or_default().saturating_sub(written);
                return Err(Failure::Final(unwritten(part, source, missing)));
            }
            written += bytes as u64;
            on_bytes(bytes as u64);
        }
    }
}

impl Metadata {
    /// Takes what the headers of a response say. Those of a large file describe the file that they
    /// link to.
    fn update(&mut self, headers: &HeaderMap) {
        let given = |name| Some(text(headers, name)).filter(|value| !value.is_empty());
        if let Some(commit) = given("x-repo-commit") {
            self.commit = commit.to_owned();
        }
        if let Some(etag) = given("x-linked-etag").or_else(|| given("etag")) {
            let etag = etag.strip_prefix("W/").unwrap_or(etag);
            self.etag = etag.trim_matches('"').to_owned();
        }
        // The length of a redirect is that of its own text.
        let is_redirect = given("location").is_some();
        let length =
            given("x-linked-size").or_else(|| given("content-length").filter(|_| !is_redirect));
        self.size = length.and_then(|length| length.parse().ok()).or(self.size);
    }
}

fn is_range_from(headers: &HeaderMap, start: u64) -> bool {
    text(headers, "content-range").starts_with(&format!("bytes {start}-"))
}

fn unwritten(path: &Path, source: io::Error, missing: u64) -> HubError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => HubError::DiskFull {
            path: path.to_path_buf(),
            missing,
        },
        _ => HubError::io(path, source),
    }
}
