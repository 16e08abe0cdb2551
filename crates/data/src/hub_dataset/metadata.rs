//! YAML of a card: its safe loading, and the classes of columns in it.

use std::path::Path;

use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::{Yaml, YamlLoader};

use crate::error::DataError;

/// Levels of a card's metadata; those of real ones are below ten.
const MOST_LEVELS: usize = 64;

/// Class names of a column in a configuration, or in all of them.
#[derive(Debug, Clone)]
pub(super) struct ColumnClasses {
    pub(super) config: Option<String>,
    pub(super) column: String,
    pub(super) names: Vec<String>,
}

/// Loads the metadata of a card; there may be none.
///
/// # Errors
/// - [`DataError::InvalidFile`] if it is not YAML, or nested or repeated without end.
pub(super) fn load(path: &Path, card: &str) -> Result<Yaml, DataError> {
    let failed = |problem: String| DataError::file(path, problem);
    let text = metadata(card);
    check_levels(text).map_err(failed)?;
    let documents = YamlLoader::load_from_str(text).map_err(|error| failed(error.to_string()))?;
    Ok(documents.into_iter().next().unwrap_or(Yaml::BadValue))
}

/// Returns the YAML at the beginning of a card.
fn metadata(card: &str) -> &str {
    let card = card.trim_start_matches('\u{feff}').trim_start();
    let Some(rest) = card.strip_prefix("---") else {
        return "";
    };
    rest.find("\n---").map_or("", |end| &rest[..end])
}

/// Checks that text is nested a limited number of levels, and repeats nothing by reference: loading it
/// then takes a limited amount of memory.
fn check_levels(text: &str) -> Result<(), String> {
    let mut parser = Parser::new_from_str(text);
    let mut levels = 0_usize;
    loop {
        let (event, _) = parser.next_token().map_err(|error| error.to_string())?;
        match event {
            Event::StreamEnd => return Ok(()),
            Event::Alias(_) => {
                return Err("references in its metadata are not supported".to_owned());
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => levels += 1,
            Event::SequenceEnd | Event::MappingEnd => levels = levels.saturating_sub(1),
            _ => {}
        }
        if levels > MOST_LEVELS {
            return Err(format!("its metadata has more than {MOST_LEVELS} levels"));
        }
    }
}

/// Returns the classes of the columns of a configuration. `names` is a list, or has the numbers of the
/// classes as keys.
pub(super) fn column_classes(info: &Yaml) -> Vec<ColumnClasses> {
    let config = info["config_name"].as_str().map(str::to_owned);
    let of_column = |feature: &Yaml| {
        let types = ["dtype", "sequence", "list"].map(|key| &feature[key]);
        // A list of classes is nested once more in newer cards.
        let inner = types.map(|of_type| &of_type["dtype"]);
        let mut types = types.into_iter().chain(inner);
        let names = types.find_map(|of_type| class_names(&of_type["class_label"]["names"]))?;
        let column = feature["name"].as_str()?.to_owned();
        Some(ColumnClasses {
            config: config.clone(),
            column,
            names,
        })
    };
    list(&info["features"]).filter_map(of_column).collect()
}

fn class_names(names: &Yaml) -> Option<Vec<String>> {
    match names {
        Yaml::Array(names) => names.iter().map(plain).collect(),
        Yaml::Hash(names) => {
            let numbered = names.iter().map(|(number, name)| {
                let number: usize = plain(number)?.parse().ok()?;
                Some((number, plain(name)?))
            });
            let mut numbered: Vec<(usize, String)> = numbered.collect::<Option<_>>()?;
            numbered.sort_unstable();
            let is_complete = numbered
                .iter()
                .map(|(number, _)| *number)
                .eq(0..numbered.len());
            is_complete.then(|| numbered.into_iter().map(|(_, name)| name).collect())
        }
        _ => None,
    }
}

/// Returns the text of a scalar: class names like 2015 and `no` are written without quotes, too.
fn plain(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(is_true) => Some(is_true.to_string()),
        _ => None,
    }
}

pub(super) fn texts(value: &Yaml) -> Vec<String> {
    let texts = one_or_list(value).filter_map(Yaml::as_str);
    texts.map(str::to_owned).collect()
}

pub(super) fn list(value: &Yaml) -> impl Iterator<Item = &Yaml> {
    value.as_vec().into_iter().flatten()
}

pub(super) fn one_or_list(value: &Yaml) -> impl Iterator<Item = &Yaml> {
    let one = Some(value).filter(|value| value.as_vec().is_none());
    one.into_iter().chain(list(value))
}
