//! Encoded data sets on disk: used when they are what they should be, made anew when not.

use std::fs;
use std::path::{Path, PathBuf};

use finetune_data::{
    CachedDataset, Cleaning, DataError, Dataset, EncodedCache, EncodedDataset, EncodingConfig,
    Example, ExampleReader, Label, Labels, Offsets, OnBadRow, PairEncoding, Schema, Target,
    TextArity, TextTokenizer, Truncation, collate,
};

fn tokenizer(words: &str) -> TextTokenizer {
    TextTokenizer::train_wordpiece([words; 3], 80).unwrap()
}

fn schema() -> Schema {
    Schema::classification(["no", "yes"])
}

/// A file of lines, each a text; a line that begins with `!` is a bad row.
fn reader(path: &Path, on_bad_rows: OnBadRow) -> ExampleReader {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let file = path.to_path_buf();
    let examples = lines.into_iter().zip(1..).map(move |(line, row)| {
        let (path, problem) = (file.clone(), "bad".to_owned());
        match line.starts_with('!') {
            true => Err(DataError::InvalidRow { path, row, problem }),
            false => Ok(Example::new(line, Label::Class(row as usize % 2))),
        }
    });
    let files: Vec<PathBuf> = vec![path.to_path_buf()];
    ExampleReader::new(
        "lines/train",
        schema(),
        files,
        "lines",
        on_bad_rows,
        examples,
    )
}

struct SplitFiles {
    folder: tempfile::TempDir,
    tokenizer: TextTokenizer,
}

impl SplitFiles {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rows.txt"), "a b c\nb a\nc c c a\n").unwrap();
        Self {
            folder,
            tokenizer: tokenizer("a b c ab bc"),
        }
    }

    fn rows(&self) -> PathBuf {
        self.folder.path().join("rows.txt")
    }

    fn cache(&self) -> EncodedCache {
        EncodedCache::new(self.folder.path().join("cache"))
    }

    fn open_with(
        &self,
        cleaning: &Cleaning,
        tokenizer: &TextTokenizer,
        config: &EncodingConfig,
    ) -> CachedDataset {
        let reader = reader(&self.rows(), OnBadRow::Error);
        self.cache()
            .reader(reader, cleaning, tokenizer, config, &mut |_| ())
            .unwrap()
    }

    fn open(&self) -> CachedDataset {
        let config = EncodingConfig::new(16);
        self.open_with(&Cleaning::default(), &self.tokenizer, &config)
    }
}

/// The text of each row, by the tokens' names.
fn tokens(data: &EncodedDataset, tokenizer: &TextTokenizer) -> Vec<String> {
    let name = |&id: &u32| tokenizer.id_to_token(id).unwrap();
    let row = |row| data.texts.row(row).unwrap().token_ids.iter().map(name);
    (0..data.len())
        .map(|index| row(index).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn what_is_mapped_equals_what_was_encoded_in_memory() {
    let files = SplitFiles::new();
    let made = files.open();
    assert!(!made.reused);
    let reused = files.open();
    assert!(reused.reused);
    assert_eq!(made.data, reused.data);
    let (dataset, _) = reader(&files.rows(), OnBadRow::Error).read().unwrap();
    let config = EncodingConfig::new(16);
    let memory = EncodedDataset::new(&dataset, &files.tokenizer, &config).unwrap();
    assert_eq!(memory, reused.data);
    let expected = [
        "[CLS] a b c [SEP]",
        "[CLS] b a [SEP]",
        "[CLS] c c c a [SEP]",
    ];
    assert_eq!(tokens(&reused.data, &files.tokenizer), expected);
    let batch = collate(&reused.data, &[2, 0]).unwrap();
    assert_eq!(batch.labels, Labels::Classes(vec![1, 1]));
}

#[test]
fn sets_of_classes_are_mapped() {
    let files = SplitFiles::new();
    let examples =
        [vec![1, 2], vec![], vec![0]].map(|set| Example::new("a b", Label::Classes(set)));
    let dataset = Dataset {
        name: "sets".into(),
        schema: Schema::multi_label(["x", "y", "z"]),
        examples: examples.into(),
    };
    let config = EncodingConfig::new(16);
    let cache = files.cache();
    let open = || cache.dataset(&dataset, &files.tokenizer, &config).unwrap();
    assert!(!open().reused);
    let reused = open();
    assert!(reused.reused);
    let memory = EncodedDataset::new(&dataset, &files.tokenizer, &config).unwrap();
    assert_eq!(memory, reused.data);
    let batch = collate(&reused.data, &[1, 0]).unwrap();
    assert_eq!(batch.labels, Labels::MultiLabel(vec![vec![], vec![1, 2]]));
}

#[test]
fn each_part_of_the_key_makes_another_data_set() {
    let files = SplitFiles::new();
    files.open();
    let config = EncodingConfig::new(16);
    let plain = Cleaning::default();
    let lower: Cleaning = serde_json::from_str("{\"steps\": [\"lowercase\"]}").unwrap();
    let other_tokenizer = tokenizer("c b a");
    let tail = EncodingConfig {
        truncation: Truncation::Tail,
        ..config
    };
    for (cleaning, tokenizer, config) in [
        (&lower, &files.tokenizer, &config),
        (&plain, &other_tokenizer, &config),
        (&plain, &files.tokenizer, &EncodingConfig::new(5)),
        (&plain, &files.tokenizer, &tail),
    ] {
        let cached = files.open_with(cleaning, tokenizer, config);
        assert!(!cached.reused);
        assert!(files.open_with(cleaning, tokenizer, config).reused);
    }
    assert!(files.open().reused, "the first is still there");
}

#[test]
fn a_file_that_changed_makes_its_data_set_stale() {
    let files = SplitFiles::new();
    let old = files.open();
    fs::write(files.rows(), "c b a\nb a\nc c c a\n").unwrap();
    let new = files.open();
    assert!(!new.reused);
    assert_eq!(new.path, old.path, "in the place of the old one");
    assert_eq!(tokens(&new.data, &files.tokenizer)[0], "[CLS] c b a [SEP]");
    assert_eq!(tokens(&old.data, &files.tokenizer)[0], "[CLS] a b c [SEP]");
}

#[test]
fn damaged_and_foreign_files_are_made_anew() {
    let files = SplitFiles::new();
    let path = files.open().path;
    let whole = fs::read(&path).unwrap();
    let mut contents = vec![
        Vec::new(),
        b"something else".to_vec(),
        whole[..700].to_vec(),
    ];
    for place in [20, 70, whole.len() / 2, whole.len() - 30] {
        let mut corrupted = whole.clone();
        corrupted[place] ^= 4;
        contents.push(corrupted);
    }
    for content in contents {
        fs::write(&path, content).unwrap();
        let cached = files.open();
        assert!(!cached.reused);
        assert_eq!(tokens(&cached.data, &files.tokenizer)[1], "[CLS] b a [SEP]");
    }
    // The key of one data set under the name of another.
    let other = files.open_with(
        &Cleaning::default(),
        &files.tokenizer,
        &EncodingConfig::new(4),
    );
    fs::copy(&other.path, &path).unwrap();
    assert!(!files.open().reused);
}

#[test]
fn nothing_is_kept_of_an_encoding_that_failed() {
    let files = SplitFiles::new();
    fs::write(files.rows(), "a b\n!\nc\n").unwrap();
    let encode = |on_bad_rows| {
        let reader = reader(&files.rows(), on_bad_rows);
        let (cleaning, config) = (Cleaning::default(), EncodingConfig::new(16));
        files
            .cache()
            .reader(reader, &cleaning, &files.tokenizer, &config, &mut |_| ())
    };
    let error = encode(OnBadRow::Error).unwrap_err();
    assert!(
        matches!(error, DataError::InvalidRow { row: 2, .. }),
        "{error}"
    );
    assert_eq!(fs::read_dir(files.cache().directory()).unwrap().count(), 0);

    let skipping = encode(OnBadRow::Skip).unwrap();
    assert_eq!((skipping.data.len(), skipping.skipped.rows), (2, 1));
    let again = encode(OnBadRow::Skip).unwrap();
    assert!(again.reused && again.skipped.first[0].contains("row 2"));
    assert!(
        encode(OnBadRow::Error).is_err(),
        "the key knows of the skipping"
    );
}

#[test]
fn a_file_without_rows_is_an_error() {
    let files = SplitFiles::new();
    fs::write(files.rows(), "").unwrap();
    let (cleaning, config) = (Cleaning::default(), EncodingConfig::new(16));
    let reader = reader(&files.rows(), OnBadRow::Error);
    let error = files
        .cache()
        .reader(reader, &cleaning, &files.tokenizer, &config, &mut |_| ())
        .unwrap_err();
    assert!(matches!(error, DataError::InvalidFile { .. }), "{error}");
}

#[test]
fn progress_counts_every_text() {
    let files = SplitFiles::new();
    let many: String = (0..20_000)
        .map(|row| format!("a b {}\n", row % 7))
        .collect();
    fs::write(files.rows(), many).unwrap();
    let mut seen = Vec::new();
    let cached = files
        .cache()
        .reader(
            reader(&files.rows(), OnBadRow::Error),
            &Cleaning::default(),
            &files.tokenizer,
            &EncodingConfig::new(16),
            &mut |progress| seen.push(progress.texts),
        )
        .unwrap();
    assert!(seen.len() > 1 && seen.is_sorted());
    assert_eq!((seen.last(), cached.data.len()), (Some(&20_000), 20_000));
}

#[test]
fn pairs_windows_scores_and_offsets_survive_the_disk() {
    let files = SplitFiles::new();
    let pair = |row: usize| {
        let text = "a b c ".repeat(1 + row % 5);
        Example::pair(text, "c b", Label::Score(row as f64 / 2.0))
    };
    let dataset = Dataset {
        name: "pairs/dev set".into(),
        schema: Schema {
            texts: TextArity::Pair,
            target: Target::Score { min: 0.0, max: 5.0 },
        },
        examples: (0..9).map(pair).collect(),
    };
    let base = EncodingConfig {
        max_length: 12,
        offsets: Offsets::Bytes,
        ..Default::default()
    };
    let windows = EncodingConfig {
        truncation: Truncation::SlidingWindow { stride: 2 },
        pair_truncation: finetune_data::PairTruncation::OnlyFirst,
        ..base
    };
    let separate = EncodingConfig {
        pair_encoding: PairEncoding::BiEncoder,
        ..base
    };
    for config in [base, windows, separate] {
        let memory = EncodedDataset::new(&dataset, &files.tokenizer, &config).unwrap();
        let made = files
            .cache()
            .dataset(&dataset, &files.tokenizer, &config)
            .unwrap();
        let reused = files
            .cache()
            .dataset(&dataset, &files.tokenizer, &config)
            .unwrap();
        assert!(!made.reused && reused.reused);
        assert_eq!(reused.data, memory);
        assert_eq!(reused.data.labels.all().unwrap().scores().unwrap()[3], 1.5);
        assert!(reused.data.texts.row(0).unwrap().offsets().is_some());
        assert_eq!(reused.data.second_texts.is_some(), config == separate);
    }
    let mut changed = dataset.clone();
    changed.examples[4].text.push('b');
    let other = files
        .cache()
        .dataset(&changed, &files.tokenizer, &base)
        .unwrap();
    assert!(!other.reused);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let files = SplitFiles::new();
    let blocked = files.folder.path().join("file");
    fs::write(&blocked, "").unwrap();
    let cache = EncodedCache::new(blocked.join("cache"));
    let (dataset, _) = reader(&files.rows(), OnBadRow::Error).read().unwrap();
    let error = cache
        .dataset(&dataset, &files.tokenizer, &EncodingConfig::new(16))
        .unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}
