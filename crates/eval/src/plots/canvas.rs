//! What pictures are drawn on.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::text::{TITLE, fit, style};
use super::{Size, text};
use crate::EvalError;

/// Units of the drawing in a pixel: plotters places marks on whole units, and whole pixels would
/// make curves jagged.
const UNITS: f64 = 8.0;

/// Around everything.
pub(super) const MARGIN: f64 = 12.0;
/// Height of the title with the room below it.
pub(super) const TITLE_HEIGHT: f64 = TITLE + 12.0;

pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What plotters says when a drawing fails; on a string it does not.
pub(super) type DrawingError = DrawingAreaErrorKind<std::io::Error>;

/// A length in units of the drawing.
pub(super) fn px(pixels: f64) -> i32 {
    (pixels * UNITS).round() as i32
}

/// A point in units of the drawing.
pub(super) fn at(x: f64, y: f64) -> (i32, i32) {
    (px(x), px(y))
}

/// The style of a line so many pixels wide.
pub(super) fn stroke(colour: impl Color, pixels: f64) -> ShapeStyle {
    ShapeStyle::from(&colour).stroke_width(px(pixels) as u32)
}

/// The outline of a rectangle, from its upper left to its lower right in pixels; plotters' own
/// rectangles have no width of line in SVG.
pub(super) fn outline(
    canvas: &Canvas,
    (left, top): (f64, f64),
    (right, bottom): (f64, f64),
    style: ShapeStyle,
) -> Result<(), DrawingError> {
    let corners = [
        (left, top),
        (right, top),
        (right, bottom),
        (left, bottom),
        (left, top),
    ];
    let corners: Vec<_> = corners.iter().map(|(x, y)| at(*x, *y)).collect();
    canvas.draw(&PathElement::new(corners, style))
}

/// An SVG document with a title, on which `draw` does the rest.
pub(super) fn picture(
    plot: &'static str,
    size: Size,
    title: &str,
    draw: impl FnOnce(&Canvas) -> Result<(), DrawingError>,
) -> Result<String, EvalError> {
    let refused = |reason: String| EvalError::Plot { plot, reason };
    // Larger is no picture any more, and would overflow plotters' whole numbers.
    const LARGEST: u32 = 20_000;
    if ![size.width, size.height]
        .iter()
        .all(|side| (1..=LARGEST).contains(side))
    {
        return Err(refused(format!(
            "{} x {} pixels, expected 1 to {LARGEST} each way",
            size.width, size.height
        )));
    }
    let units = |pixels: u32| px(f64::from(pixels)) as u32;
    let mut svg = String::new();
    {
        let backend = SVGBackend::with_string(&mut svg, (units(size.width), units(size.height)));
        let canvas = backend.into_drawing_area();
        let drawn = canvas
            .fill(&WHITE)
            .and_then(|()| draw_title(&canvas, size, title))
            .and_then(|()| draw(&canvas))
            .and_then(|()| canvas.present());
        drawn.map_err(|error| refused(error.to_string()))?;
    }
    Ok(with_head(&svg, size, title))
}

fn draw_title(canvas: &Canvas, size: Size, title: &str) -> Result<(), DrawingError> {
    let width = f64::from(size.width);
    let title = fit(title, TITLE, width - 2.0 * MARGIN);
    let style = style(TITLE, HPos::Center, VPos::Top);
    canvas.draw_text(&title, &style, at(width / 2.0, MARGIN))
}

/// The document with its size in pixels, whatever its units, and its title for those who hear it.
fn with_head(svg: &str, size: Size, title: &str) -> String {
    let units = |pixels: u32| px(f64::from(pixels));
    let body = svg.split_once('\n').map_or("", |(_, body)| body);
    // plotters centres text by the height of an x; that of digits and capitals is larger.
    let body = body.replace("dy=\"0.5ex\"", "dy=\"0.36em\"");
    let title = text::fit(title, TITLE, f64::INFINITY)
        .replace('&', "&amp;")
        .replace('<', "&lt;");
    format!(
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{title}</title>\n{body}",
        size.width,
        size.height,
        units(size.width),
        units(size.height),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_has_pixels_and_the_title() {
        let size = Size {
            width: 100,
            height: 50,
        };
        let svg = picture("a test", size, "a < b & c", |_| Ok(())).unwrap();
        assert!(svg.starts_with(r#"<svg width="100" height="50" viewBox="0 0 800 400""#));
        assert!(svg.contains("<title>a &lt; b &amp; c</title>"));
        assert_eq!(svg.matches("<svg").count(), 1);
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn a_picture_has_some_size_and_not_any() {
        for (width, height) in [(0, 10), (10, 0), (10, 1_000_000)] {
            let error = picture("a test", Size { width, height }, "", |_| Ok(())).unwrap_err();
            assert!(
                error.to_string().starts_with("cannot draw a test: "),
                "{error}"
            );
        }
    }
}
