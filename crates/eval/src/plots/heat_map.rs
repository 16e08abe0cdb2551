//! Heat maps.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axes::drawable;
use super::canvas::{
    Canvas, DrawingError, MARGIN, TITLE_HEIGHT, at, fill, name_across, name_upward, outline,
    picture, stroke,
};
use super::colors::{ColorScale, INK, text_on};
use super::text::{AXIS, LABEL, TITLE, colored, fit, style, upward, widest, width};
use super::{Plot, Size};
use crate::error::EvalError;

const PLOT: &str = "a heat map";
/// Target side length of the map in pixels, which determines the cell size within limits.
const AIMED_SIDE: f64 = 440.0;
const LARGEST_CELL: f64 = 88.0;
const SMALLEST_CELL: f64 = 6.0;
/// Maximum width of a row or column name, in pixels.
const LONGEST_NAME: f64 = 150.0;
/// Minimum text size in cells; smaller text is omitted.
const SMALLEST_TEXT: f64 = 6.5;
/// Minimum size of cells with a white line between them.
const CELL_WITH_LINE: f64 = 12.0;
const BAR_WIDTH: f64 = 14.0;
const GAP: f64 = 8.0;

/// Heat map: a table of numbers as colored cells, with row and column names and a color bar.
///
/// ```
/// use finetune_eval::plots::{ColorScale, HeatMap, Plot};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let tasks: Vec<String> = ["SST", "QQP", "STS"].map(String::from).into();
/// let map = HeatMap {
///     title: "Cosines of the tasks' gradients".into(),
///     row_names: tasks.clone(),
///     column_names: tasks,
///     values: vec![vec![1.0, -0.2, 0.1], vec![-0.2, 1.0, 0.6], vec![0.1, 0.6, 1.0]],
///     range: Some((-1.0, 1.0)),
///     scale: ColorScale::Diverging,
///     ..HeatMap::default()
/// };
/// assert!(map.to_svg()?.contains("-0.20"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeatMap {
    /// Title above the map.
    pub title: String,
    /// Name of the row axis, on the left.
    pub row_label: String,
    /// Name of the column axis, below the map.
    pub column_label: String,
    /// Name of the values, beside the color bar.
    pub value_label: String,
    /// Row names, from top to bottom.
    pub row_names: Vec<String>,
    /// Column names.
    pub column_names: Vec<String>,
    /// Values `values[row][column]`.
    pub values: Vec<Vec<f64>>,
    /// TextArity `[row][column]` shown in the cells (default: the values with two decimals).
    pub cell_texts: Option<Vec<Vec<String>>>,
    /// Values at both ends of the color scale (default: minimum and maximum of the values). Values
    /// outside have the color of the nearest end.
    pub range: Option<(f64, f64)>,
    /// Color scale (default: sequential).
    pub scale: ColorScale,
}

/// Positions of the parts of the map, in pixels.
#[derive(Debug)]
struct Layout {
    left: f64,
    top: f64,
    cell: f64,
    right: f64,
    bottom: f64,
    row_names: Vec<String>,
    column_names: Vec<String>,
    /// Whether column names are rotated because they do not fit side by side.
    turned: bool,
    size: Size,
}

impl HeatMap {
    fn check(&self) -> Result<(), EvalError> {
        let refused = |reason: String| Err(EvalError::plot(PLOT, reason));
        let (rows, columns) = (self.row_names.len(), self.column_names.len());
        if rows == 0 || columns == 0 {
            return refused(format!("it has {rows} rows and {columns} columns"));
        }
        if self.values.len() != rows {
            let found = self.values.len();
            return refused(format!("{found} rows of values for {rows} names"));
        }
        for (position, row) in self.values.iter().enumerate() {
            if row.len() != columns {
                let found = row.len();
                return refused(format!(
                    "row {position} has {found} values for {columns} names"
                ));
            }
            for (column, value) in row.iter().enumerate() {
                drawable(PLOT, position, *value, || {
                    format!("value of column {column}")
                })?;
            }
        }
        if let Some(texts) = &self.cell_texts
            && (texts.len() != rows || texts.iter().any(|row| row.len() != columns))
        {
            return refused(format!("the texts are not {rows} rows of {columns}"));
        }
        match self.range {
            Some((low, high)) if !(low < high && (high - low).is_finite()) => {
                refused(format!("the range is {low}..{high}, expected it to rise"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the values at both ends of the color scale.
    fn ends(&self) -> (f64, f64) {
        let values = || self.values.iter().flatten().copied();
        let least = || values().fold(f64::INFINITY, f64::min);
        let largest = || values().fold(f64::NEG_INFINITY, f64::max);
        match self.range.unwrap_or_else(|| (least(), largest())) {
            (low, high) if low < high => (low, high),
            // If all values are equal, they get the middle color.
            (low, _) => {
                let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
                (low - room, low + room)
            }
        }
    }

    fn texts(&self) -> Vec<Vec<String>> {
        self.cell_texts.clone().unwrap_or_else(|| {
            let row = |row: &Vec<f64>| row.iter().map(|value| format!("{value:.2}")).collect();
            self.values.iter().map(row).collect()
        })
    }

    fn layout(&self) -> Layout {
        let (rows, columns) = (self.row_names.len() as f64, self.column_names.len() as f64);
        let cell = (AIMED_SIDE / rows.max(columns)).clamp(SMALLEST_CELL, LARGEST_CELL);
        let fitted = |names: &[String]| {
            let each = names.iter().map(|name| fit(name, LABEL, LONGEST_NAME));
            each.collect::<Vec<_>>()
        };
        let (row_names, column_names) = (fitted(&self.row_names), fitted(&self.column_names));
        let turned = widest(&column_names, LABEL) > cell - 4.0;
        let below = match turned {
            true => widest(&column_names, LABEL),
            false => LABEL,
        };
        let room = |label: &str| if label.is_empty() { 0.0 } else { AXIS + GAP };
        let left = MARGIN + room(&self.row_label) + widest(&row_names, LABEL) + GAP;
        let top = MARGIN + TITLE_HEIGHT;
        let (right, bottom) = (left + cell * columns, top + cell * rows);
        let bar = 2.0 * GAP + BAR_WIDTH + GAP + self.bar_number_width() + GAP + AXIS;
        // The title is centered over the whole plot.
        let width = (right + bar + MARGIN).max(width(&self.title, TITLE) + 2.0 * MARGIN);
        Layout {
            left,
            top,
            cell,
            right,
            bottom,
            row_names,
            column_names,
            turned,
            size: Size {
                width: width.min(4000.0).max(right + bar + MARGIN).ceil() as u32,
                height: (bottom + GAP + below + room(&self.column_label) + MARGIN).ceil() as u32,
            },
        }
    }

    /// Returns the labels at both ends of the color bar, lower end first.
    fn bar_numbers(&self) -> [String; 2] {
        let (low, high) = self.ends();
        [low, high].map(short)
    }

    fn bar_number_width(&self) -> f64 {
        widest(&self.bar_numbers(), LABEL)
    }

    fn draw_cells(&self, canvas: &Canvas, layout: &Layout) -> Result<(), DrawingError> {
        let (low, high) = self.ends();
        let texts = self.texts();
        let longest = widest(texts.iter().flatten(), 1.0);
        let text_size = (0.36 * layout.cell)
            .min(0.88 * layout.cell / longest.max(0.1))
            .min(15.0);
        for (row, values) in self.values.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                let left = layout.left + column as f64 * layout.cell;
                let top = layout.top + row as f64 * layout.cell;
                let color = self.scale.color((value - low) / (high - low));
                let end = (left + layout.cell, top + layout.cell);
                fill(canvas, (left, top), end, color)?;
                if layout.cell > CELL_WITH_LINE {
                    outline(canvas, (left, top), end, stroke(WHITE, 1.0))?;
                }
                if text_size >= SMALLEST_TEXT {
                    let style = colored(text_size, HPos::Center, VPos::Center, text_on(color));
                    let middle = at(left + layout.cell / 2.0, top + layout.cell / 2.0);
                    canvas.draw_text(&texts[row][column], &style, middle)?;
                }
            }
        }
        let (start, end) = ((layout.left, layout.top), (layout.right, layout.bottom));
        outline(canvas, start, end, stroke(INK, 1.0))
    }

    fn draw_names(&self, canvas: &Canvas, layout: &Layout) -> Result<(), DrawingError> {
        // Skips names of rows that are smaller than a line of text.
        let every = (1.2 * LABEL / layout.cell).ceil() as usize;
        let right = style(LABEL, HPos::Right, VPos::Center);
        for (row, name) in layout.row_names.iter().enumerate().step_by(every) {
            let middle = layout.top + (row as f64 + 0.5) * layout.cell;
            canvas.draw_text(name, &right, at(layout.left - GAP, middle))?;
        }
        let name_style = match layout.turned {
            true => upward(style(LABEL, HPos::Right, VPos::Center)),
            false => style(LABEL, HPos::Center, VPos::Top),
        };
        for (column, name) in layout.column_names.iter().enumerate().step_by(every) {
            let middle = layout.left + (column as f64 + 0.5) * layout.cell;
            canvas.draw_text(name, &name_style, at(middle, layout.bottom + GAP))?;
        }
        let below = f64::from(layout.size.height) - MARGIN - AXIS;
        let (columns, rows) = ((layout.left, layout.right), (layout.top, layout.bottom));
        name_across(canvas, &self.column_label, columns, below)?;
        name_upward(canvas, &self.row_label, MARGIN, rows)
    }

    fn draw_bar(&self, canvas: &Canvas, layout: &Layout) -> Result<(), DrawingError> {
        const STEPS: usize = 64;
        let left = layout.right + 2.0 * GAP;
        let height = layout.bottom - layout.top;
        // From the top, each drawn over the rest of the bar: adjacent rectangles would show seams.
        for step in (0..STEPS).rev() {
            let color = self.scale.color((step as f64 + 0.5) / STEPS as f64);
            let top = layout.bottom - (step + 1) as f64 / STEPS as f64 * height;
            fill(
                canvas,
                (left, top),
                (left + BAR_WIDTH, layout.bottom),
                color,
            )?;
        }
        let (start, end) = ((left, layout.top), (left + BAR_WIDTH, layout.bottom));
        outline(canvas, start, end, stroke(INK, 1.0))?;
        let ends = [(VPos::Bottom, layout.bottom), (VPos::Top, layout.top)];
        let beside = left + BAR_WIDTH + GAP;
        for (number, (vertical, y)) in self.bar_numbers().iter().zip(ends) {
            let style = style(LABEL, HPos::Left, vertical);
            canvas.draw_text(number, &style, at(beside, y))?;
        }
        let after = beside + self.bar_number_width() + GAP;
        name_upward(
            canvas,
            &self.value_label,
            after,
            (layout.top, layout.bottom),
        )
    }
}

/// Formats a number in a few characters.
fn short(number: f64) -> String {
    match number.abs() {
        size if size != 0.0 && !(1e-3..1e6).contains(&size) => format!("{number:.1e}"),
        _ => {
            let text = format!("{number:.3}");
            text.trim_end_matches('0').trim_end_matches('.').into()
        }
    }
}

impl Plot for HeatMap {
    fn to_svg(&self) -> Result<String, EvalError> {
        self.check()?;
        let layout = self.layout();
        picture(PLOT, layout.size, &self.title, |canvas| {
            self.draw_cells(canvas, &layout)?;
            self.draw_names(canvas, &layout)?;
            self.draw_bar(canvas, &layout)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: usize, columns: usize) -> HeatMap {
        let names = |count: usize| (0..count).map(|number| format!("name {number}")).collect();
        HeatMap {
            row_names: names(rows),
            column_names: names(columns),
            values: vec![vec![0.5; columns]; rows],
            ..HeatMap::default()
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let refusal = |map: HeatMap| map.to_svg().unwrap_err().to_string();
        assert!(refusal(map(0, 3)).ends_with("it has 0 rows and 3 columns"));
        let mut ragged = map(2, 2);
        ragged.values[1].pop();
        assert!(refusal(ragged).ends_with("row 1 has 1 values for 2 names"));
        let mut hole = map(2, 2);
        hole.values[1][0] = f64::NAN;
        assert_eq!(
            refusal(hole),
            "row 1: the value of column 0 is NaN, expected a finite number"
        );
        let mut falling = map(2, 2);
        falling.range = Some((1.0, 1.0));
        assert!(refusal(falling).contains("the range is 1..1"));
        let mut texts = map(2, 2);
        texts.cell_texts = Some(vec![vec!["a".into()]; 2]);
        assert!(refusal(texts).ends_with("the texts are not 2 rows of 2"));
    }

    #[test]
    fn equal_values_have_the_color_of_the_middle() {
        let (low, high) = map(2, 2).ends();
        assert!(low < 0.5 && 0.5 < high);
        assert!((0.5 - low - (high - 0.5)).abs() < 1e-12);
    }

    #[test]
    fn many_cells_are_drawn_without_their_texts() {
        let few = map(3, 3).to_svg().unwrap();
        assert_eq!(few.matches("0.50").count(), 9);
        let many = map(80, 80).to_svg().unwrap();
        assert_eq!(many.matches("0.50").count(), 0);
    }
}
