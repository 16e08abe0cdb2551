//! Tests of the possible split points, and that both parts together equal the full pass.

use burn::tensor::{Device, Tensor};

use crate::classifier::{SequenceClassifier, SequenceClassifierConfig};
use crate::dropout::DropoutStream;
use crate::encoder::{EncoderConfig, EncoderInput};
use crate::error::ModelError;
use crate::head::{HeadConfig, HeadInput, MlpConfig, PairFeatures};
use crate::initialization::init_weights;
use crate::pooling::{LayerSelection, Pooling, TokenPooling};
use crate::split_point::{Activations, SplitPoint, TextActivations};

fn model(pooling: Pooling, seed: u64) -> SequenceClassifier {
    let encoder = EncoderConfig {
        vocab_size: 20,
        hidden_size: 12,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        intermediate_size: 16,
        ..Default::default()
    };
    let names = ["no", "yes"].map(String::from).into();
    let config = SequenceClassifierConfig {
        pooling,
        ..SequenceClassifierConfig::new(encoder, names)
    };
    init_weights(config.init(&Device::flex()).unwrap(), 0.3, seed)
}

fn of_layers(layers: LayerSelection) -> Pooling {
    let tokens = TokenPooling::Mean;
    Pooling { layers, tokens }
}

fn input(model: &SequenceClassifier) -> EncoderInput {
    EncoderInput::new(&model.encoder, &[2, 7, 3, 2, 3], &[0; 5], &[0, 3, 5]).unwrap()
}

fn upper(
    model: &SequenceClassifier,
    first: Activations,
    dropout: Option<DropoutStream>,
) -> Result<Vec<f32>, ModelError> {
    let second = None;
    let logits = model.forward_upper(TextActivations { first, second }, dropout)?;
    Ok(logits.into_data().iter::<f32>().collect())
}

#[test]
fn the_split_point_is_as_high_as_frozen_stages_and_pooling_allow() {
    let split_point = |layers, frozen| model(of_layers(layers), 1).split_point(frozen);
    let states = |number| Some(SplitPoint::HiddenStates(number));
    for (layers, split_points) in [
        (
            LayerSelection::Last,
            [
                None,
                states(0),
                states(1),
                states(2),
                Some(SplitPoint::Pooled),
            ],
        ),
        (
            LayerSelection::ConcatLast(2),
            [
                None,
                states(0),
                states(1),
                states(2),
                Some(SplitPoint::Pooled),
            ],
        ),
        (
            LayerSelection::MeanLast(3),
            [
                None,
                states(0),
                states(1),
                states(1),
                Some(SplitPoint::Pooled),
            ],
        ),
        (
            LayerSelection::Single(1),
            [
                None,
                states(0),
                Some(SplitPoint::Pooled),
                Some(SplitPoint::Pooled),
                Some(SplitPoint::Pooled),
            ],
        ),
    ] {
        for (frozen, expected) in split_points.into_iter().enumerate() {
            assert_eq!(
                split_point(layers, frozen),
                expected,
                "{layers:?}, {frozen} frozen"
            );
        }
    }
}

#[test]
fn both_parts_are_the_whole_at_every_split_point() {
    let model = model(Pooling::pooler(), 1);
    let input = input(&model);
    for dropout in [None, Some(DropoutStream::new(1, 1))] {
        let whole = model.forward(&input, dropout).unwrap().into_data();
        let whole: Vec<f32> = whole.iter::<f32>().collect();
        // Above the last hidden states, all of their tokens have been computed, and dropout masks
        // depend on the position among the computed tokens.
        let highest = if dropout.is_none() { 3 } else { 2 };
        let split_points = (0..=highest).map(SplitPoint::HiddenStates);
        for split_point in split_points.chain([SplitPoint::Pooled]) {
            let activations = model.forward_lower(&input, split_point, dropout).unwrap();
            assert_eq!(
                upper(&model, activations, dropout).unwrap(),
                whole,
                "{split_point:?}"
            );
        }
    }
}

fn pairs() -> (SequenceClassifier, EncoderInput, EncoderInput) {
    let pair = MlpConfig {
        pair_features: Some(PairFeatures::ConcatDiff),
        input_dropout: 0.2,
        ..Default::default()
    };
    let single = model(Pooling::pooler(), 1);
    let config = SequenceClassifierConfig {
        head: HeadConfig::Mlp(pair),
        ..single.config().clone()
    };
    let model = init_weights(config.init(&Device::flex()).unwrap(), 0.3, 1);
    let first = input(&model);
    let second = EncoderInput::new(
        &model.encoder,
        &[2, 5, 5, 3, 2, 9, 8, 3],
        &[0; 8],
        &[0, 4, 8],
    );
    (model, first, second.unwrap())
}

/// A batch of all texts gives bitwise the same result for each text as a batch of that text alone.
#[test]
fn the_texts_of_a_pair_are_read_as_if_each_were_alone() {
    let (model, first, second) = pairs();
    let together = model.forward((&first, &second), None).unwrap();
    let input = HeadInput {
        second: Some(model.embed(&second, None)),
        ..HeadInput::new(model.embed(&first, None))
    };
    let apart = model.head.forward(input).unwrap();
    assert_eq!(together.into_data(), apart.into_data());
}

#[test]
fn both_parts_are_the_whole_for_pairs_too() {
    let (model, first, second) = pairs();
    let whole = model.forward((&first, &second), None).unwrap().into_data();
    for split_point in (0..=3)
        .map(SplitPoint::HiddenStates)
        .chain([SplitPoint::Pooled])
    {
        let texts = TextActivations {
            first: model.forward_lower(&first, split_point, None).unwrap(),
            second: Some(model.forward_lower(&second, split_point, None).unwrap()),
        };
        assert_eq!(
            model.forward_upper(texts, None).unwrap().into_data(),
            whole,
            "{split_point:?}"
        );
    }
    let mixed = TextActivations {
        first: model
            .forward_lower(&first, SplitPoint::Pooled, None)
            .unwrap(),
        second: Some(
            model
                .forward_lower(&second, SplitPoint::HiddenStates(1), None)
                .unwrap(),
        ),
    };
    let error = model.forward_upper(mixed, None).unwrap_err();
    assert!(matches!(error, ModelError::InvalidShape { .. }), "{error}");
    let dropout = Some(DropoutStream::new(1, 1).from_stage(4));
    let whole = model
        .forward((&first, &second), dropout)
        .unwrap()
        .into_data();
    let texts = TextActivations {
        first: model
            .forward_lower(&first, SplitPoint::Pooled, dropout)
            .unwrap(),
        second: Some(
            model
                .forward_lower(&second, SplitPoint::Pooled, dropout)
                .unwrap(),
        ),
    };
    assert_eq!(
        model.forward_upper(texts, dropout).unwrap().into_data(),
        whole
    );
}

#[test]
fn activations_that_do_not_fit_are_refused() {
    let model = model(of_layers(LayerSelection::ConcatLast(2)), 1);
    let input = input(&model);
    let message = |result: Result<Activations, ModelError>| {
        let result = result.and_then(|activations| upper(&model, activations, None));
        result.unwrap_err().to_string()
    };
    let high = "split point is hidden states 3, expected at most 2, the lowest pooled";
    assert_eq!(
        message(model.forward_lower(&input, SplitPoint::HiddenStates(3), None)),
        high
    );
    let zeros = |shape: [usize; 2]| Tensor::zeros(shape, &Device::flex());
    let states = |number, shape| {
        Ok(Activations::HiddenStates {
            number,
            rows: zeros(shape),
            sequences: input.sequences.clone(),
        })
    };
    assert_eq!(message(states(3, [5, 12])), high);
    let shape = "activations of shape [6, 12], expected [5, 12]";
    assert_eq!(message(states(1, [6, 12])), shape);
    let shape = "activations of shape [2, 12], expected [2, 24]";
    assert_eq!(message(Ok(Activations::Pooled(zeros([2, 12])))), shape);
}

#[test]
fn a_fingerprint_is_of_what_is_below_the_split_point() {
    let mut changed = model(Pooling::mean(), 1);
    changed.encoder.layers[2] = model(Pooling::mean(), 2).encoder.layers[2].clone();
    let of = |model: &SequenceClassifier, split_point| model.fingerprint_below(split_point);
    let original = model(Pooling::mean(), 1);
    let (two, three) = (SplitPoint::HiddenStates(2), SplitPoint::HiddenStates(3));
    assert_eq!(of(&original, two), of(&changed, two));
    for split_point in [three, SplitPoint::Pooled] {
        assert_ne!(of(&original, split_point), of(&changed, split_point));
    }
    assert_ne!(of(&original, two), of(&original, three));
    // Pooling is part of the hash only if it is below the split point.
    let other = model(of_layers(LayerSelection::MeanLast(1)), 1);
    assert_eq!(of(&original, two), of(&other, two));
    assert_ne!(
        of(&original, SplitPoint::Pooled),
        of(&other, SplitPoint::Pooled)
    );
}
