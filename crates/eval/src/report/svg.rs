//! Check of the SVG drawings that may be embedded in a page.
//!
//! A drawing is embedded as is, so it is first parsed as XML, and only drawing elements are
//! allowed: an HTML element would end the drawing, a script would run, a reference would send a
//! request.

use roxmltree::{Document, Node};

use crate::error::EvalError;

/// SVG namespace.
const SVG: &str = "http://www.w3.org/2000/svg";

/// Allowed elements.
const ELEMENTS: &str = "circle clipPath defs desc ellipse g image line linearGradient marker mask path \
                        pattern polygon polyline radialGradient rect stop svg symbol text title tspan";

/// Returns the `<svg>` element of a document, without comments and metadata.
///
/// # Errors
///
/// - [`EvalError::Plot`] if the drawing is invalid or unsafe.
pub(super) fn checked(document: &str) -> Result<String, EvalError> {
    // An XML declaration or document type may precede it.
    let Some(start) = document.find("<svg") else {
        return Err(refused("there is no <svg> element"));
    };
    let drawing = with_namespace(document[start..].trim_end());
    // HTML would end such a section elsewhere.
    if drawing.contains("<![CDATA[") {
        return Err(refused("it has a CDATA section"));
    }
    let tree = Document::parse(&drawing).map_err(|error| refused(error.to_string()))?;
    let mut dropped = Vec::new();
    for node in tree.descendants() {
        let inside = |range: &std::ops::Range<usize>| range.contains(&node.range().start);
        if dropped.last().is_some_and(inside) {
            continue;
        }
        if node.is_comment() || node.is_pi() || node.has_tag_name((SVG, "metadata")) {
            dropped.push(node.range());
        } else if node.is_element() {
            check(node)?;
        }
    }
    let mut kept = drawing.clone();
    for range in dropped.into_iter().rev() {
        kept.replace_range(range, "");
    }
    Ok(kept)
}

fn refused(reason: impl Into<String>) -> EvalError {
    EvalError::plot("an SVG figure of a page", reason)
}

/// HTML accepts an `<svg>` without a namespace; XML does not.
fn with_namespace(drawing: &str) -> String {
    let tag = drawing.split('>').next().unwrap_or_default();
    match tag.contains("xmlns=") {
        true => drawing.to_owned(),
        false => drawing.replacen("<svg", &format!("<svg xmlns=\"{SVG}\""), 1),
    }
}

fn check(element: Node<'_, '_>) -> Result<(), EvalError> {
    let name = element.tag_name().name();
    if element.tag_name().namespace() != Some(SVG)
        || !ELEMENTS.split(' ').any(|allowed| allowed == name)
    {
        return Err(refused(format!("it has the element <{name}>")));
    }
    // In a page, elements inside these are HTML again.
    let in_words = |above: Node<'_, '_>| matches!(above.tag_name().name(), "title" | "desc");
    if element.parent().is_some_and(in_words) {
        return Err(refused(format!("<{name}> stands inside a description")));
    }
    for attribute in element.attributes() {
        let (key, value) = (attribute.name(), attribute.value());
        let elsewhere =
            key == "href" && !value.starts_with('#') && !value.starts_with("data:image/");
        if elsewhere || key.to_ascii_lowercase().starts_with("on") || refers_elsewhere(value) {
            return Err(refused(format!("<{name}> has {key}={value:?}")));
        }
    }
    Ok(())
}

/// Returns whether a value has a `url(...)` outside the drawing; CSS escapes could hide one.
fn refers_elsewhere(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let outside = |rest: &str| !rest.trim_start_matches([' ', '"', '\'']).starts_with('#');
    value.split("url(").skip(1).any(outside) || value.contains('\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(content: &str) -> String {
        format!("<svg xmlns=\"{SVG}\" xmlns:xlink=\"http://www.w3.org/1999/xlink\">{content}</svg>")
    }

    #[test]
    fn drawings_stay_as_they_are() {
        let drawing = svg(
            "<defs><clipPath id=\"a\"><rect width=\"1\" height=\"1\"/></clipPath></defs>\
             <g clip-path=\"url(#a)\"><text x=\"1\">größer &lt; 1 &amp; p &gt; 0</text></g>\
             <image xlink:href=\"data:image/png;base64,AAAA\"/><title>a</title>",
        );
        assert_eq!(checked(&drawing).unwrap(), drawing);
    }

    #[test]
    fn what_is_for_other_readers_is_dropped() {
        let document = format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"svg11.dtd\">\n{}\n",
            svg(
                "<!--> <script>1</script> --><g/><metadata><rdf xmlns=\"r\"/><!-- b --></metadata><?a b?>"
            )
        );
        assert_eq!(checked(&document).unwrap(), svg("<g/>"));
        let plain = "<svg viewBox=\"0 0 1 1\"><g/></svg>";
        assert_eq!(
            checked(plain).unwrap(),
            format!("<svg xmlns=\"{SVG}\" viewBox=\"0 0 1 1\"><g/></svg>")
        );
    }

    #[test]
    fn anything_but_a_drawing_is_refused() {
        for content in [
            "<script>1</script>",
            "<foreignObject/>",
            "<style>p {}</style>",
            "<p/>",
            "<html:img xmlns:html=\"http://www.w3.org/1999/xhtml\"/>",
            "<title><image href=\"#a\"/></title>",
            "<g onload=\"1\"/>",
            "<g ONLOAD=\"1\"/>",
            "<image href=\"https://example.org/a.png\"/>",
            "<image xlink:href=\"//example.org/a.png\"/>",
            "<rect fill=\"url(https://example.org/a.svg#b)\"/>",
            "<rect style=\"fill: URL( 'a.svg#b')\"/>",
            "<rect style=\"fill: u\\72l(a.svg#b)\"/>",
            "<![CDATA[<p>]]>",
            "<g>",
            "</svg><p/>",
            "&unknown;",
        ] {
            let result = checked(&svg(content));
            assert!(matches!(result, Err(EvalError::Plot { .. })), "{content}");
        }
        assert!(checked("<html></html>").is_err());
    }
}
