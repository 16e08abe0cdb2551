//! Parquet and Arrow files of many encodings and codecs with random changes: an error or other rows,
//! never a panic, the end of the process, or a long wait.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use finetune_data::table::{TableFormat, open_rows};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};

const COLUMNS: [&str; 5] = ["text", "label", "score", "flag", "filled"];
/// Longest time to read a file of 200 rows.
const LONGEST: Duration = Duration::from_secs(5);

fn batch() -> RecordBatch {
    let text = |row: i64| (row % 7 != 3).then(|| format!("text {} of {row}", row % 5));
    let rows = 0..200i64;
    let texts: ArrayRef = Arc::new(rows.clone().map(text).collect::<StringArray>());
    let labels: ArrayRef = Arc::new(
        rows.clone()
            .map(|row| row * row % 11)
            .collect::<Int64Array>(),
    );
    let scores = rows
        .clone()
        .map(|row| (row % 3 > 0).then_some(row as f64 / 8.0));
    let scores: ArrayRef = Arc::new(scores.collect::<Float64Array>());
    let flags: ArrayRef = Arc::new(
        rows.clone()
            .map(|row| Some(row % 2 == 0))
            .collect::<BooleanArray>(),
    );
    let filled: ArrayRef = Arc::new(StringArray::from_iter_values(
        rows.map(|row| row.to_string()),
    ));
    let columns = [texts, labels, scores, flags, filled];
    RecordBatch::try_from_iter_with_nullable(COLUMNS.into_iter().zip(columns).map(
        |(name, column)| {
            let is_nullable = !matches!(name, "label" | "filled");
            (name, column, is_nullable)
        },
    ))
    .unwrap()
}

fn parquet(properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let batch = batch();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Parquet files: all codecs with dictionaries, all encodings without compression, in both versions
/// of the format.
fn parquet_files() -> Vec<Vec<u8>> {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
    ];
    let encodings = [
        (Encoding::PLAIN, Encoding::PLAIN, Encoding::PLAIN),
        (
            Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Encoding::DELTA_BINARY_PACKED,
            Encoding::BYTE_STREAM_SPLIT,
        ),
        (
            Encoding::DELTA_BYTE_ARRAY,
            Encoding::DELTA_BINARY_PACKED,
            Encoding::PLAIN,
        ),
    ];
    let mut files = Vec::new();
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let properties = || {
            WriterProperties::builder()
                .set_writer_version(version)
                .set_data_page_row_count_limit(64)
                .set_write_batch_size(32)
                .set_max_row_group_row_count(Some(120))
        };
        for codec in codecs {
            files.push(parquet(properties().set_compression(codec).build()));
        }
        for (texts, numbers, scores) in encodings {
            let properties = properties().set_dictionary_enabled(false);
            let properties = properties
                .set_column_encoding("text".into(), texts)
                .set_column_encoding("filled".into(), texts)
                .set_column_encoding("label".into(), numbers)
                .set_column_encoding("score".into(), scores);
            files.push(parquet(properties.build()));
        }
    }
    files
}

fn arrow_files() -> Vec<Vec<u8>> {
    let batch = batch();
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let file = |compression| {
        let options = IpcWriteOptions::default().try_with_compression(compression);
        let mut bytes = Vec::new();
        let schema = batch.schema();
        let mut writer =
            FileWriter::try_new_with_options(&mut bytes, &schema, options.unwrap()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        bytes
    };
    vec![
        stream,
        file(None),
        file(Some(CompressionType::LZ4_FRAME)),
        file(Some(CompressionType::ZSTD)),
    ]
}

/// Random numbers; each seed gives the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // The constants of Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let place = self.below(bytes.len());
            let end = (place + 1 + self.below(8)).min(bytes.len());
            match self.below(8) {
                0 | 1 => bytes[place] ^= 1 << self.below(8),
                2 | 3 => bytes[place] = self.below(256) as u8,
                4 => bytes[place..end].fill(0xff),
                5 => bytes[place..end].fill(0),
                6 => bytes[place] = bytes[place].wrapping_add(1),
                _ => {
                    let from = self.below(bytes.len() - (end - place) + 1);
                    bytes.copy_within(place..end, from);
                }
            }
        }
        match self.below(40) {
            0 => bytes.truncate(self.below(bytes.len()).max(1)),
            1 => drop(bytes.remove(self.below(bytes.len()))),
            2 => bytes.insert(self.below(bytes.len()), self.below(256) as u8),
            _ => {}
        }
    }
}

/// Reads all rows of all columns.
fn read(path: &std::path::Path, format: TableFormat) -> usize {
    let columns = COLUMNS.map(Into::into);
    open_rows(path, format, &columns).map_or(0, |rows| rows.filter(Result::is_ok).count())
}

fn mutate(files: &[Vec<u8>], format: TableFormat, times: usize, seed: u64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows");
    for whole in files {
        fs::write(&path, whole).unwrap();
        assert!(read(&path, format) > 0);
    }
    let mut random = Random(seed);
    for time in 0..times {
        let mut bytes = files[time % files.len()].clone();
        random.change(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let start = Instant::now();
        read(&path, format);
        assert!(start.elapsed() < LONGEST, "file {time} of seed {seed}");
    }
}

#[test]
fn changed_files_are_read_or_refused() {
    mutate(&parquet_files(), TableFormat::Parquet, 600, 1);
    mutate(&arrow_files(), TableFormat::Arrow, 200, 1);
}

#[test]
#[ignore = "takes minutes; FINETUNE_MUTATIONS and FINETUNE_SEED set how many and which"]
fn many_changed_files_are_read_or_refused() {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    let times = number("FINETUNE_MUTATIONS").unwrap_or(100_000);
    let seed = number("FINETUNE_SEED").unwrap_or(2);
    mutate(&parquet_files(), TableFormat::Parquet, times, seed as u64);
    mutate(&arrow_files(), TableFormat::Arrow, times / 10, seed as u64);
}
