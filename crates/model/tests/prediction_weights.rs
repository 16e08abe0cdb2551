//! Weights for prediction. In 8-bit integers: close to floats, what training sees, and errors for what
//! cannot be. Packed: the same bits.

use burn::tensor::{Device, Tensor};
use finetune_model::{
    EncoderConfig, EncoderInput, EncoderModel, Family, Int8Config, LoraConfig, LoraTarget, Pooling,
    SequenceClassifier, SequenceClassifierConfig, init_weights,
};
use finetune_ops::Precision;

use crate::properties::encoder;

fn model(family: Family, device: &Device) -> SequenceClassifier {
    with_encoder(encoder(family), device)
}

fn with_encoder(encoder: EncoderConfig, device: &Device) -> SequenceClassifier {
    let names = ["a", "b", "c"].map(String::from);
    let config = SequenceClassifierConfig::new(encoder, names.into());
    let config = SequenceClassifierConfig {
        pooling: Pooling::mean(),
        head: config.head.clone().of_pooled(),
        ..config
    };
    init_weights(config.init(device).unwrap(), 0.1, 5)
}

fn hidden(model: &SequenceClassifier, lengths: &[usize]) -> Vec<f32> {
    let sequence = lengths.iter().copied().max().unwrap();
    let tokens = lengths.len() * sequence;
    let ids: Vec<u32> = (0..tokens)
        .map(|token| (2 + token % sequence * 13 % 47) as u32)
        .collect();
    let real = |token: usize| token % sequence < lengths[token / sequence];
    let mask: Vec<bool> = (0..tokens).map(real).collect();
    let shape = [lengths.len(), sequence];
    let input =
        EncoderInput::from_padded(&model.encoder, &ids, &vec![0; tokens], &mask, shape).unwrap();
    let states = model.encoder.forward(&input, None);
    states.into_data().try_to_vec().unwrap()
}

fn largest_change(expected: &[f32], found: &[f32]) -> f32 {
    let changes = expected.iter().zip(found).map(|(a, b)| (a - b).abs());
    changes.fold(0.0, f32::max)
}

#[test]
fn every_family_is_close_to_floats_and_to_what_training_sees() {
    for family in Family::ALL {
        let floats = model(family, &Device::flex());
        let expected = hidden(&floats, &[5, 9, 3]);
        let int8 = floats.clone().into_int8(&Int8Config::default()).unwrap();
        let found = hidden(&int8, &[5, 9, 3]);
        let change = largest_change(&expected, &found);
        assert!(change > 0.0 && change < 0.15, "{family}: {change}");
        let trained = hidden(&floats.with_precision(Precision::Int8), &[5, 9, 3]);
        let change = largest_change(&trained, &found);
        // A rounding to the other side of a tie is a step of an activation.
        assert!(change < 0.03, "{family}: {change}");
    }
}

#[test]
fn a_text_has_the_same_bits_among_others() {
    let int8 = model(Family::Bert, &Device::flex());
    let int8 = int8.into_int8(&Int8Config::default()).unwrap();
    let alone = hidden(&int8, &[7]);
    let among = hidden(&int8, &[7, 12, 4]);
    assert_eq!(among[..alone.len()], alone);
}

#[test]
fn weights_are_read_as_what_the_integers_stand_for() {
    let floats = model(Family::Bert, &Device::flex());
    let weight = |model: &SequenceClassifier| -> Tensor<2> {
        model.encoder.layers[0].attention.query.weight.val()
    };
    let before = weight(&floats);
    let int8 = floats.into_int8(&Int8Config::default()).unwrap();
    assert_eq!(weight(&int8).dims(), before.dims());
    let change = (weight(&int8) - before).abs().max().into_scalar::<f32>();
    assert!(change > 0.0 && change < 0.1 * 4.0 / 127.0, "{change}");
}

#[test]
fn kept_layers_stay_as_they_are() {
    let floats = model(Family::Bert, &Device::flex());
    let expected = hidden(&floats, &[5]);
    let all = Int8Config {
        keep: floats.encoder.linear_layers(),
        ..Int8Config::default()
    };
    assert_eq!(
        hidden(&floats.clone().into_int8(&all).unwrap(), &[5]),
        expected
    );
    let but_one = Int8Config {
        keep: all.keep[1..].to_vec(),
        ..Int8Config::default()
    };
    assert_ne!(hidden(&floats.into_int8(&but_one).unwrap(), &[5]), expected);
}

#[test]
fn adapters_stay_in_floats() {
    let floats = model(Family::Bert, &Device::flex());
    let plain = hidden(
        &floats.clone().into_int8(&Int8Config::default()).unwrap(),
        &[5],
    );
    let lora = LoraConfig {
        target_modules: vec![LoraTarget::Query],
        ..LoraConfig::default()
    };
    let adapted = floats.map_encoder(|encoder| encoder.with_lora(&lora, 1).unwrap());
    // New adapters change nothing.
    assert_eq!(
        hidden(&adapted.into_int8(&Int8Config::default()).unwrap(), &[5]),
        plain
    );
}

#[test]
fn what_cannot_be_in_8_bits_says_why() {
    let floats = model(Family::Bert, &Device::flex());
    let message = |config: &Int8Config| {
        let error = floats.clone().into_int8(config).unwrap_err();
        error.to_string()
    };
    let keep = vec!["layers.9.attention.query".to_string()];
    assert_eq!(
        message(&Int8Config {
            keep,
            ..Int8Config::default()
        }),
        "model configuration: keep is layers.9.attention.query, expected a linear layer, such as layers.0.feed_forward.output"
    );
    let keep_precision = Precision::Int8;
    assert_eq!(
        message(&Int8Config {
            keep_precision,
            ..Int8Config::default()
        }),
        "model configuration: keep_precision is int8, expected f32, bf16 or f16"
    );
    let trained = model(Family::Bert, &Device::flex().autodiff());
    let error = trained
        .into_int8(&Int8Config::default())
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("layers.0.attention.query: "), "{error}");
    assert!(
        error.ends_with("does not compute in int8, but in f32, bf16, f16"),
        "{error}"
    );
}

#[test]
fn packed_weights_give_the_same_bits() {
    for family in Family::ALL {
        let config = EncoderConfig {
            hidden_size: 96,
            intermediate_size: 128,
            ..encoder(family)
        };
        let model = with_encoder(config, &Device::flex());
        for precision in [Precision::F32, Precision::Bf16] {
            let model = model.clone().with_precision(precision);
            let packed = model.clone().into_packed();
            for lengths in [&[1][..], &[5, 9, 3], &[16, 15, 13]] {
                assert_eq!(
                    hidden(&model, lengths),
                    hidden(&packed, lengths),
                    "{family} {precision}"
                );
            }
        }
        let packed = model.clone().into_packed();
        let of_query = |model: &SequenceClassifier| {
            let weight = model.encoder.layers[0].attention.query.weight.val();
            weight.into_data()
        };
        assert_eq!(of_query(&model), of_query(&packed), "{family}");
        let rounded =
            |model: SequenceClassifier| hidden(&model.with_precision(Precision::Bf16), &[5, 9, 3]);
        assert_eq!(rounded(model), rounded(packed), "{family}");
    }
}
