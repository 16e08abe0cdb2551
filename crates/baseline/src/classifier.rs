//! Text classifier: features and logistic regression.

use finetune_data::Dataset;
use serde::{Deserialize, Serialize};

use crate::csr_matrix::CsrMatrix;
use crate::error::BaselineError;
use crate::features::{FeatureConfig, Vectorizer};
use crate::labeled_texts::LabeledTexts;
use crate::logistic::{LogisticRegression, LogisticRegressionConfig};
use crate::predictions::Predictions;

/// Configuration of a baseline (default: word TF-IDF with logistic regression).
///
/// ```
/// use finetune_baseline::{BaselineConfig, FeatureConfig};
///
/// let json = r#"{"features": {"kind": "hashing"}, "classifier": {"c": 0.5}}"#;
/// let config: BaselineConfig = serde_json::from_str(json)?;
/// assert!(matches!(config.features, FeatureConfig::Hashing(_)));
/// assert!(serde_json::from_str::<BaselineConfig>(r#"{"feature": {}}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineConfig {
    /// Features (default: word TF-IDF).
    pub features: FeatureConfig,
    /// Logistic regression.
    pub classifier: LogisticRegressionConfig,
}

impl BaselineConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidSetting`] for the first value that is out of range.
    pub fn validate(&self) -> Result<(), BaselineError> {
        self.features.validate()?;
        self.classifier.validate()
    }

    /// Fits a classifier to the texts and classes of a dataset.
    ///
    /// # Errors
    /// The errors of [`FeatureConfig::fit_transform`] and [`LogisticRegressionConfig::fit`], and
    /// - [`BaselineError::InvalidRow`] if a row is a pair of texts, or has no class label in range.
    pub fn fit(&self, dataset: &Dataset) -> Result<BaselineClassifier, BaselineError> {
        self.validate()?;
        let rows = LabeledTexts::of(dataset)?;
        self.fit_texts(&rows.texts, &rows.labels, dataset.class_names())
    }

    /// Fits a classifier to texts and their labels, which are indices into `class_names`.
    ///
    /// # Errors
    /// The errors of [`FeatureConfig::fit_transform`] and [`LogisticRegressionConfig::fit`].
    pub fn fit_texts<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        labels: &[usize],
        class_names: &[String],
    ) -> Result<BaselineClassifier, BaselineError> {
        self.validate()?;
        let (features, rows) = self.features.fit_transform(texts)?;
        self.fit_rows(features, &rows, labels, class_names)
    }

    /// Fits a classifier to computed features.
    pub(crate) fn fit_rows(
        &self,
        features: Vectorizer,
        rows: &CsrMatrix,
        labels: &[usize],
        class_names: &[String],
    ) -> Result<BaselineClassifier, BaselineError> {
        Ok(BaselineClassifier {
            features,
            regression: self.classifier.fit(rows, labels, class_names.len())?,
            settings: self.classifier.clone(),
            class_names: class_names.to_vec(),
        })
    }
}

/// Fitted text classifier.
///
/// ```
/// use finetune_baseline::BaselineConfig;
/// use finetune_data::{Dataset, Example, Label, Schema};
///
/// let disasters = ["Fire near the town", "Flood in town"].map(|text| (text, 1));
/// let others = ["I love this song", "What a song"].map(|text| (text, 0));
/// let rows = [disasters, others].concat().into_iter();
/// let dataset = Dataset {
///     name: "tweets".into(),
///     schema: Schema::classification(["other", "disaster"]),
///     examples: rows.map(|(text, class)| Example::new(text, Label::Class(class))).collect(),
/// };
/// let classifier = BaselineConfig::default().fit(&dataset)?;
/// let predictions = classifier.predict(&["a fire in town", "love song"])?;
/// assert_eq!(predictions.classes(), [1, 0]);
/// assert_eq!(classifier.top_coefficients(1, 1)[0].term.as_deref(), Some("town"));
/// # Ok::<(), finetune_baseline::BaselineError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BaselineClassifier {
    pub(crate) features: Vectorizer,
    pub(crate) regression: LogisticRegression,
    pub(crate) settings: LogisticRegressionConfig,
    pub(crate) class_names: Vec<String>,
}

/// Coefficient of a feature for a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopCoefficient {
    /// Column of the feature.
    pub column: u32,
    /// Term of the column; `None` for hashed features.
    pub term: Option<String>,
    /// Coefficient; positive values increase the probability of the class.
    pub coefficient: f64,
}

impl BaselineClassifier {
    /// Predicts the classes of texts.
    ///
    /// # Errors
    /// - [`BaselineError::Count`] if features and regression do not match, which cannot
    ///   happen for a fitted or loaded classifier.
    pub fn predict<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Result<Predictions, BaselineError> {
        self.regression.predict(&self.features.transform(texts))
    }

    /// Returns at most `count` features with the largest positive coefficients for a class, in
    /// descending order; ties are ordered by column. The result is empty for a class without
    /// training rows.
    ///
    /// With two classes, the coefficients of the first class are the negated ones of the second.
    ///
    /// # Panics
    /// If the class is out of range.
    pub fn top_coefficients(&self, class: usize, count: usize) -> Vec<TopCoefficient> {
        assert!(class < self.class_names.len(), "no class {class}");
        let regression = &self.regression;
        let Some(place) = regression
            .fitted_classes
            .iter()
            .position(|&seen| seen == class)
        else {
            return Vec::new();
        };
        let outputs = regression.outputs();
        let (output, sign) = match (outputs, place) {
            (1, 0) => (0, -1.0),
            (1, _) => (0, 1.0),
            (_, place) => (place, 1.0),
        };
        let of_class = regression.coefficients.iter().skip(output).step_by(outputs);
        let mut columns: Vec<(u32, f64)> = (0..).zip(of_class.map(|value| sign * value)).collect();
        columns.retain(|(_, coefficient)| *coefficient > 0.0);
        columns.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        columns.truncate(count);
        let named = |(column, coefficient)| TopCoefficient {
            column,
            term: self
                .features
                .feature_names()
                .map(|terms| terms[column as usize].clone()),
            coefficient,
        };
        columns.into_iter().map(named).collect()
    }

    /// Returns the configuration that the classifier was fitted with.
    pub fn config(&self) -> BaselineConfig {
        BaselineConfig {
            features: self.features.config(),
            classifier: self.settings.clone(),
        }
    }

    /// Returns the class names.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Returns the fitted vectorizer.
    pub fn features(&self) -> &Vectorizer {
        &self.features
    }

    /// Returns the fitted regression.
    pub fn regression(&self) -> &LogisticRegression {
        &self.regression
    }
}
