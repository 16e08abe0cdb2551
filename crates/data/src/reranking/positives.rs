//! Lists of documents from texts that belong together, to train a reranker without graded labels.

use std::collections::{HashMap, HashSet};

use finetune_random::{Purpose, generator};
use rand::seq::index;

use super::{RerankingDataset, RerankingExample};
use crate::embedding::{EmbeddingDataset, EmbeddingKind};
use crate::error::DataError;

impl RerankingDataset {
    /// Makes a list for each anchor of a dataset of positives: its positives with label 1, then the
    /// negatives of its rows and `negatives` random other texts that are no anchors, with label 0. The
    /// choice depends on `seed` alone.
    ///
    /// ```
    /// use finetune_data::{EmbeddingDataset, RerankingDataset};
    ///
    /// let pairs = [["Open?", "From nine."], ["Price?", "Two euros."], ["Where?", "In town."]];
    /// let pairs = EmbeddingDataset::positives("questions", pairs)?;
    /// let lists = RerankingDataset::from_positives(&pairs, 1, 42)?;
    /// let first = &lists.examples()[0];
    /// assert_eq!((&first.query[..], &first.documents[0][..]), ("Open?", "From nine."));
    /// assert_eq!(first.labels, [1.0, 0.0]);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if the rows have scores or labels.
    pub fn from_positives(
        dataset: &EmbeddingDataset,
        negatives: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        if dataset.kind() != EmbeddingKind::Positives {
            let found = format!("{:?}", dataset.kind());
            return Err(DataError::setting(
                "rows of the lists",
                "texts that belong together",
                found,
            ));
        }
        let mut pool = Distinct::default();
        let mut anchors = Distinct::default();
        let mut lists: Vec<[Distinct<'_>; 2]> = Vec::new();
        for row in dataset.examples() {
            let [anchor, positive, others @ ..] = &row.texts[..] else {
                continue;
            };
            let place = anchors.place(anchor);
            if place == lists.len() {
                lists.push(Default::default());
            }
            lists[place][0].place(positive);
            pool.place(positive);
            for text in others {
                lists[place][1].place(text);
                pool.place(text);
            }
        }
        let examples = lists.iter().zip(&anchors.texts).enumerate();
        let examples = examples.map(|(query, ([positives, own], anchor))| {
            let own = own.texts.iter().filter(|text| !positives.contains(text));
            let mut documents = [&positives.texts[..], &own.copied().collect::<Vec<_>>()].concat();
            let known: HashSet<&str> = documents.iter().copied().collect();
            let drawn = pool.texts.len().min(negatives + known.len());
            let mut random = generator(seed, Purpose::Negatives, query as u64, 0);
            let drawn = index::sample(&mut random, pool.texts.len(), drawn).into_iter();
            let drawn = drawn.map(|place| pool.texts[place]);
            documents.extend(drawn.filter(|text| !known.contains(text)).take(negatives));
            let is_positive = |place| f64::from(u8::from(place < positives.texts.len()));
            RerankingExample {
                query: anchor.to_string(),
                labels: (0..documents.len()).map(is_positive).collect(),
                documents: documents.into_iter().map(str::to_string).collect(),
            }
        });
        Self::new(dataset.name.clone(), examples.collect())
    }
}

/// Different texts in the order in which they occur, with their places.
#[derive(Default)]
struct Distinct<'a> {
    texts: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Distinct<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        })
    }

    fn contains(&self, text: &str) -> bool {
        self.places.contains_key(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_each_text_once_and_no_positive_among_its_negatives() {
        let rows = [["q", "a", "x"], ["q", "b", "a"], ["r", "c", "x"]];
        let rows = EmbeddingDataset::positives("rows", rows).unwrap();
        let lists = RerankingDataset::from_positives(&rows, 9, 1).unwrap();
        let [first, second] = lists.examples() else {
            panic!("two queries");
        };
        assert_eq!(first.documents, ["a", "b", "x", "c"]);
        assert_eq!(first.labels, [1.0, 1.0, 0.0, 0.0]);
        assert_eq!(second.documents[..2], ["c", "x"]);
        let mut rest = second.documents[2..].to_vec();
        rest.sort();
        assert_eq!(rest, ["a", "b"]);
        let few = RerankingDataset::from_positives(&rows, 1, 1).unwrap();
        assert_eq!(few.num_documents(), 4 + 3);
        let again = RerankingDataset::from_positives(&rows, 1, 1).unwrap();
        assert_eq!(few, again);
    }

    #[test]
    fn scores_are_no_positives() {
        let scored = EmbeddingDataset::scored("sts", [("a", "b", 0.5)]).unwrap();
        let error = RerankingDataset::from_positives(&scored, 1, 1).unwrap_err();
        assert!(error.to_string().contains("Scores"), "{error}");
    }
}
