//! `finetune upload`: a trained model with its card to a repository of the hub.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use finetune::hub::{Hub, Repository, UploadConfig};
use finetune_arguments::{ArgumentsError, say};

/// Model and repository.
#[derive(Debug, Args)]
pub(crate) struct UploadArguments {
    /// Directory of a model; its card is `README.md`
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Repository, which is created if there is none
    #[arg(value_name = "OWNER/NAME")]
    repository: String,
    /// Branch to upload to [default: main]
    #[arg(long, value_name = "BRANCH")]
    revision: Option<String>,
    /// Let everybody read a repository that is created
    #[arg(long)]
    public: bool,
    /// Message of the commit
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
}

impl UploadArguments {
    /// Uploads the directory in one commit and prints its address.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        if !self.directory.join("config.json").is_file()
            && !self.directory.join("modules.json").is_file()
        {
            let problem = format!(
                "{} has no config.json or modules.json: it is no model, such as RUN/model",
                self.directory.display()
            );
            return Err(ArgumentsError::usage(problem).into());
        }
        let repository = Repository::model(&self.repository);
        let repository = match &self.revision {
            Some(revision) => repository.with_revision(revision),
            None => repository,
        };
        let defaults = UploadConfig::default();
        let config = UploadConfig {
            private: !self.public,
            message: self.message.clone().unwrap_or(defaults.message),
        };
        let commit = Hub::from_env()?.upload_directory(&repository, &self.directory, &config)?;
        Ok(say(&commit)?)
    }
}
