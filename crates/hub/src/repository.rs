//! Repositories of the hub.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::HubError;
use crate::pattern::is_inside;

/// What stands for itself in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const PATH: &AsciiSet = &PART.remove(b'/');

/// Type of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepoType {
    /// Dataset repository.
    Dataset,
    /// Model repository.
    Model,
}

impl RepoType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Model => "model",
        }
    }

    /// Returns the type in addresses and in names of the cache.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Dataset => "datasets",
            Self::Model => "models",
        }
    }
}

/// Repository of the hub at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Type of the repository.
    pub kind: RepoType,
    /// Id of the repository: `owner/name`, or only a name for some old repositories.
    pub id: String,
    /// Branch, tag or commit.
    pub revision: String,
}

impl Repository {
    /// Creates a reference to the main branch of a dataset.
    pub fn dataset(id: impl Into<String>) -> Self {
        Self::main(RepoType::Dataset, id.into())
    }

    /// Creates a reference to the main branch of a model.
    pub fn model(id: impl Into<String>) -> Self {
        Self::main(RepoType::Model, id.into())
    }

    /// Reads `ID` or `ID@REVISION`.
    ///
    /// ```
    /// use finetune_hub::{RepoType, Repository};
    ///
    /// let repository = Repository::parse(RepoType::Model, "google-bert/bert-base-uncased@v1")?;
    /// assert_eq!(repository.id, "google-bert/bert-base-uncased");
    /// assert_eq!(repository.revision, "v1");
    /// assert!(Repository::parse(RepoType::Model, "../my-bert").is_err());
    /// # Ok::<(), finetune_hub::HubError>(())
    /// ```
    ///
    /// # Errors
    /// - [`HubError::InvalidRepository`] if it is no name of a repository.
    pub fn parse(kind: RepoType, name: &str) -> Result<Self, HubError> {
        let (id, revision) = name.split_once('@').unwrap_or((name, "main"));
        let repository = Self::main(kind, id.to_owned()).with_revision(revision);
        repository.check().map(|()| repository)
    }

    /// Returns the repository of a directory in a cache, with the commit as its revision; `None` for
    /// any other directory.
    ///
    /// ```
    /// use finetune_hub::Repository;
    ///
    /// let commit = "86b5e0934494bd15c9632b12f734a8a67f723594";
    /// let directory = format!("cache/models--google-bert--bert-base-uncased/snapshots/{commit}");
    /// let repository = Repository::of_snapshot(directory.as_ref()).unwrap();
    /// assert_eq!(repository.name(), format!("google-bert/bert-base-uncased@{commit}"));
    /// ```
    pub fn of_snapshot(directory: &Path) -> Option<Self> {
        let commit = directory.file_name()?.to_str()?;
        let snapshots = directory.parent()?;
        let folder = snapshots.parent()?.file_name()?.to_str()?;
        let (kind, id) = Self::of_folder(folder)?;
        let found = Self::main(kind, id).with_revision(commit);
        (snapshots.file_name()? == "snapshots" && found.check().is_ok()).then_some(found)
    }

    /// Returns type and id of a directory in the cache.
    pub(crate) fn of_folder(folder: &str) -> Option<(RepoType, String)> {
        let (kind, name) = folder.split_once("--")?;
        let kinds = [RepoType::Dataset, RepoType::Model];
        let kind = kinds.into_iter().find(|other| other.plural() == kind)?;
        Some((kind, name.replacen("--", "/", 1)))
    }

    /// Sets the revision. A commit makes a run reproducible regardless of later changes.
    #[must_use]
    pub fn with_revision(self, revision: impl Into<String>) -> Self {
        Self {
            revision: revision.into(),
            ..self
        }
    }

    /// Returns `ID@REVISION`, which [`Self::parse`] reads.
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.revision)
    }

    fn main(kind: RepoType, id: String) -> Self {
        Self {
            kind,
            id,
            revision: "main".to_owned(),
        }
    }

    /// Checks the id and the revision, which become parts of paths and URLs.
    pub(crate) fn check(&self) -> Result<(), HubError> {
        let plain = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
            is_inside(text) && text.bytes().all(allowed)
        };
        // The cache separates owner and name with two dashes, which the hub does not allow in them.
        let id = plain(&self.id) && self.id.split('/').count() <= 2 && !self.id.contains("--");
        if id && plain(&self.revision) {
            return Ok(());
        }
        Err(HubError::InvalidRepository {
            id: self.id.clone(),
            revision: self.revision.clone(),
        })
    }

    /// Returns the name of the directory in the cache.
    pub(crate) fn folder(&self) -> String {
        format!("{}--{}", self.kind.plural(), self.id.replace('/', "--"))
    }

    /// Returns the address of the page about the repository.
    pub(crate) fn page(&self, endpoint: &str) -> String {
        match self.kind {
            RepoType::Dataset => format!("{endpoint}/datasets/{}", self.id),
            RepoType::Model => format!("{endpoint}/{}", self.id),
        }
    }

    /// Returns the address of the API for the repository.
    pub(crate) fn api(&self, endpoint: &str) -> String {
        format!("{endpoint}/api/{}/{}", self.kind.plural(), self.id)
    }

    /// Returns the revision as a part of an address.
    pub(crate) fn quoted_revision(&self) -> String {
        utf8_percent_encode(&self.revision, PART).to_string()
    }

    /// Returns the address of a file of a commit.
    pub(crate) fn file(&self, endpoint: &str, commit: &str, file: &str) -> String {
        let file = utf8_percent_encode(file, PATH);
        format!("{}/resolve/{commit}/{file}", self.page(endpoint))
    }
}

impl std::fmt::Display for Repository {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({})", self.id, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_revisions_are_checked() {
        for id in ["gpt2", "fancyzhx/ag_news", "a-b/c.d_e"] {
            Repository::dataset(id)
                .with_revision("refs/pr/1")
                .check()
                .unwrap();
        }
        for id in [
            "", "a/b/c", "../x", "a/..", "/a", "a b", "a?b", "a/", "a\\b", "a--b",
        ] {
            assert!(Repository::model(id).check().is_err(), "{id}");
        }
        for revision in ["", "../main", "a//b", "main#x"] {
            let repository = Repository::model("a").with_revision(revision);
            assert!(repository.check().is_err(), "{revision}");
        }
    }

    #[test]
    fn addresses_are_those_of_the_hub() {
        let dataset = Repository::dataset("a/b").with_revision("refs/convert/parquet");
        assert_eq!(dataset.api("https://h"), "https://h/api/datasets/a/b");
        assert_eq!(dataset.quoted_revision(), "refs%2Fconvert%2Fparquet");
        let model = Repository::model("gpt2");
        assert_eq!(
            model.file("https://h", "0a", "1_Pooling/a b#.json"),
            "https://h/gpt2/resolve/0a/1_Pooling/a%20b%23.json"
        );
    }

    #[test]
    fn a_directory_of_the_cache_tells_its_repository() {
        for repository in [Repository::model("gpt2"), Repository::dataset("a-b/c_d")] {
            let repository = repository.with_revision("0a1b");
            let folder = Path::new("/c").join(repository.folder());
            let snapshot = folder.join("snapshots/0a1b");
            assert_eq!(Repository::of_snapshot(&snapshot), Some(repository));
        }
        for other in [
            "models--a/other/0",
            "a/snapshots/0",
            "0",
            "things--a/snapshots/0",
        ] {
            assert_eq!(Repository::of_snapshot(other.as_ref()), None, "{other}");
        }
    }
}
