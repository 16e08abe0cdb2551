//! HTML of a section's blocks.

use maud::{Markup, PreEscaped, html};

use crate::report::block::{Block, KeyValues};
use crate::report::control_characters::visible;
use crate::report::figure::Figure;
use crate::report::table::{Alignment, Cell, Table};
use crate::report::texts::{ScoredText, TextSamples};

pub(super) fn block(block: &Block) -> Markup {
    match block {
        Block::KeyValues(block) => facts(block),
        Block::Table(block) => table(block),
        Block::Figure(block) => figure(block),
        Block::TextSamples(block) => texts(block),
        Block::Note { text } => html! { p class="note" dir="auto" { (visible(text)) } },
        Block::Preformatted { text } => html! {
            // A long text scrolls separately, also with the keyboard.
            pre tabindex="0" { (visible(text)) }
        },
    }
}

fn facts(facts: &KeyValues) -> Markup {
    html! {
        dl {
            @for fact in &facts.facts {
                div {
                    dt { bdi { (visible(&fact.name)) } }
                    dd {
                        @if fact.code { code { (visible(&fact.value)) } }
                        @else { bdi { (visible(&fact.value)) } }
                    }
                }
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    let side = |column: usize| match table.columns()[column].alignment {
        Alignment::Left => None,
        Alignment::Right => Some("number"),
    };
    html! {
        figure class="table" {
            @if !table.caption().is_empty() { figcaption { (visible(table.caption())) } }
            // A wide table scrolls separately, also with the keyboard.
            div class="scroll" tabindex="0" role="region" aria-label=[label(table)] {
                table {
                    thead {
                        tr {
                            @for (number, column) in table.columns().iter().enumerate() {
                                th scope="col" class=[side(number)] { bdi { (visible(&column.name)) } }
                            }
                        }
                    }
                    tbody {
                        @for (row, cells) in table.rows().iter().enumerate() {
                            tr {
                                @for (column, cell) in cells.iter().enumerate() {
                                    td class=[side(column)] { (value(table, row, column, cell)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the caption as a name for screen readers, if there is one.
fn label(table: &Table) -> Option<String> {
    (!table.caption().is_empty()).then(|| visible(table.caption()).into_owned())
}

fn value(table: &Table, row: usize, column: usize, cell: &Cell) -> Markup {
    let shown = table.formatted(row, column);
    html! {
        @if table.is_best(row, column) { strong { (shown) } }
        @else if let Cell::Text(_) = cell { bdi { (visible(&shown)) } }
        @else { (shown) }
    }
}

fn figure(figure: &Figure) -> Markup {
    html! {
        figure {
            // The figure's constructor has checked the drawing.
            div class="drawing" role="img" aria-label=(visible(figure.alt())) {
                (PreEscaped(figure.svg()))
            }
            @if !figure.caption().is_empty() { figcaption { (visible(figure.caption())) } }
        }
    }
}

fn texts(texts: &TextSamples) -> Markup {
    html! {
        @if !texts.caption.is_empty() { p class="caption" { (visible(&texts.caption)) } }
        @for text in &texts.texts { (scored_text(text)) }
    }
}

fn scored_text(text: &ScoredText) -> Markup {
    html! {
        article class=[text.is_error().then_some("error")] {
            p class="verdict" {
                @if !text.id.is_empty() { span class="id" { bdi { (visible(&text.id)) } } }
                @if let Some(label) = &text.label {
                    span { span class="name" { "label " } b { bdi { (visible(label)) } } }
                }
                @if let Some(prediction) = &text.prediction {
                    span { span class="name" { "predicted " } b class="prediction" { bdi { (visible(prediction)) } } }
                }
            }
            @for part in &text.parts { p class="text" dir="auto" { (visible(part)) } }
            @if !text.probabilities.is_empty() {
                ul class="probabilities" {
                    @for class in &text.probabilities { (bar(&class.class, class.probability)) }
                }
            }
        }
    }
}

/// Returns a class with its probability as a number and a bar.
fn bar(class: &str, probability: f64) -> Markup {
    let known = (0.0..=1.0).contains(&probability);
    html! {
        li {
            span class="class" { bdi { (visible(class)) } }
            @if known {
                span class="bar" { span style=(format!("width:{:.1}%", 100.0 * probability)) {} }
                span class="number" { (format!("{probability:.3}")) }
            } @else {
                span class="bar" {}
                span class="number" { "–" }
            }
        }
    }
}
