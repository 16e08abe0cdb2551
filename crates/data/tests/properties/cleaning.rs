//! Cleaning.

use finetune_data::{Cleaning, CleaningStep};
use proptest::prelude::*;

/// Text with the pieces that steps look for, in any order.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "Bc",
        " ",
        "  ",
        "\t",
        "<",
        ">",
        "<b>",
        "</p>",
        "<br />",
        "<!--",
        "-->",
        "<a href=\"",
        "\"",
        "&",
        "&amp;",
        "lt;",
        "&#39;",
        "@",
        "@ann",
        "http://",
        "https://t.co/x",
        "www.",
        ".",
        ",",
        "(",
        ")",
        "#",
        "\u{1F525}",
        "\u{200D}",
        "\u{FE0F}",
        "1",
        "é",
        "e\u{301}",
        "İ",
        "漢",
        "\u{A0}",
        "\0",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..30).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

fn steps() -> impl Strategy<Value = CleaningStep> {
    let with = || prop::sample::select(vec!["", " ", "URL", "@user"]).prop_map(str::to_owned);
    prop_oneof![
        Just(CleaningStep::Html),
        with().prop_map(|with| CleaningStep::Urls { replacement: with }),
        with().prop_map(|with| CleaningStep::Mentions { replacement: with }),
        with().prop_map(|with| CleaningStep::Emoji { replacement: with }),
        ("[.,'#<&]{0,3}", with()).prop_map(|(keep, with)| CleaningStep::SpecialCharacters {
            keep,
            replacement: with
        }),
        Just(CleaningStep::CollapseWhitespace),
        Just(CleaningStep::Lowercase),
    ]
}

fn apply(step: CleaningStep, text: &str) -> String {
    Cleaning { steps: vec![step] }.apply(text).into_owned()
}

proptest! {
    #[test]
    fn steps_one_by_one_are_all_steps(text in texts(), steps in prop::collection::vec(steps(), 0..6)) {
        let one_by_one = steps.iter().fold(text.clone(), |text, step| apply(step.clone(), &text));
        let cleaning = Cleaning { steps };
        prop_assert_eq!(cleaning.apply(&text), one_by_one);
        let written = serde_json::to_string(&cleaning).unwrap();
        let read: Cleaning = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(read.fingerprint(), cleaning.fingerprint());
        prop_assert_eq!(read, cleaning);
    }

    /// Not so HTML, where an entity may stand for the text of a tag, nor a removal that joins what
    /// is left to a new address.
    #[test]
    fn character_steps_change_nothing_twice(text in texts(), keep in "[.,'#<&]{0,3}") {
        for step in [
            CleaningStep::CollapseWhitespace,
            CleaningStep::Lowercase,
            CleaningStep::SpecialCharacters { keep: keep.clone(), replacement: String::new() },
            CleaningStep::SpecialCharacters { keep, replacement: " ".into() },
            CleaningStep::Urls { replacement: " ".into() },
            CleaningStep::Mentions { replacement: " ".into() },
            CleaningStep::Emoji { replacement: " ".into() },
        ] {
            let once = apply(step.clone(), &text);
            prop_assert_eq!(apply(step.clone(), &once), once, "{:?}", step);
        }
    }

    #[test]
    fn nothing_is_left_of_what_a_step_removes(text in texts()) {
        let special = CleaningStep::SpecialCharacters { keep: "'".into(), replacement: String::new() };
        let plain = apply(special, &text);
        let alone = |character: char| text.contains(character);
        prop_assert!(plain.chars().all(alone));
        let special = ['<', '&', '@', '#', '.', '\0', '\u{1F525}'];
        prop_assert!(!plain.contains(special));

        let spaced = apply(CleaningStep::CollapseWhitespace, &text);
        prop_assert_eq!(spaced.trim(), &spaced);
        let other_space = |character: char| character.is_whitespace() && character != ' ';
        prop_assert!(!spaced.contains("  ") && !spaced.contains(other_space));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&spaced), words(&text));
    }

    #[test]
    fn text_without_markup_is_no_html(text in "[^<&]*") {
        prop_assert_eq!(apply(CleaningStep::Html, &text), text);
    }
}
