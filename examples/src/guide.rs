//! The settings that the guide prints are settings.

use std::fs;
use std::path::{Path, PathBuf};

use finetune::data::Cleaning;
use finetune::prelude::*;
use finetune::study::{StudyConfig, override_settings};
use finetune::train::{EmbeddingTrainingConfig, MultiTaskConfig, RerankerTrainingConfig};
use finetune_baseline::BaselineConfig;
use serde_json::Value;

/// Fenced block of a page.
struct Block {
    page: String,
    language: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let guide = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide"));
    let entries = fs::read_dir(guide)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = entries.collect();
    pages.sort();
    pages.iter().flat_map(|page| blocks_of(page)).collect()
}

fn blocks_of(path: &Path) -> Vec<Block> {
    let page = path.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let (mut found, mut block): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut block) {
            (Some(_), Some(_)) => found.extend(block.take()),
            (Some(language), None) => {
                block = Some(Block {
                    page: page.to_string(),
                    language: language.to_string(),
                    text: String::new(),
                });
            }
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    found
}

/// Parses a block as the program does that the page is about; `None` if no program reads it.
fn check(block: &Block) -> Option<Result<(), String>> {
    fn text(error: impl ToString) -> String {
        error.to_string()
    }
    let json = || serde_json::from_str::<Value>(&block.text).map_err(text);
    Some(match (&block.page[..], &block.language[..]) {
        ("studies", "toml") => StudyConfig::from_toml(&block.text)
            .and_then(|study| study.validate())
            .map_err(text),
        ("program", "toml") if block.text.starts_with("# rates.toml") => {
            StudyConfig::from_toml(&block.text)
                .and_then(|study| study.validate())
                .map_err(text)
        }
        ("program", "toml") => toml::from_str(&block.text).map_err(text).and_then(|file| {
            let defaults = FineTuningConfig::default();
            let settings = override_settings(&defaults, &file, "the page").map_err(text)?;
            settings.validate().map_err(text)
        }),
        ("baselines", "json") => serde_json::from_str::<BaselineConfig>(&block.text)
            .map_err(text)
            .and_then(|config| config.validate().map_err(text)),
        ("multi-task", "json") => serde_json::from_str::<MultiTaskConfig>(&block.text)
            .map_err(text)
            .and_then(|config| config.validate().map_err(text)),
        ("data-preparation", "json") if block.text.contains("steps") => {
            serde_json::from_str::<Cleaning>(&block.text)
                .map(drop)
                .map_err(text)
        }
        ("training" | "data-preparation", "json") => json().and_then(|json| {
            let overrides = json.as_object().cloned().ok_or("no object")?;
            let defaults = FineTuningConfig::default();
            let settings = override_settings(&defaults, &overrides, "the page").map_err(text)?;
            settings.validate().map_err(text)
        }),
        ("embeddings", "json") => json().and_then(|json| {
            let overrides = json.as_object().cloned().ok_or("no object")?;
            let defaults = EmbeddingTrainingConfig::default();
            let settings = override_settings(&defaults, &overrides, "the page").map_err(text)?;
            settings.validate().map_err(text)
        }),
        ("rerankers", "json") => json().and_then(|json| {
            let overrides = json.as_object().cloned().ok_or("no object")?;
            let defaults = RerankerTrainingConfig::default();
            let settings = override_settings(&defaults, &overrides, "the page").map_err(text)?;
            settings.validate().map_err(text)
        }),
        ("serving", "json") => json().and_then(|json| match json.get("predictions") {
            Some(predictions) => serde_json::from_value::<Vec<Prediction>>(predictions.clone())
                .map(drop)
                .map_err(text),
            None => json["error"]["code"]
                .as_str()
                .map(drop)
                .ok_or("no error".to_string()),
        }),
        // The manifest of another project.
        ("getting-started", "toml") => return None,
        (_, "json" | "toml") => Err("no test reads the blocks of this page".to_string()),
        _ => return None,
    })
}

#[test]
fn all_printed_settings_are_valid() {
    let mut checked = 0;
    for block in blocks() {
        if let Some(result) = check(&block) {
            assert_eq!(result, Ok(()), "{}:\n{}", block.page, block.text);
            checked += 1;
        }
    }
    assert!(checked >= 8, "{checked}");
}
