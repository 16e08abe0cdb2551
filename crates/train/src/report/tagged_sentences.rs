//! Test report of a token classifier: scores, confusions and the worst sentences.

use std::collections::BTreeMap;

use finetune_data::Example;
use finetune_data::tagged::TagScheme;
use finetune_eval::report::{ScoredText, TextSamples};
use finetune_eval::{ClassificationReport, EntityMode, Predictions, Scores, entities};
use finetune_predict::{DecodedWord, SentenceTags, TokenPredictionOutput};
use serde_json::{Value, json};

use super::error_analysis::worst;
use super::{ErrorAnalysis, TestScores, TestSection};
use crate::error::TrainError;

/// Sentences with true and predicted tags.
pub(crate) struct TaggedSentences<'a> {
    pub(crate) rows: &'a [Example],
    pub(crate) class_names: &'a [String],
    pub(crate) scheme: TagScheme,
    pub(crate) mode: EntityMode,
    /// Prediction for each word that was not cut off.
    pub(crate) words: &'a [Vec<DecodedWord>],
    pub(crate) tags: &'a [SentenceTags],
}

impl TestSection {
    /// # Errors
    /// - [`TrainError::Eval`] if there are no words.
    pub(crate) fn of_tags(
        sentences: &TaggedSentences<'_>,
        metrics: Scores,
        output: &TokenPredictionOutput,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            scores: sentences.scores()?,
            analysis: ErrorAnalysis::of_worst(sentences.worst()?),
            metrics,
            calibrated: None,
            int8: None,
            intervals: BTreeMap::new(),
            seconds: output.seconds,
            samples_per_second: output.samples_per_second(),
        })
    }
}

impl TaggedSentences<'_> {
    fn scores(&self) -> Result<TestScores, TrainError> {
        if self.scheme.has_entities() {
            let report = SentenceTags::entities(self.tags, self.class_names, self.mode)?;
            return Ok(TestScores::Entities(report));
        }
        let confusion_matrix = SentenceTags::confusions(self.tags, self.class_names)?;
        Ok(TestScores::Classes {
            report: ClassificationReport::from_confusion_matrix(&confusion_matrix)?,
            confusion_matrix,
        })
    }

    /// Returns the logarithms of the probabilities of all words, one row per word.
    pub(crate) fn predictions(&self, scores: &Scores) -> Predictions {
        let words = self.words.iter().flatten();
        let logits = words.map(|word| {
            let probabilities = word.probabilities.iter();
            probabilities
                .map(|probability| probability.ln() as f32)
                .collect()
        });
        Predictions {
            mean_loss: scores.get("loss").copied(),
            ..Predictions::new(logits.collect())
        }
    }

    /// Returns the lines of `predictions.jsonl`, one per sentence.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let names = |classes: &[usize]| -> Vec<&String> {
            classes
                .iter()
                .map(|class| &self.class_names[*class])
                .collect()
        };
        let rows = self.rows.iter().zip(self.words).zip(self.tags).enumerate();
        let line =
            |(row, ((example, words), tags)): (usize, ((&Example, &Vec<_>), &SentenceTags))| {
                let probabilities = words
                    .iter()
                    .map(|word: &DecodedWord| word.probabilities[word.class]);
                json!({
                    "row": row,
                    "words": example.words().take(words.len()).collect::<Vec<_>>(),
                    "label": names(&tags.targets),
                    "prediction": names(&tags.predictions),
                    "probabilities": probabilities.collect::<Vec<f64>>(),
                })
            };
        rows.map(line).collect()
    }

    /// Returns the sentences with wrong tags whose true tags are the least likely.
    fn worst(&self) -> Result<TextSamples, TrainError> {
        let wrong = (0..self.tags.len()).filter(|row| {
            let SentenceTags {
                targets,
                predictions,
            } = &self.tags[*row];
            targets != predictions
        });
        let surprise = |row: usize| {
            let words = self.words[row].iter().zip(&self.tags[row].targets);
            words
                .map(|(word, class)| -word.probabilities[*class].ln())
                .sum::<f64>()
        };
        let texts = worst(wrong, surprise).map(|row| {
            let SentenceTags {
                targets,
                predictions,
            } = &self.tags[row];
            let words: Vec<&str> = self.rows[row].words().collect();
            Ok(ScoredText::new(row.to_string(), &self.rows[row].text)
                .label(self.shown(&words, targets, predictions)?)
                .prediction(self.shown(&words, predictions, targets)?))
        });
        Ok(TextSamples {
            caption: "The sentences whose true tags are the least likely, by row.".to_string(),
            texts: texts.collect::<Result<_, TrainError>>()?,
        })
    }

    /// Formats the entities of some tags, or without a scheme the tags that differ from others; a dash
    /// for none.
    fn shown(
        &self,
        words: &[&str],
        classes: &[usize],
        others: &[usize],
    ) -> Result<String, TrainError> {
        let name = |class: usize| &self.class_names[class][..];
        let parts: Vec<String> = if self.scheme.has_entities() {
            let tags: Vec<&str> = classes.iter().map(|class| name(*class)).collect();
            let found = entities(&tags, self.mode)?.into_iter();
            let part = found.map(|entity| {
                let text = words[entity.start..entity.end].join(" ");
                format!("{text} ({})", entity.label)
            });
            part.collect()
        } else {
            let tags = classes.iter().zip(others).zip(words);
            let tags = tags.filter(|((class, other), _)| class != other);
            tags.map(|((class, _), word)| format!("{word} ({})", name(*class)))
                .collect()
        };
        Ok(match parts.is_empty() {
            true => "–".to_string(),
            false => parts.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use finetune_data::Label;

    use super::*;

    #[test]
    fn sentences_with_errors_come_by_their_surprise() {
        let names = ["B-X", "I-X", "O"].map(String::from);
        let word = |class: usize, sure: f64| {
            let rest = (1.0 - sure) / 2.0;
            let mut probabilities = vec![rest; 3];
            probabilities[class] = sure;
            DecodedWord {
                class,
                probabilities,
            }
        };
        let words = [
            vec![word(0, 0.9), word(1, 0.9)],
            vec![word(2, 0.8), word(2, 0.8)],
            vec![word(0, 0.9)],
        ];
        let targets = [vec![0, 2], vec![0, 1], vec![0]];
        let tags = words
            .iter()
            .zip(targets)
            .map(|(words, targets)| SentenceTags {
                targets,
                predictions: words.iter().map(|word| word.class).collect(),
            });
        let tags: Vec<SentenceTags> = tags.collect();
        let rows = ["a b", "c d", "e"].map(|text| Example::new(text, Label::Unlabeled));
        let sentences = TaggedSentences {
            rows: &rows,
            class_names: &names,
            scheme: TagScheme::Bio,
            mode: EntityMode::Lenient,
            words: &words,
            tags: &tags,
        };
        let worst = sentences.worst().unwrap().texts;
        let ids: Vec<&str> = worst.iter().map(|text| &text.id[..]).collect();
        assert_eq!(ids, ["1", "0"]);
        assert_eq!(worst[0].label.as_deref(), Some("c d (X)"));
        assert_eq!(worst[0].prediction.as_deref(), Some("–"));
        let lines = sentences.lines();
        assert_eq!(lines[0]["prediction"], json!(["B-X", "I-X"]));
        assert_eq!(lines[1]["words"], json!(["c", "d"]));
        assert_eq!(
            sentences.predictions(&Scores::new()).classes(),
            [0, 1, 2, 2, 0]
        );
        let plain = TaggedSentences {
            scheme: TagScheme::Plain,
            ..sentences
        };
        let worst = plain.worst().unwrap().texts;
        assert_eq!(worst[1].label.as_deref(), Some("b (O)"));
        assert_eq!(worst[1].prediction.as_deref(), Some("b (I-X)"));
    }
}
