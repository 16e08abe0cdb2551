//! Gradient checkpointing: less is kept for the backward pass, and no bit of a result differs.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use finetune_model::{
    DropoutStream, EncoderConfig, EncoderInput, EncoderModel, Family, LayerSelection, LoraConfig,
    LoraTarget, Pooling, SequenceClassifier, SequenceClassifierConfig, TokenPooling, init_weights,
};
use finetune_ops::Precision;

use crate::properties::encoder;

fn model(encoder: EncoderConfig, pooling: Pooling) -> SequenceClassifier {
    let names = ["a", "b", "c"].map(String::from);
    let config = SequenceClassifierConfig::new(encoder, names.into());
    let config = SequenceClassifierConfig {
        pooling,
        head: config.head.clone().of_pooled(),
        ..config
    };
    init_weights(config.init(&Device::flex().autodiff()).unwrap(), 0.3, 5)
}

fn small(family: Family, pooling: Pooling) -> SequenceClassifier {
    let encoder = EncoderConfig {
        num_hidden_layers: 3,
        attention_probs_dropout_prob: 0.2,
        ..encoder(family)
    };
    model(encoder, pooling)
}

/// A batch of rows of these lengths.
fn input(model: &SequenceClassifier, lengths: &[usize]) -> EncoderInput {
    let sequence = lengths.iter().copied().max().unwrap();
    let tokens = lengths.len() * sequence;
    let ids: Vec<u32> = (0..tokens)
        .map(|token| (2 + token * 13 % 47) as u32)
        .collect();
    let real = |token: usize| token % sequence < lengths[token / sequence];
    let mask: Vec<bool> = (0..tokens).map(real).collect();
    let shape = [lengths.len(), sequence];
    EncoderInput::from_padded(&model.encoder, &ids, &vec![0; tokens], &mask, shape).unwrap()
}

/// Gradients of all parameters, in order.
struct Found<'a> {
    gradients: &'a Gradients,
    values: Vec<Option<Vec<f32>>>,
}

impl ModuleVisitor for Found<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients);
        let values = gradient.map(|gradient| gradient.into_data().try_to_vec().unwrap());
        self.values.push(values);
    }
}

/// Logits, and the gradients of a sum of them.
fn run(model: &SequenceClassifier) -> (Vec<f32>, Vec<Option<Vec<f32>>>) {
    let dropout = Some(DropoutStream::new(3, 7));
    let logits = model
        .forward(&input(model, &[9, 1, 12, 5]), dropout)
        .unwrap();
    let weights = Tensor::arange(1..4, &logits.device()).float().unsqueeze();
    let gradients = (logits.clone() * weights).sum().backward();
    let mut found = Found {
        gradients: &gradients,
        values: Vec::new(),
    };
    model.visit(&mut found);
    (logits.into_data().try_to_vec().unwrap(), found.values)
}

fn assert_same_bits(model: SequenceClassifier, with_gradient: usize) {
    let kept = run(&model);
    assert_eq!(kept.1.iter().flatten().count(), with_gradient);
    let recomputed = run(&model.with_gradient_checkpointing(true));
    assert!(kept == recomputed);
}

fn count(model: &SequenceClassifier) -> usize {
    finetune_model::parameters(model).len()
}

#[test]
fn every_family_and_pooling() {
    for family in Family::ALL {
        for layers in [
            LayerSelection::Last,
            LayerSelection::Single(2),
            LayerSelection::ConcatLast(2),
            LayerSelection::MeanLast(3),
        ] {
            for tokens in [TokenPooling::Cls, TokenPooling::Mean] {
                let model = small(family, Pooling { layers, tokens });
                // What is above the layer that is pooled has none.
                let above = ["encoder.layers.2.", "encoder.final_norm."];
                let is_above = |path: &str| above.iter().any(|part| path.starts_with(part));
                let unused = match layers {
                    LayerSelection::Single(2) => finetune_model::parameters(&model)
                        .iter()
                        .filter(|found| is_above(&found.path))
                        .count(),
                    _ => 0,
                };
                let all = count(&model);
                assert_same_bits(model, all - unused);
            }
        }
    }
}

#[test]
fn in_bf16() {
    let model = small(Family::Bert, Pooling::mean()).with_precision(Precision::Bf16);
    let all = count(&model);
    assert_same_bits(model, all);
}

/// Adapters at every place train, their layers do not.
#[test]
fn adapters_on_frozen_layers() {
    let mut model = small(Family::Bert, Pooling::cls());
    let config = LoraConfig {
        target_modules: LoraTarget::ALL.into(),
        dropout: 0.1,
        ..LoraConfig::default()
    };
    let head = count(&model) - finetune_model::parameters(&model.encoder).len();
    model.encoder = model.encoder.with_lora(&config, 1).unwrap();
    // Two matrices of each adapter.
    assert_same_bits(model, head + 3 * 2 * LoraTarget::ALL.len());
}

/// The embeddings and the lowest layer are frozen, so that the layer above has no gradient of its
/// input.
#[test]
fn frozen_layers_below() {
    let mut model = small(Family::Bert, Pooling::cls());
    let frozen = finetune_model::parameters(&model.encoder.embeddings).len()
        + finetune_model::parameters(&model.encoder.layers[0]).len();
    let all = count(&model);
    model.encoder.embeddings = model.encoder.embeddings.no_grad();
    let lowest = model.encoder.layers.remove(0).no_grad();
    model.encoder.layers.insert(0, lowest);
    assert_same_bits(model, all - frozen);
}

/// Bytes of the process in memory.
#[cfg(target_os = "linux")]
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages = statm.split(' ').nth(1).unwrap();
    pages.parse::<usize>().unwrap() * 4096
}

/// What is kept between forward and backward pass of six layers.
///
/// Needs a process of its own:
/// `cargo test --release -p finetune-model --test main less_is_kept -- --ignored`
#[cfg(target_os = "linux")]
#[test]
#[ignore = "measures the memory of the process"]
fn less_is_kept() {
    let encoder = EncoderConfig {
        vocab_size: 50,
        hidden_size: 384,
        num_hidden_layers: 6,
        num_attention_heads: 12,
        intermediate_size: 1536,
        ..Default::default()
    };
    let model = model(encoder, Pooling::cls());
    let input = input(&model, &[256; 4]);
    let kept = |model: &SequenceClassifier| {
        let before = resident_bytes();
        let logits = model.forward(&input, Some(DropoutStream::new(3, 7)));
        let kept = resident_bytes().saturating_sub(before);
        drop(logits.unwrap().sum().backward());
        kept
    };
    let checkpointed = model.clone().with_gradient_checkpointing(true);
    let (less, all) = (kept(&checkpointed), kept(&model));
    println!("{} MiB instead of {} MiB", less >> 20, all >> 20);
    // Both include the buffers of the layer that was computed last, and the second does not count what
    // the first backward pass left to the allocator.
    assert!(2 * less < all);
}
