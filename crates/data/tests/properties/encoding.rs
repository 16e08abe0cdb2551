use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use finetune_data::{
    DataError, EncodedTexts, EncodingConfig, Offsets, PairTruncation, TextTokenizer, Truncation,
};
use proptest::prelude::*;

/// A WordPiece and a byte-level BPE.
static TOKENIZERS: LazyLock<[TextTokenizer; 2]> = LazyLock::new(|| {
    let texts = ["a b c ab bc abc cab the cat é"; 2];
    let word_piece = TextTokenizer::train_wordpiece(texts, 40).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/tokenizers/roberta");
    let folder = tempfile::tempdir().unwrap();
    for name in ["vocab.json", "merges.txt"] {
        fs::copy(fixture.join(name), folder.path().join(name)).unwrap();
    }
    [
        word_piece,
        TextTokenizer::from_pretrained(folder.path()).unwrap(),
    ]
});

fn tokenizers() -> impl Strategy<Value = &'static TextTokenizer> {
    (0..2usize).prop_map(|index| &TOKENIZERS[index])
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[abc ]{0,60}",
        "(the cat é😀|\\[SEP\\]| |<mask>){0,9}"
    ]
}

/// Lengths and truncations that are possible, with 12 tokens for the text at least.
fn configs() -> impl Strategy<Value = EncodingConfig> {
    let truncations = prop_oneof![
        Just(Truncation::Head),
        Just(Truncation::Tail),
        (0..12usize).prop_map(|head| Truncation::HeadTail { head }),
        (0..12usize).prop_map(|stride| Truncation::SlidingWindow { stride }),
    ];
    (16..40usize, truncations).prop_map(|(max_length, truncation)| EncodingConfig {
        truncation,
        offsets: Offsets::Bytes,
        ..EncodingConfig::new(max_length)
    })
}

fn pair_truncations() -> impl Strategy<Value = PairTruncation> {
    prop::sample::select(vec![
        PairTruncation::LongestFirst,
        PairTruncation::OnlyFirst,
        PairTruncation::OnlySecond,
    ])
}

/// All tokens of a text, without special ones.
fn all_tokens(tokenizer: &TextTokenizer, text: &str) -> Vec<u32> {
    let encoded = tokenizer.encode(&[text], &EncodingConfig::new(1_000_000));
    own_tokens(&encoded.unwrap()).remove(0)
}

/// The tokens of each row that are not special.
fn own_tokens(encoded: &EncodedTexts) -> Vec<Vec<u32>> {
    let own = |row| {
        let row = encoded.row(row).unwrap();
        let tokens = row.token_ids.iter().zip(row.special_tokens_mask());
        let own = tokens.filter(|(_, special)| !special);
        own.map(|(&id, _)| id).collect()
    };
    (0..encoded.len()).map(own).collect()
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(work)
}

proptest! {
    #[test]
    fn any_text_stays_within_its_bounds(
        tokenizer in tokenizers(),
        texts in prop::collection::vec(texts(), 0..10),
        config in configs(),
    ) {
        let encoded = tokenizer.encode(&texts, &config).unwrap();
        prop_assert_eq!(encoded.text_count(), texts.len());
        if !matches!(config.truncation, Truncation::SlidingWindow { .. }) {
            prop_assert_eq!(encoded.len(), texts.len());
        }
        for row in 0..encoded.len() {
            let text = &texts[encoded.text_of_row(row).unwrap()];
            let row = encoded.row(row).unwrap();
            prop_assert!((2..=config.max_length).contains(&row.len()));
            let special: Vec<bool> = row.special_tokens_mask().collect();
            prop_assert_eq!(special.iter().filter(|&&special| special).count(), 2);
            prop_assert!(special[0] && special[row.len() - 1]);
            for (&id, &[start, end]) in row.token_ids.iter().zip(row.offsets().unwrap()) {
                prop_assert!((id as usize) < tokenizer.vocab_size());
                prop_assert!(text.get(start as usize..end as usize).is_some());
            }
        }
    }

    /// Alone or among others, on one thread or several: the same tokens.
    #[test]
    fn a_text_is_encoded_by_itself(
        tokenizer in tokenizers(),
        texts in prop::collection::vec(texts(), 1..200),
        config in configs(),
        pick: prop::sample::Index,
    ) {
        let encoded = on_threads(1, || tokenizer.encode(&texts, &config)).unwrap();
        let again = on_threads(3, || tokenizer.encode(&texts, &config)).unwrap();
        prop_assert_eq!(&encoded, &again);
        let pick = pick.index(texts.len());
        let alone = tokenizer.encode(&texts[pick..=pick], &config).unwrap();
        let rows = (0..encoded.len()).filter(|&row| encoded.text_of_row(row).unwrap() == pick);
        let rows: Vec<usize> = rows.collect();
        prop_assert_eq!(rows.len(), alone.len());
        for (place, row) in rows.into_iter().enumerate() {
            prop_assert_eq!(alone.row(place).unwrap(), encoded.row(row).unwrap());
            let truncated = alone.is_truncated(place).unwrap();
            prop_assert_eq!(truncated, encoded.is_truncated(row).unwrap());
        }
    }

    #[test]
    fn one_row_keeps_the_ends_that_it_should(
        tokenizer in tokenizers(),
        text in texts(),
        config in configs(),
    ) {
        let all = all_tokens(tokenizer, &text);
        let special = tokenizer.encode(&[""], &EncodingConfig::default()).unwrap();
        let room = config.max_length - special.length(0).unwrap();
        let encoded = tokenizer.encode(&[&text], &config).unwrap();
        let kept = &own_tokens(&encoded)[0];
        prop_assert_eq!(encoded.is_truncated(0).unwrap(), all.len() > room);
        prop_assert_eq!(kept.len(), all.len().min(room));
        let head = match config.truncation {
            Truncation::Tail => 0,
            Truncation::HeadTail { head } => head.min(kept.len()),
            Truncation::Head | Truncation::SlidingWindow { .. } => kept.len(),
        };
        let tail = kept.len() - head;
        prop_assert_eq!(&kept[..head], &all[..head]);
        prop_assert_eq!(&kept[head..], &all[all.len() - tail..]);
    }

    #[test]
    fn windows_cover_each_token_and_overlap_by_the_stride(
        tokenizer in tokenizers(),
        text in texts(),
        stride in 0..12usize,
    ) {
        let all = all_tokens(tokenizer, &text);
        let config = EncodingConfig {
            truncation: Truncation::SlidingWindow { stride },
            ..EncodingConfig::new(16)
        };
        let windows = own_tokens(&tokenizer.encode(&[&text], &config).unwrap());
        let mut covered = windows[0].clone();
        for window in &windows[1..] {
            prop_assert!(window.len() > stride);
            prop_assert!(covered.ends_with(&window[..stride]));
            covered.extend(&window[stride..]);
        }
        prop_assert_eq!(covered, all);
    }

    #[test]
    fn pairs_keep_their_separators_and_as_much_text_as_fits(
        tokenizer in tokenizers(),
        first in texts(),
        second in texts(),
        config in configs(),
        pair_truncation in pair_truncations(),
    ) {
        let config = EncodingConfig { pair_truncation, ..config };
        let special = |first: &str, second: &str| {
            let whole = EncodingConfig::new(1_000_000);
            let encoded = tokenizer.encode_pairs(&[(first, second)], &whole).unwrap();
            let row = encoded.row(0).unwrap();
            row.special_tokens_mask().filter(|&special| special).count()
        };
        let count = special("", "");
        let room = config.max_length - count;
        let lengths = [&first, &second].map(|text| all_tokens(tokenizer, text).len());
        let encoded = match tokenizer.encode_pairs(&[(&first, &second)], &config) {
            Ok(encoded) => encoded,
            Err(DataError::InvalidSetting { setting: "pair_truncation", .. }) => {
                prop_assert_eq!(pair_truncation, PairTruncation::LongestFirst);
                return Ok(());
            }
            Err(DataError::UntruncatedTextTooLong { found, limit, .. }) => {
                prop_assert!(lengths.contains(&found) && found > limit && limit < room);
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        for row in 0..encoded.len() {
            let row = encoded.row(row).unwrap();
            let special = row.special_tokens_mask().filter(|&special| special);
            prop_assert_eq!(special.count(), count);
            prop_assert!(row.len() <= config.max_length);
        }
        let total = lengths[0] + lengths[1];
        prop_assert_eq!(own_tokens(&encoded)[0].len(), total.min(room));
        prop_assert_eq!(encoded.is_truncated(0).unwrap(), total > room);
    }
}
