//! Rows and models of embeddings and rerankers, and cached outputs of a teacher.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use finetune_data::{EmbeddingColumns, RerankingColumns};
use finetune_model::load_embedding_model;
use finetune_train::{
    CacheLocation, DistillationConfig, FineTuning, FineTuningConfig, TrainConfig, TrainDuration,
};

use super::checkpoints::write_classifier;
use super::dataset;
use super::tables::write_all;
use crate::input::copy;
use crate::reader::{Attempt, Reader, Shape};

pub(crate) const EMBEDDING_ROWS: Reader = Reader {
    name: "embedding-rows",
    cost: 1,
    files: &["rows.jsonl", "rows.csv"],
    shape: Shape::Bytes,
    writes: false,
    seeds: |directory| {
        let place = directory.join("0");
        fs::create_dir_all(&place)?;
        let lines = "{\"anchor\": \"rain\", \"positive\": \"hail\", \"negative\": [\"soup\", \"rice\"]}\n\
                     {\"anchor\": \"bread\", \"positive\": \"soup\", \"negative\": [\"a\", \"\\u00e9\"]}\n";
        fs::write(place.join("rows.jsonl"), lines)?;
        let scored = "anchor,positive,score\nrain,hail,4.5\n\"bread, soup\",rice,0\n";
        Ok(fs::write(place.join("rows.csv"), scored)?)
    },
    read: |directory| {
        let positives = EmbeddingColumns {
            negatives: vec!["negative".into()],
            ..EmbeddingColumns::default()
        };
        let scored = EmbeddingColumns {
            score: Some("score".into()),
            score_range: Some([0.0, 5.0]),
            ..EmbeddingColumns::default()
        };
        positives.read(&directory.join("rows.jsonl"))?;
        scored.read(&directory.join("rows.csv"))?;
        Ok(())
    },
};

pub(crate) const RERANKING_ROWS: Reader = Reader {
    name: "reranking-rows",
    cost: 1,
    files: &["rows.jsonl"],
    shape: Shape::Bytes,
    writes: false,
    seeds: |directory| {
        let lists = "{\"query\": \"rain\", \"docs\": [\"hail\", \"soup\"], \"labels\": [2, 0.5]}\n\
                     {\"query\": \"bread\", \"docs\": [\"a\"], \"labels\": [1]}\n";
        let documents = "{\"query\": \"rain\", \"docs\": \"hail\", \"labels\": 1}\n\
                         {\"query\": \"rain\", \"docs\": \"soup \\u00e9\", \"labels\": 0}\n";
        write_all(
            directory,
            "rows.jsonl",
            [lists.as_bytes(), documents.as_bytes()],
        )
    },
    read: |directory| {
        RerankingColumns::default().read(&directory.join("rows.jsonl"))?;
        Ok(())
    },
};

/// Directories of sentence-transformers, of its current version and of earlier ones.
pub(crate) const SENTENCE_TRANSFORMERS: Reader = Reader {
    name: "sentence-transformers",
    cost: 2,
    files: &[".json"],
    shape: Shape::Json,
    writes: false,
    seeds: |directory| {
        let cases = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../model/tests/parity/embeddings"
        );
        for (number, case) in ["max", "weighted", "last"].into_iter().enumerate() {
            let place = directory.join(number.to_string());
            copy(&Path::new(cases).join(case), &place)?;
            for directory in [place.clone(), place.join("0_Transformer")] {
                for file in ["tokenizer.json", "tokenizer_config.json"] {
                    // Which other readers are for.
                    let path = directory.join(file);
                    if path.exists() {
                        fs::remove_file(path)?;
                    }
                }
            }
        }
        Ok(())
    },
    read: |directory| {
        load_embedding_model(directory, &Device::flex())?;
        Ok(())
    },
};

pub(crate) const TEACHER_CACHE: Reader = Reader {
    name: "teacher-cache",
    cost: 40,
    files: &[".teacher"],
    shape: Shape::Bytes,
    writes: true,
    seeds: |directory| {
        let place = directory.join("0");
        write_classifier(&place.join("teacher"))?;
        distill(&place)
    },
    read: distill,
};

/// Trains a step with the teacher's outputs in a directory, or computes them.
fn distill(directory: &Path) -> Attempt {
    let teacher = directory.join("teacher");
    let config = DistillationConfig {
        hidden_state_weight: 1.0,
        cache: CacheLocation::Disk(directory.to_path_buf()),
        ..DistillationConfig::new(&teacher)
    };
    let run_directory = tempfile::tempdir()?;
    let settings = FineTuningConfig {
        train: TrainConfig {
            duration: TrainDuration::Steps(1),
            ..Default::default()
        },
        ..Default::default()
    };
    let student = FineTuning::new(&teacher, dataset())
        .config(settings)
        .max_length(16);
    student
        .distill(config)
        .run(run_directory.path().join("run"))?;
    Ok(())
}
