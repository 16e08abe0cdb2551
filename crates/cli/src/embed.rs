//! `finetune embed`: vectors of texts.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use finetune::data::BatchSize;
use finetune::predict::{Embedder, EmbedderConfig};
use finetune::prelude::*;
use finetune_arguments::{answer_standard_input, model_directory};
use serde::Serialize;

/// Model and texts to embed.
#[derive(Debug, Args)]
pub(crate) struct EmbedArguments {
    /// Directory of an embedding model
    ///
    /// It is `model` in a run directory, or one in the layout of sentence-transformers. A bare encoder is
    /// pooled by the mean.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Texts to embed [default: lines of standard input]
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    /// Number of values of an embedding to keep [default: all]
    ///
    /// For models trained with Matryoshka losses.
    #[arg(long, value_name = "SIZE")]
    truncate_dim: Option<usize>,
    /// Prompt of the model, such as query [default: its own]
    ///
    /// It is put before each text.
    #[arg(long, value_name = "NAME")]
    prompt_name: Option<String>,
    /// Maximum tokens of a text [default: as the model was trained]
    ///
    /// Longer texts are truncated.
    #[arg(long, value_name = "TOKENS")]
    max_length: Option<usize>,
    /// Texts per batch
    #[arg(long, value_name = "N", default_value_t = 64)]
    batch_size: usize,
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

impl EmbedArguments {
    /// Prints one JSON object per text, with the text and its embedding.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let config = EmbedderConfig {
            max_length: self.max_length,
            batch_size: BatchSize::Rows(self.batch_size),
            precision: self.precision,
            truncate_dim: self.truncate_dim,
            prompt_name: self.prompt_name.clone(),
        };
        let device = self.device.open()?;
        let embedder = Embedder::load_with(&model_directory(&self.model)?, config, &device)?;
        match self.texts.is_empty() {
            true => answer_standard_input(Ok, |texts| print(&embedder, texts)),
            false => print(&embedder, &self.texts),
        }
    }
}

/// Line of output.
#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    embedding: &'a [f32],
}

fn print(embedder: &Embedder, texts: &[String]) -> Result<(), Box<dyn Error>> {
    let embeddings = embedder.embed(texts)?;
    let mut out = io::stdout().lock();
    for (text, embedding) in texts.iter().zip(embeddings.rows()) {
        let line = serde_json::to_string(&Line { text, embedding })?;
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
