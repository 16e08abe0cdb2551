//! Figures.

use serde::{Deserialize, Serialize};

use super::svg;
use crate::EvalError;

/// A drawing with its description, checked to be one that a page can hold.
///
/// ```
/// use finetune_eval::report::Figure;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><path d="M0 0L2 1"/></svg>"#;
/// let figure = Figure::new(svg, "A line that rises from 0 to 1.", "Accuracy by epoch.")?;
/// assert!(Figure::new("<svg><script/></svg>", "", "").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Figure {
    svg: String,
    alt: String,
    caption: String,
}

impl Figure {
    /// A figure from an SVG document.
    ///
    /// `alt` says what is to be seen, for those who do not see it; `caption` stands below. What
    /// stands before the drawing (XML declaration, document type) and comments are dropped.
    ///
    /// # Errors
    ///
    /// [`EvalError::NotADrawing`] for anything but a drawing that stands by itself: broken XML,
    /// scripts, references to other files, elements of HTML.
    pub fn new(
        svg: &str,
        alt: impl Into<String>,
        caption: impl Into<String>,
    ) -> Result<Self, EvalError> {
        Ok(Self {
            svg: svg::checked(svg)?,
            alt: alt.into(),
            caption: caption.into(),
        })
    }

    /// The drawing: an `<svg>` element.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// What is to be seen.
    pub fn alt(&self) -> &str {
        &self.alt
    }

    /// What stands below.
    pub fn caption(&self) -> &str {
        &self.caption
    }
}

/// A figure as it is read from JSON, before its drawing is checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    svg: String,
    #[serde(default)]
    alt: String,
    #[serde(default)]
    caption: String,
}

impl TryFrom<Stored> for Figure {
    type Error = EvalError;

    fn try_from(stored: Stored) -> Result<Self, EvalError> {
        Self::new(&stored.svg, stored.alt, stored.caption)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_read_from_json_is_checked() {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg"/>"#;
        let figure = Figure::new(svg, "nothing", "Figure 1.").unwrap();
        let mut json = serde_json::to_value(&figure).unwrap();
        assert_eq!(
            serde_json::from_value::<Figure>(json.clone()).unwrap(),
            figure
        );
        json["svg"] = "<p>".into();
        assert!(serde_json::from_value::<Figure>(json).is_err());
    }
}
