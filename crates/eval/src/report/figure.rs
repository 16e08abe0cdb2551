//! Figures.

use serde::Serialize;

use super::svg;
use crate::error::EvalError;

/// SVG drawing with a description, checked to be safe to embed in a page.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    svg: String,
    alt: String,
    caption: String,
}

impl Figure {
    /// Creates a figure from an SVG document.
    ///
    /// `alt` describes the drawing for screen readers; `caption` is shown below it. Everything
    /// before the `<svg>` element (XML declaration, document type) and comments are removed.
    ///
    /// # Errors
    ///
    /// - [`EvalError::Plot`] if the document is not a self-contained drawing: invalid XML,
    ///   scripts, references to other files, HTML elements.
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

    /// Returns the `<svg>` element.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Returns the description.
    pub fn alt(&self) -> &str {
        &self.alt
    }

    /// Returns the caption.
    pub fn caption(&self) -> &str {
        &self.caption
    }
}
