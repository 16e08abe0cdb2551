//! Repositories of the hub.

use hf_hub::{Repo, RepoType as HfRepoType};

use crate::error::HubError;
use crate::pattern::is_inside;

/// Type of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepoType {
    /// Dataset repository.
    Dataset,
    /// Model repository.
    Model,
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

    /// Sets the revision. A commit makes a run reproducible regardless of later changes.
    #[must_use]
    pub fn with_revision(self, revision: impl Into<String>) -> Self {
        Self {
            revision: revision.into(),
            ..self
        }
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
        if plain(&self.id) && self.id.split('/').count() <= 2 && plain(&self.revision) {
            return Ok(());
        }
        Err(HubError::InvalidRepository {
            id: self.id.clone(),
            revision: self.revision.clone(),
        })
    }

    /// Returns the repository at a commit, as a type of the library.
    pub(crate) fn at_commit(&self, commit: &str) -> Repo {
        let kind = match self.kind {
            RepoType::Dataset => HfRepoType::Dataset,
            RepoType::Model => HfRepoType::Model,
        };
        Repo::with_revision(self.id.clone(), kind, commit.to_owned())
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
            "", "a/b/c", "../x", "a/..", "/a", "a b", "a?b", "a/", "a\\b",
        ] {
            assert!(Repository::model(id).check().is_err(), "{id}");
        }
        for revision in ["", "../main", "a//b", "main#x"] {
            assert!(
                Repository::model("a")
                    .with_revision(revision)
                    .check()
                    .is_err(),
                "{revision}"
            );
        }
    }
}
