//! A pooling of first tokens looks at no other of the last layer, which therefore computes no other:
//! logits and gradients are those of pooling all of them.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Int, Tensor};
use finetune_model::{
    EncoderConfig, EncoderInput, Family, HeadInput, LayerSelection, LoraConfig, LoraTarget,
    Pooling, Queries, SequenceClassifier, SequenceClassifierConfig, TokenPooling, init_weights,
    parameters,
};
use finetune_ops::{Precision, linear};

use crate::device::{device_and_tolerance, has_native_kernels};
use crate::properties::encoder;

const LAYERS: usize = 3;

fn poolings() -> Vec<Pooling> {
    let layers = [
        LayerSelection::Last,
        LayerSelection::Single(0),
        LayerSelection::Single(1),
        LayerSelection::Single(LAYERS),
        LayerSelection::ConcatLast(1),
        LayerSelection::ConcatLast(2),
        LayerSelection::MeanLast(LAYERS),
    ];
    let first = TokenPooling::Cls;
    let plain = layers.map(|layers| Pooling {
        layers,
        tokens: first,
    });
    let dense = [LayerSelection::Last, LayerSelection::Single(2)].map(|layers| Pooling {
        layers,
        tokens: TokenPooling::Pooler,
    });
    [&plain[..], &dense[..]].concat()
}

fn model(family: Family, pooling: Pooling, device: &Device) -> SequenceClassifier {
    let names = ["a", "b", "c"].map(String::from);
    let encoder = EncoderConfig {
        num_hidden_layers: LAYERS,
        ..encoder(family)
    };
    let config = SequenceClassifierConfig::new(encoder, names.into());
    let config = SequenceClassifierConfig {
        pooling,
        head: config.head.clone().of_pooled(),
        ..config
    };
    init_weights(config.init(device).unwrap(), 0.3, 5)
}

/// A batch of texts of these lengths.
fn input(model: &SequenceClassifier, lengths: &[usize]) -> EncoderInput {
    let ends = lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end)
    });
    let ends: Vec<usize> = std::iter::once(0).chain(ends).collect();
    let tokens = ends[lengths.len()];
    let ids: Vec<u32> = (0..tokens)
        .map(|token| (2 + token * 13 % 47) as u32)
        .collect();
    EncoderInput::new(&model.encoder, &ids, &vec![0; tokens], &ends).unwrap()
}

/// Below and above the sizes at which products change their ways.
fn inputs(model: &SequenceClassifier) -> [EncoderInput; 3] {
    [&[4, 1, 21, 2][..], &[1], &[16, 9]].map(|lengths| input(model, lengths))
}

/// The first token of all hidden states, and what follows from it.
fn logits_from_all_tokens(model: &SequenceClassifier, input: &EncoderInput) -> Tensor<2> {
    // Nothing above the layers that are pooled, which would be parts of the graph without a gradient.
    let pooled = 0..=*model.pooler.layers().end();
    let states = model
        .encoder
        .hidden_states_of(pooled, Queries::AllTokens, input, None);
    let first = |rows: Tensor<2>| {
        let starts = &input.sequences().offsets().values()[..input.batch_size()];
        let numbers: Vec<i32> = starts.iter().map(|start| *start as i32).collect();
        let numbers = Tensor::<1, Int>::from_data(numbers.as_slice(), &rows.device());
        rows.select(0, numbers)
    };
    let mut first: Vec<_> = states.into_iter().map(first).collect();
    let last = first.len() - 1;
    let pooled = match model.config().pooling.layers {
        LayerSelection::Last => first.remove(last),
        LayerSelection::Single(_) => first.remove(last),
        LayerSelection::ConcatLast(count) => Tensor::cat(first.split_off(last + 1 - count), 1),
        LayerSelection::MeanLast(count) => {
            let stacked: Tensor<3> = Tensor::stack(first.split_off(last + 1 - count), 0);
            stacked.mean_dim(0).squeeze_dim(0)
        }
    };
    let pooled = match &model.pooler.dense {
        Some(dense) => {
            let bias = dense.bias.as_ref().map(Param::val);
            linear(pooled, dense.weight.val(), bias, Precision::F32).tanh()
        }
        None => pooled,
    };
    model.head.forward(HeadInput::new(pooled)).unwrap()
}

/// The gradient of every parameter, in their order.
fn gradients_of(model: &SequenceClassifier, gradients: &Gradients) -> Vec<Option<Vec<f32>>> {
    struct GradientVisitor<'a>(&'a Gradients, Vec<Option<Vec<f32>>>);
    impl ModuleVisitor for GradientVisitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.val().grad(self.0);
            self.1.push(gradient.map(host));
        }
    }
    let mut reading = GradientVisitor(gradients, Vec::new());
    model.visit(&mut reading);
    reading.1
}

/// Adds other numbers to every parameter.
struct Waves;

impl ModuleMapper for Waves {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trains = param.val().is_require_grad();
        param.map(|values| {
            let values = values.inner();
            let shape = values.shape();
            let places = 0..shape.num_elements() as i64;
            let places = Tensor::<1, Int>::arange(places, &values.device());
            let waves = places.float().sin().reshape(shape) * 0.1;
            Tensor::from_inner(values + waves).set_require_grad(trains)
        })
    }
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn largest(values: &[f32]) -> f64 {
    let largest = |most: f32, value: &f32| most.max(value.abs());
    f64::from(values.iter().fold(0.0, largest))
}

/// Compares each gradient by its largest value. That of a key's bias is zero but for rounding, and
/// measured against that of the query's; those of the queries and keys of a row of one token are, too,
/// and may differ by what rounding does to the largest gradient.
fn assert_same_gradients(
    model: &SequenceClassifier,
    [got, expected]: [&[Option<Vec<f32>>]; 2],
    tolerance: f64,
) {
    let paths = parameters(model)
        .into_iter()
        .map(|parameter| parameter.path);
    let paths: Vec<String> = paths.collect();
    let size = |path: &str| {
        let at = paths.iter().position(|other| other == path).unwrap();
        expected[at].as_deref().map_or(0.0, largest)
    };
    let rounding = 1e-6
        * expected
            .iter()
            .flatten()
            .map(|all| largest(all))
            .fold(0.0, f64::max);
    for ((path, got), expected) in paths.iter().zip(got).zip(expected) {
        let (Some(got), Some(expected)) = (got, expected) else {
            assert_eq!(got, expected, "{path}");
            continue;
        };
        let apart: Vec<f32> = got.iter().zip(expected).map(|(a, b)| a - b).collect();
        let size = size(path).max(size(&path.replace("key.bias", "query.bias")));
        let cancels = path.contains("attention.query") || path.contains("attention.key");
        // Native kernels round them alike: there, both are 0 for a row of one token.
        let cancels = cancels && !has_native_kernels();
        let rounding = if cancels { rounding } else { 0.0 };
        let error = largest(&apart);
        let most = (tolerance * size).max(rounding);
        assert!(
            error <= most,
            "{path}: {error:e} of {size:e}, at most {most:e}"
        );
    }
}

/// Logits bit for bit on flex, and gradients nearly.
fn assert_same_as_from_all_tokens(model: &SequenceClassifier, input: &EncoderInput) {
    let (device, tolerance) = device_and_tolerance();
    // One after the other: a backward pass takes away the graph that both would share.
    let run = |logits: Tensor<2>| {
        let weights = Tensor::arange(1..4, &logits.device()).float().unsqueeze();
        let gradients = (logits.clone() * weights).sum().backward();
        (host(logits), gradients_of(model, &gradients))
    };
    let (logits, first) = run(model.forward(input, None).unwrap());
    let (expected, all) = run(logits_from_all_tokens(model, input));
    if device == Device::flex() {
        assert_eq!(logits, expected);
    }
    let apart: Vec<f32> = logits.iter().zip(&expected).map(|(a, b)| a - b).collect();
    assert!(largest(&apart) <= tolerance * largest(&expected));
    assert_same_gradients(model, [&first, &all], tolerance);
}

#[test]
fn every_family_and_pooling() {
    let device = device_and_tolerance().0.autodiff();
    for family in Family::ALL {
        for pooling in poolings() {
            let model = model(family, pooling, &device);
            for input in inputs(&model) {
                assert_same_as_from_all_tokens(&model, &input);
            }
        }
    }
}

/// The map of each adapter sees the rows that the map beside it sees.
#[test]
fn adapters_at_every_place() {
    let device = device_and_tolerance().0.autodiff();
    let mut model = model(Family::Bert, Pooling::pooler(), &device);
    let config = LoraConfig {
        target_modules: LoraTarget::ALL.into(),
        ..LoraConfig::default()
    };
    model.encoder = model.encoder.with_lora(&config, 1).unwrap();
    // Half of an adapter is zero in the beginning.
    let model = model.map(&mut Waves);
    for input in inputs(&model) {
        assert_same_as_from_all_tokens(&model, &input);
    }
}

/// Where products are divided among threads.
#[test]
fn at_the_width_of_a_real_model() {
    let device = device_and_tolerance().0.autodiff();
    let encoder = EncoderConfig {
        hidden_size: 384,
        num_attention_heads: 12,
        intermediate_size: 1536,
        max_position_embeddings: 80,
        ..encoder(Family::Bert)
    };
    let names = ["a", "b", "c"].map(String::from);
    let config = SequenceClassifierConfig::new(encoder, names.into());
    let model = init_weights(config.init(&device).unwrap(), 0.05, 5);
    for lengths in [&[71, 3, 64, 40, 71][..], &[64; 32], &[15]] {
        assert_same_as_from_all_tokens(&model, &input(&model, lengths));
    }
}
