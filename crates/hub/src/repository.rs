//! What is fetched from.

use hf_hub::{Repo, RepoType};

use crate::error::HubError;
use crate::pattern::is_inside;

/// The kinds of repositories that the hub has for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepositoryKind {
    /// A data set.
    Dataset,
    /// A model.
    Model,
}

/// A repository of the hub, at a revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Data set or model.
    pub kind: RepositoryKind,
    /// `owner/name`, or a name alone for a few old ones.
    pub id: String,
    /// A branch, a tag or a commit.
    pub revision: String,
}

impl Repository {
    /// The main branch of a data set.
    pub fn dataset(id: impl Into<String>) -> Self {
        Self::main(RepositoryKind::Dataset, id.into())
    }

    /// The main branch of a model.
    pub fn model(id: impl Into<String>) -> Self {
        Self::main(RepositoryKind::Model, id.into())
    }

    /// Another revision, such as a commit: then a run can be repeated whatever happens upstream.
    #[must_use]
    pub fn at(self, revision: impl Into<String>) -> Self {
        Self {
            revision: revision.into(),
            ..self
        }
    }

    fn main(kind: RepositoryKind, id: String) -> Self {
        Self {
            kind,
            id,
            revision: "main".to_owned(),
        }
    }

    /// Refuses what could be no repository: ids and revisions become parts of paths and addresses.
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

    /// The same repository as the library has it, at a commit.
    pub(crate) fn at_commit(&self, commit: &str) -> Repo {
        let kind = match self.kind {
            RepositoryKind::Dataset => RepoType::Dataset,
            RepositoryKind::Model => RepoType::Model,
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
            Repository::dataset(id).at("refs/pr/1").check().unwrap();
        }
        for id in [
            "", "a/b/c", "../x", "a/..", "/a", "a b", "a?b", "a/", "a\\b",
        ] {
            assert!(Repository::model(id).check().is_err(), "{id}");
        }
        for revision in ["", "../main", "a//b", "main#x"] {
            assert!(
                Repository::model("a").at(revision).check().is_err(),
                "{revision}"
            );
        }
    }
}
