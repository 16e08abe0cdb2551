//! Box plots of scores over seeds.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axes::{Axis, Frame, drawable};
use super::canvas::{Canvas, DrawingError, MARGIN, at, fill, line, outline, picture, px, stroke};
use super::colors::{BLUE, INK, VERMILION};
use super::text::{AXIS, LABEL, fit, style, widest};
use super::{Plot, Size};
use crate::error::EvalError;
use crate::statistics::{ScoreGroup, quantile};

const PLOT: &str = "a box plot";
/// Height of a group and of its box, in pixels.
const GROUP: f64 = 44.0;
const BOX: f64 = 22.0;
/// Maximum width of a group's name, in pixels.
const LONGEST_NAME: f64 = 220.0;

/// Horizontal box plots, one above the other so that long names fit.
///
/// The box extends from the first to the third quartile (linear interpolation, NumPy's default)
/// with a line at the median. Whiskers extend to the furthest scores within 1.5 times the box
/// ([Tukey]). Every score is shown as a dot.
///
/// [Tukey]: https://en.wikipedia.org/wiki/Box_plot#Whiskers
///
/// ```
/// use finetune_eval::plots::{BoxPlot, Plot};
/// use finetune_eval::statistics::ScoreGroup;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let groups = vec![
///     ScoreGroup::new("frozen", [0.80, 0.81, 0.79, 0.80]),
///     ScoreGroup::new("last two layers", [0.83, 0.84, 0.82, 0.83]),
/// ];
/// let svg = BoxPlot::new("Disaster tweets", "accuracy", groups).to_svg()?;
/// assert!(svg.contains("last two layers (4)"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BoxPlot {
    /// Title above the boxes.
    pub title: String,
    /// Name of the scores, below the boxes.
    pub label: String,
    /// Groups from top to bottom, at least one.
    pub groups: Vec<ScoreGroup>,
}

impl BoxPlot {
    /// Creates a box plot.
    pub fn new(title: &str, label: &str, groups: Vec<ScoreGroup>) -> Self {
        Self {
            title: title.into(),
            label: label.into(),
            groups,
        }
    }

    fn check(&self) -> Result<(), EvalError> {
        if self.groups.is_empty() {
            return Err(EvalError::plot(PLOT, "it has no groups"));
        }
        for group in &self.groups {
            if group.scores.is_empty() {
                let reason = format!("group {:?} has no scores", group.name);
                return Err(EvalError::plot(PLOT, reason));
            }
            let what = || format!("score of group {:?}", group.name);
            for (position, score) in group.scores.iter().enumerate() {
                drawable(PLOT, position, *score, what)?;
            }
        }
        Ok(())
    }

    fn frame(&self, size: Size, names: &[String]) -> Frame {
        let width = f64::from(size.width);
        let scores = self.groups.iter().flat_map(|group| &group.scores);
        let x = Axis::over(&self.label, scores.copied(), 0.06, width - 250.0);
        // Groups are counted from the top.
        let y = Axis::new("", self.groups.len() as f64..0.0, 0.0);
        let mut frame = Frame::in_picture(width, f64::from(size.height), x, y, 0.0);
        frame.left = MARGIN + widest(names, LABEL) + 10.0;
        frame
    }
}

impl Plot for BoxPlot {
    fn to_svg(&self) -> Result<String, EvalError> {
        self.check()?;
        let name = |group: &ScoreGroup| {
            let name = fit(&group.name, LABEL, LONGEST_NAME);
            format!("{name} ({})", group.scores.len())
        };
        let names: Vec<String> = self.groups.iter().map(name).collect();
        let around = 2.0 * MARGIN + super::canvas::TITLE_HEIGHT + AXIS + LABEL + 14.0;
        let height = around + GROUP * self.groups.len() as f64;
        let size = Size {
            height: height.ceil() as u32,
            ..Size::default()
        };
        let frame = self.frame(size, &names);
        picture(PLOT, size, &self.title, |canvas| {
            frame.draw_x(canvas)?;
            frame.draw_edges(canvas)?;
            for (number, (group, name)) in self.groups.iter().zip(&names).enumerate() {
                let middle = frame.y_pixels(number as f64 + 0.5);
                let name_style = style(LABEL, HPos::Right, VPos::Center);
                canvas.draw_text(name, &name_style, at(frame.left - 8.0, middle))?;
                draw_box(canvas, &frame, &Spread::of(&group.scores), middle)?;
                draw_dots(canvas, &frame, &group.scores, middle)?;
            }
            Ok(())
        })
    }
}

/// Quartiles and whiskers of a box.
#[derive(Debug, PartialEq)]
struct Spread {
    low_whisker: f64,
    first_quartile: f64,
    median: f64,
    third_quartile: f64,
    high_whisker: f64,
}

impl Spread {
    /// Computes them from at least one score.
    fn of(scores: &[f64]) -> Self {
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let quantile = |fraction: f64| quantile(&sorted, fraction);
        let (first_quartile, third_quartile) = (quantile(0.25), quantile(0.75));
        let reach = 1.5 * (third_quartile - first_quartile);
        let within = || {
            let scores = sorted.iter().copied();
            scores.filter(|s| (first_quartile - reach..=third_quartile + reach).contains(s))
        };
        Self {
            low_whisker: within().fold(first_quartile, f64::min),
            first_quartile,
            median: quantile(0.5),
            third_quartile,
            high_whisker: within().fold(third_quartile, f64::max),
        }
    }
}

fn draw_box(
    canvas: &Canvas,
    frame: &Frame,
    spread: &Spread,
    middle: f64,
) -> Result<(), DrawingError> {
    let x = |score: f64| frame.x_pixels(score);
    let (top, bottom) = (middle - BOX / 2.0, middle + BOX / 2.0);
    let line = |from, to, color, width| line(canvas, from, to, color, width);
    let (first, third) = (x(spread.first_quartile), x(spread.third_quartile));
    for (end, from) in [
        (x(spread.low_whisker), first),
        (x(spread.high_whisker), third),
    ] {
        let (up, down) = (middle - BOX / 4.0, middle + BOX / 4.0);
        line((from, middle), (end, middle), INK, 1.2)?;
        line((end, up), (end, down), INK, 1.2)?;
    }
    fill(canvas, (first, top), (third, bottom), BLUE.mix(0.25))?;
    outline(canvas, (first, top), (third, bottom), stroke(BLUE, 1.2))?;
    let median = x(spread.median);
    line((median, top), (median, bottom), VERMILION, 2.2)
}

/// Draws each score as a dot, with vertical offsets that separate equal scores.
fn draw_dots(
    canvas: &Canvas,
    frame: &Frame,
    scores: &[f64],
    middle: f64,
) -> Result<(), DrawingError> {
    // Multiples of the golden ratio are evenly distributed for any number of scores.
    const GOLDEN: f64 = 0.618_033_988_749_895;
    for (number, score) in scores.iter().enumerate() {
        let offset = ((number as f64 + 0.5) * GOLDEN).fract() - 0.5;
        let center = at(frame.x_pixels(*score), middle + 0.8 * offset * BOX);
        canvas.draw(&Circle::new(center, px(2.4), INK.mix(0.6).filled()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_has_numpys_quartiles_and_tukeys_whiskers() {
        // numpy.percentile([1, 2, 3, 4, 5, 6, 7, 20], [25, 50, 75]) is 2.75, 4.5, 6.25.
        let spread = Spread::of(&[7.0, 2.0, 3.0, 1.0, 5.0, 6.0, 20.0, 4.0]);
        let expected = Spread {
            low_whisker: 1.0,
            first_quartile: 2.75,
            median: 4.5,
            third_quartile: 6.25,
            high_whisker: 7.0,
        };
        assert_eq!(spread, expected);
        assert_eq!(Spread::of(&[3.0]).high_whisker, 3.0);
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let refusal = |groups| {
            BoxPlot::new("", "", groups)
                .to_svg()
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal(Vec::new()),
            "cannot draw a box plot: it has no groups"
        );
        assert_eq!(
            refusal(vec![ScoreGroup::new("a", [])]),
            "cannot draw a box plot: group \"a\" has no scores"
        );
        assert!(
            refusal(vec![ScoreGroup::new("a", [f64::INFINITY])]).starts_with("row 0: the score of")
        );
    }
}
