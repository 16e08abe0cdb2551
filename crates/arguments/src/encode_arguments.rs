//! Tokenization of a dataset into a cache from the command line, with statistics.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use finetune::data::tabular::{self, ColumnNames, LabelKind};
use finetune::data::{
    CachedDataset, Cleaning, CleaningStep, EncodedCache, EncodingConfig, ExampleReader,
    LengthStatistics, Sampler, SamplingStrategy, Split, Target, TextTokenizer, Truncation, catalog,
};
use finetune::train::{peak_rss_bytes, write_json};
use serde_json::json;

use crate::directories::{data_directory, model_directory};
use crate::encoding_bar::EncodingBar;
use crate::error::ArgumentsError;
use crate::output::say;
use crate::table_arguments::{ColumnList, TableArguments};

/// Dataset, tokenizer and cache.
#[derive(Debug, Clone, Args)]
pub struct EncodeArguments {
    /// Name of a published dataset, such as imdb
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Directory of the published dataset, or `hub` to download it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// train, validation, test or unlabeled
    #[arg(long, value_name = "SPLIT", default_value = "train")]
    split: Split,
    /// File of your own, instead of a published dataset
    ///
    /// .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow or .feather, or a directory saved by the
    /// datasets library; only its text is read.
    #[arg(long = "input-file", value_name = "FILE", conflicts_with_all = ["data", "dataset"])]
    file: Option<PathBuf>,
    /// Columns with its text, joined by spaces
    ///
    /// Commas separate names; a name with a comma is in double quotes: '"last, first",title'
    #[arg(long, value_name = "NAME,...", default_value = "text")]
    text_column: Vec<ColumnList>,
    #[command(flatten)]
    table: TableArguments,
    /// Cleaning steps, applied in the order given: html, urls, mentions, special_characters,
    /// collapse_whitespace, lowercase
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    clean: Vec<CleaningStep>,
    /// Directory of the tokenizer
    ///
    /// It has tokenizer.json, vocab.txt, or vocab.json and merges.txt.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Maximum tokens of a text
    #[arg(long, value_name = "TOKENS", default_value_t = 512)]
    max_length: usize,
    /// Part of longer texts that is kept
    ///
    /// It is head, tail, head-tail-N (the first N tokens and the last), or sliding-window-N (the whole
    /// text, in rows that overlap by N tokens).
    #[arg(long, value_name = "PART", default_value_t)]
    truncation: Truncation,
    /// Directory of the cache
    #[arg(long = "tokenizer-cache", value_name = "DIR", default_value = "cache")]
    cache: PathBuf,
    /// Rows per batch, for the padding statistics
    #[arg(long, value_name = "N", default_value_t = 32)]
    batch_size: usize,
    /// Additional file to write the statistics to
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
}

/// What is encoded if the arguments do not say.
#[derive(Debug, Clone, Copy)]
pub struct EncodeDefaults<'a> {
    /// Name of the dataset.
    pub dataset: &'a str,
    /// Directory of the dataset.
    pub data: &'a Path,
    /// Directory of the tokenizer.
    pub model: &'a Path,
}

impl EncodeArguments {
    /// Encodes the dataset, or finds it in the cache, and prints its statistics.
    ///
    /// # Errors
    /// - [`ArgumentsError::Usage`] if data or tokenizer is missing and there are no `defaults`.
    /// - If a file cannot be read or written, or standard output is closed.
    pub fn run(&self, defaults: Option<&EncodeDefaults<'_>>) -> Result<(), Box<dyn Error>> {
        let default_model = defaults.map(|defaults| defaults.model);
        let model = self.model.as_deref().or(default_model);
        let model = model.ok_or_else(|| ArgumentsError::usage("--model DIR is missing"))?;
        let tokenizer = TextTokenizer::from_pretrained(&model_directory(model)?)?;
        let cleaning = Cleaning {
            steps: self.clean.clone(),
        };
        let config = EncodingConfig {
            truncation: self.truncation,
            ..EncodingConfig::new(self.max_length)
        };
        let reader = self.open(defaults)?;
        let (name, class_names) = (
            reader.name().to_owned(),
            reader.schema().class_names().to_vec(),
        );
        let mut bar = EncodingBar::new(&name);
        let start = Instant::now();
        let cache = EncodedCache::new(&self.cache);
        let encoded = cache.reader(reader, &cleaning, &tokenizer, &config, &mut |progress| {
            bar.update(progress);
        })?;
        let seconds = start.elapsed().as_secs_f64();
        bar.end();
        self.show(&name, &class_names, &encoded, seconds)
    }

    /// Opens the file, the dataset, or that of the defaults.
    fn open(&self, defaults: Option<&EncodeDefaults<'_>>) -> Result<ExampleReader, Box<dyn Error>> {
        if let Some(file) = &self.file {
            let columns = ColumnNames {
                text: ColumnList::columns(&self.text_column),
                text_pair: Vec::new(),
                label: None,
            };
            let options = self.table.options(columns, LabelKind::default());
            let reader = tabular::read(file, self.split, &Target::Unlabeled, &options);
            return Ok(reader?);
        }
        let missing = || ArgumentsError::usage("--input-file FILE or --dataset NAME is missing");
        let name = self.dataset.as_deref();
        let name = name.or(defaults.map(|defaults| defaults.dataset));
        let name = name.ok_or_else(missing)?;
        let directory = match (&self.data, defaults) {
            (Some(data), _) => data_directory(name, data)?,
            (None, Some(defaults)) if defaults.dataset == name => defaults.data.to_path_buf(),
            (None, _) => data_directory(name, Path::new("hub"))?,
        };
        let on_bad_rows = self.table.on_bad_rows();
        Ok(catalog::get(name)?.read(&directory, self.split, on_bad_rows)?)
    }

    fn show(
        &self,
        name: &str,
        class_names: &[String],
        encoded: &CachedDataset,
        seconds: f64,
    ) -> Result<(), Box<dyn Error>> {
        let (data, texts) = (&encoded.data, encoded.data.texts.text_count());
        let (rows, tokens) = (data.len(), data.texts.token_count());
        let rate = texts as f64 / seconds;
        let time = match encoded.reused {
            true => format!("opened in {:.1} ms", 1000.0 * seconds),
            false => format!("encoded in {seconds:.1} s, {rate:.0} texts/s"),
        };
        say(&format!(
            "{name}: {texts} texts, {rows} rows of {tokens} tokens, {time}"
        ))?;
        let skipped = &encoded.skipped;
        if skipped.rows > 0 {
            say(&format!("{} bad rows left out, the first:", skipped.rows))?;
            for reason in &skipped.first {
                say(&format!("  {reason}"))?;
            }
        }
        if !class_names.is_empty() {
            say(&format!("classes: {}", class_names.join(", ")))?;
        }
        say(&LengthStatistics::new(&data.texts, &[128, 256, 512])?.to_string())?;
        let padded = padding_fraction(&data.lengths()?, self.batch_size)?;
        let (batch, percent) = (self.batch_size, 100.0 * padded);
        say(&format!("padding at batch {batch}: {percent:.1} %"))?;
        say(&encoded.path.display().to_string())?;
        let Some(path) = &self.report else {
            return Ok(());
        };
        let figures = json!({
            "name": name,
            "texts": texts,
            "rows": rows,
            "tokens": tokens,
            "truncated": data.texts.truncated_count()?,
            "skipped": skipped.rows,
            "reused": encoded.reused,
            "seconds": seconds,
            "padding_fraction": padded,
            "peak_rss_bytes": peak_rss_bytes(),
        });
        Ok(write_json(path, &figures)?)
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
