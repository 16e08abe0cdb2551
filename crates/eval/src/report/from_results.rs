//! Results of this crate as blocks of a report.

use super::block::Section;
use super::table::{Cell, Column, Table};
use crate::classification::ClassificationReport;
use crate::entities::EntityReport;
use crate::metric::MetricKind;
use crate::multi_label::MultiLabelReport;
use crate::slices::SliceScores;
use crate::statistics::{Comparison, ComparisonTable, Verdict};

/// Precision, recall, F1 and support of each class, then their means.
impl From<&ClassificationReport> for Table {
    fn from(report: &ClassificationReport) -> Self {
        let rows = report.rows;
        let line = |name: &str, [precision, recall, f1]: [f64; 3], rows: u64| {
            [
                name.into(),
                precision.into(),
                recall.into(),
                f1.into(),
                rows.into(),
            ]
        };
        let classes = report.per_class.iter().map(|class| {
            let scores = [class.precision, class.recall, class.f1];
            line(&class.name, scores, class.support)
        });
        let macro_means = [report.macro_precision, report.macro_recall, report.macro_f1];
        let weighted = [
            report.weighted_precision,
            report.weighted_recall,
            report.weighted_f1,
        ];
        let means = [
            line("macro mean", macro_means, rows),
            line("weighted mean", weighted, rows),
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

/// Threshold, scores, areas and rows of each class, then the means.
impl From<&MultiLabelReport> for Table {
    fn from(report: &MultiLabelReport) -> Self {
        let classes = report.per_class.iter().map(|class| {
            [
                class.name.as_str().into(),
                class.threshold.into(),
                class.precision.into(),
                class.recall.into(),
                class.f1.into(),
                class.roc_auc.into(),
                class.average_precision.into(),
                class.support.into(),
            ]
        });
        let all: u64 = report.per_class.iter().map(|class| class.support).sum();
        let areas =
            |roc: MetricKind, precision: MetricKind| [report.score(roc), report.score(precision)];
        let means = [
            (
                "micro mean",
                &report.micro,
                areas(MetricKind::MicroRocAuc, MetricKind::MicroAveragePrecision),
            ),
            (
                "macro mean",
                &report.macro_mean,
                areas(MetricKind::RocAuc, MetricKind::AveragePrecision),
            ),
            (
                "weighted mean",
                &report.weighted,
                [report.score(MetricKind::RocAucOvrWeighted), None],
            ),
            ("mean of the rows", &report.samples, [None, None]),
        ];
        let means = means.into_iter().map(|(name, scores, [roc, precision])| {
            [
                name.into(),
                Cell::from(None::<f64>),
                scores.precision.into(),
                scores.recall.into(),
                scores.f1.into(),
                roc.into(),
                precision.into(),
                all.into(),
            ]
        });
        Self::of(
            format!(
                "All classes of a row are right in {:.4} of {} rows; {:.4} of all pairs of a row \
                 and a class are wrong.",
                report.accuracy, report.rows, report.hamming_loss
            ),
            [
                Column::text("Class"),
                Column::number("Threshold", 4),
                Column::number("Precision", 4),
                Column::number("Recall", 4),
                Column::number("F1", 4),
                Column::number("ROC area", 4),
                Column::number("Average precision", 4),
                Column::count("Rows"),
            ],
            classes.chain(means),
        )
    }
}

/// Precision, recall, F1 and entities of each type, then their means.
impl From<&EntityReport> for Table {
    fn from(report: &EntityReport) -> Self {
        let all: u64 = report.per_type.iter().map(|one| one.support).sum();
        let line = |name: &str, [precision, recall, f1]: [f64; 3], entities: u64| {
            [
                name.into(),
                precision.into(),
                recall.into(),
                f1.into(),
                entities.into(),
            ]
        };
        let types = report.per_type.iter().map(|one| {
            let scores = [one.precision, one.recall, one.f1];
            line(&one.name, scores, one.support)
        });
        let means = [
            ("micro mean", &report.micro),
            ("macro mean", &report.macro_mean),
            ("weighted mean", &report.weighted),
        ];
        let means = means.into_iter().map(|(name, scores)| {
            let scores = [scores.precision, scores.recall, scores.f1];
            line(name, scores, all)
        });
        Self::of(
            format!(
                "Entities; {:.4} of the tags of {} words are right.",
                report.accuracy, report.words
            ),
            [
                Column::text("Type"),
                Column::number("Precision", 4),
                Column::number("Recall", 4),
                Column::number("F1", 4),
                Column::count("Entities"),
            ],
            types.chain(means),
        )
    }
}

/// Scores of each slice, one row per slice.
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
    /// Returns a section with the groups of a study, their comparisons, and each comparison as a
    /// sentence.
    ///
    /// ```
    /// use finetune_eval::report::Section;
    /// use finetune_eval::statistics::{ScoreGroup, ComparisonConfig, ComparisonTable};
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let groups = [ScoreGroup::new("frozen", [0.78, 0.77]), ScoreGroup::new("tuned", [0.83, 0.82])];
    /// let config = ComparisonConfig::default();
    /// let table = ComparisonTable::new(&groups, Some("frozen"), &config)?;
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
            let sentence = comparison.to_string();
            let sentence = sentence.replacen("no difference", "No difference", 1);
            section = section.with_note(sentence + ".");
        }
        section
    }
}

fn groups(table: &ComparisonTable) -> Table {
    let mut comparisons = table.comparisons.iter();
    let mean = Column::number("Mean ± deviation", 4);
    let mean = match comparisons.any(|one| one.config.lower_is_better) {
        true => mean.lowest_is_best(),
        false => mean.highest_is_best(),
    };
    Table::of(
        "Scores of the groups over their runs: seeds or folds.",
        [
            Column::text("Arm"),
            Column::count("Runs"),
            mean,
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
            Column::text("Groups"),
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
        comparison.p_value.into(),
        comparison.adjusted_p.into(),
        shown.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::MetricKind;
    use crate::regression::PredictedScores;
    use crate::slices::Slices;
    use crate::statistics::{ComparisonConfig, ScoreGroup};

    #[test]
    fn a_classification_has_its_classes_and_means() {
        let report =
            ClassificationReport::from_slices(&[0, 0, 0, 1], &[0, 0, 1, 1], ["ham", "spam"])
                .unwrap();
        let table = Table::from(&report);
        let shown = |row: usize| {
            (0..5)
                .map(|column| table.formatted(row, column))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(1), ["spam", "0.5000", "1.0000", "0.6667", "1"]);
        assert_eq!(shown(2), ["macro mean", "0.7500", "0.8333", "0.7333", "4"]);
        assert_eq!(table.rows().len(), 4);
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
        let table = ComparisonTable::new(&groups, Some("a"), &config).unwrap();
        let (groups, pairs) = (super::groups(&table), super::comparisons(&table));
        assert!(groups.is_best(1, 2) && !groups.is_best(0, 2));
        assert_eq!(pairs.formatted(0, 0), "b – a");
        assert_eq!(pairs.formatted(0, 7), "better");
        assert_eq!(pairs.formatted(1, 7), "no difference shown");
        assert_eq!(Section::of_comparisons("", &table).blocks.len(), 4);
    }
}
