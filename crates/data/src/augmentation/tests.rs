use proptest::prelude::*;

use super::words::{FEMALE_NAMES, MALE_NAMES};
use super::*;
use crate::dataset::{Label, Schema, Target, TextArity};

fn pairs(rows: &[(&str, &str)]) -> Dataset {
    let examples = rows.iter().enumerate().map(|(row, (first, second))| {
        let label = Label::Score(row as f64 % 6.0);
        Example::pair(*first, *second, label)
    });
    Dataset {
        name: "pairs".to_string(),
        schema: Schema {
            texts: TextArity::Pair,
            target: Target::Score { min: 0.0, max: 5.0 },
        },
        examples: examples.collect(),
    }
}

fn config(word_lists: &[WordList]) -> AugmentationConfig {
    AugmentationConfig {
        word_lists: word_lists.to_vec(),
        ..AugmentationConfig::default()
    }
}

fn pronouns(text: &str) -> String {
    let rows = pairs(&[(text, "")]);
    let copies = config(&[WordList::Pronouns]).augment(&rows, 1).unwrap();
    copies.examples[copies.len() - 1].text.clone()
}

#[test]
fn pronouns_change_with_their_case_and_role() {
    for (text, expected) in [
        ("She reads her book.", "He reads his book."),
        ("I saw her.", "I saw him."),
        ("I saw her in town", "I saw him in town"),
        (
            "He lost his; she found hers.",
            "She lost hers; he found his.",
        ),
        ("HIS VOICE, him, himself", "HER VOICE, her, herself"),
        ("he's here, she'll see", "she's here, he'll see"),
        ("Women and men", "Men and women"),
        // Parts of words are no words.
        (
            "There the sheriff heard hershey2 thermos",
            "There the sheriff heard hershey2 thermos",
        ),
    ] {
        assert_eq!(pronouns(text), expected);
    }
}

#[test]
fn a_name_is_the_same_in_both_texts_and_another_for_each() {
    let rows = pairs(&[("Mary met Susan.", "SUSAN saw Mary's dog; Mary ran.")]);
    for (lists, names) in [
        (&[WordList::Names][..], &FEMALE_NAMES[..]),
        (&[WordList::Names, WordList::Pronouns], &MALE_NAMES[..]),
    ] {
        let copies = config(lists).augment(&rows, 7).unwrap().examples;
        let first: Vec<&str> = copies[1]
            .text
            .trim_end_matches('.')
            .split(" met ")
            .collect();
        let [mary, susan] = first[..] else {
            panic!("{first:?}")
        };
        assert!(names.contains(&mary) && names.contains(&susan) && mary != susan);
        assert!(!["Mary", "Susan"].contains(&mary) && !["Mary", "Susan"].contains(&susan));
        let expected = format!("{} saw {mary}'s dog; {mary} ran.", susan.to_uppercase());
        assert_eq!(copies[1].text_pair.as_deref(), Some(&expected[..]));
    }
}

#[test]
fn copies_are_different_rows_and_of_a_fraction() {
    let rows = pairs(&[("Mary runs.", "A dog runs."), ("She runs.", "A dog runs.")]);
    let many = AugmentationConfig {
        copies: 3,
        ..AugmentationConfig::default()
    };
    let copies = many.augment(&rows, 3).unwrap().examples;
    let of_name = copies.iter().filter(|row| row.label == Label::Score(0.0));
    assert!(of_name.count() > 2);
    // The pronoun has one other.
    let of_pronoun = copies.iter().filter(|row| row.label == Label::Score(1.0));
    assert_eq!(of_pronoun.count(), 2);

    let rows = pairs(&[("She runs.", "He runs."); 400]);
    let half = AugmentationConfig {
        fraction: 0.5,
        ..AugmentationConfig::default()
    };
    let copies = half.augment(&rows, 3).unwrap().len() - 400;
    assert!((150..250).contains(&copies), "{copies}");
}

#[test]
fn names_of_ones_own_replace_the_lists() {
    let own: AugmentationConfig =
        serde_json::from_str(r#"{"female_names": ["Zoe"], "male_names": ["Igor"]}"#).unwrap();
    let rows = pairs(&[("Zoe met Mary.", "Igor left.")]);
    let copies = own.augment(&rows, 1).unwrap();
    // Both of the two names are taken, so none is free.
    assert_eq!(copies, rows);
    let rows = pairs(&[("Zoe met Mary.", "All left.")]);
    let copy = &own.augment(&rows, 1).unwrap().examples[1];
    assert_eq!(copy.text, "Igor met Mary.");
}

#[test]
fn impossible_settings_are_named() {
    for (json, message) in [
        (r#"{"copies": 0}"#, "augmentation.copies"),
        (r#"{"fraction": 0}"#, "augmentation.fraction"),
        (r#"{"fraction": 1.5}"#, "augmentation.fraction"),
        (r#"{"word_lists": []}"#, "augmentation.word_lists"),
        (r#"{"female_names": ["mary"]}"#, "mary"),
        (
            r#"{"female_names": ["Mary"], "male_names": ["Mary"]}"#,
            "Mary twice",
        ),
    ] {
        let config: AugmentationConfig = serde_json::from_str(json).unwrap();
        let error = config.augment(&pairs(&[]), 1).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(serde_json::from_str::<AugmentationConfig>(r#"{"names": 1}"#).is_err());
}

/// Texts of words that are exchanged, of others, and of punctuation.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "she", "Her", "his", "HIM", "Mary", "JOHN", "woman", "Susan", "David", "himself",
        ])
        .prop_map(String::from),
        "[a-zA-Zé]{1,8}",
        "[ .,;'0-9\u{1f600}-]{1,3}",
    ];
    let between = prop::sample::select(vec![" ", "", ", ", "'"]);
    prop::collection::vec((word, between), 0..12)
        .prop_map(|parts| parts.into_iter().map(|(word, gap)| word + gap).collect())
}

proptest! {
    #[test]
    fn copies_follow_the_rows_and_keep_labels_and_shape(
        texts in prop::collection::vec((text(), text()), 0..8),
        seed: u64,
        copies in 1usize..4,
    ) {
        let rows: Vec<(&str, &str)> =
            texts.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let rows = pairs(&rows);
        let config = AugmentationConfig { copies, ..AugmentationConfig::default() };
        let augmented = config.augment(&rows, seed).unwrap();
        prop_assert_eq!(&augmented, &config.augment(&rows, seed).unwrap());
        prop_assert_eq!(&augmented.examples[..rows.len()], &rows.examples[..]);
        let words = |text: &str| text.split(|c: char| !c.is_alphanumeric()).count();
        let mut from = rows.examples.iter().peekable();
        for copy in &augmented.examples[rows.len()..] {
            // In the order of the rows, of the same label and with as many words.
            let shape = |row: &Example| {
                let second = row.text_pair.as_deref().map(words);
                (row.label == copy.label, words(&row.text), second)
            };
            let copied = (true, words(&copy.text), copy.text_pair.as_deref().map(words));
            while from.peek().is_some_and(|row| shape(row) != copied) {
                from.next();
            }
            prop_assert!(from.peek().is_some(), "{:?}", copy);
        }
    }

    #[test]
    fn rows_without_names_and_pronouns_are_never_copied(
        texts in prop::collection::vec("[xyz ,.X]{0,20}", 0..6),
        seed: u64,
    ) {
        let rows: Vec<(&str, &str)> = texts.iter().map(|a| (a.as_str(), "x y")).collect();
        let rows = pairs(&rows);
        prop_assert_eq!(AugmentationConfig::default().augment(&rows, seed).unwrap(), rows);
    }
}
