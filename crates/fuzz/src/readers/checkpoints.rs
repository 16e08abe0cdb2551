//! Checkpoints in the formats of Hugging Face and PyTorch.

use std::error::Error;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::TextTokenizer;
use finetune_model::{
    CheckpointConfig, EncoderConfig, LoraConfig, SequenceClassifier, SequenceClassifierConfig,
    init_weights, load_adapter, load_classifier, load_encoder, save_adapter, save_classifier,
};
use finetune_predict::TextPreprocessing;

use super::{CLASSES, tokenizer};
use crate::input::copy;
use crate::reader::{Attempt, Reader, Shape};

/// Reader of a classifier's checkpoint; its own parts are to be replaced.
const CLASSIFIER: Reader = Reader {
    name: "",
    cost: 2,
    files: &[],
    shape: Shape::Json,
    writes: false,
    seeds: |directory| write_classifier(&directory.join("0")),
    read: |directory| {
        load_classifier(directory, &CLASSES.map(String::from), 42, &Device::flex())?;
        Ok(())
    },
};

pub(crate) const CONFIG: Reader = Reader {
    name: "config-json",
    files: &["config.json"],
    seeds: |directory| {
        write_classifier(&directory.join("0"))?;
        // Keys that other families do not have.
        let modern_bert = "parity/families/modernbert_odd/checkpoint";
        Ok(copy(
            &Path::new(MODEL_TESTS).join(modern_bert),
            &directory.join("1"),
        )?)
    },
    ..CLASSIFIER
};

pub(crate) const SAFETENSORS: Reader = Reader {
    name: "safetensors",
    files: &["model.safetensors"],
    shape: Shape::Safetensors,
    ..CLASSIFIER
};

pub(crate) const ADAPTER: Reader = Reader {
    name: "adapter",
    files: &["adapter_config.json", "adapter_model.safetensors"],
    shape: Shape::Safetensors,
    seeds: |directory| write_adapter(&directory.join("0")),
    read: |directory| {
        let (model, ..) = classifier()?;
        load_adapter(directory, model)?;
        Ok(())
    },
    ..CLASSIFIER
};

pub(crate) const PYTORCH: Reader = Reader {
    name: "pytorch-zip",
    files: &["pytorch_model.bin"],
    shape: Shape::Bytes,
    seeds: |directory| formats(directory, &["bin", "bin_f16", "bin_views_bf16"]),
    read: read_encoder,
    ..CLASSIFIER
};

pub(crate) const PYTORCH_LEGACY: Reader = Reader {
    name: "pytorch-legacy",
    files: &["pytorch_model.bin"],
    shape: Shape::Bytes,
    seeds: |directory| formats(directory, &["bin_old"]),
    read: read_encoder,
    ..CLASSIFIER
};

pub(crate) const SHARD_INDEX: Reader = Reader {
    name: "shard-index",
    files: &[
        "model.safetensors.index.json",
        "pytorch_model.bin.index.json",
    ],
    seeds: |directory| formats(directory, &["sharded", "sharded_bin"]),
    read: read_encoder,
    ..CLASSIFIER
};

pub(crate) const TEXT_PREPROCESSING: Reader = Reader {
    name: "text-preprocessing",
    files: &[TextPreprocessing::FILE],
    seeds: |directory| {
        std::fs::create_dir(directory.join("0"))?;
        Ok(TextPreprocessing::default().save(&directory.join("0"))?)
    },
    read: |directory| {
        TextPreprocessing::read(directory)?;
        Ok(())
    },
    ..CLASSIFIER
};

/// Returns a small classifier, its configuration and its tokenizer.
pub(super) fn classifier()
-> Result<(SequenceClassifier, CheckpointConfig, TextTokenizer), Box<dyn Error>> {
    let tokenizer = tokenizer()?;
    let encoder = EncoderConfig {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: 8,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 16,
        max_position_embeddings: 16,
        ..Default::default()
    };
    let config = SequenceClassifierConfig::new(encoder.clone(), CLASSES.map(String::from).into());
    let model = init_weights(config.init(&Device::flex().autodiff())?, 0.05, 1);
    Ok((model, CheckpointConfig::new(encoder), tokenizer))
}

/// Writes a classifier with its tokenizer.
pub(super) fn write_classifier(directory: &Path) -> Attempt {
    let (model, checkpoint, tokenizer) = classifier()?;
    save_classifier(directory, &model.valid(), &checkpoint)?;
    Ok(tokenizer.save(directory)?)
}

/// Writes the adapters of a classifier.
fn write_adapter(directory: &Path) -> Attempt {
    let (mut model, ..) = classifier()?;
    model.encoder = model.encoder.with_lora(&LoraConfig::default(), 1)?;
    Ok(save_adapter(directory, &model.valid(), None)?)
}

fn read_encoder(directory: &Path) -> Attempt {
    load_encoder(directory, &Device::flex())?;
    Ok(())
}

/// Checkpoints of the model crate's tests.
const MODEL_TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/tests");

/// Copies checkpoints that PyTorch wrote for the tests of the model crate.
fn formats(directory: &Path, names: &[&str]) -> Attempt {
    for (number, name) in names.iter().enumerate() {
        copy(
            &Path::new(MODEL_TESTS).join("formats").join(name),
            &directory.join(number.to_string()),
        )?;
    }
    Ok(())
}
