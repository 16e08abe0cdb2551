//! Serving of models from the command line.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use finetune::prelude::*;
use finetune_arguments::{ArgumentsError, model_directory, say};
use finetune_serve::{Models, ReloadSignals, ServeConfig, ServedModel, Server, shutdown_signal};

/// Models, address and settings of a server.
#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    /// Fine-tuned model; repeatable
    ///
    /// It is `model` in a run directory, or one in the layout of Hugging Face or sentence-transformers.
    /// `@int8` behind it, or another precision, is that of this model: one model can be served in several.
    #[arg(long = "model", value_name = "[NAME=]DIR", value_parser = OsStringValueParser::new().map(NamedDirectory::from))]
    models: Vec<NamedDirectory>,
    /// Address to listen on; 0.0.0.0 for other machines
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen on; 0 for any free port
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// File with the token that clients must send
    ///
    /// They send it as `Authorization: Bearer TOKEN`.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Maximum number of texts in a batch [default: 32]
    #[arg(long, value_name = "ROWS")]
    batch_size: Option<usize>,
    /// Maximum batching delay in milliseconds [default: 2]
    #[arg(long, value_name = "MS")]
    max_delay_ms: Option<u64>,
    /// Maximum number of texts waiting for a model [default: 256]
    #[arg(long = "max-queue-size", value_name = "ROWS")]
    queue: Option<usize>,
    /// JSON file with any of the settings
    ///
    /// The arguments above take precedence.
    #[arg(long, value_name = "FILE.json")]
    config: Option<PathBuf>,
    /// Device to compute on
    ///
    /// It is flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled in.
    #[arg(long, default_value_t)]
    device: DeviceSpec,
    /// Precision of products: f32, bf16, f16 or int8
    ///
    /// The inputs to the encoder's matrix products are rounded, if the device supports it.
    #[arg(long, value_name = "TYPE", default_value_t)]
    precision: Precision,
}

/// Directory of a model, and its name if one was given.
#[derive(Debug, Clone)]
struct NamedDirectory {
    name: Option<String>,
    directory: PathBuf,
    precision: Option<Precision>,
}

/// Parses `NAME=DIR` or `DIR`, and a precision behind it unless there is a directory of that name; a
/// directory with `=` in its path needs a name.
impl From<OsString> for NamedDirectory {
    fn from(argument: OsString) -> Self {
        let (name, directory) = match argument.to_str().and_then(|text| text.split_once('=')) {
            Some((name, directory)) => (Some(name.to_string()), directory.into()),
            None => (None, argument),
        };
        let suffix = directory.to_str().and_then(|text| {
            let (path, precision) = text.rsplit_once('@')?;
            Some((path, precision.parse().ok()?))
        });
        let (directory, precision) = match suffix {
            Some((path, precision)) if !Path::new(&directory).exists() => {
                (path.into(), Some(precision))
            }
            _ => (directory.clone().into(), None),
        };
        Self {
            name,
            directory,
            precision,
        }
    }
}

impl NamedDirectory {
    /// Returns the given name, or that of the directory, or that of the run if the directory is its
    /// `model`.
    fn name(&self) -> String {
        let of = |path: &Path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some(name)
        };
        let own = || match of(&self.directory) {
            Some(name) if name == "model" => self.directory.parent().and_then(of).or(Some(name)),
            name => name,
        };
        self.name.clone().or_else(own).unwrap_or_default()
    }
}

impl ServeArguments {
    /// Serves until the program is told to stop. `bundled` is the model if none is given.
    ///
    /// # Errors
    /// - [`ArgumentsError::Usage`] if there is no model.
    /// - If a model cannot be loaded, or the address is in use.
    pub fn run(&self, bundled: Option<&Path>) -> Result<(), Box<dyn Error>> {
        // A panic message can contain the text that caused it.
        panic::set_hook(Box::new(|panic| {
            if let Some(place) = panic.location() {
                let _ = writeln!(io::stderr(), "panic at {place}");
            }
        }));
        let models = Models::start(self.load(bundled)?, self.config()?)?;
        let address = SocketAddr::new(self.host, self.port);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let signals = ReloadSignals::new();
            let server = Server::bind(address, models.clone()).await?;
            say(&format!("listening on http://{}", server.address()))?;
            tokio::select! {
                () = server.run(shutdown_signal()) => {}
                () = self.reload(signals, &models, bundled) => {}
            }
            Ok(())
        })
    }

    /// Loads all models again at each signal, forever. If one cannot be loaded, all stay as they are.
    async fn reload(&self, mut signals: ReloadSignals, models: &Models, bundled: Option<&Path>) {
        loop {
            signals.next().await;
            let (arguments, models) = (self.clone(), models.clone());
            let bundled = bundled.map(Path::to_path_buf);
            let reloaded = tokio::task::spawn_blocking(move || {
                let served = arguments.load(bundled.as_deref());
                let served = served.map_err(|error| error.to_string())?;
                for model in served {
                    models.replace(model).map_err(|error| error.to_string())?;
                }
                Ok::<(), String>(())
            });
            let reloaded = reloaded
                .await
                .unwrap_or_else(|error| Err(error.to_string()));
            let message = match reloaded {
                Ok(()) => "the models were loaded again".to_string(),
                Err(error) => format!("error: the models stay as they are: {error}"),
            };
            // A server whose standard error is closed still serves.
            let _ = writeln!(io::stderr(), "{message}");
        }
    }

    fn load(&self, bundled: Option<&Path>) -> Result<Vec<ServedModel>, Box<dyn Error>> {
        let bundled = bundled.map(|directory| NamedDirectory {
            name: None,
            directory: directory.to_path_buf(),
            precision: None,
        });
        let models: Vec<&NamedDirectory> = match self.models.as_slice() {
            [] => bundled.iter().collect(),
            models => models.iter().collect(),
        };
        if models.is_empty() {
            return Err(ArgumentsError::usage("--model DIR is missing").into());
        }
        let device = self.device.open()?;
        let load = |named: &NamedDirectory| {
            let (name, directory) = (named.name(), model_directory(&named.directory)?);
            let precision = named.precision.unwrap_or(self.precision);
            Ok(ServedModel::load_with(
                &name, &directory, &device, precision,
            )?)
        };
        models.into_iter().map(load).collect()
    }

    fn config(&self) -> Result<ServeConfig, Box<dyn Error>> {
        let mut config = match &self.config {
            Some(path) => {
                let named = |error: &dyn Error| format!("{}: {error}", path.display());
                let json = std::fs::read(path).map_err(|error| named(&error))?;
                serde_json::from_slice(&json).map_err(|error| named(&error))?
            }
            None => ServeConfig::default(),
        };
        if let Some(rows) = self.batch_size {
            config.max_batch_size = rows;
        }
        if let Some(delay) = self.max_delay_ms {
            config.max_batch_delay_ms = delay;
        }
        if let Some(rows) = self.queue {
            config.max_queue_size = rows;
            // A request may not have more texts than the queue holds.
            config.max_texts = config.max_texts.min(rows.max(1));
        }
        if let Some(path) = &self.token_file {
            config.token_file = Some(path.clone());
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_stands_behind_a_directory() {
        let parsed = |text: &str| {
            let named = NamedDirectory::from(OsString::from(text));
            let directory = named.directory.display().to_string();
            (named.name(), directory, named.precision)
        };
        let of =
            |name: &str, directory: &str, precision| (name.into(), directory.into(), precision);
        let int8 = Some(Precision::Int8);
        assert_eq!(parsed("runs/a/model"), of("a", "runs/a/model", None));
        assert_eq!(parsed("runs/a/model@int8"), of("a", "runs/a/model", int8));
        assert_eq!(parsed("fast=a@int8"), of("fast", "a", int8));
        // A revision of the hub is none.
        assert_eq!(parsed("fast=org/a@v1"), of("fast", "org/a@v1", None));
        assert_eq!(
            parsed("fast=org/a@v1@bf16"),
            of("fast", "org/a@v1", Some(Precision::Bf16))
        );
    }
}
