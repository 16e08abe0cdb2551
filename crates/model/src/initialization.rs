//! Initial parameter values as in BERT: weights and embedding tables from a normal distribution,
//! biases 0, layer normalization scales 1 and shifts 0, like
//! [`_init_weights`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/modeling_utils.py#L2295)
//! in transformers.
//!
//! There is one difference. transformers also sets the rows of the padding token to 0, in the word
//! embeddings and in RoBERTa's position embeddings. Here they are drawn like the other rows, so
//! that a parameter's values depend only on seed, path and shape. Real tokens are not affected,
//! because padding is masked. The rows only affect the masked-LM logit of the padding token, which
//! is never a label, and rows that consist of padding alone.

use burn::module::Module;
use burn::tensor::TensorData;
use finetune_random::{Purpose, generator, name_hash};
use rand_distr::{Distribution, StandardNormal, StandardUniform};

use crate::parameters::{Parameter, ParameterKind, replace};

/// Initializes every parameter of `module`. The values are a pure function of the seed and the
/// parameter's path, independent of the order of creation and of other parameters.
///
/// `standard_deviation` is the `initializer_range` of the encoder's configuration. Parameters
/// outside linear, embedding and layer normalization layers are drawn like weights if they have at
/// least two axes; vectors are 0, or 1 if their field is called `gamma`.
pub fn init_weights<M: Module>(module: M, standard_deviation: f64, seed: u64) -> M {
    replace(module, |parameter| {
        Some(values(parameter, standard_deviation, seed))
    })
}

/// Returns the initial values of one parameter.
pub(crate) fn values(parameter: &Parameter, standard_deviation: f64, seed: u64) -> TensorData {
    let length = parameter.shape.iter().product();
    let parameter_hash = name_hash(&parameter.path);
    let mut random = generator(seed, Purpose::Initialization, parameter_hash, 0);
    let values = match parameter.kind {
        ParameterKind::LinearBias | ParameterKind::NormBias | ParameterKind::LoraB => {
            vec![0.0; length]
        }
        ParameterKind::NormWeight => vec![1.0; length],
        // Vectors follow the names of burn's layers: scales are called `gamma`, and shifts are 0.
        ParameterKind::Other if parameter.shape.len() < 2 => {
            let scale = parameter.path.rsplit('.').next() == Some("gamma");
            vec![f32::from(scale); length]
        }
        ParameterKind::LinearWeight | ParameterKind::Embedding | ParameterKind::Other => {
            let draw = |_| {
                let value: f64 = StandardNormal.sample(&mut random);
                (value * standard_deviation) as f32
            };
            (0..length).map(draw).collect()
        }
        // PyTorch's `kaiming_uniform_` with `a = √5`, which PEFT adopts from `nn.Linear`.
        ParameterKind::LoraA => {
            let bound = 1.0 / (parameter.shape[0] as f64).sqrt();
            let draw = |_| {
                let share: f64 = StandardUniform.sample(&mut random);
                ((2.0 * share - 1.0) * bound) as f32
            };
            (0..length).map(draw).collect()
        }
    };
    TensorData::new(values, parameter.shape.clone())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::encoder::{Encoder, EncoderConfig};
    use crate::parameters::for_each;

    fn encoder(layers: usize, seed: u64) -> Encoder {
        let config = EncoderConfig {
            vocab_size: 400,
            hidden_size: 64,
            num_attention_heads: 4,
            num_hidden_layers: layers,
            intermediate_size: 128,
            ..Default::default()
        };
        init_weights(config.init(&Device::flex()).unwrap(), 0.02, seed)
    }

    fn values_of(encoder: &Encoder, path: &str) -> Vec<f32> {
        let mut found = Vec::new();
        for_each(encoder, |parameter, data| {
            if parameter.path == path {
                found = data.try_to_vec().unwrap();
            }
        });
        found
    }

    #[test]
    fn weights_are_normal_and_the_rest_is_constant() {
        for_each(&encoder(1, 3), |parameter, data| {
            let values: Vec<f32> = data.try_to_vec().unwrap();
            let count = values.len() as f64;
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
            let square = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / count;
            match parameter.kind {
                ParameterKind::LinearBias | ParameterKind::NormBias => assert_eq!(square, 0.0),
                ParameterKind::NormWeight => assert!(values.iter().all(|v| *v == 1.0)),
                _ => {
                    assert!(
                        mean.abs() < 5.0 * 0.02 / count.sqrt(),
                        "{} {mean}",
                        parameter.path
                    );
                    let error = 5.0 / (2.0 * count).sqrt();
                    let deviation = square.sqrt() / 0.02;
                    assert!(
                        (deviation - 1.0).abs() < error,
                        "{} {deviation}",
                        parameter.path
                    );
                }
            }
        });
    }

    #[test]
    fn a_parameter_depends_on_seed_and_path_alone() {
        let path = "layers.0.attention.query.weight";
        let values = values_of(&encoder(1, 3), path);
        assert_eq!(values, values_of(&encoder(2, 3), path));
        assert_ne!(values, values_of(&encoder(1, 4), path));
        assert_ne!(
            values,
            values_of(&encoder(1, 3), "layers.0.attention.key.weight")
        );
    }
}
