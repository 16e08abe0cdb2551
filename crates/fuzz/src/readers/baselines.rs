//! Sparse baselines and folds.

use finetune_baseline::{BaselineClassifier, BaselineConfig};
use finetune_data::Folds;

use super::dataset;
use super::tables::write_all;
use crate::reader::{Reader, Shape};

pub(crate) const CONFIG: Reader = Reader {
    name: "baseline-config",
    cost: 2,
    files: &["config.json"],
    shape: Shape::Json,
    writes: false,
    seeds: |directory| {
        let words = BaselineConfig::default();
        write_all(directory, "config.json", [&serde_json::to_vec(&words)?[..]])
    },
    read: |directory| {
        let bytes = std::fs::read(directory.join("config.json"))?;
        let config: BaselineConfig = serde_json::from_slice(&bytes)?;
        config.fit(&dataset())?.predict(&["rain and soup"])?;
        Ok(())
    },
};

pub(crate) const CLASSIFIER: Reader = Reader {
    name: "baseline-classifier",
    cost: 1,
    files: &["classifier"],
    shape: Shape::Bytes,
    writes: false,
    seeds: |directory| {
        std::fs::create_dir(directory.join("0"))?;
        let classifier = BaselineConfig::default().fit(&dataset())?;
        Ok(classifier.save(&directory.join("0/classifier"))?)
    },
    read: |directory| {
        BaselineClassifier::load(&directory.join("classifier"))?.predict(&["rain and soup"])?;
        Ok(())
    },
};

pub(crate) const FOLDS: Reader = Reader {
    name: "folds",
    cost: 1,
    files: &["folds.json"],
    shape: Shape::Json,
    writes: false,
    seeds: |directory| {
        std::fs::create_dir(directory.join("0"))?;
        let folds = Folds::stratified_k_fold(&dataset(), 3, 42)?;
        Ok(folds.save(&directory.join("0/folds.json"))?)
    },
    read: |directory| {
        let dataset = dataset();
        let folds = Folds::load(&directory.join("folds.json"), &dataset)?;
        for fold in 0..folds.k() {
            folds.splits(&dataset, fold)?;
        }
        Ok(())
    },
};
