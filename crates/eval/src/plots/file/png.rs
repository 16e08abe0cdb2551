//! Rendering of SVG to PNG.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// Pixels of the PNG per pixel of the SVG, for sharp prints and high-resolution screens.
const SCALE: f32 = 2.0;
/// Its license is in the same directory.
const FONT: &[u8] = include_bytes!("../font/DejaVuSans-subset.ttf");
const FONT_FAMILY: &str = "DejaVu Sans";

pub(super) fn render(svg: &str) -> Result<Vec<u8>, String> {
    let options = Options {
        font_family: FONT_FAMILY.into(),
        fontdb: match svg.chars().all(is_bundled) {
            true => bundled_font(),
            false => fonts_of_the_system(),
        },
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size();
    let scaled = size.scale_by(SCALE).unwrap_or(size);
    let mut pixels = Pixmap::new(scaled.width(), scaled.height()).ok_or("too large for a PNG")?;
    let transform = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, transform, &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}

/// Returns whether the bundled font may contain the character: Latin, Greek, Cyrillic and symbols.
fn is_bundled(character: char) -> bool {
    matches!(character, '\0'..='\u{45f}' | '\u{2000}'..='\u{22ff}')
}

fn bundled_font() -> Arc<fontdb::Database> {
    static FONT_ALONE: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family(FONT_FAMILY);
        Arc::new(fonts)
    };
    FONT_ALONE.get_or_init(load).clone()
}

/// Returns the bundled font and all system fonts.
fn fonts_of_the_system() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = (*bundled_font()).clone();
        fonts.load_system_fonts();
        fonts.set_sans_serif_family(FONT_FAMILY);
        Arc::new(fonts)
    };
    FONTS.get_or_init(load).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_needs_no_font_of_the_system() {
        assert_eq!(bundled_font().len(), 1);
        let svg = r#"<svg width="60" height="20" xmlns="http://www.w3.org/2000/svg"><text x="2" y="15" font-family="sans-serif">Größe</text></svg>"#;
        assert!(svg.chars().all(is_bundled));
        let pixels = Pixmap::decode_png(&render(svg).unwrap()).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (120, 40));
        let drawn = pixels.pixels().iter().filter(|pixel| pixel.alpha() > 128);
        assert!(drawn.count() > 200, "letters cover some of the picture");
    }

    #[test]
    fn what_is_no_svg_is_refused() {
        assert!(render("<svg").is_err());
    }
}
