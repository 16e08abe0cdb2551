//! Drawing canvas of the plots.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::text::{AXIS, TITLE, fit, style, upward};
use super::{Size, text};
use crate::error::EvalError;

/// Drawing units per pixel: plotters rounds coordinates to whole units, and whole pixels would make
/// curves jagged.
const UNITS: f64 = 8.0;

/// Margin around the plot, in pixels.
pub(super) const MARGIN: f64 = 12.0;
/// Height of the title including the space below it, in pixels.
pub(super) const TITLE_HEIGHT: f64 = TITLE + 12.0;

pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Error of plotters; drawing to a string does not fail.
pub(super) type DrawingError = DrawingAreaErrorKind<std::io::Error>;

/// Converts a length to drawing units.
pub(super) fn px(pixels: f64) -> i32 {
    (pixels * UNITS).round() as i32
}

/// Converts a point to drawing units.
pub(super) fn at(x: f64, y: f64) -> (i32, i32) {
    (px(x), px(y))
}

/// Returns a line style of this width in pixels.
pub(super) fn stroke(color: impl Color, pixels: f64) -> ShapeStyle {
    ShapeStyle::from(&color).stroke_width(px(pixels) as u32)
}

/// Draws a line between two points in pixels.
pub(super) fn line(
    canvas: &Canvas,
    from: (f64, f64),
    to: (f64, f64),
    color: RGBColor,
    width: f64,
) -> Result<(), DrawingError> {
    let points = vec![at(from.0, from.1), at(to.0, to.1)];
    canvas.draw(&PathElement::new(points, stroke(color, width)))
}

/// Fills a rectangle, from upper left to lower right in pixels.
pub(super) fn fill(
    canvas: &Canvas,
    from: (f64, f64),
    to: (f64, f64),
    color: impl Color,
) -> Result<(), DrawingError> {
    let corners = [at(from.0, from.1), at(to.0, to.1)];
    canvas.draw(&Rectangle::new(corners, color.filled()))
}

/// Draws a name centered between `left` and `right`, shortened to fit.
pub(super) fn name_across(
    canvas: &Canvas,
    name: &str,
    (left, right): (f64, f64),
    top: f64,
) -> Result<(), DrawingError> {
    let style = style(AXIS, HPos::Center, VPos::Top);
    let name = fit(name, AXIS, right - left);
    canvas.draw_text(&name, &style, at((left + right) / 2.0, top))
}

/// Draws a name upward, centered between `top` and `bottom`, shortened to fit.
pub(super) fn name_upward(
    canvas: &Canvas,
    name: &str,
    left: f64,
    (top, bottom): (f64, f64),
) -> Result<(), DrawingError> {
    let style = upward(style(AXIS, HPos::Center, VPos::Top));
    let name = fit(name, AXIS, bottom - top);
    canvas.draw_text(&name, &style, at(left, (top + bottom) / 2.0))
}

/// Draws the outline of a rectangle, from upper left to lower right in pixels; plotters' own
/// rectangles lack a line width in SVG.
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

/// Returns an SVG document with a title and the content drawn by `draw`.
pub(super) fn picture(
    plot: &'static str,
    size: Size,
    title: &str,
    draw: impl FnOnce(&Canvas) -> Result<(), DrawingError>,
) -> Result<String, EvalError> {
    let refused = |reason: String| EvalError::Plot { plot, reason };
    // Larger plots would overflow plotters' integers.
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

/// Adds the size in pixels, and the title for screen readers.
fn with_head(svg: &str, size: Size, title: &str) -> String {
    let units = |pixels: u32| px(f64::from(pixels));
    let body = svg.split_once('\n').map_or("", |(_, body)| body);
    // plotters centers text by the x-height, but digits and capitals are taller.
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
