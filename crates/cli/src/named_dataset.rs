//! Command-line arguments for a published dataset, by its name.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use finetune::data::HubDataset;
use finetune::data::catalog::{self, NamedDataset};
use finetune_arguments::{ArgumentsError, data_directory, show_downloads};

/// Name and directory of a published dataset.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct NamedDatasetArguments {
    /// Published dataset like ag_news, or ORG/NAME of the hub
    ///
    /// It takes the place of files. Of the Hugging Face hub, it is ORG/NAME, ORG/NAME:CONFIG or
    /// ORG/NAME@REVISION, with columns as in files of one's own.
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Its directory, or `hub` to download it [default: hub]
    #[arg(long, value_name = "DIR", requires = "dataset")]
    data: Option<PathBuf>,
}

impl NamedDatasetArguments {
    /// Downloads the dataset if its name is one of the hub, with an owner.
    ///
    /// # Errors
    /// - [`ArgumentsError::Usage`] if files or a directory are given, too.
    /// - If the dataset cannot be downloaded.
    pub(crate) fn download(&self, has_files: bool) -> Result<Option<HubDataset>, Box<dyn Error>> {
        let Some(name) = self.dataset.as_ref().filter(|name| name.contains('/')) else {
            return Ok(None);
        };
        if has_files || self.data.is_some() {
            let problem =
                "--dataset ORG/NAME is for a run without files or a directory of one's own";
            return Err(ArgumentsError::usage(problem).into());
        }
        show_downloads();
        Ok(Some(HubDataset::download(name)?))
    }

    /// Returns the dataset and the directory of its files; `None` if no name is given. `has_files` is
    /// whether files of one's own are given.
    ///
    /// # Errors
    /// - [`ArgumentsError::Usage`] if both are given.
    /// - If the name is unknown, or the dataset cannot be downloaded.
    pub(crate) fn open(
        &self,
        has_files: bool,
    ) -> Result<Option<(&'static NamedDataset, PathBuf)>, Box<dyn Error>> {
        let Some(name) = &self.dataset else {
            return Ok(None);
        };
        if has_files {
            let problem = "--dataset is for a run without files of one's own";
            return Err(ArgumentsError::usage(problem).into());
        }
        let dataset = catalog::get(name)?;
        let asked_for = self.data.as_deref().unwrap_or(Path::new("hub"));
        Ok(Some((dataset, data_directory(name, asked_for)?)))
    }
}
