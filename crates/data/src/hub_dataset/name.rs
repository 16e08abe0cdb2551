//! Name of a dataset of the hub with its configuration and revision.

use std::fmt;
use std::str::FromStr;

use finetune_hub::{RepoType, Repository};

use crate::error::DataError;

/// Name of a dataset of the hub: `ID[:CONFIG][@REVISION]`.
///
/// ```
/// use finetune_data::HubName;
///
/// let name: HubName = "nyu-mll/glue:sst2".parse()?;
/// assert_eq!((&name.id[..], name.config.as_deref()), ("nyu-mll/glue", Some("sst2")));
/// assert_eq!(name.to_string(), "nyu-mll/glue:sst2");
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubName {
    /// Id of the repository: `owner/name`, or only a name for some old repositories.
    pub id: String,
    /// Name of a configuration; `None` for the default one.
    pub config: Option<String>,
    /// Branch, tag or commit; `None` for the main branch.
    pub revision: Option<String>,
}

impl HubName {
    /// Returns the repository at the revision.
    pub(super) fn repository(&self) -> Repository {
        let repository = Repository::dataset(&self.id);
        match &self.revision {
            Some(revision) => repository.with_revision(revision),
            None => repository,
        }
    }
}

impl FromStr for HubName {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let (name, revision) = match text.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (text, None),
        };
        let (id, config) = match name.split_once(':') {
            Some((id, config)) => (id, Some(config)),
            None => (name, None),
        };
        let repository = match revision {
            Some(revision) => Repository::parse(RepoType::Dataset, &format!("{id}@{revision}")),
            None => Repository::parse(RepoType::Dataset, id),
        };
        if repository.is_err() || config == Some("") {
            let expected = "a name like owner/name, owner/name:config or owner/name@revision";
            return Err(DataError::setting("dataset", expected, format!("{text:?}")));
        }
        Ok(Self {
            id: id.to_owned(),
            config: config.map(str::to_owned),
            revision: revision.map(str::to_owned),
        })
    }
}

impl fmt::Display for HubName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        if let Some(config) = &self.config {
            write!(f, ":{config}")?;
        }
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_others_are_refused() {
        for text in ["imdb", "a/b", "a/b:c d", "a/b@main", "a/b:c@refs/pr/1"] {
            let name: HubName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
        }
        for text in ["", "a/b/c", "../a", "a/b:", "a/b@", "a b", "a/b@../x"] {
            assert!(text.parse::<HubName>().is_err(), "{text}");
        }
    }
}
