//! A head that this crate does not know, in everything that a model does.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use finetune_model::{
    CheckpointConfig, CustomHead, DropoutStream, EncoderConfig, EncoderInput, Head, HeadConfig,
    HeadInput, HeadSize, ModelError, MultiTaskModel, Parameter, ParameterKind, Pooling,
    SequenceClassifier, SequenceClassifierConfig, SplitPoint, TextActivations, init_weights,
    load_classifier, load_classifier_with, parameters, save_classifier,
};

/// Attention over the tokens, then a gate with parameters of one and of three axes.
#[derive(Module, Debug)]
struct GatedHead {
    query: Linear,
    gate: Param<Tensor<1>>,
    mixture: Param<Tensor<3>>,
    output: Linear,
}

impl GatedHead {
    fn new(size: HeadSize, device: &Device) -> Self {
        let width = size.hidden_size;
        Self {
            query: LinearConfig::new(width, 1).init(device),
            gate: Initializer::Ones.init([width], device),
            mixture: Initializer::Ones.init([2, width, 1], device),
            output: LinearConfig::new(width, size.num_labels).init(device),
        }
    }
}

impl Head for GatedHead {
    fn forward(&self, input: HeadInput) -> Tensor<2> {
        let hidden = input.hidden_states();
        let text = hidden.weighted_mean(self.query.forward(hidden.rows()));
        let mixture: Tensor<2> = self
            .mixture
            .val()
            .sum_dim(0)
            .squeeze_dim::<2>(0)
            .transpose();
        let gate = sigmoid(self.gate.val().unsqueeze::<2>() + mixture);
        let text = text * gate.clone() + input.pooled * (1.0 - gate);
        self.output.forward(input.dropout.apply(text, 0.5, 0))
    }
}

/// The sum of both texts of a pair; of too many outputs if it is told so.
#[derive(Module, Debug)]
struct PairHead {
    output: Linear,
}

impl Head for PairHead {
    fn forward(&self, input: HeadInput) -> Tensor<2> {
        let second = input.second.unwrap();
        self.output.forward(input.pooled + second)
    }

    fn num_texts(&self) -> usize {
        2
    }

    fn reads_hidden_states(&self) -> bool {
        false
    }
}

fn gated() -> CustomHead {
    CustomHead::new(GatedHead::new)
}

fn pair(too_many: usize) -> CustomHead {
    CustomHead::new(move |size, device| PairHead {
        output: LinearConfig::new(size.hidden_size, size.num_labels + too_many).init(device),
    })
}

fn config(head: &CustomHead) -> SequenceClassifierConfig {
    let encoder = EncoderConfig {
        vocab_size: 20,
        hidden_size: 8,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 12,
        max_position_embeddings: 8,
        ..Default::default()
    };
    SequenceClassifierConfig {
        head: head.config(),
        ..SequenceClassifierConfig::new(encoder, vec!["no".into(), "yes".into()])
    }
}

fn model(head: &CustomHead, seed: u64) -> SequenceClassifier {
    let model = config(head).init_with(Some(head), &Device::flex());
    init_weights(model.unwrap(), 0.3, seed)
}

fn input(model: &SequenceClassifier) -> EncoderInput {
    let mask = [true, true, true, true, true, false];
    EncoderInput::from_padded(&model.encoder, &[2, 7, 3, 2, 3, 0], &[0; 6], &mask, [2, 3]).unwrap()
}

fn logits(model: &SequenceClassifier, dropout: Option<DropoutStream>) -> Vec<f32> {
    let logits = model.forward(&input(model), dropout).unwrap();
    logits.into_data().try_to_vec().unwrap()
}

fn has(gradients: &GradientsParams, parameter: &Parameter) -> bool {
    match parameter.shape.len() {
        1 => gradients.get::<1>(parameter.id).is_some(),
        2 => gradients.get::<2>(parameter.id).is_some(),
        _ => gradients.get::<3>(parameter.id).is_some(),
    }
}

/// Path and values of each parameter.
fn values(model: &SequenceClassifier) -> Vec<(String, Vec<f32>)> {
    struct Values(Vec<Vec<f32>>);
    impl burn::module::ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.val().into_data().try_to_vec().unwrap());
        }
    }
    let mut found = Values(Vec::new());
    model.visit(&mut found);
    let paths = parameters(model).into_iter().map(|found| found.path);
    paths.zip(found.0).collect()
}

#[test]
fn parameters_of_a_custom_head_have_their_paths_and_kinds() {
    let model = model(&gated(), 1);
    let head = parameters(&model).into_iter();
    let head: Vec<_> = head
        .filter(|found| found.path.starts_with("head"))
        .collect();
    let listed = head
        .iter()
        .map(|found| (found.path.as_str(), found.kind, &found.shape[..]));
    let expected: [(&str, ParameterKind, &[usize]); 6] = [
        ("head.query.weight", ParameterKind::LinearWeight, &[8, 1]),
        ("head.query.bias", ParameterKind::LinearBias, &[1]),
        ("head.gate", ParameterKind::Other, &[8]),
        ("head.mixture", ParameterKind::Other, &[2, 8, 1]),
        ("head.output.weight", ParameterKind::LinearWeight, &[8, 2]),
        ("head.output.bias", ParameterKind::LinearBias, &[2]),
    ];
    assert!(listed.eq(expected));
    let summary = model.to_string();
    assert!(summary.contains("head (GatedHead)"), "{summary}");
    assert!(model.head.downcast_ref::<GatedHead>().is_some());
    assert!(model.head.downcast_ref::<PairHead>().is_none());
    assert_eq!(model.head.num_params(), 8 + 1 + 8 + 16 + 16 + 2);
}

/// The encoder has no parameter that the table of kinds does not know.
#[test]
fn nothing_else_is_of_another_kind() {
    let config = SequenceClassifierConfig {
        head: HeadConfig::Mlp(Default::default()),
        ..config(&gated())
    };
    let classifier = config.init(&Device::flex()).unwrap();
    let words = config.encoder.init_masked_lm(&Device::flex()).unwrap();
    for found in parameters(&classifier).iter().chain(&parameters(&words)) {
        assert_ne!(found.kind, ParameterKind::Other, "{}", found.path);
    }
}

#[test]
fn initial_values_depend_on_seed_and_path_alone() {
    let (one, same, other) = (model(&gated(), 1), model(&gated(), 1), model(&gated(), 2));
    assert_eq!(values(&one), values(&same));
    assert_ne!(values(&one), values(&other));
    for (path, values) in values(&one) {
        let zero = values.iter().all(|value| *value == 0.0);
        match path.as_str() {
            "head.gate" => assert!(zero),
            "head.mixture" => assert!(!zero),
            _ => {}
        }
    }
}

#[test]
fn a_custom_head_is_saved_and_loaded_whole() {
    let folder = tempfile::tempdir().unwrap();
    let original = model(&gated(), 1);
    let checkpoint = CheckpointConfig::new(config(&gated()).encoder);
    save_classifier(folder.path(), &original, &checkpoint).unwrap();
    let read = CheckpointConfig::read(folder.path()).unwrap();
    let config = read.classifier(&["no".into(), "yes".into()]);
    let load = |config: &SequenceClassifierConfig, head: Option<&CustomHead>| {
        load_classifier_with(folder.path(), config, head, 7, &Device::flex())
    };
    let (loaded, report) = load(&config, Some(&gated())).unwrap();
    assert!(
        report.newly_initialized.is_empty() && report.unexpected.is_empty(),
        "{report}"
    );
    assert_eq!(values(&loaded), values(&original));
    assert_eq!(logits(&loaded, None), logits(&original, None));

    // Without its constructor, and with another one's.
    let error = load(&config, None).unwrap_err();
    assert!(
        matches!(&error, ModelError::CustomHead { name } if name == "GatedHead"),
        "{error}"
    );
    let names = ["no".to_string(), "yes".to_string()];
    assert!(load_classifier(folder.path(), &names, 7, &Device::flex()).is_err());
    let error = load(&config, Some(&gated().named("Other"))).unwrap_err();
    let message =
        "the head of the model is \"GatedHead\", but the custom head \"Other\" was passed";
    assert_eq!(error.to_string(), message);

    // For other classes the head is new.
    let config = read.classifier(&["a".into(), "b".into(), "c".into()]);
    let (_, report) = load(&config, Some(&gated())).unwrap();
    let new = report
        .newly_initialized
        .iter()
        .filter(|name| name.starts_with("head."));
    assert_eq!(new.count(), 6, "{report}");
}

#[test]
fn a_custom_head_trains_and_is_evaluated_without_autodiff() {
    let device = Device::flex().autodiff();
    let head = gated();
    let trained = init_weights(
        config(&head).init_with(Some(&head), &device).unwrap(),
        0.3,
        1,
    );
    let loss = trained
        .forward(&input(&trained), None)
        .unwrap()
        .powi_scalar(2)
        .sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &trained);
    assert!(
        parameters(&trained)
            .iter()
            .all(|found| has(&gradients, found))
    );

    let mut frozen = trained.clone();
    frozen.head = frozen.head.no_grad();
    let loss = frozen.forward(&input(&frozen), None).unwrap().sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &frozen);
    for found in parameters(&frozen) {
        let of_head = found.path.starts_with("head.");
        assert_eq!(has(&gradients, &found), !of_head, "{}", found.path);
    }
    let evaluated = trained.valid();
    let head = evaluated.head.downcast_ref::<GatedHead>().unwrap();
    assert!(!head.mixture.val().device().is_autodiff());
    assert!(
        !evaluated
            .forward(&input(&evaluated), None)
            .unwrap()
            .device()
            .is_autodiff()
    );
    assert_eq!(logits(&evaluated, None), logits(&trained, None));
}

#[test]
fn dropout_of_a_custom_head_is_that_of_seed_and_step() {
    let model = model(&gated(), 1);
    let at = |step| logits(&model, Some(DropoutStream::new(3, step).from_stage(9)));
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
    assert_ne!(at(1), logits(&model, None));
}

/// The head reads all tokens, so a pass is split below the pooling at the highest.
#[test]
fn both_parts_of_a_cut_pass_are_the_whole() {
    for pooling in [Pooling::pooler(), Pooling::mean()] {
        let head = gated();
        let config = SequenceClassifierConfig {
            pooling,
            ..config(&head)
        };
        let model = init_weights(
            config.init_with(Some(&head), &Device::flex()).unwrap(),
            0.3,
            1,
        );
        assert_eq!(model.split_point(3), Some(SplitPoint::HiddenStates(2)));
        let whole = logits(&model, None);
        for number in 0..=2 {
            let split_point = SplitPoint::HiddenStates(number);
            let first = model
                .forward_lower(&input(&model), split_point, None)
                .unwrap();
            let texts = TextActivations {
                first,
                second: None,
            };
            let upper = model.forward_upper(texts, None).unwrap();
            assert_eq!(
                upper.into_data().try_to_vec::<f32>().unwrap(),
                whole,
                "{split_point:?}"
            );
        }
        let error = model
            .forward_lower(&input(&model), SplitPoint::Pooled, None)
            .unwrap_err();
        let message = "split point after the pooling, but the head GatedHead reads hidden states";
        assert_eq!(error.to_string(), message);
    }
}

/// Padding beside a text makes no difference.
#[test]
fn padding_has_no_weight() {
    let model = model(&gated(), 1);
    let padded = logits(&model, None);
    let alone =
        EncoderInput::from_padded(&model.encoder, &[2, 3], &[0; 2], &[true; 2], [1, 2]).unwrap();
    let alone = model.forward(&alone, None).unwrap().into_data();
    let alone = alone.try_to_vec::<f32>().unwrap();
    for (padded, alone) in padded[2..].iter().zip(alone) {
        assert!((padded - alone).abs() < 1e-6, "{padded} {alone}");
    }
}

#[test]
fn a_head_for_pairs_gets_both_texts() {
    let model = model(&pair(0), 1);
    let input = input(&model);
    assert_eq!(model.split_point(3), Some(SplitPoint::Pooled));
    assert_eq!(
        model.forward((&input, &input), None).unwrap().dims(),
        [2, 2]
    );
    let error = model.forward(&input, None).unwrap_err();
    assert!(
        matches!(
            error,
            ModelError::TextCount {
                expected: 2,
                found: 1
            }
        ),
        "{error}"
    );
    model.check_head().unwrap();
}

#[test]
fn an_output_of_another_shape_is_refused() {
    let model = model(&pair(1), 1);
    let message = "the head PairHead returned the shape [2, 3], expected [2, 2]";
    assert_eq!(model.check_head().unwrap_err().to_string(), message);
    let input = input(&model);
    let error = model.forward((&input, &input), None).unwrap_err();
    assert!(matches!(error, ModelError::InvalidShape { .. }), "{error}");
}

#[test]
fn own_heads_share_an_encoder_with_others() {
    let (gated, pair) = (model(&gated(), 1), model(&pair(0), 1));
    let expected = logits(&gated, None);
    let both = MultiTaskModel::new(vec![gated, pair]).unwrap();
    assert_eq!(logits(&both.classifier(0), None), expected);
    assert!(
        parameters(&both)
            .iter()
            .any(|found| found.path == "tasks.0.head.mixture")
    );
}
