//! An optimizer that was saved goes on as if it had not been: bit for bit, in another process with
//! another instance of the model. Whatever is not its state is refused.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use finetune_model::{
    EncoderConfig, EncoderInput, SequenceClassifier, SequenceClassifierConfig, init_weights,
};
use finetune_train::{
    Algorithm, FreezeConfig, FreezeScope, Optimizer, OptimizerConfig, TrainError,
};

const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::AdamW {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
    },
    Algorithm::BertAdam {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-6,
    },
    Algorithm::Adam {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
    },
    Algorithm::Sgd {
        momentum: 0.0,
        nesterov: false,
    },
    Algorithm::Sgd {
        momentum: 0.9,
        nesterov: true,
    },
    Algorithm::Lion {
        beta1: 0.9,
        beta2: 0.99,
    },
    Algorithm::RmsProp {
        alpha: 0.99,
        momentum: 0.9,
        eps: 1e-8,
    },
    Algorithm::Adafactor {},
];

fn model(layers: usize) -> SequenceClassifier {
    let encoder = EncoderConfig {
        vocab_size: 20,
        hidden_size: 8,
        num_hidden_layers: layers,
        num_attention_heads: 2,
        intermediate_size: 12,
        max_position_embeddings: 8,
        ..Default::default()
    };
    let names = ["no", "yes"].map(String::from);
    let config = SequenceClassifierConfig::new(encoder, names.into());
    init_weights(config.init(&Device::flex().autodiff()).unwrap(), 0.1, 1)
}

fn config(algorithm: Algorithm) -> OptimizerConfig {
    OptimizerConfig {
        learning_rate: 1e-2,
        layerwise_lr_decay: 0.9,
        algorithm,
        ..Default::default()
    }
}

/// Trains on one row a step, another in each.
fn steps(
    mut model: SequenceClassifier,
    optimizer: &mut Optimizer,
    steps: std::ops::Range<usize>,
) -> SequenceClassifier {
    for step in steps {
        let ids: Vec<u32> = (0..5).map(|at| ((step * 7 + at * 3) % 20) as u32).collect();
        let input = EncoderInput::new(&model.encoder, &ids, &[0; 5], &[0, 5]).unwrap();
        let logits = model.forward(&input, None).unwrap();
        let loss = logits.slice([0..1, step % 2..step % 2 + 1]).exp().sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer
            .step(model, gradients, 1.0 / (1.0 + step as f64))
            .0;
    }
    model
}

fn values<M: Module>(model: &M) -> Vec<Vec<u32>> {
    struct Values(Vec<Vec<u32>>);
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let values: Vec<f32> = param.val().into_data().try_to_vec().unwrap();
            self.0.push(values.into_iter().map(f32::to_bits).collect());
        }
    }
    let mut values = Values(Vec::new());
    model.visit(&mut values);
    values.0
}

/// An instance of the same model with the values of another: what a checkpoint's weights give.
fn reloaded(from: &SequenceClassifier) -> SequenceClassifier {
    struct Taking(std::vec::IntoIter<Vec<u32>>);
    impl burn::module::ModuleMapper for Taking {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let values: Vec<f32> = self
                .0
                .next()
                .unwrap()
                .into_iter()
                .map(f32::from_bits)
                .collect();
            let data = burn::tensor::TensorData::new(values, param.val().shape());
            Param::from_data(data, &param.lazy_device())
        }
    }
    model(from.encoder.layers.len()).map(&mut Taking(values(from).into_iter()))
}

#[test]
fn every_algorithm_goes_on_bit_for_bit() {
    for algorithm in ALGORITHMS {
        let mut optimizer = config(algorithm).init(&model(2));
        let whole = model(2);
        let mut optimizer_of_whole = config(algorithm).init(&whole);
        let whole = steps(whole, &mut optimizer_of_whole, 0..6);

        let first = model(2);
        optimizer = config(algorithm)
            .init(&first)
            .load_bytes(optimizer.to_bytes().unwrap().to_vec())
            .unwrap();
        let first = steps(first, &mut optimizer, 0..3);
        let bytes = optimizer.to_bytes().unwrap();
        let second = reloaded(&first);
        let mut restored = config(algorithm)
            .init(&second)
            .load_bytes(bytes.to_vec())
            .unwrap();
        assert_eq!(restored.to_bytes().unwrap()[..], bytes[..], "{algorithm:?}");
        let second = steps(second, &mut restored, 3..6);
        assert!(values(&second) == values(&whole), "{algorithm:?}");
        // It matters: without the state, it goes elsewhere.
        let mut without = config(algorithm).init(&first);
        let elsewhere = values(&steps(first, &mut without, 3..6));
        let stateless = matches!(algorithm, Algorithm::Sgd { momentum: 0.0, .. });
        assert_eq!(elsewhere == values(&whole), stateless, "{algorithm:?}");
    }
}

/// A part that was frozen when the state was saved has none, and gets it when it thaws.
#[test]
fn a_frozen_part_has_no_state() {
    let freeze = FreezeConfig::from(FreezeScope::AllButLast(1));
    let whole = freeze.apply(model(2), 2);
    let mut optimizer = config(Algorithm::adamw()).init(&whole);
    let trained = steps(whole, &mut optimizer, 0..2);
    let bytes = optimizer.to_bytes().unwrap();
    let thawed = freeze.apply(reloaded(&trained), 0);
    let mut restored = config(Algorithm::adamw())
        .init(&thawed)
        .load_bytes(bytes.to_vec())
        .unwrap();
    let thawed = steps(thawed, &mut restored, 2..3);
    let expected = values(&steps(freeze.apply(trained, 0), &mut optimizer, 2..3));
    assert!(values(&thawed) == expected);
    assert!(restored.to_bytes().unwrap().len() > bytes.len());
}

#[test]
fn state_of_something_else_is_refused() {
    let trained = model(2);
    let mut optimizer = config(Algorithm::adamw()).init(&trained);
    let trained = steps(trained, &mut optimizer, 0..1);
    let bytes = optimizer.to_bytes().unwrap().to_vec();
    let load = |algorithm, layers, bytes: &[u8]| {
        let optimizer = config(algorithm).init(&model(layers));
        optimizer.load_bytes(bytes.to_vec()).unwrap_err()
    };
    // Another algorithm, also one with state of the same names, and other constants.
    let other = Algorithm::AdamW {
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-8,
    };
    for algorithm in [Algorithm::adam(), Algorithm::bert_adam(), other] {
        let error = load(algorithm, 2, &bytes);
        assert!(
            matches!(&error, TrainError::OptimizerState { name, .. } if name == "algorithm"),
            "{error}"
        );
    }
    // Another model: a parameter that is missing, one of another shape.
    let message = load(Algorithm::adamw(), 1, &bytes).to_string();
    assert!(message.contains("encoder.layers.1."), "{message}");
    let mut names: Vec<String> = ["no", "yes", "maybe"].map(String::from).into();
    names.truncate(3);
    let config_of_three = SequenceClassifierConfig {
        class_names: names,
        ..trained.config().clone()
    };
    let three = config_of_three.init(&Device::flex().autodiff()).unwrap();
    let optimizer = config(Algorithm::adamw()).init(&three);
    let message = optimizer.load_bytes(bytes.clone()).unwrap_err().to_string();
    assert!(
        message.contains("head.") && message.contains("3"),
        "{message}"
    );
    // Damaged bytes.
    for wrong in [
        &bytes[..0],
        &bytes[..9],
        &bytes[..bytes.len() / 2],
        &bytes[..bytes.len() - 1],
        &bytes[1..],
    ] {
        let error = load(Algorithm::adamw(), 2, wrong);
        assert!(matches!(error, TrainError::OptimizerFile(_)), "{error}");
    }
}

/// Of a corrupted file, no number of bytes may end the program.
#[test]
fn no_damage_panics() {
    let trained = model(1);
    let mut optimizer = config(Algorithm::adamw()).init(&trained);
    steps(trained, &mut optimizer, 0..1);
    let bytes = optimizer.to_bytes().unwrap().to_vec();
    // The header and the names; what follows is numbers, of which any will do.
    for at in (0..bytes.len().min(4096)).step_by(7) {
        let mut corrupted = bytes.clone();
        corrupted[at] ^= 0x55;
        let fresh = config(Algorithm::adamw()).init(&model(1));
        let _ = fresh.load_bytes(corrupted);
    }
}
