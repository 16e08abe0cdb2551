//! Results of this crate as blocks of a report.

use super::{Cell, Column, Section, Table};
use crate::statistics::{Comparison, ComparisonTable, Verdict};
use crate::{ClassificationReport, ConfusionMatrix, SliceScores};

/// Precision, recall, F1 and support of each class, then their means.
impl From<&ClassificationReport> for Table {
    fn from(report: &ClassificationReport) -> Self {
        let rows = report.rows;
        let classes = report.per_class.iter().map(|class| {
            let name = class.name.as_str().into();
            [
                name,
                class.precision.into(),
                class.recall.into(),
                class.f1.into(),
                class.support.into(),
            ]
        });
        let means = [
            [
                "macro mean".into(),
                report.macro_precision.into(),
                report.macro_recall.into(),
                report.macro_f1.into(),
                rows.into(),
            ],
            [
                "weighted mean".into(),
                report.weighted_precision.into(),
                report.weighted_recall.into(),
                report.weighted_f1.into(),
                rows.into(),
            ],
        ];
        Self::of(
            format!("Accuracy {:.4} over {rows} rows.", report.accuracy),
            [
                Column::text("Class"),
                Column::number("Precision", 4),
                Column::number("Recall", 4),
                Column::number("F1", 4),
                Column::count("Rows"),
            ],
            classes.chain(means),
        )
    }
}

/// Counts, a row a true class and a column a predicted one.
impl From<&ConfusionMatrix> for Table {
    fn from(matrix: &ConfusionMatrix) -> Self {
        let names = matrix.class_names();
        let predicted = names.iter().map(|name| Column::count(format!("as {name}")));
        let columns = std::iter::once(Column::text("True")).chain(predicted);
        let rows = names
            .iter()
            .zip(matrix.counts_by_true())
            .map(|(name, counts)| {
                let counts = counts.iter().map(|&count| Cell::from(count));
                std::iter::once(Cell::from(name.as_str()))
                    .chain(counts)
                    .collect()
            });
        Self::assembled(
            "Rows by true and predicted class.".to_owned(),
            columns.collect(),
            rows.collect(),
        )
    }
}

/// The scores of each slice, a row a slice.
impl From<&SliceScores> for Table {
    fn from(scores: &SliceScores) -> Self {
        let metrics = scores.metrics.iter();
        let metrics = metrics.map(|metric| Column::number(metric.to_string().replace('_', " "), 4));
        let columns = [Column::text(scores.key.as_str()), Column::count("Rows")];
        let rows = scores.slices.iter().map(|slice| {
            let metrics = scores.metrics.iter();
            let values =
                metrics.map(|metric| Cell::from(slice.scores.get(&*metric.as_name()).copied()));
            let name = [slice.name.as_str().into(), slice.rows.into()];
            name.into_iter().chain(values).collect()
        });
        Self::assembled(
            format!("Scores by {}.", scores.key),
            columns.into_iter().chain(metrics).collect(),
            rows.collect(),
        )
    }
}

impl Section {
    /// The groups of a study, their comparisons, and each comparison as a sentence.
    ///
    /// ```
    /// use finetune_eval::report::Section;
    /// use finetune_eval::statistics::{ScoreGroup, ComparisonConfig, ComparisonTable};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let groups = [ScoreGroup::new("frozen", [0.78, 0.77]), ScoreGroup::new("tuned", [0.83, 0.82])];
    /// let config = ComparisonConfig::default();
    /// let table = ComparisonTable::against_baseline(&groups, "frozen", &config)?;
    /// let section = Section::of_comparisons("Frozen or tuned", &table);
    /// assert_eq!(section.blocks.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn of_comparisons(title: impl Into<String>, table: &ComparisonTable) -> Self {
        let mut section = Self::new(title)
            .with(groups(table))
            .with(comparisons(table));
        for comparison in &table.comparisons {
            // A sentence begins with a capital, a group as it is written.
            let sentence = comparison
                .to_string()
                .replacen("no difference", "No difference", 1);
            section = section.with_note(format!("{sentence}."));
        }
        section
    }
}

fn groups(table: &ComparisonTable) -> Table {
    let lower = table
        .comparisons
        .iter()
        .any(|one| one.config.lower_is_better);
    let mean = Column::number("Mean ± deviation", 4);
    Table::of(
        "Scores of the groups over their runs: seeds or folds.",
        [
            Column::text("Arm"),
            Column::count("Runs"),
            if lower {
                mean.lowest_is_best()
            } else {
                mean.highest_is_best()
            },
            Column::number("Lowest", 4),
            Column::number("Highest", 4),
        ],
        table.groups.iter().map(|group| {
            [
                group.name.as_str().into(),
                group.scores.count.into(),
                group.scores.into(),
                group.scores.minimum.into(),
                group.scores.maximum.into(),
            ]
        }),
    )
}

fn comparisons(table: &ComparisonTable) -> Table {
    Table::of(
        "Differences of the groups and their tests.",
        [
            Column::text("Arms"),
            Column::number("Difference", 4),
            Column::number("from", 4),
            Column::number("to", 4),
            Column::number("Cohen's d", 2),
            Column::probability("p"),
            Column::probability("p, adjusted"),
            Column::text("Shown"),
        ],
        table.comparisons.iter().map(comparison_row),
    )
}

fn comparison_row(comparison: &Comparison) -> [Cell; 8] {
    let test = comparison.test;
    let shown = match comparison.verdict() {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::NoDifferenceShown => "no difference shown",
        Verdict::Untested => "not tested",
    };
    [
        format!("{} – {}", comparison.first.name, comparison.second.name).into(),
        comparison.difference.into(),
        test.map(|test| test.interval.lower).into(),
        test.map(|test| test.interval.upper).into(),
        comparison.effect_size.map(|effect| effect.cohens_d).into(),
        test.map(|test| test.p_value).into(),
        comparison.adjusted_p.into(),
        shown.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::{ComparisonConfig, ScoreGroup};
    use crate::{MetricKind, PredictedScores, Slices};

    #[test]
    fn a_classification_has_its_classes_and_means() {
        let report =
            ClassificationReport::from_slices(&[0, 0, 0, 1], &[0, 0, 1, 1], ["ham", "spam"])
                .unwrap();
        let table = Table::from(&report);
        let shown = |row: usize| {
            (0..5)
                .map(|column| table.shown(row, column))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(1), ["spam", "0.5000", "1.0000", "0.6667", "1"]);
        assert_eq!(shown(2), ["macro mean", "0.7500", "0.8333", "0.7333", "4"]);
        assert_eq!(table.rows().len(), 4);
    }

    #[test]
    fn a_matrix_has_a_row_a_true_class() {
        let matrix = ConfusionMatrix::from_slices(&[0, 0, 1], &[0, 1, 1], ["ham", "spam"]).unwrap();
        let table = Table::from(&matrix);
        assert_eq!(table.rows()[0], ["ham".into(), 1_u64.into(), 1_u64.into()]);
        assert_eq!(table.rows()[1], ["spam".into(), 0_u64.into(), 1_u64.into()]);
    }

    #[test]
    fn a_slice_without_a_score_has_an_empty_cell() {
        let predicted = PredictedScores::from_slices(&[1.0, 2.0, 3.0], &[1.0, 2.5, 3.0]).unwrap();
        let slices = Slices::by("source", ["b", "a", "b"]);
        let metrics = [MetricKind::Pearson, MetricKind::MeanAbsoluteError];
        let scores = slices
            .scores(&metrics, |rows| predicted.select(rows))
            .unwrap();
        let table = Table::from(&scores);
        let rows = [
            ["a".into(), 1_u64.into(), Cell::Missing, 0.5.into()],
            ["b".into(), 2_u64.into(), 1.0.into(), 0.0.into()],
        ];
        assert_eq!(table.rows(), rows);
        assert_eq!(table.columns().len(), 4);
    }

    #[test]
    fn comparisons_are_told_in_figures_and_words() {
        let groups = [
            ScoreGroup::new("a", [0.5, 0.6, 0.7]),
            ScoreGroup::new("b", [0.1, 0.2, 0.3]),
            ScoreGroup::new("c", [0.5, 0.55, 0.9]),
        ];
        let config = ComparisonConfig {
            lower_is_better: true,
            ..ComparisonConfig::default()
        };
        let table = ComparisonTable::against_baseline(&groups, "a", &config).unwrap();
        let (groups, pairs) = (super::groups(&table), super::comparisons(&table));
        assert!(groups.is_best(1, 2) && !groups.is_best(0, 2));
        assert_eq!(pairs.shown(0, 0), "b – a");
        assert_eq!(pairs.shown(0, 7), "better");
        assert_eq!(pairs.shown(1, 7), "no difference shown");
        assert_eq!(Section::of_comparisons("", &table).blocks.len(), 4);
    }
}
