//! Numeric axes, and the frame of two axes.

use std::ops::Range;

use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{
    Canvas, DrawingError, MARGIN, TITLE_HEIGHT, at, fill, line, name_across, name_upward, px,
    stroke,
};
use super::colors::{FAINT, GUIDE, INK};
use super::text::{AXIS, LABEL, style, width};
use crate::error::EvalError;
use crate::validate::finite;

/// Approximate distance of tick labels, in pixels.
const TICK_DISTANCE: f64 = 60.0;
/// Distance from an axis to its tick labels, and from these to its name, in pixels.
const GAP: f64 = 7.0;
/// Largest absolute value; differences of larger numbers would overflow.
const LARGEST: f64 = 1e300;

/// Numeric axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) range: Range<f64>,
    ticks: Vec<f64>,
}

/// Plot area between two axes, in pixels.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

/// Checks that a number can be placed on an axis.
pub(super) fn drawable(
    plot: &'static str,
    position: usize,
    number: f64,
    what: impl Fn() -> String,
) -> Result<(), EvalError> {
    finite(position as u64, number, &what)?;
    match number.abs() <= LARGEST {
        true => Ok(()),
        false => {
            let reason = format!("the {} is {number:e}, expected at most {LARGEST:e}", what());
            Err(EvalError::plot(plot, reason))
        }
    }
}

impl Axis {
    pub(super) fn new(name: &str, range: Range<f64>, length: f64) -> Self {
        let most = ((length / TICK_DISTANCE) as usize).clamp(2, 10);
        Self {
            name: name.into(),
            ticks: ticks(&range, most),
            range,
        }
    }

    /// Creates an axis over drawable numbers, extended on both sides by the fraction `padding` of
    /// their range. `length` is in pixels.
    pub(super) fn over(
        name: &str,
        numbers: impl Iterator<Item = f64>,
        padding: f64,
        length: f64,
    ) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for number in numbers {
            (low, high) = (low.min(number), high.max(number));
        }
        let distance = high - low;
        // Equal or nearly equal numbers still need a range.
        let range = match distance > 1e-9 * low.abs().max(high.abs()) {
            true => low - padding * distance..high + padding * distance,
            false if low == 0.0 => -1.0..1.0,
            false => low - 0.1 * low.abs()..high + 0.1 * high.abs(),
        };
        Self::new(name, range, length)
    }

    /// Keeps only ticks at whole numbers, such as epochs.
    pub(super) fn of_whole_numbers(mut self) -> Self {
        self.ticks.retain(|tick| tick.fract() == 0.0);
        self
    }

    /// Returns tick labels with enough decimals to be distinct.
    fn numbers(&self) -> Vec<String> {
        let size = self.range.start.abs().max(self.range.end.abs());
        let step = match self.ticks.as_slice() {
            [first, second, ..] => second - first,
            _ => self.range.end - self.range.start,
        };
        let scientific = !(1e-4..1e7).contains(&size);
        // A step of 0.25 needs one decimal more than its order of magnitude.
        let decimals = match scientific {
            true => (size / step).log10().ceil(),
            false => (1.0 - step.log10().floor()).max(0.0),
        };
        let decimals = decimals.clamp(0.0, 15.0) as usize;
        let text = |tick: &f64| match (scientific, *tick == 0.0) {
            (_, true) => "0".into(),
            (true, _) => format!("{tick:.decimals$e}"),
            (false, _) => format!("{tick:.decimals$}"),
        };
        let mut texts: Vec<String> = self.ticks.iter().map(text).collect();
        // Trailing zeros of all labels are removed.
        let spare = |text: &String| text == "0" || text.contains('.') && text.ends_with('0');
        while !scientific && texts.iter().all(spare) && texts.iter().any(|text| text != "0") {
            for text in texts.iter_mut().filter(|text| *text != "0") {
                text.pop();
                if text.ends_with('.') {
                    text.pop();
                }
            }
        }
        texts
    }

    /// Returns the width of the tick labels, in pixels.
    fn number_width(&self) -> f64 {
        super::text::widest(&self.numbers(), LABEL)
    }

    /// Returns the position of a number on the axis, as a fraction of its length.
    fn share(&self, number: f64) -> f64 {
        (number - self.range.start) / (self.range.end - self.range.start)
    }
}

fn ticks(range: &Range<f64>, most: usize) -> Vec<f64> {
    let ticks = RangedCoordf64::from(range.clone()).key_points(most);
    let inside = |tick: &f64| range.start <= *tick && *tick <= range.end;
    ticks.into_iter().filter(inside).collect()
}

impl Frame {
    /// Creates the frame of a plot of this size, with room for title, tick labels and axis names,
    /// and `more` pixels on the right.
    pub(super) fn in_picture(width: f64, height: f64, x: Axis, y: Axis, more: f64) -> Self {
        let left = MARGIN + AXIS + GAP + y.number_width() + GAP;
        // Half of the last tick label is outside the frame.
        let right = width - MARGIN - more.max(20.0);
        let bottom = height - MARGIN - AXIS - GAP - LABEL - GAP;
        Self {
            left,
            top: MARGIN + TITLE_HEIGHT,
            right: right.max(left + 10.0),
            bottom: bottom.max(MARGIN + TITLE_HEIGHT + 10.0),
            x,
            y,
        }
    }

    /// Returns the position of a point, in drawing units.
    pub(super) fn point(&self, x: f64, y: f64) -> (i32, i32) {
        at(self.x_pixels(x), self.y_pixels(y))
    }

    pub(super) fn x_pixels(&self, x: f64) -> f64 {
        self.left + self.x.share(x) * (self.right - self.left)
    }

    pub(super) fn y_pixels(&self, y: f64) -> f64 {
        self.bottom - self.y.share(y) * (self.bottom - self.top)
    }

    /// Draws grid, tick labels and names of both axes.
    pub(super) fn draw(&self, canvas: &Canvas) -> Result<(), DrawingError> {
        self.draw_x(canvas)?;
        self.draw_y(canvas)?;
        self.draw_edges(canvas)
    }

    pub(super) fn draw_x(&self, canvas: &Canvas) -> Result<(), DrawingError> {
        let numbers = style(LABEL, HPos::Center, VPos::Top);
        for (tick, number) in self.x.ticks.iter().zip(self.x.numbers()) {
            let x = self.x_pixels(*tick);
            line(canvas, (x, self.top), (x, self.bottom), FAINT, 1.0)?;
            line(canvas, (x, self.bottom), (x, self.bottom + 4.0), INK, 1.0)?;
            canvas.draw_text(&number, &numbers, at(x, self.bottom + GAP))?;
        }
        let below = self.bottom + GAP + LABEL + GAP;
        name_across(canvas, &self.x.name, (self.left, self.right), below)
    }

    pub(super) fn draw_y(&self, canvas: &Canvas) -> Result<(), DrawingError> {
        let numbers = style(LABEL, HPos::Right, VPos::Center);
        for (tick, number) in self.y.ticks.iter().zip(self.y.numbers()) {
            let y = self.y_pixels(*tick);
            line(canvas, (self.left, y), (self.right, y), FAINT, 1.0)?;
            line(canvas, (self.left - 4.0, y), (self.left, y), INK, 1.0)?;
            canvas.draw_text(&number, &numbers, at(self.left - GAP, y))?;
        }
        name_upward(canvas, &self.y.name, MARGIN, (self.top, self.bottom))
    }

    /// Draws the axis lines on the left and at the bottom.
    pub(super) fn draw_edges(&self, canvas: &Canvas) -> Result<(), DrawingError> {
        let corner = (self.left, self.bottom);
        line(canvas, (self.left, self.top), corner, INK, 1.0)?;
        line(canvas, corner, (self.right, self.bottom), INK, 1.0)
    }

    /// Draws a dashed line between two points.
    pub(super) fn draw_guide(
        &self,
        canvas: &Canvas,
        from: (f64, f64),
        to: (f64, f64),
    ) -> Result<(), DrawingError> {
        let points = vec![self.point(from.0, from.1), self.point(to.0, to.1)];
        let style = stroke(GUIDE, 1.5);
        canvas.draw(&DashedPathElement::new(points, px(6.0), px(4.0), style))
    }
}

/// Draws lines of text in the upper left corner of a frame, each after its legend color if it has
/// one.
pub(super) fn notes(
    canvas: &Canvas,
    frame: &Frame,
    lines: &[(Option<RGBColor>, String)],
) -> Result<(), DrawingError> {
    const INSET: f64 = 8.0;
    const LINE: f64 = LABEL + 6.0;
    let indent = |color: &Option<RGBColor>| if color.is_some() { LABEL + 6.0 } else { 0.0 };
    let (left, top) = (frame.left + INSET, frame.top + INSET);
    let widths = lines
        .iter()
        .map(|(color, text)| indent(color) + width(text, LABEL));
    let right = left + widths.fold(0.0, f64::max) + INSET;
    let bottom = top + LINE * lines.len() as f64 + INSET;
    // Slightly transparent, so that grid and marks remain visible.
    fill(canvas, (left, top), (right, bottom), WHITE.mix(0.85))?;
    for (number, (color, text)) in lines.iter().enumerate() {
        let (left, top) = (left + INSET / 2.0, top + INSET / 2.0 + LINE * number as f64);
        if let Some(color) = color {
            fill(canvas, (left, top), (left + LABEL, top + LABEL), *color)?;
        }
        let style = style(LABEL, HPos::Left, VPos::Top);
        canvas.draw_text(text, &style, at(left + indent(color), top))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(low: f64, high: f64) -> Vec<String> {
        Axis::new("", low..high, 400.0).numbers()
    }

    #[test]
    fn numbers_are_round_and_short() {
        assert_eq!(numbers(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            numbers(0.0, 20_000.0),
            ["0", "5000", "10000", "15000", "20000"]
        );
        assert_eq!(numbers(-1.0, 1.0), ["-1.0", "-0.5", "0", "0.5", "1.0"]);
    }

    #[test]
    fn neighbors_differ_however_close_or_large() {
        for (low, high) in [
            (0.912_340_01, 0.912_340_02),
            (1e-12, 2e-12),
            (1e12, 1e12 + 5.0),
            (-1e300, 1e300),
            (123_456.7, 123_456.9),
        ] {
            let numbers = numbers(low, high);
            let distinct: std::collections::HashSet<_> = numbers.iter().collect();
            assert!(numbers.len() > 1, "{low}..{high}: {numbers:?}");
            assert_eq!(distinct.len(), numbers.len(), "{low}..{high}: {numbers:?}");
        }
    }

    #[test]
    fn equal_numbers_have_room_around_them() {
        for number in [0.0, 0.5, -3.0, 1e300, 1e-300] {
            let axis = Axis::over("", [number; 3].into_iter(), 0.05, 400.0);
            assert!(
                axis.range.start < number && number < axis.range.end,
                "{axis:?}"
            );
            assert!((axis.share(number) - 0.5).abs() < 1e-9, "{axis:?}");
        }
    }

    #[test]
    fn epochs_are_whole() {
        let axis = Axis::new("epoch", 0.9..3.1, 600.0).of_whole_numbers();
        assert_eq!(axis.numbers(), ["1", "2", "3"]);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let refused = |number| drawable("a test", 3, number, || "score".into()).unwrap_err();
        assert_eq!(
            refused(f64::NAN).to_string(),
            "row 3: the score is NaN, expected a finite number"
        );
        assert!(matches!(refused(1e301), EvalError::Plot { .. }));
    }
}
