//! Writing plots to files.

#[cfg(feature = "png")]
mod png;

use std::path::Path;

use finetune_storage::write_atomically;

use crate::error::EvalError;

pub(super) fn write(path: &Path, svg: &str) -> Result<(), EvalError> {
    let refused = |reason: String| EvalError::Write {
        path: path.into(),
        reason,
    };
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let bytes = match extension.to_str() {
        Some("svg") => svg.as_bytes().to_vec(),
        #[cfg(feature = "png")]
        Some("png") => png::render(svg).map_err(refused)?,
        #[cfg(not(feature = "png"))]
        Some("png") => return Err(refused("PNG needs the feature `png`".into())),
        _ => return Err(refused("the extension must be .svg or .png".into())),
    };
    write_atomically(path, &bytes).map_err(EvalError::write(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = r#"<svg width="4" height="4" xmlns="http://www.w3.org/2000/svg"></svg>"#;

    #[test]
    fn other_extensions_and_folders_that_are_not_there_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let refusal = |name: &str| write(&directory.path().join(name), SVG).unwrap_err();
        assert!(
            refusal("a.jpg")
                .to_string()
                .ends_with("the extension must be .svg or .png")
        );
        assert!(matches!(refusal("a"), EvalError::Write { .. }));
        assert!(matches!(refusal("none/a.svg"), EvalError::Write { .. }));
        write(&directory.path().join("A.SVG"), SVG).unwrap();
        let written = std::fs::read_to_string(directory.path().join("A.SVG")).unwrap();
        assert_eq!(written, SVG);
    }

    #[test]
    fn png_is_there_with_its_feature_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.png");
        assert_eq!(write(&path, SVG).is_ok(), cfg!(feature = "png"));
        assert_eq!(path.exists(), cfg!(feature = "png"));
    }
}
