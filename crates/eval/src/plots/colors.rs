//! Colors that are distinguishable with any color vision.

use plotters::style::RGBColor;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(38, 38, 38);
/// Background elements: grids.
pub(super) const FAINT: RGBColor = RGBColor(222, 222, 222);
/// Guides such as a diagonal.
pub(super) const GUIDE: RGBColor = RGBColor(130, 130, 130);

/// Okabe and Ito's colors without yellow (invisible on white) and black (used for text).
const LINES: [RGBColor; 6] = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY];
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const PURPLE: RGBColor = RGBColor(204, 121, 167);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const SKY: RGBColor = RGBColor(86, 180, 233);

/// Lengths of dashes and gaps in pixels, for each cycle through the colors.
const DASHES: [Option<(i32, i32)>; 4] = [None, Some((8, 4)), Some((3, 3)), Some((14, 4))];

/// Returns the color of a line by its index.
pub(super) fn line(number: usize) -> RGBColor {
    LINES[number % LINES.len()]
}

/// Returns the dash pattern of a line by its index.
pub(super) fn dash(number: usize) -> Option<(i32, i32)> {
    DASHES[number / LINES.len() % DASHES.len()]
}

/// Color scale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ColorScale {
    /// White to dark blue, from minimum to maximum.
    #[default]
    Sequential,
    /// Red to blue through white, with white at the midpoint.
    Diverging,
}

/// ColorBrewer's Blues.
const SEQUENTIAL: [RGBColor; 6] = [
    RGBColor(247, 251, 255),
    RGBColor(208, 225, 242),
    RGBColor(148, 196, 223),
    RGBColor(74, 152, 201),
    RGBColor(23, 100, 171),
    RGBColor(8, 48, 107),
];
/// ColorBrewer's RdBu.
const DIVERGING: [RGBColor; 7] = [
    RGBColor(178, 24, 43),
    RGBColor(239, 138, 98),
    RGBColor(253, 219, 199),
    RGBColor(247, 247, 247),
    RGBColor(209, 229, 240),
    RGBColor(103, 169, 207),
    RGBColor(33, 102, 172),
];

impl ColorScale {
    /// Returns the color of a position in `[0, 1]` between minimum and maximum.
    pub(super) fn color(self, share: f64) -> RGBColor {
        let stops: &[RGBColor] = match self {
            Self::Sequential => &SEQUENTIAL,
            Self::Diverging => &DIVERGING,
        };
        let position = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let below = (position.floor() as usize).min(stops.len() - 2);
        let fraction = position - below as f64;
        let mix =
            |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * fraction).round() as u8;
        let (a, b) = (stops[below], stops[below + 1]);
        RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
    }
}

/// Returns black or white, whichever has the higher contrast on the color.
pub(super) fn text_on(color: RGBColor) -> RGBColor {
    let weighted = |part: u8, weight: f64| weight * (f64::from(part) / 255.0).powf(2.2);
    let luminance =
        weighted(color.0, 0.2126) + weighted(color.1, 0.7152) + weighted(color.2, 0.0722);
    // Luminance at which both have the same WCAG contrast.
    match luminance > 0.179 {
        true => INK,
        false => RGBColor(255, 255, 255),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn scales_start_and_end_as_named() {
        assert_eq!(ColorScale::Sequential.color(-1.0), SEQUENTIAL[0]);
        assert_eq!(ColorScale::Sequential.color(2.0), SEQUENTIAL[5]);
        assert_eq!(ColorScale::Diverging.color(0.5), DIVERGING[3]);
    }

    #[test]
    fn text_is_dark_on_light_and_light_on_dark() {
        assert_eq!(text_on(SEQUENTIAL[0]), INK);
        assert_eq!(text_on(SEQUENTIAL[5]), RGBColor(255, 255, 255));
    }

    #[test]
    fn the_first_24_lines_differ() {
        let looks: HashSet<_> = (0..24)
            .map(|number| {
                let RGBColor(r, g, b) = line(number);
                (r, g, b, dash(number))
            })
            .collect();
        assert_eq!(looks.len(), 24);
    }
}
