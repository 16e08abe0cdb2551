//! Files of labeled texts.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
use finetune_data::catalog;
use finetune_data::tabular::{self, LabelKind, SplitFiles, TabularOptions};
use finetune_data::tagged::{self, TaggedOptions};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use crate::reader::{Attempt, Reader, Shape};

/// Reader of a file of rows; its own parts are to be replaced.
const TABLE: Reader = Reader {
    name: "",
    cost: 1,
    files: &[],
    shape: Shape::Bytes,
    writes: false,
    seeds: |_| Ok(()),
    read: |_| Ok(()),
};

pub(crate) const CSV: Reader = Reader {
    name: "csv",
    files: &["rows.csv"],
    seeds: |directory| {
        let plain = "text,label\nrain and wind,0\n\"bread, soup\",1\nhail,0\n";
        let quoted =
            "label;x,text,label\r\n,\"a \"\"quoted\"\"\r\ntext\",food\r\n1,caf\u{e9},weather\r\n";
        write_all(directory, "rows.csv", [plain.as_bytes(), quoted.as_bytes()])
    },
    read: |directory| read(&directory.join("rows.csv")),
    ..TABLE
};

pub(crate) const TSV: Reader = Reader {
    name: "tsv",
    files: &["rows.tsv"],
    seeds: |directory| {
        let plain = "id\ttext\tlabel\n7\train and wind\t0\n8\tbread \"soup\t1\n";
        write_all(directory, "rows.tsv", [plain.as_bytes()])
    },
    read: |directory| read(&directory.join("rows.tsv")),
    ..TABLE
};

pub(crate) const JSON_LINES: Reader = Reader {
    name: "json-lines",
    files: &["rows.jsonl"],
    seeds: |directory| {
        let plain =
            "{\"text\": \"rain\", \"label\": 0}\n{\"label\": 1, \"text\": \"soup \\u00e9\"}\n";
        let named = "{\"text\": \"rain\", \"label\": \"weather\", \"more\": [1, {\"a\": null}]}\n\
                     {\"text\": \"soup\", \"label\": \"food\"}";
        write_all(
            directory,
            "rows.jsonl",
            [plain.as_bytes(), named.as_bytes()],
        )
    },
    read: |directory| read(&directory.join("rows.jsonl")),
    ..TABLE
};

pub(crate) const CONLL: Reader = Reader {
    name: "conll",
    files: &["rows.conll"],
    seeds: |directory| {
        let spaces = "-DOCSTART- O\n\nAnn B-PER\nLee I-PER\nran O\n\nOslo B-LOC\n";
        let tabs = "# id = 1\n1\tAnn\tS-PER\n2\tran\tO\n\n1\tcaf\u{e9}\tB-LOC\n2\tx\tE-LOC\n";
        write_all(
            directory,
            "rows.conll",
            [spaces.as_bytes(), tabs.as_bytes()],
        )
    },
    read: |directory| read_tagged(&directory.join("rows.conll")),
    ..TABLE
};

pub(crate) const TAGGED_JSON_LINES: Reader = Reader {
    name: "tagged-json-lines",
    files: &["tags.jsonl"],
    seeds: |directory| {
        let words = "{\"tokens\": [\"Ann\", \"ran\"], \"tags\": [\"B-PER\", \"O\"]}\n\
                     {\"tokens\": [\"x\"], \"ner_tags\": [\"O\"]}\n";
        let spans = "{\"text\": \"Ann \u{e9} ran.\", \"entities\": [{\"start\": 0, \"end\": 3, \
                     \"label\": \"PER\"}]}\n{\"text\": \"a b\", \"spans\": [[2, 3, \"X\"]]}\n";
        write_all(
            directory,
            "tags.jsonl",
            [words.as_bytes(), spans.as_bytes()],
        )
    },
    read: |directory| read_tagged(&directory.join("tags.jsonl")),
    ..TABLE
};

pub(crate) const GZIP: Reader = Reader {
    name: "gzip",
    files: &["rows.csv.gz"],
    shape: Shape::Gzip,
    seeds: |directory| {
        let plain = zipped(b"text,label\nrain and wind,0\nbread,1\n")?;
        let two = [plain.clone(), zipped(b"hail,0\n")?].concat();
        write_all(directory, "rows.csv.gz", [&plain[..], &two])
    },
    read: |directory| read(&directory.join("rows.csv.gz")),
    ..TABLE
};

pub(crate) const PARQUET: Reader = Reader {
    name: "parquet",
    files: &["rows.parquet"],
    seeds: |directory| {
        let encoded = |texts, codec| {
            let properties = WriterProperties::builder().set_dictionary_enabled(false);
            let properties = properties.set_column_encoding(ColumnPath::from("text"), texts);
            let labels = Encoding::DELTA_BINARY_PACKED;
            let properties = properties.set_column_encoding(ColumnPath::from("label"), labels);
            parquet(properties.set_compression(codec).build())
        };
        let files = [
            parquet(WriterProperties::builder().build())?,
            encoded(Encoding::DELTA_BYTE_ARRAY, Codec::SNAPPY)?,
            encoded(
                Encoding::DELTA_LENGTH_BYTE_ARRAY,
                Codec::ZSTD(ZstdLevel::default()),
            )?,
        ];
        write_all(directory, "rows.parquet", files.iter().map(Vec::as_slice))
    },
    read: |directory| read(&directory.join("rows.parquet")),
    ..TABLE
};

/// Lists of classes, in pages of both versions and in JSON.
pub(crate) const LISTS: Reader = Reader {
    name: "lists",
    files: &["rows.parquet", "rows.jsonl"],
    seeds: |directory| {
        for (number, version) in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0]
            .into_iter()
            .enumerate()
        {
            let place = directory.join(number.to_string());
            fs::create_dir_all(&place)?;
            fs::write(place.join("rows.parquet"), lists(version)?)?;
            let lines = "{\"text\": \"rain\", \"label\": [0, 2]}\n{\"text\": \"soup\", \"label\": []}\n\
                         {\"text\": \"hail\", \"label\": [1]}\n";
            fs::write(place.join("rows.jsonl"), lines)?;
        }
        Ok(())
    },
    read: |directory| {
        let options = TabularOptions {
            labels: LabelKind::MultiLabel {
                separator: None,
                classes: None,
            },
            ..TabularOptions::default()
        };
        for name in ["rows.parquet", "rows.jsonl"] {
            let path = directory.join(name);
            tabular::open(&SplitFiles::train_test(&path, &path), &options)?;
        }
        Ok(())
    },
    ..TABLE
};

pub(crate) const TAR: Reader = Reader {
    name: "tar",
    cost: 2,
    files: &["aclImdb_v1.tar.gz"],
    shape: Shape::Gzip,
    seeds: |directory| {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, text) in [
            ("aclImdb/train/pos/0_9.txt", "Fine."),
            ("aclImdb/train/neg/0_2.txt", "Dull."),
            ("aclImdb/train/unsup/0_0.txt", "Long."),
            ("aclImdb/test/pos/0_8.txt", "Good."),
            ("aclImdb/test/neg/1_1.txt", "Bad."),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, text.as_bytes())?;
        }
        let bytes = archive.into_inner()?.finish()?;
        write_all(directory, "aclImdb_v1.tar.gz", [&bytes[..]])
    },
    read: |directory| {
        catalog::get("imdb")?.open(directory)?;
        Ok(())
    },
    ..TABLE
};

/// Writes each content to a file of this name in a directory of its own.
pub(super) fn write_all<'a>(
    directory: &Path,
    name: &str,
    contents: impl IntoIterator<Item = &'a [u8]>,
) -> Attempt {
    for (number, content) in contents.into_iter().enumerate() {
        let place = directory.join(number.to_string());
        fs::create_dir_all(&place)?;
        File::create(place.join(name))?.write_all(content)?;
    }
    Ok(())
}

/// Reads a file of sentences with a class per word.
fn read_tagged(path: &Path) -> Attempt {
    tagged::open(&SplitFiles::train(path), &TaggedOptions::default())?;
    Ok(())
}

/// Reads the rows of a file, with classes from their labels.
fn read(path: &Path) -> Attempt {
    tabular::open(
        &SplitFiles::train_test(path, path),
        &TabularOptions::default(),
    )?;
    Ok(())
}

fn lists(version: WriterVersion) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..40).map(|row| row.to_string()),
    ));
    let labels = (0..40).map(|row| Some((0..row % 4).map(Some).collect::<Vec<_>>()));
    let labels: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(labels));
    let batch = RecordBatch::try_from_iter([("text", texts), ("label", labels)])?;
    let properties = WriterProperties::builder()
        .set_writer_version(version)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}

fn zipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(bytes)?;
    zip.finish()
}

fn parquet(properties: WriterProperties) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let texts = (0..40).map(|row| format!("rain number {row} of {}", row % 7));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let labels: ArrayRef = Arc::new(Int64Array::from_iter_values((0..40).map(|row| row % 2)));
    let batch = RecordBatch::try_from_iter([("text", texts), ("label", labels)])?;
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}
