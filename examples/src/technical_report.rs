//! The technical report on AG News: its settings and scores.

use std::error::Error;

use finetune::eval::report::{Cell, Column, Table};
use finetune::prelude::*;
use finetune::study::{StudyError, override_settings};
use serde_json::{Map, Value};

use crate::recipe::{Difference, differences};
use crate::study::Conditions;

/// Settings of the report, on top of the defaults of the library.
const SETTINGS: &str = include_str!("../settings/ag_news_technical_report.json");

/// Scores of the report on the test rows as rounded there; it does not say which F1 it is.
pub const fn published_scores() -> [(&'static str, f64); 2] {
    [("accuracy", 0.94), ("macro_f1", 0.91)]
}

/// Loss of the report's last epoch of training.
const PUBLISHED_LOSS: f64 = 0.012415256351232529;

/// Settings of a run beside those of the technical report.
#[derive(Debug)]
pub struct TechnicalReport {
    conditions: Conditions,
    differences: Vec<Difference>,
}

impl TechnicalReport {
    /// Returns the settings of the report. It holds out validation rows for early stopping, but
    /// does not say how many.
    ///
    /// # Errors
    /// If the settings are invalid.
    pub fn recipe() -> Result<FineTuningConfig, StudyError> {
        let source = "the settings of the technical report";
        let settings: Map<String, Value> =
            serde_json::from_str(SETTINGS).map_err(|error| StudyError::InvalidConfig {
                place: source.to_string(),
                problem: error.to_string(),
            })?;
        override_settings(&FineTuningConfig::default(), &settings, source)
    }

    /// Creates the comparison of a run's settings with those of the report.
    ///
    /// # Errors
    /// If the settings of the report are invalid.
    pub fn new(
        settings: &FineTuningConfig,
        conditions: Conditions,
    ) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            conditions,
            differences: differences(&Self::recipe()?, settings)?,
        })
    }

    /// Returns whether the run has the data and the settings of the report, so that its scores
    /// compare.
    pub fn is_repeated(&self) -> bool {
        let mut found = self.differences.iter();
        self.conditions.obstacle.is_none() && !found.any(Difference::changes_scores)
    }

    /// Returns our scores beside those of the report. Without its data and settings, the published
    /// scores are left out, and the differences are the reason.
    ///
    /// # Errors
    /// If the run was not tested, or the table cannot be built.
    pub fn beside(&self, output: &FineTuningOutput) -> Result<String, Box<dyn Error>> {
        let is_repeated = self.is_repeated();
        let mut text = "Beside the technical report:\n".to_string();
        let lines = self
            .conditions
            .notes
            .iter()
            .chain(&self.conditions.obstacle);
        for line in lines
            .cloned()
            .chain(self.differences.iter().map(Difference::to_string))
        {
            text += &format!("- {line}\n");
        }
        if !is_repeated {
            text += "With these differences its scores do not compare.\n";
        }
        let columns = [
            Column::text("Score"),
            Column::number("ours", 4),
            Column::number("published", 4),
        ];
        let mut table = Table::new("Test scores and the last epoch's loss.", columns.into());
        let losses = output.report.train.epochs.last().map(|epoch| epoch.loss);
        let scores = published_scores().map(|(metric, published)| {
            let ours = output.test_score(metric);
            (metric.replace('_', " "), ours, published)
        });
        let loss = ("training loss".to_string(), losses, PUBLISHED_LOSS);
        for (name, ours, published) in scores.into_iter().chain([loss]) {
            let published = Some(published).filter(|_| is_repeated);
            table.push([name.into(), Cell::from(ours), Cell::from(published)])?;
        }
        Ok(format!("{text}\n{table}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reports_own_settings_compare() {
        let recipe = TechnicalReport::recipe().unwrap();
        recipe.validate().unwrap();
        assert_eq!(recipe.train.optimizer.learning_rate, 2e-5);
        let compares = |settings: &FineTuningConfig, conditions| {
            TechnicalReport::new(settings, conditions)
                .unwrap()
                .is_repeated()
        };
        assert!(compares(&recipe, Conditions::default()));
        let mut other = recipe.clone();
        other.train.seed = 3;
        assert!(compares(&other, Conditions::default()));
        other.train.optimizer.learning_rate = 1e-4;
        assert!(!compares(&other, Conditions::default()));
        let bundled = Conditions {
            obstacle: Some("other data".to_string()),
            ..Conditions::default()
        };
        assert!(!compares(&recipe, bundled));
    }
}
