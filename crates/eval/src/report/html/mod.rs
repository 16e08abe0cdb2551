//! HTML format of a report.

mod blocks;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Report;
use super::block::Section;
use super::control_characters::visible;

/// Style sheet with all classes that the page uses.
const STYLE: &str = include_str!("style.css");

/// Content security policy: no scripts and no requests, regardless of the content.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// Minimum number of sections for a table of contents.
const SECTIONS_TO_LIST: usize = 4;

pub(super) fn page(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("finetune ", env!("CARGO_PKG_VERSION")));
                title { (visible(&report.title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 dir="auto" { (visible(&report.title)) }
                    @if !report.summary.is_empty() {
                        p class="summary" dir="auto" { (visible(&report.summary)) }
                    }
                    @if report.sections.len() >= SECTIONS_TO_LIST { (contents(report)) }
                }
                main {
                    @for (number, one) in report.sections.iter().enumerate() {
                        (section(one, number))
                    }
                }
            }
        }
    };
    page.into_string()
}

fn contents(report: &Report) -> Markup {
    html! {
        nav aria-label="Sections" {
            ol {
                @for (number, section) in report.sections.iter().enumerate() {
                    li { a href={ "#section-" (number + 1) } { bdi { (visible(&section.title)) } } }
                }
            }
        }
    }
}

fn section(section: &Section, number: usize) -> Markup {
    html! {
        section id={ "section-" (number + 1) } {
            h2 dir="auto" { (visible(&section.title)) }
            @for block in &section.blocks { (blocks::block(block)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_else() {
        let page = page(&Report::new("A run", "It went well."));
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
        for foreign in ["<script", "<link", "src=", "@import", "url(", "http"] {
            let found = page.replace("http-equiv", "").replace("-src", "");
            assert!(!found.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn long_reports_have_a_list_of_sections() {
        let mut report = Report::default();
        for title in ["a", "b", "c", "d <e>"] {
            assert!(!page(&report).contains("<nav"));
            report = report.with(Section::new(title));
        }
        let page = page(&report);
        assert!(page.contains("<a href=\"#section-4\"><bdi>d &lt;e&gt;</bdi></a>"));
        assert!(page.contains("<section id=\"section-4\">"));
    }
}
