//! Command-line arguments of examples that read files of one's own.

use std::str::FromStr;

use clap::Args;
use finetune::data::OnBadRow;
use finetune::data::table::{Column, Delimiter, Quote};
use finetune::data::tabular::{ColumnNames, LabelKind, TabularOptions};
use finetune::eval::Thresholds;

/// How the rows of files are read.
#[derive(Debug, Clone, Args)]
pub struct TableArguments {
    /// Delimiter of CSV and TSV files, a character or `tab` [default: by the extension]. With it,
    /// files of unknown extensions are read like CSV
    #[arg(long, value_name = "CHARACTER", allow_hyphen_values = true)]
    delimiter: Option<Delimiter>,
    /// Quote of CSV and TSV files, a character or `none` [default: "]
    #[arg(long, value_name = "CHARACTER", allow_hyphen_values = true)]
    quote: Option<Quote>,
    /// Skip and count bad rows instead of stopping at the first
    #[arg(long)]
    skip_bad_rows: bool,
}

impl TableArguments {
    /// Returns how invalid rows are handled.
    pub fn on_bad_rows(&self) -> OnBadRow {
        match self.skip_bad_rows {
            true => OnBadRow::Skip,
            false => OnBadRow::Error,
        }
    }

    /// Returns the options for reading these columns.
    pub fn options(&self, columns: ColumnNames, labels: LabelKind) -> TabularOptions {
        TabularOptions {
            columns,
            labels,
            delimiter: self.delimiter,
            quote: self.quote,
            on_bad_rows: self.on_bad_rows(),
            ..TabularOptions::default()
        }
    }
}

/// Names of columns with commas between them. A name in double quotes may contain commas; two
/// quotes in it are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnList(Vec<String>);

impl ColumnList {
    /// Returns the columns of all lists, in order.
    pub fn columns(lists: &[Self]) -> Vec<Column> {
        let names = lists.iter().flat_map(|list| &list.0);
        names.map(|name| name.as_str().into()).collect()
    }
}

impl FromStr for ColumnList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut names, mut rest) = (Vec::new(), text);
        loop {
            let (name, after) = match rest.strip_prefix('"') {
                Some(quoted) => unquoted(quoted)?,
                None => {
                    let end = rest.find(',').unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..])
                }
            };
            names.push(name);
            rest = match after.strip_prefix(',') {
                Some(rest) => rest,
                None if after.is_empty() => return Ok(Self(names)),
                None => return Err(format!("expected a comma before {after:?}")),
            };
        }
    }
}

/// Parses a threshold of multi-label classification, or one per class with commas between them.
///
/// # Errors
/// If a part is not a probability.
pub fn thresholds(text: &str) -> Result<Thresholds, String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(str::parse).collect();
    let numbers = numbers.map_err(|error| error.to_string())?;
    let thresholds = match numbers[..] {
        [number] => Thresholds::Same(number),
        _ => Thresholds::PerClass(numbers),
    };
    thresholds.validate().map_err(|error| error.to_string())?;
    Ok(thresholds)
}

/// Parses the least and the largest score, with a comma between them.
///
/// # Errors
/// If these are not two numbers.
pub fn score_range(text: &str) -> Result<[f64; 2], String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(str::parse).collect();
    let numbers = numbers.map_err(|error| error.to_string())?;
    <[f64; 2]>::try_from(numbers).map_err(|_| "expected two numbers, as in 0,5".to_string())
}

/// Returns the name up to its closing quote, and the text after it.
fn unquoted(text: &str) -> Result<(String, &str), String> {
    let (mut name, mut rest) = (String::new(), text);
    loop {
        let (part, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Ok((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_one_number_or_one_per_class() {
        assert_eq!(thresholds("0.25"), Ok(Thresholds::Same(0.25)));
        let each = Thresholds::PerClass(vec![0.25, 1.0]);
        assert_eq!(thresholds("0.25,1"), Ok(each));
        for text in ["", "a", "1.5", "0.5,", "0.5,-1"] {
            assert!(thresholds(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_in_quotes_may_contain_commas() {
        for (text, expected) in [
            ("text", &["text"][..]),
            ("title,body", &["title", "body"]),
            ("\"last, first\",age", &["last, first", "age"]),
            (
                "age,\"the \"\"best\"\", so far\"",
                &["age", "the \"best\", so far"],
            ),
            ("5\" disks,\"\"", &["5\" disks", ""]),
        ] {
            let list: ColumnList = text.parse().unwrap();
            assert_eq!(list.0, expected, "{text}");
        }
        for text in ["\"open", "\"a\"b", "a,\"b"] {
            assert!(text.parse::<ColumnList>().is_err(), "{text}");
        }
        let lists = ["a,b", "c"].map(|text| text.parse().unwrap());
        assert_eq!(
            ColumnList::columns(&lists),
            ["a", "b", "c"].map(Column::from)
        );
    }
}
