//! Tests that open every layout from generated files.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::dataset::{Example, Label};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn with_parquet(self, name: &str, columns: &[(&str, ArrayRef)]) -> Self {
        let batch = RecordBatch::try_from_iter(columns.to_vec()).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        self.with(name, bytes)
    }

    fn open(&self, name: &str) -> Result<LoadedDataset, DataError> {
        get(name).unwrap().open(self.0.path())
    }

    fn split(&self, name: &str, split: Split) -> Dataset {
        let dataset = get(name).unwrap();
        dataset.open_split(self.0.path(), split).unwrap().0
    }
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn example(text: &str, class: usize) -> Example {
    Example::new(text, Label::Class(class))
}

#[test]
fn every_name_finds_its_data_set() {
    for name in names() {
        let dataset = get(name).unwrap();
        assert_eq!(dataset.name, name);
        assert!(!dataset.layouts.is_empty());
        for layout in dataset.layouts {
            assert!(layout.files.iter().any(|file| file.split == Split::Train));
            for (split, _) in layout.rows {
                assert!(layout.files.iter().any(|file| file.split == *split));
            }
        }
    }
    assert!(matches!(
        get("agnews"),
        Err(DataError::InvalidSetting { expected, .. }) if expected.split(", ").count() == 12
    ));
}

#[test]
fn official_csv_and_hub_parquet_of_ag_news_keep_backslashes() {
    let line = "\"4\",\"Chips \\\\ and $\",\"He said \"\"go\"\"\\and, well, left\"\r\n";
    let expected = example("Chips \\\\ and $ He said \"go\"\\and, well, left", 3);
    let directory = Folder::new()
        .with("ag_news_csv/test.csv", line)
        .with_parquet(
            "data/train-00000-of-00002.parquet",
            &[("label", numbers(&[3])), ("text", texts(&[&expected.text]))],
        )
        .with_parquet(
            "data/train-00001-of-00002.parquet",
            &[("text", texts(&["b"])), ("label", numbers(&[0]))],
        );
    let opened = directory.open("ag_news").unwrap();
    assert_eq!(opened.splits.train.name, "ag_news/train");
    assert_eq!(
        opened.splits.train.examples,
        [expected.clone(), example("b", 0)]
    );
    assert_eq!(opened.splits.test.unwrap().examples, [expected]);
    assert_eq!(opened.reports[0].files.len(), 2);
    assert_eq!(opened.reports[1].official_rows, Some(7_600));
}

#[test]
fn escapes_of_the_official_csvs_are_undone() {
    let directory = Folder::new().with("train.csv", r#""1","So \""good\""\n\nReally.""#);
    let expected = example("So \"good\"\n\nReally.", 0);
    assert_eq!(
        directory.split("yelp_polarity", Split::Train).examples,
        vec![expected.clone()]
    );
    let directory = Folder::new().with_parquet(
        "plain_text/train-00000-of-00001.parquet",
        &[
            ("text", texts(&[r#"So \""good\""\n\nReally."#])),
            ("label", numbers(&[0])),
        ],
    );
    assert_eq!(
        directory.split("yelp_polarity", Split::Train).examples,
        [expected]
    );

    let directory = Folder::new().with("train.csv", "\"5\",\"A title\",\"one\\ntwo\"\n");
    let amazon = directory.split("amazon_reviews_full", Split::Train);
    assert_eq!(amazon.examples, [example("A title one\ntwo", 4)]);

    let directory = Folder::new().with("test.csv", "\"10\",\"Why?\",\"\",\"Because\\nso.\"\n");
    let yahoo = directory.split("yahoo_answers_topics", Split::Test);
    assert_eq!(yahoo.examples, [example("Why? Because\nso.", 9)]);

    let directory = Folder::new().with("train.csv", "14,\"A \"\"book\"\"\",\" It is a book.\"\n");
    let dbpedia = directory.split("dbpedia_14", Split::Train);
    assert_eq!(dbpedia.examples, [example("A \"book\"  It is a book.", 13)]);
}

#[test]
fn hub_parquet_of_several_columns() {
    let directory = Folder::new()
        .with_parquet(
            "yahoo_answers_topics/train-00000-of-00001.parquet",
            &[
                ("topic", numbers(&[2])),
                ("question_title", texts(&["t"])),
                ("question_content", texts(&["c"])),
                ("best_answer", texts(&["a\\nb"])),
            ],
        )
        .with_parquet(
            "dbpedia_14/train-00000-of-00001.parquet",
            &[
                ("label", numbers(&[1])),
                ("title", texts(&["t"])),
                ("content", texts(&["c"])),
            ],
        );
    let yahoo = directory.split("yahoo_answers_topics", Split::Train);
    assert_eq!(yahoo.examples, [example("t c a\nb", 2)]);
    let dbpedia = directory.split("dbpedia_14", Split::Train);
    assert_eq!(dbpedia.examples, [example("t c", 1)]);
}

#[test]
fn imdb_in_parquet_with_reviews_without_labels() {
    let columns = |label| [("text", texts(&["a"])), ("label", numbers(&[label]))];
    let directory = Folder::new()
        .with_parquet("plain_text/train-00000-of-00001.parquet", &columns(1))
        .with_parquet(
            "plain_text/unsupervised-00000-of-00001.parquet",
            &columns(-1),
        );
    let opened = directory.open("imdb").unwrap();
    assert_eq!(opened.splits.train.examples, [example("a", 1)]);
    assert!(opened.splits.test.is_none());
    let unlabeled = opened.splits.unlabeled.unwrap();
    assert_eq!(unlabeled.examples[0].label, Label::Unlabeled);
    let directory = Folder::new().with_parquet("train.parquet", &columns(-1));
    assert!(matches!(
        directory.open("imdb"),
        Err(DataError::InvalidRow { row: 1, .. })
    ));
}

#[test]
fn cs224n_files() {
    let directory = Folder::new()
        .with(
            "ids-sst-train.csv",
            "\tid\tsentence\tsentiment\n0\ta1\t \"So \"\"fine\"\" .\"\t4\n",
        )
        .with(
            "ids-sst-test-student.csv",
            "\tid\tsentence\n0\tb1\t Fine .\n",
        )
        .with(
            "sts-dev.csv",
            "\tid\tsentence1\tsentence2\tsimilarity\n7\tc\tA.\tB.\t2.75\n",
        )
        .with(
            "quora-train.csv",
            "\tid\tsentence1\tsentence2\tis_duplicate\n7\tc\tA?\tB?\t1.0\n",
        )
        .with(
            "ids-cfimdb-train.csv",
            "\tid\tsentence\tsentiment\n0\ta1\t Bad .\t0\n",
        );
    let sst = directory.open("sst5").unwrap().splits;
    assert_eq!(sst.train.examples, [example(" \"So \"\"fine\"\" .\"", 4)]);
    assert_eq!(sst.test.unwrap().examples[0].label, Label::Unlabeled);
    let directory = directory.with(
        "sst-test.csv",
        "sentence\tsentiment\n\"\"\"fine\"\" .\"\t3\n",
    );
    let sst = directory.open("sst5").unwrap().splits;
    assert_eq!(sst.test.unwrap().examples, [example("\"fine\" .", 3)]);

    let sts = directory.split("stsb", Split::Validation);
    assert_eq!(
        sts.examples,
        [Example::pair("A.", "B.", Label::Score(2.75))]
    );
    let qqp = directory.split("qqp", Split::Train);
    assert_eq!(qqp.examples, [Example::pair("A?", "B?", Label::Class(1))]);
    assert_eq!(
        directory.split("cfimdb", Split::Train).class_counts(),
        [1, 0]
    );
}

#[test]
fn glue_files_have_no_quotes_and_a_test_split_without_labels() {
    let stsb = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2";
    let directory = Folder::new()
        .with("SST-2/train.tsv", "sentence\tlabel\n\"fine\t1\n")
        .with("SST-2/test.tsv", "index\tsentence\n0\ta \"test\"\n")
        .with(
            "QQP/dev.tsv",
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\t\"Why\tHow?\t0\n",
        )
        .with(
            "STS-B/train.tsv",
            format!("{stsb}\tscore\n0\tg\tf\t2012\t1\tx\ty\tA.\tB.\t5.000\n"),
        )
        .with(
            "STS-B/test.tsv",
            format!("{stsb}\n0\tg\tf\t2012\t1\tx\ty\tA.\tB.\n"),
        );
    let sst = directory.open("sst2").unwrap().splits;
    assert_eq!(sst.train.examples, [example("\"fine", 1)]);
    assert_eq!(
        sst.test.unwrap().examples,
        [Example::new("a \"test\"", Label::Unlabeled)]
    );
    let qqp = directory.split("qqp", Split::Validation);
    assert_eq!(
        qqp.examples,
        [Example::pair("\"Why", "How?", Label::Class(0))]
    );
    let stsb = directory.open("stsb").unwrap();
    assert_eq!(stsb.splits.train.examples[0].label, Label::Score(5.0));
    assert_eq!(stsb.reports[1].official_rows, Some(1_379));
}

#[test]
fn hub_parquet_of_glue() {
    let scores: ArrayRef = Arc::new(Float32Array::from(vec![3.8]));
    let unknown: ArrayRef = Arc::new(Float32Array::from(vec![-1.0]));
    let pair = |label: ArrayRef| {
        [
            ("sentence1", texts(&["a"])),
            ("sentence2", texts(&["b"])),
            ("label", label),
        ]
    };
    let directory = Folder::new()
        .with_parquet("stsb/train-00000-of-00001.parquet", &pair(scores))
        .with_parquet("stsb/test-00000-of-00001.parquet", &pair(unknown));
    let splits = directory.open("stsb").unwrap().splits;
    assert_eq!(
        splits.train.examples,
        [Example::pair("a", "b", Label::Score(3.8))]
    );
    assert_eq!(splits.test.unwrap().examples[0].label, Label::Unlabeled);
}

#[test]
fn kaggle_csv_and_json_lines() {
    let directory = Folder::new()
        .with(
            "train.csv",
            "id,keyword,location,text,target\r\n1,,,\"Fire,\nnow\",1\r\n",
        )
        .with("test.csv", "id,keyword,location,text\r\n2,,,Calm\r\n")
        .with(
            "train.jsonl",
            "{\"text\": \"ok\", \"label\": 2, \"label_text\": \"neutral\"}\n",
        );
    let splits = directory.open("disaster_tweets").unwrap().splits;
    assert_eq!(splits.train.examples, [example("Fire,\nnow", 1)]);
    assert_eq!(splits.test.unwrap().examples[0].label, Label::Unlabeled);
    assert_eq!(
        directory.split("sst5", Split::Train).examples,
        [example("ok", 2)]
    );
}

#[test]
fn splits_of_two_cuts_are_never_mixed() {
    let directory = Folder::new()
        .with(
            "quora-train.csv",
            "\tid\tsentence1\tsentence2\tis_duplicate\n7\tc\tA?\tB?\t1.0\n",
        )
        .with(
            "dev.tsv",
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\ta\tb\t0\n",
        );
    let opened = directory.open("qqp").unwrap();
    assert!(opened.splits.validation.is_none());
    assert_eq!(directory.split("qqp", Split::Validation).len(), 1);
}

#[test]
fn a_single_file_is_a_split_whatever_its_name() {
    let directory = Folder::new().with("some.csv", "\"1\",\"a\",\"b\"\n");
    let path = directory.0.path().join("some.csv");
    let ag_news = get("ag_news").unwrap();
    let reader = ag_news.read(&path, Split::Test, OnBadRow::Error).unwrap();
    assert_eq!(reader.name(), "ag_news/test");
    assert_eq!(reader.count(), 1);
    assert!(matches!(
        ag_news.open(&path),
        Err(DataError::Io { source, .. }) if source.kind() == io::ErrorKind::NotADirectory
    ));
    assert!(matches!(
        get("sst2")
            .unwrap()
            .read(&path, Split::Test, OnBadRow::Error),
        Err(DataError::MissingFiles { .. })
    ));
}

#[test]
fn a_missing_training_split_is_named_in_all_layouts() {
    let directory = Folder::new().with("test.csv", "\"1\",\"a\",\"b\"\n");
    let error = directory.open("ag_news").unwrap_err().to_string();
    for name in ["train.csv", "train.parquet", "train-00000-of-0000N.parquet"] {
        assert!(error.contains(name), "{error}");
    }
    let error = directory.open("imdb").unwrap_err().to_string();
    assert!(
        error.contains("train/neg/") && error.contains("aclImdb_v1.tar.gz"),
        "{error}"
    );
    assert!(matches!(
        get("ag_news")
            .unwrap()
            .open_split(directory.0.path(), Split::Unlabeled),
        Err(DataError::InvalidFile { .. })
    ));
    assert!(matches!(
        get("ag_news")
            .unwrap()
            .open(&directory.0.path().join("none")),
        Err(DataError::Io { .. })
    ));
}
