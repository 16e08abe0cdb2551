//! Sentence pairs of texts that tell where each sentence is from.

use finetune_data::{
    Dataset, EncodingConfig, Example, Label, Schema, Target, TextArity, TextTokenizer,
    next_sentence_pairs,
};
use proptest::prelude::*;

fn corpus(texts: impl IntoIterator<Item = String>) -> Dataset {
    let texts = texts.into_iter();
    Dataset {
        name: "corpus".into(),
        schema: Schema {
            texts: TextArity::Single,
            target: Target::Unlabeled,
        },
        examples: texts
            .map(|text| Example::new(text, Label::Unlabeled))
            .collect(),
    }
}

/// A tokenizer with a token for each of `b` to `z` and each digit, at the start of words and inside.
fn tokenizer() -> TextTokenizer {
    let letters = "abcdefghijklmnopqrstuvwxyz0123456789.";
    TextTokenizer::train_wordpiece([letters; 3], 80).unwrap()
}

/// Texts of the given numbers of sentences. Sentence `s` of text `t` is `t<t>s<s>.`, so that
/// it tells where it is from.
fn numbered(sentences: &[usize]) -> Dataset {
    let text = |(text, count): (usize, &usize)| {
        let sentences = (0..*count).map(|sentence| format!("t{text}s{sentence}."));
        sentences.collect::<Vec<_>>().join(" ")
    };
    corpus(sentences.iter().enumerate().map(text))
}

/// The numbers of the text and sentence of each sentence of a segment.
fn places(segment: &str) -> Vec<(usize, usize)> {
    let place = |sentence: &str| {
        let (text, sentence) = sentence[1..sentence.len() - 1].split_once('s').unwrap();
        (text.parse().unwrap(), sentence.parse().unwrap())
    };
    segment.split(' ').map(place).collect()
}

#[test]
fn half_of_the_pairs_are_random() {
    let tokenizer = tokenizer();
    let texts = numbered(&[7; 300]);
    for (fraction, seed) in [(0.5, 1), (0.5, 2), (0.2, 1), (0.0, 1), (1.0, 1)] {
        let pairs = next_sentence_pairs(&texts, &tokenizer, 64, fraction, seed).unwrap();
        let [next, random] = pairs.class_counts()[..] else {
            panic!("two classes");
        };
        let count = (next + random) as f64;
        let error = (fraction * (1.0 - fraction) / count).sqrt();
        assert!(count >= 300.0, "{count}");
        assert!(
            (random as f64 / count - fraction).abs() <= 4.0 * error,
            "{random} of {count}"
        );
    }
}

#[test]
fn long_sentences_are_taken_alone_and_blank_texts_are_no_source() {
    let long = |letter: &str| format!("{}. {}.", letter.repeat(50), letter.repeat(50));
    let texts = corpus([long("b"), " \n ".into(), long("c")]);
    let pairs = next_sentence_pairs(&texts, &tokenizer(), 20, 1.0, 1).unwrap();
    assert_eq!(pairs.len(), 2);
    for (pair, letters) in pairs.examples.iter().zip([["b", "c"], ["c", "b"]]) {
        let expected = letters.map(|letter| format!("{}.", letter.repeat(50)));
        let found = [Some(&pair.text), pair.text_pair.as_ref()];
        assert_eq!(found, [Some(&expected[0]), Some(&expected[1])]);
    }
}

#[test]
fn both_texts_of_a_pair_are_texts() {
    let mut texts = numbered(&[2]);
    texts.examples[0].text_pair = Some("t1s0. t1s1.".into());
    let pairs = next_sentence_pairs(&texts, &tokenizer(), 64, 1.0, 1).unwrap();
    let firsts: Vec<&str> = pairs.examples.iter().map(|pair| &*pair.text).collect();
    assert_eq!(firsts, ["t0s0.", "t1s0."]);
}

#[test]
fn impossible_corpora_and_settings_are_refused() {
    let tokenizer = tokenizer();
    let refused = |texts: &[usize], max_length, fraction| {
        let pairs = next_sentence_pairs(&numbered(texts), &tokenizer, max_length, fraction, 1);
        pairs.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&[3, 0], 64, 0.5),
        "texts: expected at least 2 for next-sentence prediction in \"corpus\", found 1"
    );
    assert_eq!(
        refused(&[1, 1, 1], 64, 0.5),
        "texts of two sentences: expected at least 1 for next-sentence prediction in \
         \"corpus\", found 0"
    );
    assert_eq!(
        refused(&[2, 2], 4, 0.5),
        "max_length: expected at least 5 tokens, found 4"
    );
    for fraction in [-0.1, 1.1, f64::NAN] {
        let message = refused(&[2, 2], 64, fraction);
        assert!(message.starts_with("random_fraction"), "{message}");
    }
}

proptest! {
    #[test]
    fn pairs_are_adjacent_or_from_another_text(
        mut sentences in prop::collection::vec(0usize..9, 2..12),
        max_length in 16usize..80,
        seed: u64,
    ) {
        sentences[0] = 2;
        sentences[1] = 1;
        let (texts, tokenizer) = (numbered(&sentences), tokenizer());
        let pairs = next_sentence_pairs(&texts, &tokenizer, max_length, 0.5, seed).unwrap();
        let again = next_sentence_pairs(&texts, &tokenizer, max_length, 0.5, seed).unwrap();
        prop_assert_eq!(&pairs, &again);
        // The first sentence that no pair has used yet, of each text.
        let mut next = vec![0; sentences.len()];
        for pair in &pairs.examples {
            let (first, second) = (places(&pair.text), places(pair.text_pair.as_ref().unwrap()));
            for segment in [&first, &second] {
                for two in segment.windows(2) {
                    prop_assert_eq!((two[0].0, two[0].1 + 1), two[1]);
                }
            }
            let (text, start) = first[0];
            let (_, last) = first[first.len() - 1];
            prop_assert_eq!(start, next[text]);
            next[text] = last + 1;
            match pair.label.class() {
                Some(0) => {
                    prop_assert_eq!(second[0], (text, last + 1));
                    next[text] += second.len();
                }
                _ => prop_assert_ne!(second[0].0, text),
            }
            let config = EncodingConfig::new(max_length);
            let row = tokenizer.encode_pairs(&[(&pair.text, pair.text_pair.as_ref().unwrap())], &config);
            let row = row.unwrap();
            // One sentence of another text may be longer than what it replaces.
            let fits = second.len() > 1 || second[0].0 == text;
            prop_assert!(!fits || !row.is_truncated(0).unwrap());
        }
        // At most the last sentence of a text is left.
        for (text, count) in sentences.iter().enumerate() {
            prop_assert!(next[text] + 1 >= *count);
        }
    }
}
