//! Text format of scikit-learn's classification report.

use super::ClassificationReport;

pub(super) fn render(report: &ClassificationReport, digits: usize) -> String {
    const LAST_HEADING: &str = "weighted avg";
    let names = report
        .per_class
        .iter()
        .map(|class| class.name.chars().count());
    let width = names.fold(LAST_HEADING.len().max(digits), usize::max);
    let line = |name: &str, precision: f64, recall: f64, f1: f64, support: u64| {
        format!(
            "{name:>width$}  {precision:>9.digits$} {recall:>9.digits$} {f1:>9.digits$} \
             {support:>9}\n"
        )
    };

    let mut text = format!(
        "{:>width$}  {:>9} {:>9} {:>9} {:>9}\n\n",
        "", "precision", "recall", "f1-score", "support"
    );
    for class in &report.per_class {
        text += &line(
            &class.name,
            class.precision,
            class.recall,
            class.f1,
            class.support,
        );
    }
    text += &format!(
        "\n{:>width$}  {:>9} {:>9} {:>9.digits$} {:>9}\n",
        "accuracy", "", "", report.accuracy, report.rows
    );
    text += &line(
        "macro avg",
        report.macro_precision,
        report.macro_recall,
        report.macro_f1,
        report.rows,
    );
    text += &line(
        LAST_HEADING,
        report.weighted_precision,
        report.weighted_recall,
        report.weighted_f1,
        report.rows,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_widen_the_first_column() {
        let name = "a class name of some length";
        let text = ClassificationReport::from_slices(&[0, 1], &[0, 1], [name, "b"])
            .unwrap()
            .to_text();
        assert!(text.contains(&format!("\n{name}     1.0000")), "{text}");
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len()),
            "{text}"
        );
    }
}
