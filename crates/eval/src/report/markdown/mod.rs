//! Markdown format of a report.

mod escape;

use escape::{code, inline};

use super::Report;
use super::block::{Block, KeyValues};
use super::figure::Figure;
use super::table::{Alignment, Table};
use super::texts::{ScoredText, TextSamples};

pub(super) fn document(report: &Report) -> String {
    let mut parts = vec![format!("# {}", inline(&report.title))];
    if !report.summary.is_empty() {
        parts.push(inline(&report.summary));
    }
    for section in &report.sections {
        parts.push(format!("## {}", inline(&section.title)));
        parts.extend(section.blocks.iter().flat_map(block));
    }
    // Empty parts would cause consecutive empty lines.
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

/// Returns the paragraphs of a block.
fn block(block: &Block) -> Vec<String> {
    match block {
        Block::KeyValues(block) => vec![facts(block)],
        Block::Table(block) => vec![inline(block.caption()), table(block)],
        Block::Figure(block) => vec![figure(block)],
        Block::TextSamples(block) => texts(block),
        Block::Note { text } => vec![inline(text)],
        Block::Preformatted { text } => vec![escape::fenced(text)],
    }
}

fn facts(facts: &KeyValues) -> String {
    let lines = facts.facts.iter().map(|fact| {
        let value = if fact.code {
            code(&fact.value)
        } else {
            inline(&fact.value)
        };
        format!("- **{}**: {value}", inline(&fact.name))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn table(table: &Table) -> String {
    let headings = table.columns().iter().map(|column| inline(&column.name));
    let rules = table.columns().iter().map(|column| match column.alignment {
        Alignment::Left => ":--".to_owned(),
        Alignment::Right => "--:".to_owned(),
    });
    let mut lines = vec![line(headings), line(rules)];
    for row in 0..table.rows().len() {
        lines.push(line((0..table.columns().len()).map(|column| {
            let shown = inline(&table.formatted(row, column));
            if table.is_best(row, column) {
                format!("**{shown}**")
            } else {
                shown
            }
        })));
    }
    lines.join("\n")
}

/// Returns a table row.
fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

fn figure(figure: &Figure) -> String {
    format!(
        "*Figure.* {} *To be seen:* {}",
        inline(figure.caption()),
        inline(figure.alt())
    )
}

fn texts(texts: &TextSamples) -> Vec<String> {
    let mut parts = vec![inline(&texts.caption)];
    parts.extend(texts.texts.iter().map(scored_text));
    parts
}

/// Returns label and prediction of a text, followed by the text as a quotation.
fn scored_text(text: &ScoredText) -> String {
    let mut said = Vec::new();
    if !text.id.is_empty() {
        said.push(format!("**{}**", inline(&text.id)));
    }
    if let Some(label) = &text.label {
        said.push(format!("label **{}**", inline(label)));
    }
    if let Some(prediction) = &text.prediction {
        said.push(format!("predicted **{}**", inline(prediction)));
    }
    said.extend(text.probabilities.iter().map(|class| {
        let known = (0.0..=1.0).contains(&class.probability);
        let shown = known.then(|| format!("{:.3}", class.probability));
        format!(
            "{} {}",
            inline(&class.class),
            shown.as_deref().unwrap_or("–")
        )
    }));
    let mut parts = vec![said.join(", ")];
    parts.extend(text.parts.iter().map(|part| format!("> {}", inline(part))));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Column, Section};

    #[test]
    fn a_whole_document() {
        let mut scores = Table::new(
            "Scores.",
            vec![
                Column::text("Model"),
                Column::number("F1", 2).highest_is_best(),
            ],
        );
        scores.push(["a|b".into(), 0.5.into()]).unwrap();
        scores.push(["c".into(), 0.75.into()]).unwrap();
        let worst = TextSamples {
            caption: "Worst.".into(),
            texts: vec![
                ScoredText::new("7", "one\ntwo")
                    .label("x_y")
                    .prediction("z")
                    .probabilities([("z", 0.75), ("x_y", f64::NAN)]),
            ],
        };
        let report = Report::new("A *run*", "").with(
            Section::new("Scores")
                .with(
                    KeyValues::new()
                        .with("Seed", 1)
                        .with_code("Command", "a `b`"),
                )
                .with(scores)
                .with(worst)
                .with_note("1. is no list"),
        );
        assert_eq!(
            document(&report),
            r"# A \*run\*

## Scores

- **Seed**: 1
- **Command**: `` a `b` ``

Scores.

| Model | F1 |
| :-- | --: |
| a\|b | 0.50 |
| c | **0.75** |

Worst.

**7**, label **x\_y**, predicted **z**, z 0.750, x\_y –

> one<br>two

1\. is no list
"
        );
    }
}
