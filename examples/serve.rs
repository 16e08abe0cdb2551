//! Serves fine-tuned models over a REST API with dynamic batching and a demo page.
//!
//! `cargo run --release --example serve -- --model runs/classify-1/model`
//!
//! Without a model, it serves the bundled one.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser};
use finetune::prelude::*;
use finetune_examples::{MESSAGE_TOPICS, exit_code};
use finetune_serve::{Models, ServeConfig, ServedModel, Server, shutdown_signal};

/// Serve fine-tuned models over HTTP
///
/// Try it on the page at the printed address, or with
/// curl -H 'Content-Type: application/json' -d '{"inputs": "A text"}' ADDRESS/v1/models/NAME/classify
#[derive(Parser)]
struct Arguments {
    /// Fine-tuned model, `model` in a run directory or a classifier in the layout of Hugging Face;
    /// may be given several times [default: the bundled one]
    #[arg(long = "model", value_name = "[NAME=]DIR", value_parser = OsStringValueParser::new().map(NamedDirectory::from))]
    models: Vec<NamedDirectory>,
    /// Address to listen on; 0.0.0.0 to accept connections from other machines
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen on; 0 for any free port
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// File with a token that clients must send as `Authorization: Bearer TOKEN`
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
    /// JSON file with any of the settings; the arguments above take precedence
    #[arg(long, value_name = "FILE.json")]
    config: Option<PathBuf>,
    /// Device to compute on: flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled
    /// in
    #[arg(long, default_value_t)]
    device: DeviceSpec,
    /// Precision of the inputs to the encoder's matrix products: f32, bf16 or f16, if the device
    /// supports it
    #[arg(long, default_value_t)]
    precision: Precision,
}

/// Directory of a model, and its name if one was given.
#[derive(Debug, Clone)]
struct NamedDirectory {
    name: Option<String>,
    directory: PathBuf,
}

/// Parses `NAME=DIR` or `DIR`; a directory with `=` in its path needs a name.
impl From<OsString> for NamedDirectory {
    fn from(argument: OsString) -> Self {
        match argument.to_str().and_then(|text| text.split_once('=')) {
            Some((name, directory)) => Self {
                name: Some(name.to_string()),
                directory: directory.into(),
            },
            None => Self {
                name: None,
                directory: argument.into(),
            },
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

fn main() -> ExitCode {
    // A panic message can contain the text that caused it.
    panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            let _ = writeln!(io::stderr(), "panic at {place}");
        }
    }));
    exit_code(run(Arguments::parse()))
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let models = Models::start(arguments.load()?, arguments.config()?)?;
    let address = SocketAddr::new(arguments.host, arguments.port);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::bind(address, models).await?;
        writeln!(io::stdout(), "listening on http://{}", server.address())?;
        server.run(shutdown_signal()).await;
        Ok(())
    })
}

impl Arguments {
    fn load(&self) -> Result<Vec<ServedModel>, Box<dyn Error>> {
        let bundled = [NamedDirectory {
            name: None,
            directory: MESSAGE_TOPICS.into(),
        }];
        let directories = match self.models.as_slice() {
            [] => &bundled,
            directories => directories,
        };
        let device = self.device.open()?;
        let load = |named: &NamedDirectory| {
            let (name, directory) = (named.name(), &named.directory);
            Ok(ServedModel::load_with(
                &name,
                directory,
                &device,
                self.precision,
            )?)
        };
        directories.iter().map(load).collect()
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
