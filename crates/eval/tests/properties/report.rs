//! Whatever a text holds, a report shows it as text.

use finetune_eval::report::{
    Block, Column, Figure, KeyValues, Report, ScoredText, Section, Table, TextSamples,
};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Pieces that mean something to a page, to Markdown or to a terminal, and some that mean nothing.
const PIECES: [&str; 46] = [
    "<script>alert(1)</script>",
    "</style>",
    "<!--",
    "-->",
    "<br>",
    "\"",
    "'",
    "&",
    "&lt;",
    "<",
    ">",
    "|",
    "||",
    "\\",
    "\\|",
    "`",
    "``",
    "```",
    "*",
    "**",
    "_",
    "__a__",
    "~~",
    "[a](b)",
    "![",
    "]",
    "[^1]",
    "# ",
    "- ",
    "+ ",
    "1. ",
    "12)",
    "---",
    "===",
    "$x$",
    "$$",
    "    ",
    "\t",
    "\n",
    "\n\n",
    "\u{202e}desrever",
    "שלום",
    "مرحبا",
    "🚀👩‍🔬",
    "größer",
    "a",
];

/// TextSamples that are not empty: what is empty is left out.
fn text() -> impl Strategy<Value = String> {
    let texts = prop_oneof![
        3 => prop::collection::vec(prop::sample::select(&PIECES[..]), 0..8)
            .prop_map(|pieces| pieces.concat()),
        1 => "[^\\p{Cc}]{0,20}",
    ];
    texts.prop_map(|text| match text.trim() {
        "" => format!("{text}a"),
        _ => text,
    })
}

/// A report with the text in every place.
fn report(text: &str) -> Report {
    let mut table = Table::new(text, vec![Column::text(text), Column::number(text, 2)]);
    table.push([text.into(), text.into()]).unwrap();
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    let scored = ScoredText::new(text, text)
        .second(text)
        .label(text)
        .prediction(text)
        .probabilities([(text, 0.5)]);
    let section = Section::new(text)
        .with(KeyValues::new().with(text, text).with_code(text, text))
        .with(table)
        .with(Figure::new(svg, text, text).unwrap())
        .with(TextSamples {
            caption: text.to_owned(),
            texts: vec![scored],
        })
        .with_note(text)
        .with(Block::Preformatted {
            text: text.to_owned(),
        });
    (0..5).fold(Report::new(text, text), |report, _| {
        report.with(section.clone())
    })
}

/// All that GitHub understands, and more; but for names of headings in braces, which it does not.
fn extensions() -> Options {
    Options::all() - Options::ENABLE_SMART_PUNCTUATION - Options::ENABLE_HEADING_ATTRIBUTES
}

/// The text of each block of a document. Fails on anything that only markup makes.
fn read(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut emphases = 0;
    for event in Parser::new_ext(markdown, extensions()) {
        match event {
            Event::Start(
                Tag::Heading { .. }
                | Tag::Paragraph
                | Tag::Item
                | Tag::TableCell
                | Tag::CodeBlock(_),
            ) => blocks.push(String::new()),
            Event::Start(Tag::Strong | Tag::Emphasis) => emphases += 1,
            Event::End(TagEnd::Strong | TagEnd::Emphasis) => emphases -= 1,
            Event::Text(text) | Event::Code(text) => blocks.last_mut().unwrap().push_str(&text),
            Event::InlineHtml(tag) if &*tag == "<br>" => blocks.last_mut().unwrap().push('\n'),
            Event::End(_)
            | Event::Start(
                Tag::List(None)
                | Tag::BlockQuote(None)
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow,
            ) => {}
            other => panic!("{other:?} in\n{markdown}"),
        }
    }
    assert_eq!(emphases, 0);
    blocks
}

fn count(page: &str, character: char) -> usize {
    page.matches(character).count()
}

proptest! {
    #[test]
    fn a_page_has_the_same_elements_whatever_the_text(text in text()) {
        let (page, plain) = (report(&text).to_html(), report("plain").to_html());
        for character in ['<', '>', '"'] {
            prop_assert_eq!(count(&page, character), count(&plain, character));
        }
        for after in page.split('&').skip(1) {
            let entity = ["amp;", "lt;", "gt;", "quot;"].iter().any(|name| after.starts_with(name));
            prop_assert!(entity, "{after}");
        }
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        prop_assert!(page.contains(&escaped.replace('"', "&quot;")));
    }

    #[test]
    fn markdown_reads_as_the_text(text in text()) {
        let shown = text.trim();
        let code = shown.replace('\n', " ");
        let mut expected = vec![shown.to_owned(), shown.to_owned()];
        for _ in 0..5 {
            expected.extend([
                shown.to_owned(),
                format!("{shown}: {shown}"),
                format!("{shown}: {code}"),
                shown.to_owned(),
                shown.to_owned(),
                shown.to_owned(),
                shown.to_owned(),
                shown.to_owned(),
                format!("Figure. {shown} To be seen: {shown}"),
                shown.to_owned(),
                format!("{shown}, label {shown}, predicted {shown}, {shown} 0.500"),
                shown.to_owned(),
                shown.to_owned(),
                shown.to_owned(),
                format!("{}\n", text.trim_end_matches('\n')),
            ]);
        }
        let markdown = report(&text).to_markdown();
        prop_assert_eq!(read(&markdown), expected, "{}", markdown);
    }

    #[test]
    fn json_reads_back(text in any::<String>()) {
        let json: serde_json::Value = serde_json::from_str(&report(&text).to_json()).unwrap();
        prop_assert_eq!(&json["title"], &text);
        prop_assert_eq!(&json["sections"][0]["blocks"][1]["rows"][0][0], &text);
    }
}
