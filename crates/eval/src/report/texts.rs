//! TextSamples with labels and predictions.

use serde::{Deserialize, Serialize};

/// TextSamples with labels and predictions, such as errors with the highest confidence.
///
/// ```
/// use finetune_eval::report::{ScoredText, TextSamples};
///
/// let worst = TextSamples {
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
pub struct TextSamples {
    /// Caption.
    pub caption: String,
    /// TextSamples, in reading order.
    pub texts: Vec<ScoredText>,
}

/// Text, or text pair, with label and prediction.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScoredText {
    /// Identifier in the dataset.
    pub id: String,
    /// Text, or both texts of a pair.
    pub parts: Vec<String>,
    /// Label; `None` if unknown.
    pub label: Option<String>,
    /// Predicted label.
    pub prediction: Option<String>,
    /// Class probabilities, in display order.
    pub probabilities: Vec<ClassProbability>,
}

/// Class with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassProbability {
    /// Class name.
    pub class: String,
    /// Probability, shown as missing if it is not in `[0, 1]`.
    pub probability: f64,
}

impl ScoredText {
    /// Creates a text without label and prediction.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            parts: vec![text.into()],
            ..Self::default()
        }
    }

    /// Adds the second text of a pair.
    #[must_use]
    pub fn second(mut self, text: impl Into<String>) -> Self {
        self.parts.push(text.into());
        self
    }

    /// Sets the label.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Sets the prediction.
    #[must_use]
    pub fn prediction(mut self, prediction: impl Into<String>) -> Self {
        self.prediction = Some(prediction.into());
        self
    }

    /// Sets the class probabilities.
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

    /// Returns whether label and prediction are known and differ.
    pub fn is_error(&self) -> bool {
        matches!((&self.label, &self.prediction), (Some(label), Some(found)) if label != found)
    }
}
