//! Downloads of catalog datasets from the Hugging Face hub.

use std::path::PathBuf;

use finetune_hub::{DownloadProgress, Hub, Repository};

use super::NamedDataset;
use super::layout::{Content, Layout, SplitFile};
use crate::error::DataError;

impl NamedDataset {
    /// Downloads the dataset unless it is cached, and returns the directory for [`Self::open`].
    ///
    /// Environment variables set the cache directory, the hub endpoint and offline mode: see
    /// [`finetune_hub`].
    ///
    /// ```no_run
    /// use finetune_data::catalog;
    ///
    /// let imdb = catalog::get("imdb")?;
    /// let opened = imdb.open(&imdb.download()?)?;
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::NotOnHub`] if the dataset is not on the hub.
    /// - [`DataError::Hub`] if the download fails.
    pub fn download(&self) -> Result<PathBuf, DataError> {
        self.download_from(&Hub::from_env()?, "main", &mut |_| ())
    }

    /// Downloads the dataset from the given hub at a revision (branch, tag or commit), with a
    /// progress callback.
    ///
    /// # Errors
    /// The same errors as [`Self::download`].
    pub fn download_from(
        &self,
        hub: &Hub,
        revision: &str,
        on_progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<PathBuf, DataError> {
        let source = self.hub.ok_or(DataError::NotOnHub { name: self.name })?;
        let repository = Repository::dataset(source.repository).with_revision(revision);
        let wanted = self.wanted();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        Ok(hub.fetch_with(&repository, &wanted, on_progress)?)
    }

    /// Returns the file patterns of the hub layouts; files of other layouts are not on the hub.
    fn wanted(&self) -> Vec<String> {
        let layouts = self
            .layouts
            .iter()
            .filter(|layout| layout.name.starts_with("hub "));
        layouts.flat_map(Layout::hub_files).collect()
    }
}

impl Layout {
    fn hub_files(&self) -> Vec<String> {
        let names = |file: &SplitFile| match self.content {
            Content::Parquet { .. } => {
                vec![
                    format!("{}.parquet", file.name),
                    format!("{}-*.parquet", file.name),
                ]
            }
            Content::Text { .. } => vec![file.name.to_owned(), format!("{}.gz", file.name)],
            Content::ReviewDirectories | Content::ReviewArchive => vec![],
        };
        let names: Vec<String> = self.files.iter().flat_map(names).collect();
        let inner = self
            .subdirectories
            .iter()
            .flat_map(|directory| names.iter().map(move |name| format!("{directory}/{name}")));
        names.iter().cloned().chain(inner).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::DATASETS;
    use super::*;

    #[test]
    fn each_data_set_of_the_hub_says_which_files() {
        for dataset in DATASETS {
            assert_eq!(
                dataset.wanted().is_empty(),
                dataset.hub.is_none(),
                "{}",
                dataset.name
            );
        }
        let wanted = super::super::get("ag_news").unwrap().wanted();
        assert!(
            wanted.contains(&"data/train-*.parquet".to_owned()),
            "{wanted:?}"
        );
    }

    #[test]
    fn without_a_network_the_error_says_so() {
        let cache = tempfile::tempdir().unwrap();
        let hub = Hub::new(cache.path()).local_files_only(true);
        let from = |name: &str| {
            let dataset = super::super::get(name).unwrap();
            dataset
                .download_from(&hub, "main", &mut |_| ())
                .unwrap_err()
        };
        let error = from("imdb");
        assert!(matches!(error, DataError::Hub(_)), "{error}");
        assert!(error.to_string().contains("offline"), "{error}");
        let error = from("cfimdb");
        assert!(
            matches!(error, DataError::NotOnHub { name: "cfimdb" }),
            "{error}"
        );
    }
}
