//! Saving and loading of fitted baselines.
//!
//! The format is an array file ([`ArrayFile`]) with the configuration as metadata. It contains the
//! terms and IDF factors of the features, and the coefficients of columns with a nonzero
//! coefficient.

use std::path::Path;

use finetune_storage::{ArrayFile, ArrayFileWriter};
use serde::{Deserialize, Serialize};

use crate::BaselineError;
use crate::classifier::{BaselineClassifier, BaselineConfig};
use crate::features::{FeatureConfig, Vectorizer};
use crate::logistic::{Convergence, LogisticRegression};
use crate::vectorizer::{CountVectorizer, HashingVectorizer, TfidfVectorizer, Vocabulary};

const FORMAT: &str = "finetune baseline 1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: String,
    config: BaselineConfig,
    class_names: Vec<String>,
    fitted_classes: Vec<usize>,
    columns: usize,
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
        let mut writer = ArrayFileWriter::create(path)?;
        let coefficients = writer.array::<f64>("coefficients")?;
        let columns = writer.array::<u32>("coefficient_columns")?;
        let of_columns = regression.coefficients.chunks_exact(regression.outputs());
        for (column, of_column) in (0u32..).zip(of_columns) {
            if of_column.iter().any(|coefficient| *coefficient != 0.0) {
                writer.write(&coefficients, of_column)?;
                writer.write(&columns, &[column])?;
            }
        }
        let intercepts = writer.array::<f64>("intercepts")?;
        writer.write(&intercepts, &regression.intercepts)?;
        let terms = writer.array::<u8>("terms")?;
        let term_ends = writer.array::<u64>("term_ends")?;
        let mut end = 0;
        for term in self.features.terms().unwrap_or_default() {
            end += term.len() as u64;
            writer.write(&terms, term.as_bytes())?;
            writer.write(&term_ends, &[end])?;
        }
        let idf = writer.array::<f64>("idf")?;
        if let Vectorizer::Tfidf(vectorizer) = &self.features {
            writer.write(&idf, vectorizer.idf().unwrap_or_default())?;
        }
        writer.finish(Metadata {
            format: FORMAT.to_owned(),
            config: self.config(),
            class_names: self.class_names.clone(),
            fitted_classes: regression.seen.clone(),
            columns: regression.columns,
            convergence: regression.convergence,
        })?;
        Ok(())
    }

    /// Loads a classifier written by [`Self::save`].
    ///
    /// # Errors
    /// - [`BaselineError::Storage`] if the file is missing, corrupted or of another format.
    /// - [`BaselineError::InvalidModelFile`] if its parts are inconsistent.
    /// - [`BaselineError::InvalidSetting`] or [`BaselineError::TokenPattern`] if a stored setting
    ///   is invalid.
    pub fn load(path: &Path) -> Result<Self, BaselineError> {
        let stored = StoredFile {
            path,
            file: ArrayFile::open(path)?,
        };
        let metadata: Metadata = stored.file.metadata()?;
        stored.expect("format", FORMAT, metadata.format.as_str())?;
        metadata.config.validate()?;
        let features = stored.features(&metadata.config.features)?;
        let columns = match &features {
            Vectorizer::Hashing(vectorizer) => vectorizer.config().n_features as usize,
            _ => features.terms().map_or(0, <[String]>::len),
        };
        stored.expect("columns", columns, metadata.columns)?;
        Ok(Self {
            features,
            regression: stored.regression(&metadata)?,
            settings: metadata.config.classifier,
            class_names: metadata.class_names,
        })
    }
}

struct StoredFile<'a> {
    path: &'a Path,
    file: ArrayFile,
}

impl StoredFile<'_> {
    fn wrong(
        &self,
        what: &'static str,
        expected: impl ToString,
        got: impl ToString,
    ) -> BaselineError {
        BaselineError::InvalidModelFile {
            path: self.path.to_path_buf(),
            what,
            expected: expected.to_string(),
            found: got.to_string(),
        }
    }

    fn expect<T: PartialEq + ToString>(
        &self,
        what: &'static str,
        expected: T,
        got: T,
    ) -> Result<(), BaselineError> {
        match expected == got {
            true => Ok(()),
            false => Err(self.wrong(what, expected, got)),
        }
    }

    fn numbers(&self, name: &'static str) -> Result<Vec<f64>, BaselineError> {
        let array = self.file.array::<f64>(name)?;
        let numbers = array.get(0..array.len())?.to_vec();
        match numbers.iter().find(|number| !number.is_finite()) {
            None => Ok(numbers),
            Some(number) => Err(self.wrong(name, "finite numbers", number)),
        }
    }

    fn terms(&self) -> Result<Vec<String>, BaselineError> {
        let ends = self.file.array::<u64>("term_ends")?;
        let bytes = self.file.array::<u8>("terms")?;
        let bytes = bytes.get(0..bytes.len())?;
        let mut terms: Vec<String> = Vec::with_capacity(ends.len());
        let mut start = 0;
        for &end in ends.get(0..ends.len())? {
            let term = bytes.get(start..end as usize);
            let term = term.and_then(|bytes| std::str::from_utf8(bytes).ok());
            let in_order = |term: &&str| terms.last().is_none_or(|last| last.as_str() < *term);
            let Some(term) = term.filter(in_order) else {
                let got = format!("bytes {start} to {end} after {:?}", terms.last());
                return Err(self.wrong("terms", "terms in order", got));
            };
            terms.push(term.to_owned());
            start = end as usize;
        }
        self.expect("terms", start, bytes.len())?;
        Ok(terms)
    }

    fn features(&self, config: &FeatureConfig) -> Result<Vectorizer, BaselineError> {
        let counts = |config| {
            let vocabulary = Vocabulary::new(self.terms()?);
            CountVectorizer::with_vocabulary(config, vocabulary)
        };
        Ok(match config {
            FeatureConfig::Count(config) => Vectorizer::Count(counts(config)?),
            FeatureConfig::Tfidf(config) => {
                let counts = counts(&config.counts)?;
                let idf = self.numbers("idf")?;
                let expected = if config.use_idf {
                    counts.terms().len()
                } else {
                    0
                };
                self.expect("idf", expected, idf.len())?;
                Vectorizer::Tfidf(TfidfVectorizer::with_factors(config, counts, idf))
            }
            FeatureConfig::Hashing(config) => Vectorizer::Hashing(HashingVectorizer::new(config)?),
        })
    }

    fn regression(&self, metadata: &Metadata) -> Result<LogisticRegression, BaselineError> {
        let classes = metadata.class_names.len();
        let seen = &metadata.fitted_classes;
        let in_range = seen.last().is_some_and(|&last| last < classes);
        if seen.len() < 2 || !in_range || !seen.is_sorted_by(|a, b| a < b) {
            let expected = format!("two or more of {classes} classes, ascending");
            return Err(self.wrong("fitted_classes", expected, format!("{seen:?}")));
        }
        let outputs = if seen.len() == 2 { 1 } else { seen.len() };
        let intercepts = self.numbers("intercepts")?;
        self.expect("intercepts", outputs, intercepts.len())?;

        let used = self.numbers("coefficients")?;
        let columns = self.file.array::<u32>("coefficient_columns")?;
        self.expect("coefficients", columns.len() * outputs, used.len())?;
        let mut coefficients = vec![0.0; metadata.columns * outputs];
        for (&column, of_column) in columns
            .get(0..columns.len())?
            .iter()
            .zip(used.chunks_exact(outputs))
        {
            let start = column as usize * outputs;
            match coefficients.get_mut(start..start + outputs) {
                Some(place) => place.copy_from_slice(of_column),
                None => {
                    let expected = format!("columns below {}", metadata.columns);
                    return Err(self.wrong("coefficient_columns", expected, column));
                }
            }
        }
        Ok(LogisticRegression {
            classes,
            seen: seen.clone(),
            columns: metadata.columns,
            coefficients,
            intercepts,
            convergence: metadata.convergence,
        })
    }
}
