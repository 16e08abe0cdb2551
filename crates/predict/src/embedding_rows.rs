//! Rows that embeddings are evaluated on, and their scores.

use std::collections::HashMap;

use finetune_data::{EmbeddingDataset, EmbeddingKind, EncodedTexts, EncodingConfig, TextTokenizer};
use finetune_eval::{
    BinaryRanking, Embeddings, EvalError, PredictedScores, Predictions, Retrieval, Scores,
    triplet_accuracy,
};

use crate::error::PredictError;

/// Rows of an embedding dataset for evaluation: each different text is embedded once.
#[derive(Debug)]
pub struct EvaluatedEmbeddings {
    /// The rows.
    pub dataset: EmbeddingDataset,
    /// The different texts.
    pub texts: EncodedTexts,
    /// Texts of each row.
    rows: Vec<Vec<usize>>,
}

impl EvaluatedEmbeddings {
    /// Tokenizes the different texts of a dataset.
    ///
    /// # Errors
    /// - [`PredictError::Data`] if a text cannot be tokenized.
    pub fn new(
        dataset: EmbeddingDataset,
        tokenizer: &TextTokenizer,
        encoding: &EncodingConfig,
    ) -> Result<Self, PredictError> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut different: Vec<&str> = Vec::new();
        let mut place = |text| {
            *places.entry(text).or_insert_with(|| {
                different.push(text);
                different.len() - 1
            })
        };
        let rows = dataset.examples().iter();
        let rows = rows
            .map(|row| row.texts.iter().map(|text| place(text)).collect())
            .collect();
        Ok(Self {
            texts: tokenizer.encode(&different, encoding)?,
            rows,
            dataset,
        })
    }

    /// Returns the names of the scores, the main one first; `dims` are smaller sizes at which the main
    /// one is evaluated, too.
    pub fn names(kind: EmbeddingKind, texts_per_row: usize, dims: &[usize]) -> Vec<String> {
        let mut names = match kind {
            EmbeddingKind::Positives => Retrieval::default().names(),
            EmbeddingKind::Scores => vec![SPEARMAN.to_string(), PEARSON.to_string()],
            EmbeddingKind::Labels => vec![AVERAGE_PRECISION.to_string()],
        };
        if texts_per_row > 2 {
            names.push(TRIPLET_ACCURACY.to_string());
        }
        let main = names[0].clone();
        names.extend(dims.iter().map(|dim| at_dim(&main, *dim)));
        names
    }

    /// Returns the scores of the embeddings of [`Self::texts`]; those that are undefined for the rows
    /// are left out.
    ///
    /// # Errors
    /// - [`PredictError::Eval`] if embeddings and texts differ in number.
    pub fn scores(&self, embeddings: &Embeddings, dims: &[usize]) -> Result<Scores, PredictError> {
        let mut scores = self.at_full_size(embeddings)?;
        let Some((main, _)) = scores.first().map(|(name, score)| (name.clone(), *score)) else {
            return Ok(scores);
        };
        for dim in dims {
            let shortened = self.at_full_size(&embeddings.truncated(*dim)?)?;
            let score = shortened.get(&main).copied();
            scores.extend(score.map(|score| (at_dim(&main, *dim), score)));
        }
        Ok(scores)
    }

    fn at_full_size(&self, embeddings: &Embeddings) -> Result<Scores, PredictError> {
        let examples = self.dataset.examples();
        let labels = || examples.iter().filter_map(|row| row.label);
        let mut scores = Scores::new();
        let mut add = |name: &str, score: Result<f64, EvalError>| match score {
            Err(EvalError::Undefined { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(score) => {
                scores.insert(name.to_string(), score);
                Ok(())
            }
        };
        match self.dataset.kind() {
            EmbeddingKind::Positives => {
                let found = self.retrieval(embeddings)?;
                found
                    .into_iter()
                    .try_for_each(|(name, score)| add(&name, Ok(score)))?;
                if self.dataset.texts_per_row() > 2 {
                    add(TRIPLET_ACCURACY, self.triplet_accuracy(embeddings))?;
                }
            }
            EmbeddingKind::Scores => {
                let labels: Vec<f64> = labels().collect();
                let cosines = self.cosines(embeddings)?;
                let predicted = PredictedScores::from_slices(&labels, &cosines)?;
                add(SPEARMAN, predicted.spearman())?;
                add(PEARSON, predicted.pearson())?;
            }
            EmbeddingKind::Labels => {
                let positive: Vec<bool> = labels().map(|label| label == 1.0).collect();
                let ranking = BinaryRanking::from_slices(&positive, &self.cosines(embeddings)?)?;
                add(AVERAGE_PRECISION, ranking.average_precision())?;
            }
        }
        Ok(scores)
    }

    /// Returns the cosine of the first two texts of each row.
    ///
    /// # Errors
    /// - [`EvalError::LengthMismatch`] if embeddings and texts differ in number.
    pub fn cosines(&self, embeddings: &Embeddings) -> Result<Vec<f64>, EvalError> {
        self.column(embeddings, 0)
            .cosines(&self.column(embeddings, 1))
    }

    /// Returns the cosines as predictions, one for each row.
    ///
    /// # Errors
    /// - As [`Self::cosines`].
    pub fn predictions(&self, embeddings: &Embeddings) -> Result<Predictions, EvalError> {
        let cosines = self.cosines(embeddings)?.into_iter();
        Ok(Predictions::new(
            cosines.map(|cosine| vec![cosine as f32]).collect(),
        ))
    }

    fn column(&self, embeddings: &Embeddings, column: usize) -> Embeddings {
        let texts: Vec<usize> = self.rows.iter().map(|row| row[column]).collect();
        embeddings.select(&texts)
    }

    /// Retrieves the second texts of the different first ones from all texts but these. A text that
    /// occurs in several rows belongs to each of them.
    fn retrieval(&self, embeddings: &Embeddings) -> Result<Scores, EvalError> {
        let (mut queries, mut corpus) = (Places::default(), Places::default());
        let mut relevant: Vec<Vec<usize>> = Vec::new();
        for row in &self.rows {
            let query = queries.of(row[0]);
            relevant.resize(queries.texts.len(), Vec::new());
            let documents: Vec<usize> = row[1..].iter().map(|text| corpus.of(*text)).collect();
            relevant[query].push(documents[0]);
        }
        let (queries, corpus) = (
            embeddings.select(&queries.texts),
            embeddings.select(&corpus.texts),
        );
        Retrieval::default().scores(&queries, &corpus, &relevant)
    }

    /// Returns the accuracy over all negatives.
    fn triplet_accuracy(&self, embeddings: &Embeddings) -> Result<f64, EvalError> {
        let negatives = 2..self.dataset.texts_per_row();
        let columns = |of: &dyn Fn(usize) -> usize| {
            let texts = negatives.clone().flat_map(|column| {
                let column = of(column);
                self.rows.iter().map(move |row| row[column])
            });
            embeddings.select(&texts.collect::<Vec<_>>())
        };
        triplet_accuracy(
            &columns(&|_| 0),
            &columns(&|_| 1),
            &columns(&|column| column),
        )
    }
}

/// Names of scores; those of retrieval are [`Retrieval::names`].
const SPEARMAN: &str = "spearman";
const PEARSON: &str = "pearson";
const AVERAGE_PRECISION: &str = "average_precision";
const TRIPLET_ACCURACY: &str = "triplet_accuracy";

fn at_dim(name: &str, dim: usize) -> String {
    format!("{name}_dim_{dim}")
}

/// Different texts in the order in which they occur, with their places.
#[derive(Default)]
struct Places {
    texts: Vec<usize>,
    places: HashMap<usize, usize>,
}

impl Places {
    fn of(&mut self, text: usize) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(dataset: EmbeddingDataset) -> EvaluatedEmbeddings {
        let tokenizer = TextTokenizer::train_wordpiece(["a b c d e f"; 3], 60).unwrap();
        EvaluatedEmbeddings::new(dataset, &tokenizer, &EncodingConfig::new(8)).unwrap()
    }

    /// Two rows share an anchor and two a positive: two queries and a corpus of four texts.
    #[test]
    fn each_text_is_embedded_and_retrieved_once() {
        let rows = [["a", "c", "d"], ["a", "e", "d"], ["b", "c", "f"]];
        let rows = evaluated(EmbeddingDataset::positives("rows", rows).unwrap());
        assert_eq!(rows.texts.len(), 6);
        // a, c, d, e, b, f: c and e are near a, f is near b.
        let values = vec![1., 0., 1., 0.1, 0., 1., 1., 0.05, -0.1, 1., -0.2, 1.];
        let embeddings = Embeddings::new(values, 2).unwrap();
        let scores = rows.scores(&embeddings, &[1]).unwrap();
        let names = EvaluatedEmbeddings::names(EmbeddingKind::Positives, 3, &[1]);
        assert_eq!(scores.keys().cloned().collect::<Vec<_>>(), {
            let mut names = names;
            names.sort_by_key(|name| scores.get_index_of(name));
            names
        });
        assert_eq!((scores["accuracy@1"], scores["recall@3"]), (0.5, 1.0));
        assert_eq!(scores["mrr@10"], (1.0 + 1.0 / 3.0) / 2.0);
        assert_eq!(scores["triplet_accuracy"], 2.0 / 3.0);
    }

    #[test]
    fn scores_that_are_undefined_are_left_out() {
        let pairs = [("a", "b", 1.0), ("c", "d", 1.0)];
        let rows = evaluated(EmbeddingDataset::scored("rows", pairs).unwrap());
        let embeddings = Embeddings::new(vec![1., 0., 0., 1., 1., 1., 2., 1.], 2).unwrap();
        assert!(rows.scores(&embeddings, &[1]).unwrap().is_empty());
        let pairs = [("a", "b", false), ("c", "d", true)];
        let rows = evaluated(EmbeddingDataset::labeled("rows", pairs).unwrap());
        assert_eq!(
            rows.scores(&embeddings, &[]).unwrap()["average_precision"],
            1.0
        );
        let logits = rows.predictions(&embeddings).unwrap().logits;
        assert_eq!(logits[0], [0.0]);
    }
}
