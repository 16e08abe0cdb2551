//! What holds for any input, in every family and with every pooling.

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use finetune_model::{
    DropoutStream, EncoderConfig, EncoderInput, Family, LayerSelection, ModelError, Pooling,
    Positions, SequenceClassifier, SequenceClassifierConfig, TokenPooling, init_weights,
    parameters,
};
use proptest::prelude::*;

use crate::device::device_and_tolerance;

/// Whether two logits are as good as equal on a device of this tolerance.
fn close(a: f32, b: f32, tolerance: f64) -> bool {
    f64::from((a - b).abs()) < tolerance * f64::from(a.abs().max(1.0))
}

pub(crate) fn encoder(family: Family) -> EncoderConfig {
    let modern = family == Family::ModernBert;
    EncoderConfig {
        // ModernBERT drops only what a configuration says. Texts are longer than its windows.
        attention_probs_dropout_prob: 0.1,
        embedding_dropout: modern.then_some(0.1),
        mlp_dropout: if modern { 0.1 } else { 0.0 },
        local_attention: modern.then_some(6),
        global_attn_every_n_layers: if modern { 2 } else { 1 },
        vocab_size: 50,
        hidden_size: 24,
        embedding_size: (family == Family::Electra).then_some(10),
        num_hidden_layers: 2,
        num_attention_heads: 3,
        intermediate_size: 40,
        max_position_embeddings: 24,
        // Large weights, so that a leak through the mask would show.
        initializer_range: 0.3,
        ..EncoderConfig::base(family)
    }
}

fn config(family: Family) -> SequenceClassifierConfig {
    let names = ["a", "b", "c"].map(String::from);
    let config = SequenceClassifierConfig::new(encoder(family), names.into());
    let (pooling, head) = family.classification_head(&config.encoder, 0.1);
    SequenceClassifierConfig {
        pooling,
        head,
        ..config
    }
}

fn build(config: &SequenceClassifierConfig, device: &Device) -> SequenceClassifier {
    let range = config.encoder.initializer_range;
    init_weights(config.init(device).unwrap(), range, 5)
}

/// The texts padded together to `sequence`; the padding holds token 49.
fn batch(
    model: &SequenceClassifier,
    texts: &[Vec<u32>],
    sequence: usize,
) -> Result<EncoderInput, ModelError> {
    let slots = texts
        .iter()
        .flat_map(|text| (0..sequence).map(move |at| text.get(at).copied()));
    let (ids, mask): (Vec<u32>, Vec<bool>) = slots
        .map(|slot| (slot.unwrap_or(49), slot.is_some()))
        .unzip();
    let types = vec![0; ids.len()];
    EncoderInput::from_padded(&model.encoder, &ids, &types, &mask, [texts.len(), sequence])
}

/// The logits of each text.
fn logits(
    model: &SequenceClassifier,
    texts: &[Vec<u32>],
    sequence: usize,
    dropout: Option<DropoutStream>,
) -> Vec<Vec<f32>> {
    let input = batch(model, texts, sequence).unwrap();
    let output = model.forward(&input, dropout).unwrap().into_data();
    let values: Vec<f32> = output.try_to_vec().unwrap();
    values.chunks(3).map(<[f32]>::to_vec).collect()
}

fn family() -> impl Strategy<Value = Family> {
    prop::sample::select(Family::ALL.to_vec())
}

fn pooling() -> impl Strategy<Value = Pooling> {
    let layers = prop::sample::select(vec![
        LayerSelection::Last,
        LayerSelection::Single(0),
        LayerSelection::Single(1),
        LayerSelection::ConcatLast(2),
        LayerSelection::MeanLast(2),
    ]);
    let tokens = prop::sample::select(vec![
        TokenPooling::Cls,
        TokenPooling::Mean,
        TokenPooling::Max,
    ]);
    let plain = (layers, tokens).prop_map(|(layers, tokens)| Pooling { layers, tokens });
    prop_oneof![4 => plain, 1 => Just(Pooling::pooler())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Not by one bit, on flex.
    #[test]
    fn neither_padding_nor_other_rows_change_a_row(
        family in family(),
        pooling in prop::option::of(pooling()),
        texts in prop::collection::vec(prop::collection::vec(2u32..49, 1..16), 1..6),
        more in 0usize..8,
    ) {
        let own = config(family);
        let config = match pooling {
            Some(pooling) => {
                let head = own.head.clone().of_pooled();
                SequenceClassifierConfig { pooling, head, ..own }
            }
            None => own,
        };
        let (device, tolerance) = device_and_tolerance();
        let model = build(&config, &device);
        let longest = texts.iter().map(Vec::len).max().unwrap_or(1);
        let together = logits(&model, &texts, longest + more, None);
        for (text, together) in texts.iter().zip(together) {
            let alone = logits(&model, std::slice::from_ref(text), text.len(), None);
            if device == Device::flex() {
                prop_assert_eq!(&alone[0], &together);
            }
            for (alone, together) in alone[0].iter().zip(together) {
                prop_assert!(close(*alone, together, tolerance), "{alone} {together}");
            }
        }
    }

    /// RoBERTa's positions do not count padding, so it may stand anywhere.
    #[test]
    fn padding_in_front_never_changes_a_row_of_roberta(
        text in prop::collection::vec(2u32..49, 1..12),
        before in 1usize..8,
    ) {
        let mean = SequenceClassifierConfig { pooling: Pooling::mean(), ..config(Family::Roberta) };
        let (device, tolerance) = device_and_tolerance();
        let model = build(&mean, &device);
        let alone = logits(&model, std::slice::from_ref(&text), text.len(), None);
        let ids: Vec<u32> = std::iter::repeat_n(1, before).chain(text.clone()).collect();
        let mask: Vec<bool> = (0..ids.len()).map(|at| at >= before).collect();
        let types = vec![0; ids.len()];
        let input = EncoderInput::from_padded(&model.encoder, &ids, &types, &mask, [1, ids.len()]);
        let padded = model.forward(&input.unwrap(), None).unwrap().into_data();
        for (alone, padded) in alone[0].iter().zip(padded.iter::<f32>()) {
            prop_assert!(close(*alone, padded, tolerance), "{alone} {padded}");
        }
    }
}

/// The same at the width of a real model, where products are divided among threads.
#[test]
fn neither_padding_nor_other_rows_change_a_row_of_real_width() {
    let encoder = EncoderConfig {
        hidden_size: 384,
        num_attention_heads: 12,
        intermediate_size: 1536,
        max_position_embeddings: 80,
        initializer_range: 0.05,
        ..encoder(Family::Bert)
    };
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let model = build(
        &SequenceClassifierConfig::new(encoder, names),
        &Device::flex(),
    );
    let text = |length| {
        (0..length as u32)
            .map(|at| 2 + at * 7 % 47)
            .collect::<Vec<_>>()
    };
    let texts: Vec<_> = (0..32)
        .map(|row| text([5, 17, 40, 43, 64, 2, 16][row % 7]))
        .collect();
    let alone = |text: &Vec<u32>| logits(&model, std::slice::from_ref(text), text.len(), None);
    let alone: Vec<_> = texts[..7].iter().flat_map(alone).collect();
    for (rows, sequence) in [(1, 64), (3, 40), (3, 71), (32, 64), (32, 71)] {
        let together = logits(&model, &texts[..rows], sequence, None);
        for (row, together) in together.into_iter().enumerate() {
            assert_eq!(together, alone[row % 7], "row {row} of {rows} x {sequence}");
        }
    }
}

/// Nor do the rows of the tables that stand for padding, whatever is in them.
#[test]
fn the_embedding_of_padding_is_never_seen() {
    let (device, _) = device_and_tolerance();
    for family in Family::ALL {
        let config = config(family);
        let model = build(&config, &device);
        let texts = [vec![2, 3, 4, 5], vec![6, 7]];
        let before = logits(&model, &texts, 6, None);
        let mut changed = model.clone();
        let embeddings = &mut changed.encoder.embeddings;
        embeddings.word_embeddings.weight = with_row(&embeddings.word_embeddings.weight, 49);
        if let (Positions::AfterPadding { padding_index }, Some(positions)) = (
            config.encoder.positions,
            embeddings.position_embeddings.as_mut(),
        ) {
            positions.weight = with_row(&positions.weight, padding_index);
        }
        assert_eq!(logits(&changed, &texts, 6, None), before, "{family}");
        // It is there all the same.
        let seen = [vec![2, 3, 49]];
        assert_ne!(
            logits(&changed, &seen, 3, None),
            logits(&model, &seen, 3, None)
        );
    }
}

/// A table with other values in a row.
fn with_row(table: &Param<Tensor<2>>, row: usize) -> Param<Tensor<2>> {
    let [_, width] = table.dims();
    let values = Tensor::full([1, width], 7.0, &table.device());
    Param::from_tensor(table.val().slice_assign([row..row + 1, 0..width], values))
}

#[test]
fn a_text_without_tokens_is_refused() {
    let model = build(&config(Family::Bert), &Device::flex());
    let error = batch(&model, &[vec![7, 8], vec![]], 3).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sequence offsets: sequence 1 has no tokens"
    );
}

#[test]
fn the_shortest_and_the_longest_row() {
    let (device, tolerance) = device_and_tolerance();
    for family in Family::ALL {
        let mut config = config(family);
        let base = EncoderConfig::base(family);
        // ModernBERT takes more.
        let rows = base.max_position_embeddings;
        config.encoder.max_position_embeddings = if rows > 514 { 512 } else { rows };
        let model = build(&config, &device);
        let long: Vec<u32> = (0..512).map(|at| at % 40 + 5).collect();
        let alone = logits(&model, std::slice::from_ref(&long), 512, None);
        let both = logits(&model, &[vec![9], long.clone()], 512, None);
        assert!(both.iter().flatten().all(|logit| logit.is_finite()));
        for (alone, both) in alone[0].iter().zip(&both[1]) {
            assert!(close(*alone, *both, tolerance), "{family}");
        }
        let longer = [long, vec![9]].concat();
        let error = batch(&model, &[longer], 513).unwrap_err();
        assert!(
            matches!(error, ModelError::OutsideEmbedding { .. }),
            "{family}"
        );
    }
}

#[test]
fn dropout_is_addressed_by_seed_and_step() {
    let device = device_and_tolerance().0.autodiff();
    for family in Family::ALL {
        let model = build(&config(family), &device);
        let texts = [vec![1, 2, 3, 4], vec![5, 6]];
        let at = |dropout| logits(&model, &texts, 4, dropout);
        let stream = DropoutStream::new(9, 3);
        assert_eq!(at(Some(stream)), at(Some(stream)));
        assert_ne!(at(Some(stream)), at(Some(DropoutStream::new(9, 4))));
        assert_ne!(at(Some(stream)), at(Some(DropoutStream::new(8, 3))));
        assert_ne!(at(Some(stream)), at(None));
        // Off in the whole encoder, on in the head.
        let head_alone = at(Some(stream.from_stage(3)));
        assert_ne!(head_alone, at(Some(stream)));
        assert_ne!(head_alone, at(None));
        // Off below a stage that does not exist: nothing is dropped at all.
        assert_eq!(at(Some(stream.from_stage(usize::MAX))), at(None));
    }
}

/// Weights are drawn, biases are 0 and norms 1 and 0, in heads as in encoders.
#[test]
fn fresh_models_are_initialized_as_bert() {
    let (device, _) = device_and_tolerance();
    for family in Family::ALL {
        let model = init_weights(encoder(family).init_masked_lm(&device).unwrap(), 0.02, 3);
        if let Some(bias) = &model.head.bias {
            assert_eq!(bias.val().abs().sum().into_scalar::<f32>(), 0.0);
        }
        if let Some(norm) = &model.head.norm {
            assert_eq!(norm.gamma.val().min().into_scalar::<f32>(), 1.0);
        }
        // EuroBERT has a decoder alone.
        let matrix = model.head.transform.or(model.head.decoder);
        let weights = matrix.unwrap().weight.val();
        let deviation = weights.powi_scalar(2).mean().sqrt().into_scalar::<f32>();
        assert!((0.015..0.025).contains(&deviation), "{family} {deviation}");

        // The encoder below is the same whatever stands above it.
        let classifier = init_weights(config(family).init(&device).unwrap(), 0.02, 3);
        let words = |encoder: &finetune_model::Encoder| {
            let words = encoder.embeddings.word_embeddings.weight.val();
            words.into_data().try_to_vec::<f32>().unwrap()
        };
        assert_eq!(
            words(&classifier.encoder),
            words(&model.encoder),
            "{family}"
        );
        let paths = parameters(&classifier)
            .into_iter()
            .map(|parameter| parameter.path);
        let paths: std::collections::BTreeSet<_> = paths.collect();
        assert_eq!(
            paths.len(),
            parameters(&classifier).len(),
            "paths are different"
        );
    }
}

#[test]
fn a_model_prints_what_trains() {
    use burn::module::{Module, ParamGroup};
    let model = build(
        &config(Family::Electra),
        &device_and_tolerance().0.autodiff(),
    );
    let frozen = parameters(&model).into_iter().filter(|parameter| {
        parameter.path.starts_with("encoder.embeddings.")
            || parameter.path.starts_with("encoder.layers.0.")
    });
    let group = ParamGroup::from_ids(frozen.map(|parameter| parameter.id).collect());
    let model = model.set_require_grad_group(group, false);
    let expected = "\
part                 parameters     trainable        frozen
encoder.embeddings        1_044             0         1_044
encoder.layers.0          4_480             0         4_480
encoder.layers.1          4_480         4_480             0
head (Mlp)                  675           675             0
total                    10_679         5_155         5_524";
    assert_eq!(model.to_string(), expected);
    // Off the graph it is the same model.
    assert_eq!(model.valid().to_string(), expected);
}
