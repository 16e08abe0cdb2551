//! What holds for any input.

use burn::tensor::Device;
use finetune_model::{
    DropoutStream, EncoderConfig, EncoderInput, SequenceClassifier, SequenceClassifierConfig,
    initialise,
};
use proptest::prelude::*;

fn config() -> SequenceClassifierConfig {
    SequenceClassifierConfig::new(
        EncoderConfig {
            vocab_size: 50,
            hidden_size: 24,
            num_hidden_layers: 2,
            num_attention_heads: 3,
            intermediate_size: 40,
            max_position_embeddings: 20,
            // Large weights, so that a leak through the mask would show.
            initializer_range: 0.3,
            ..Default::default()
        },
        ["a", "b", "c"].map(String::from).into(),
    )
}

fn model(device: &Device) -> SequenceClassifier {
    initialise(
        config().init(device).unwrap(),
        config().encoder.initializer_range,
        5,
    )
}

/// The logits of each text, padded together to `sequence`; the padding holds token 49.
fn logits(
    model: &SequenceClassifier,
    texts: &[Vec<u32>],
    sequence: usize,
    dropout: Option<DropoutStream>,
) -> Vec<Vec<f32>> {
    let padded = |text: &Vec<u32>| {
        (0..sequence)
            .map(|at| *text.get(at).unwrap_or(&49))
            .collect()
    };
    let ids: Vec<u32> = texts.iter().flat_map::<Vec<u32>, _>(padded).collect();
    let mask: Vec<bool> = texts
        .iter()
        .flat_map(|text| (0..sequence).map(|at| at < text.len()))
        .collect();
    let shape = [texts.len(), sequence];
    let types = vec![0; ids.len()];
    let input = EncoderInput::new(&model.encoder, &ids, &types, &mask, shape).unwrap();
    let values: Vec<f32> = model
        .forward(&input, dropout)
        .unwrap()
        .into_data()
        .try_to_vec()
        .unwrap();
    values.chunks(3).map(<[f32]>::to_vec).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn padding_never_changes_a_row(
        texts in prop::collection::vec(prop::collection::vec(0u32..50, 1..12), 1..6),
        more in 0usize..8,
    ) {
        let device = Device::flex();
        let model = model(&device);
        let longest = texts.iter().map(Vec::len).max().unwrap_or(1);
        let together = logits(&model, &texts, longest + more, None);
        for (text, together) in texts.iter().zip(together) {
            let alone = logits(&model, std::slice::from_ref(text), text.len(), None);
            for (alone, together) in alone[0].iter().zip(together) {
                prop_assert!((alone - together).abs() < 1e-5, "{alone} {together}");
            }
        }
    }
}

#[test]
fn dropout_is_addressed_by_seed_and_step() {
    let device = Device::flex().autodiff();
    let model = model(&device);
    let texts = [vec![1, 2, 3, 4], vec![5, 6]];
    let at = |dropout| logits(&model, &texts, 4, dropout);
    let stream = DropoutStream::new(9, 3);
    assert_eq!(at(Some(stream)), at(Some(stream)));
    assert_ne!(at(Some(stream)), at(Some(DropoutStream::new(9, 4))));
    assert_ne!(at(Some(stream)), at(Some(DropoutStream::new(8, 3))));
    assert_ne!(at(Some(stream)), at(None));
    // Off below a stage that does not exist: nothing is dropped at all.
    assert_eq!(at(Some(stream.from_stage(100))), at(None));
}
