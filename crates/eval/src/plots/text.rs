//! Text of plots: style and estimated width.

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontTransform, RGBColor, TextStyle};

use super::canvas::px;
use super::colors::INK;

/// Font size of tick labels, legends and class names, in pixels.
pub(super) const LABEL: f64 = 12.0;
/// Font size of axis names, in pixels.
pub(super) const AXIS: f64 = 13.0;
/// Font size of the title, in pixels.
pub(super) const TITLE: f64 = 16.0;

/// plotters divides font sizes by this in SVG.
const SVG_FONT_SCALE: f64 = 1.24;

/// Returns a text style with a size in pixels and an anchor.
pub(super) fn style(size: f64, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    colored(size, horizontal, vertical, INK)
}

pub(super) fn colored(
    size: f64,
    horizontal: HPos,
    vertical: VPos,
    color: RGBColor,
) -> TextStyle<'static> {
    TextStyle {
        font: (FontFamily::SansSerif, f64::from(px(size)) * SVG_FONT_SCALE).into(),
        color: color.to_backend_color(),
        pos: Pos::new(horizontal, vertical),
    }
}

/// Rotates text to read from bottom to top.
pub(super) fn upward(style: TextStyle<'static>) -> TextStyle<'static> {
    style.transform(FontTransform::Rotate270)
}

/// Estimates the width of a text in pixels: slightly more than in most fonts, as the reader's font
/// is unknown.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' | '"' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.97,
        c if c.is_ascii_uppercase() => 0.7,
        // East Asian characters are full-width.
        c if u32::from(c) >= 0x1100 => 1.0,
        _ => 0.62,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// Returns the width of the widest text, in pixels.
pub(super) fn widest<'a>(texts: impl IntoIterator<Item = &'a String>, size: f64) -> f64 {
    let widths = texts.into_iter().map(|text| width(text, size));
    widths.fold(0.0, f64::max)
}

/// Shortens a text to at most `most` pixels, with an ellipsis at the end, and replaces characters
/// that XML does not allow.
pub(super) fn fit(text: &str, size: f64, most: f64) -> String {
    let printable = |c: char| match c {
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => ' ',
        c => c,
    };
    let text: String = text.chars().map(printable).collect();
    if width(&text, size) <= most {
        return text;
    }
    let mut kept = text;
    while kept.pop().is_some() {
        let cut = format!("{}…", kept.trim_end());
        if width(&cut, size) <= most {
            return cut;
        }
    }
    "…".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_to_their_room() {
        let cut = fit("a class name of some length", 12.0, 80.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 80.0, "{cut}");
        assert_eq!(fit("short", 12.0, 80.0), "short");
        assert_eq!(fit("無い無い無い", 12.0, 30.0), "無…");
        assert_eq!(fit("anything", 12.0, 0.0), "…");
    }

    #[test]
    fn characters_that_xml_does_not_allow_become_spaces() {
        assert_eq!(fit("a\u{0}b\nc\u{ffff}", 12.0, 100.0), "a b c ");
    }
}
