//! Saving and loading of fitted baselines.

use std::path::Path;

use finetune_storage::{ArrayFile, ArrayFileWriter};
use serde::{Deserialize, Serialize};

use crate::classifier::{BaselineClassifier, BaselineConfig};
use crate::error::BaselineError;
use crate::features::{FeatureConfig, Vectorizer};
use crate::logistic::{Convergence, LogisticRegression, outputs_of};
use crate::vectorizer::{CountVectorizer, HashingVectorizer, TfidfVectorizer, Vocabulary};

const FORMAT: &str = "finetune baseline 2";

/// Content of a file: the metadata of an [`ArrayFile`] without arrays, which has a checksum.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredClassifier {
    format: String,
    config: BaselineConfig,
    class_names: Vec<String>,
    fitted_classes: Vec<usize>,
    n_features: usize,
    /// Terms in ascending order; empty for hashed features.
    terms: Vec<String>,
    /// IDF factor of each term; empty if they are not used.
    idf: Vec<f64>,
    intercepts: Vec<f64>,
    /// Coefficients of each column that has a nonzero one.
    coefficients: Vec<(u32, Vec<f64>)>,
    convergence: Convergence,
}

impl BaselineClassifier {
    /// Writes the classifier to a file atomically.
    ///
    /// ```
    /// use finetune_baseline::{BaselineClassifier, BaselineConfig};
    ///
    /// let class_names = ["calm".to_owned(), "fire".to_owned()];
    /// let texts = ["big fire", "all quiet"];
    /// let classifier = BaselineConfig::default().fit_texts(&texts, &[1, 0], &class_names)?;
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("fire.baseline");
    /// classifier.save(&path)?;
    /// let loaded = BaselineClassifier::load(&path)?;
    /// assert_eq!(loaded.predict(&texts)?, classifier.predict(&texts)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`BaselineError::Storage`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), BaselineError> {
        let regression = &self.regression;
        let columns = regression.coefficients.chunks_exact(regression.outputs());
        let columns = (0..).zip(columns);
        let used = columns.filter(|(_, of_column)| of_column.iter().any(|value| *value != 0.0));
        let idf = match &self.features {
            Vectorizer::Tfidf(vectorizer) => vectorizer.idf().unwrap_or_default(),
            _ => &[],
        };
        ArrayFileWriter::create(path)?.finish(StoredClassifier {
            format: FORMAT.to_owned(),
            config: self.config(),
            class_names: self.class_names.clone(),
            fitted_classes: regression.fitted_classes.clone(),
            n_features: regression.n_features,
            terms: self.features.feature_names().unwrap_or_default().to_vec(),
            idf: idf.to_vec(),
            intercepts: regression.intercepts.clone(),
            coefficients: used
                .map(|(column, values)| (column, values.to_vec()))
                .collect(),
            convergence: regression.convergence,
        })?;
        Ok(())
    }

    /// Loads a classifier written by [`Self::save`].
    ///
    /// # Errors
    /// - [`BaselineError::Storage`] if the file is missing, corrupted or of another format.
    /// - [`BaselineError::InvalidModelFile`] if its parts are inconsistent.
    /// - [`BaselineError::InvalidSetting`] if a stored setting is invalid.
    pub fn load(path: &Path) -> Result<Self, BaselineError> {
        let stored: StoredClassifier = ArrayFile::open(path)?.metadata()?;
        stored.config.validate()?;
        let outputs = outputs_of(stored.fitted_classes.len());
        stored.check(path, outputs)?;
        let mut coefficients = vec![0.0; stored.n_features * outputs];
        for (column, of_column) in &stored.coefficients {
            coefficients[*column as usize * outputs..][..outputs].copy_from_slice(of_column);
        }
        let vocabulary = Vocabulary::new(stored.terms);
        Ok(Self {
            features: match &stored.config.features {
                FeatureConfig::Count(config) => {
                    Vectorizer::Count(CountVectorizer::with_vocabulary(config, vocabulary)?)
                }
                FeatureConfig::Tfidf(config) => {
                    let counts = CountVectorizer::with_vocabulary(&config.counts, vocabulary)?;
                    Vectorizer::Tfidf(TfidfVectorizer::with_factors(config, counts, stored.idf))
                }
                FeatureConfig::Hashing(config) => {
                    Vectorizer::Hashing(HashingVectorizer::new(config)?)
                }
            },
            regression: LogisticRegression {
                num_classes: stored.class_names.len(),
                fitted_classes: stored.fitted_classes,
                n_features: stored.n_features,
                coefficients,
                intercepts: stored.intercepts,
                convergence: stored.convergence,
            },
            settings: stored.config.classifier,
            class_names: stored.class_names,
        })
    }
}

impl StoredClassifier {
    /// Checks that the parts belong together.
    fn check(&self, path: &Path, outputs: usize) -> Result<(), BaselineError> {
        let check = |valid: bool, what: &'static str, found: String, expected: String| {
            let path = path.to_path_buf();
            match valid {
                true => Ok(()),
                false => Err(BaselineError::InvalidModelFile {
                    path,
                    what,
                    found,
                    expected,
                }),
            }
        };
        let count = |what: &'static str, found: usize, expected: usize| {
            check(
                found == expected,
                what,
                found.to_string(),
                expected.to_string(),
            )
        };
        check(
            self.format == FORMAT,
            "format",
            self.format.clone(),
            FORMAT.to_owned(),
        )?;

        let (classes, fitted) = (self.class_names.len(), &self.fitted_classes);
        let in_range = fitted.len() > 1 && fitted.iter().all(|class| *class < classes);
        let valid = in_range && fitted.is_sorted_by(|a, b| a < b);
        let expected = format!("two or more of {classes} classes, ascending");
        check(valid, "fitted_classes", format!("{fitted:?}"), expected)?;
        count("intercepts", self.intercepts.len(), outputs)?;

        let (n_features, idf) = match &self.config.features {
            FeatureConfig::Count(_) => (self.terms.len(), 0),
            FeatureConfig::Tfidf(config) if config.use_idf => (self.terms.len(), self.terms.len()),
            FeatureConfig::Tfidf(_) => (self.terms.len(), 0),
            FeatureConfig::Hashing(config) => (config.n_features as usize, 0),
        };
        count("n_features", self.n_features, n_features)?;
        count("idf", self.idf.len(), idf)?;
        let unsorted = self.terms.windows(2).find(|pair| pair[0] >= pair[1]);
        let expected = "terms in ascending order".to_owned();
        check(
            unsorted.is_none(),
            "terms",
            format!("{unsorted:?}"),
            expected,
        )?;

        let invalid = self.coefficients.iter().find(|(column, values)| {
            *column as usize >= self.n_features || values.len() != outputs
        });
        let expected = format!("{outputs} values of a column below {}", self.n_features);
        check(
            invalid.is_none(),
            "coefficients",
            format!("{invalid:?}"),
            expected,
        )
    }
}
