//! Tokenizes a dataset into a cache on disk and prints statistics: rows, lengths, truncated
//! fraction, padding, speed. A dataset may be larger than memory.
//!
//! `cargo run --release --example tokenize_dataset` encodes the bundled sample with the bundled
//! vocabulary. With a real tokenizer and published data:
//!
//! `cargo run --release --example tokenize_dataset -- --dataset imdb --data DIR --split train --model DIR
//! --max-length 512 --tokenizer-cache DIR`

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use finetune::data::tabular::{self, ColumnNames, LabelKind};
use finetune::data::{
    Cleaning, CleaningStep, EncodedCache, EncodingConfig, ExampleReader, LengthStatistics, Sampler,
    SamplingStrategy, Split, Target, TextTokenizer, Truncation, catalog,
};
use finetune::train::{peak_rss_bytes, write_json};
use finetune_examples::{
    ColumnList, EncodingBar, MINI_ENCODER, SAMPLE_AG_NEWS, TableArguments, data_directory,
    exit_code,
};
use serde_json::json;

/// Tokenize a dataset of any size into a cache on disk
#[derive(Parser)]
struct Arguments {
    /// Name of a known dataset, such as imdb
    #[arg(long = "dataset", default_value = "ag_news")]
    name: String,
    /// Directory with the dataset in any of its layouts, or `hub` to download it [default: the
    /// bundled sample of ag_news]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Split to tokenize: train, validation, test or unlabeled
    #[arg(long, default_value = "train")]
    split: Split,
    /// File of your own (.csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow or .feather) or
    /// directory saved by the datasets library, instead of a known dataset; only its text is read
    #[arg(long = "input-file", conflicts_with_all = ["data", "name"])]
    file: Option<PathBuf>,
    /// Columns with the text of --input-file, joined by spaces. Commas separate names; a name with
    /// a comma is in double quotes: '"last, first",title'
    #[arg(long, value_name = "NAME,...", default_value = "text")]
    text_column: Vec<ColumnList>,
    #[command(flatten)]
    table: TableArguments,
    /// Cleaning steps, applied in the order given: html, urls, mentions, special_characters,
    /// collapse_whitespace, lowercase
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    clean: Vec<CleaningStep>,
    /// Directory with tokenizer.json, vocab.txt, or vocab.json and merges.txt [default: the bundled
    /// mini encoder]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Maximum sequence length in tokens
    #[arg(long, default_value_t = 512)]
    max_length: usize,
    /// Truncation of longer texts: head, tail, head-tail-N or sliding-window-N
    #[arg(long, default_value_t)]
    truncation: Truncation,
    /// Directory of the cache
    #[arg(long = "tokenizer-cache", value_name = "DIR", default_value = "cache")]
    cache: PathBuf,
    /// Rows per batch, for the padding statistics
    #[arg(long, default_value_t = 32)]
    batch_size: usize,
    /// Additional file to write the statistics to
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    exit_code(encode(&Arguments::parse()))
}

fn encode(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let tokenizer = arguments
        .model
        .clone()
        .unwrap_or_else(|| MINI_ENCODER.into());
    let tokenizer = TextTokenizer::from_pretrained(&tokenizer)?;
    let cleaning = Cleaning {
        steps: arguments.clean.clone(),
    };
    let config = EncodingConfig {
        truncation: arguments.truncation,
        ..EncodingConfig::new(arguments.max_length)
    };
    let reader = arguments.open()?;
    let (name, class_names) = (
        reader.name().to_owned(),
        reader.schema().class_names().to_vec(),
    );

    let mut bar = EncodingBar::new(&name);
    let start = Instant::now();
    let cache = EncodedCache::new(&arguments.cache);
    let encoded = cache.reader(reader, &cleaning, &tokenizer, &config, &mut |progress| {
        bar.update(progress);
    })?;
    let seconds = start.elapsed().as_secs_f64();
    bar.end();

    let (data, texts) = (&encoded.data, encoded.data.texts.text_count());
    let lengths = data.lengths()?;
    let mut out = io::stdout();
    writeln!(
        out,
        "{name}: {texts} texts, {} rows of {} tokens, {}",
        data.len(),
        data.texts.token_count(),
        match encoded.reused {
            true => format!("opened in {:.1} ms", 1000.0 * seconds),
            false => format!(
                "encoded in {seconds:.1} s, {:.0} texts/s",
                texts as f64 / seconds
            ),
        }
    )?;
    if encoded.skipped.rows > 0 {
        writeln!(
            out,
            "{} bad rows left out, the first:",
            encoded.skipped.rows
        )?;
        for reason in &encoded.skipped.first {
            writeln!(out, "  {reason}")?;
        }
    }
    if !class_names.is_empty() {
        writeln!(out, "classes: {}", class_names.join(", "))?;
    }
    writeln!(
        out,
        "{}",
        LengthStatistics::new(&data.texts, &[128, 256, 512])?
    )?;
    let padded = padding_fraction(&lengths, arguments.batch_size)?;
    writeln!(
        out,
        "padding at batch {}: {:.1} %",
        arguments.batch_size,
        100.0 * padded
    )?;
    writeln!(out, "{}", encoded.path.display())?;
    if let Some(path) = &arguments.report {
        let figures = json!({
            "name": name,
            "texts": texts,
            "rows": data.len(),
            "tokens": data.texts.token_count(),
            "truncated": data.texts.truncated_count()?,
            "skipped": encoded.skipped.rows,
            "reused": encoded.reused,
            "seconds": seconds,
            "padding_fraction": padded,
            "peak_rss_bytes": peak_rss_bytes(),
        });
        write_json(path, &figures)?;
    }
    Ok(())
}

impl Arguments {
    fn open(&self) -> Result<ExampleReader, Box<dyn Error>> {
        if let Some(file) = &self.file {
            let columns = ColumnNames {
                text: ColumnList::columns(&self.text_column),
                text_pair: Vec::new(),
                label: None,
            };
            let options = self.table.options(columns, LabelKind::default());
            return Ok(tabular::read(
                file,
                self.split,
                &Target::Unlabeled,
                &options,
            )?);
        }
        let data: PathBuf = match &self.data {
            Some(data) => data_directory(&self.name, data)?,
            None => SAMPLE_AG_NEWS.into(),
        };
        let on_bad_rows = self.table.on_bad_rows();
        Ok(catalog::get(&self.name)?.read(&data, self.split, on_bad_rows)?)
    }
}

/// Returns the fraction of padding tokens in an epoch of batches grouped by length.
fn padding_fraction(lengths: &[usize], batch_size: usize) -> Result<f64, Box<dyn Error>> {
    let sampler = Sampler::new(SamplingStrategy::GroupByLength, batch_size, 42)?;
    let slots = |rows: &Vec<usize>| {
        let longest = rows.iter().map(|&row| lengths[row]).max().unwrap_or(0);
        longest * rows.len()
    };
    let slots: usize = sampler.batches(lengths, 0).iter().map(slots).sum();
    let tokens: usize = lengths.iter().sum();
    Ok(1.0 - tokens as f64 / slots.max(1) as f64)
}
