//! Line charts over steps or epochs.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axes::{Axis, Frame, drawable};
use super::canvas::{Canvas, DrawingError, MARGIN, TITLE_HEIGHT, at, picture, px, stroke};
use super::colors::{self};
use super::text::{LABEL, fit, style, widest};
use super::{Plot, Size};
use crate::error::EvalError;

const PLOT: &str = "a line chart";
/// Length of a line sample in the legend, and its distance from the name, in pixels.
const SAMPLE: f64 = 26.0;
const LEGEND_GAP: f64 = 8.0;
const LEGEND_LINE: f64 = LABEL + 8.0;
/// Maximum width of a name in the legend, in pixels.
const LONGEST_NAME: f64 = 220.0;
/// Maximum number of points with markers; more would hide the line.
const MOST_MARKERS: usize = 60;

/// Line chart with a legend on the right.
///
/// ```
/// use finetune_eval::plots::{Line, LineChart, Plot};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let epochs = |name: &str, needed: [f64; 4]| {
///     Line::new(name, [0.0, 5e3, 1e4, 2e4].into_iter().zip(needed))
/// };
/// let lines = vec![epochs("IMDB", [9.0, 4.0, 3.0, 3.0]), epochs("Yelp", [8.0, 5.0, 4.0, 2.0])];
/// let x_label = "steps of pre-training".into();
/// let svg = LineChart { lines, x_label, ..LineChart::default() }.to_svg()?;
/// assert!(svg.contains("steps of pre-training"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineChart {
    /// Title above the chart.
    pub title: String,
    /// Name of the x axis.
    pub x_label: String,
    /// Name of the y axis.
    pub y_label: String,
    /// Lines, at least one; lines without a name are omitted from the legend.
    pub lines: Vec<Line>,
    /// Whether the x axis has ticks at whole numbers only (default: false).
    pub whole_x: bool,
    /// Size of the whole plot (default: 720 x 440); long legends increase the height.
    pub size: Size,
}

/// Line of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Name in the legend.
    pub name: String,
    /// Points in order, at least one.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// Creates a line through some points.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points: points.into_iter().collect(),
        }
    }
}

impl LineChart {
    fn check(&self) -> Result<(), EvalError> {
        if self.lines.is_empty() {
            return Err(EvalError::plot(PLOT, "it has no lines"));
        }
        for line in &self.lines {
            if line.points.is_empty() {
                let reason = format!("line {:?} has no points", line.name);
                return Err(EvalError::plot(PLOT, reason));
            }
            for (position, (x, y)) in line.points.iter().enumerate() {
                drawable(PLOT, position, *x, || format!("x of line {:?}", line.name))?;
                drawable(PLOT, position, *y, || format!("y of line {:?}", line.name))?;
            }
        }
        Ok(())
    }

    /// Returns the index and the name of each line in the legend.
    fn legend(&self) -> Vec<(usize, String)> {
        let named = self.lines.iter().enumerate();
        named
            .filter(|(_, line)| !line.name.is_empty())
            .map(|(number, line)| (number, fit(&line.name, LABEL, LONGEST_NAME)))
            .collect()
    }

    fn frame(&self, size: Size, legend: &[(usize, String)]) -> Frame {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let (xs, ys) = (points().map(|point| point.0), points().map(|point| point.1));
        let x = Axis::over(&self.x_label, xs, 0.03, width - 100.0);
        let x = if self.whole_x {
            x.of_whole_numbers()
        } else {
            x
        };
        let y = Axis::over(&self.y_label, ys, 0.05, height - 100.0);
        let room = match legend.is_empty() {
            true => 0.0,
            false => {
                let names = legend.iter().map(|(_, name)| name);
                SAMPLE + 2.0 * LEGEND_GAP + widest(names, LABEL) + LEGEND_GAP
            }
        };
        Frame::in_picture(width, height, x, y, room)
    }
}

impl Plot for LineChart {
    fn to_svg(&self) -> Result<String, EvalError> {
        self.check()?;
        let legend = self.legend();
        let legend_height = 2.0 * MARGIN + TITLE_HEIGHT + legend.len() as f64 * LEGEND_LINE;
        let size = Size {
            height: self.size.height.max(legend_height.ceil() as u32),
            ..self.size
        };
        let frame = self.frame(size, &legend);
        picture(PLOT, size, &self.title, |canvas| {
            frame.draw(canvas)?;
            for (number, line) in self.lines.iter().enumerate() {
                let points = line.points.iter().map(|(x, y)| frame.point(*x, *y));
                draw_line(canvas, number, points.collect())?;
            }
            for (entry, (number, name)) in legend.iter().enumerate() {
                let left = frame.right + 2.0 * LEGEND_GAP;
                let middle = frame.top + (entry as f64 + 0.5) * LEGEND_LINE;
                let sample = vec![at(left, middle), at(left + SAMPLE, middle)];
                draw_stroke(canvas, *number, sample)?;
                let left = left + SAMPLE + LEGEND_GAP;
                let style = style(LABEL, HPos::Left, VPos::Center);
                canvas.draw_text(name, &style, at(left, middle))?;
            }
            Ok(())
        })
    }
}

fn draw_line(canvas: &Canvas, number: usize, points: Vec<(i32, i32)>) -> Result<(), DrawingError> {
    if points.len() <= MOST_MARKERS {
        for point in &points {
            canvas.draw(&Circle::new(*point, px(3.0), colors::line(number).filled()))?;
        }
    }
    draw_stroke(canvas, number, points)
}

fn draw_stroke(
    canvas: &Canvas,
    number: usize,
    points: Vec<(i32, i32)>,
) -> Result<(), DrawingError> {
    let stroke = stroke(colors::line(number), 2.0);
    match colors::dash(number) {
        None => canvas.draw(&PathElement::new(points, stroke)),
        Some((dash, gap)) => {
            let (dash, gap) = (px(f64::from(dash)), px(f64::from(gap)));
            canvas.draw(&DashedPathElement::new(points, dash, gap, stroke))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<Line> {
        let line = |number: usize| {
            let points =
                (1..6).map(move |epoch| (f64::from(epoch), (number + 1) as f64 / f64::from(epoch)));
            Line::new(format!("line {number}"), points)
        };
        (0..count).map(line).collect()
    }

    fn chart(lines: Vec<Line>) -> LineChart {
        LineChart {
            lines,
            ..LineChart::default()
        }
    }

    #[test]
    fn the_picture_grows_with_the_legend() {
        let height = |count: usize| {
            let svg = chart(lines(count)).to_svg().unwrap();
            assert_eq!(svg.matches("\nline ").count(), count);
            let height = svg.split("height=\"").nth(1).unwrap();
            height.split('"').next().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!(height(5), Size::default().height);
        assert!(height(40) > 800);
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let refusal = |lines: Vec<Line>| chart(lines).to_svg().unwrap_err().to_string();
        assert_eq!(
            refusal(Vec::new()),
            "cannot draw a line chart: it has no lines"
        );
        assert_eq!(
            refusal(vec![Line::new("a", [])]),
            "cannot draw a line chart: line \"a\" has no points"
        );
        assert_eq!(
            refusal(vec![Line::new("a", [(1.0, 0.5), (2.0, f64::NAN)])]),
            "row 1: the y of line \"a\" is NaN, expected a finite number"
        );
    }
}
