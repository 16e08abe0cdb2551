//! Texts with what was said of them.

use serde::{Deserialize, Serialize};

/// Texts with their labels and predictions, such as the errors a model was surest of.
///
/// ```
/// use finetune_eval::report::{ScoredText, Texts};
///
/// let worst = Texts {
///     caption: "Errors with the highest probability.".into(),
///     texts: vec![
///         ScoredText::new("17", "not bad at all")
///             .label("positive")
///             .prediction("negative")
///             .probabilities([("negative", 0.98), ("positive", 0.02)]),
///     ],
/// };
/// # assert_eq!(worst.texts[0].probabilities[0].class, "negative");
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// What these texts are.
    pub caption: String,
    /// The texts, in reading order.
    pub texts: Vec<ScoredText>,
}

/// A text, or a pair, with its label and what a model said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScoredText {
    /// By which the text is found in its data set.
    pub id: String,
    /// The text; both texts of a pair.
    pub parts: Vec<String>,
    /// What is true of it; none where that is not known.
    pub label: Option<String>,
    /// What was predicted.
    pub prediction: Option<String>,
    /// Probabilities of classes, in the order to be shown.
    pub probabilities: Vec<ClassProbability>,
}

/// A class and its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassProbability {
    /// The class.
    pub class: String,
    /// Its probability; shown as none where it is not in `[0, 1]`.
    pub probability: f64,
}

impl ScoredText {
    /// A text of which nothing is said yet.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            parts: vec![text.into()],
            ..Self::default()
        }
    }

    /// With the second text of a pair.
    #[must_use]
    pub fn second(mut self, text: impl Into<String>) -> Self {
        self.parts.push(text.into());
        self
    }

    /// With what is true.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With what was predicted.
    #[must_use]
    pub fn prediction(mut self, prediction: impl Into<String>) -> Self {
        self.prediction = Some(prediction.into());
        self
    }

    /// With probabilities of classes.
    #[must_use]
    pub fn probabilities<C: Into<String>>(
        mut self,
        probabilities: impl IntoIterator<Item = (C, f64)>,
    ) -> Self {
        let classes = probabilities.into_iter();
        self.probabilities = classes
            .map(|(class, probability)| ClassProbability {
                class: class.into(),
                probability,
            })
            .collect();
        self
    }

    /// Whether label and prediction are known and differ.
    pub fn is_error(&self) -> bool {
        matches!((&self.label, &self.prediction), (Some(label), Some(found)) if label != found)
    }
}
