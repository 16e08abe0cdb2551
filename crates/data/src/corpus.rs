//! Concatenation of datasets into unlabeled text, for masked language modeling.

use crate::dataset::{Dataset, Example, Label, Schema, Target, TextArity};

/// Concatenates the texts of the given datasets into one unlabeled dataset. Both texts of a pair
/// become rows of their own. Blank texts are dropped because they have no tokens to mask.
///
/// ```
/// use finetune_data::{Dataset, Example, Label, Schema, TextArity, concatenate_texts};
///
/// let reviews = Dataset {
///     name: "reviews".into(),
///     schema: Schema::classification(["bad", "good"]),
///     examples: vec![Example::new("fine", Label::Class(1)), Example::new(" ", Label::Class(0))],
/// };
/// let questions = Dataset {
///     name: "questions".into(),
///     schema: Schema { texts: TextArity::Pair, ..Schema::classification(["no", "yes"]) },
///     examples: vec![Example::pair("how?", "why?", Label::Class(0))],
/// };
/// let corpus = concatenate_texts([&reviews, &questions]);
/// assert_eq!(corpus.name, "reviews + questions");
/// let texts: Vec<&str> = corpus.examples.iter().map(|example| &*example.text).collect();
/// assert_eq!(texts, ["fine", "how?", "why?"]);
/// ```
pub fn concatenate_texts<'a>(datasets: impl IntoIterator<Item = &'a Dataset>) -> Dataset {
    let (mut names, mut examples) = (Vec::new(), Vec::new());
    for dataset in datasets {
        names.push(dataset.name.as_str());
        for example in &dataset.examples {
            let texts = std::iter::once(&example.text).chain(&example.text_pair);
            let texts = texts.filter(|text| !text.trim().is_empty());
            examples.extend(texts.map(|text| Example::new(text, Label::Unlabeled)));
        }
    }
    Dataset {
        name: names.join(" + "),
        schema: Schema {
            texts: TextArity::Single,
            target: Target::Unlabeled,
        },
        examples,
    }
}
