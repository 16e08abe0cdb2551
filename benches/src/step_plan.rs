//! Arithmetic and memory traffic of a training step on paper, from shapes alone: what a GPU has to do
//! at least, if every operation of `finetune-ops` reads its inputs and writes its results once.

use finetune::model::EncoderConfig;
use finetune::ops::Precision;

/// Bytes of a 32-bit float.
const FLOAT: f64 = 4.0;

/// One operation of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation {
    /// Name.
    pub name: &'static str,
    /// Whether its arithmetic is that of matrix products.
    pub is_product: bool,
    /// Floating-point operations.
    pub flops: f64,
    /// Bytes read and written.
    pub bytes: f64,
}

/// What a GPU can do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Card {
    /// Floating-point operations per second in the precision of the step.
    pub flops: f64,
    /// Bytes per second between the card and its memory.
    pub bandwidth: f64,
}

impl Card {
    /// Returns the least seconds of an operation.
    pub fn seconds(&self, operation: &Operation) -> f64 {
        (operation.flops / self.flops).max(operation.bytes / self.bandwidth)
    }
}

/// Returns the operations of a training step of a classifier, forward, backward, clipping and AdamW,
/// on `batch` rows of `length` tokens, without padding.
pub fn training_step(
    config: &EncoderConfig,
    [batch, length]: [usize; 2],
    precision: Precision,
) -> Vec<Operation> {
    let step = Step::new(config, [batch, length], precision);
    let [tokens, hidden] = [step.tokens, step.hidden];
    let layers = config.num_hidden_layers as f64;
    let vocabulary = config.vocab_size as f64;
    let parameters = step.parameters(config);
    vec![
        step.products("linear layers, forward", layers, 1.0),
        step.products("linear layers, backward", layers, 2.0),
        step.attention("attention, forward", layers, 2.0, 4.0),
        step.attention("attention, backward", layers, 8.0, 16.0),
        step.traffic(
            "dropout, residual, norm",
            2.0 * layers,
            4.0 * tokens * hidden,
        ),
        step.traffic("their gradients", 2.0 * layers, 6.0 * tokens * hidden),
        step.traffic("GELU", layers, 2.0 * tokens * step.intermediate),
        step.traffic("its gradient", layers, 3.0 * tokens * step.intermediate),
        step.traffic(
            "bias gradients",
            layers,
            tokens * (4.0 * hidden + step.intermediate + hidden),
        ),
        step.traffic("embeddings", 1.0, 6.0 * tokens * hidden),
        step.traffic(
            "embedding gradients",
            1.0,
            vocabulary * hidden + 4.0 * tokens * hidden,
        ),
        step.traffic("gradient norm", 1.0, parameters),
        step.traffic("gradient clipping", 1.0, 2.0 * parameters),
        step.traffic("AdamW", 1.0, 7.0 * parameters),
    ]
}

/// Sizes of a step.
struct Step {
    tokens: f64,
    length: f64,
    hidden: f64,
    intermediate: f64,
    /// Bytes of an operand of a product.
    operand: f64,
}

impl Step {
    fn new(config: &EncoderConfig, [batch, length]: [usize; 2], precision: Precision) -> Self {
        Self {
            tokens: (batch * length) as f64,
            length: length as f64,
            hidden: config.hidden_size as f64,
            intermediate: config.intermediate_size as f64,
            operand: match precision {
                Precision::F32 => FLOAT,
                _ => FLOAT / 2.0,
            },
        }
    }

    /// Parameters of the encoder.
    fn parameters(&self, config: &EncoderConfig) -> f64 {
        let rows = config.vocab_size + config.max_position_embeddings + config.type_vocab_size;
        let layer = self.weights() + 9.0 * self.hidden + self.intermediate;
        rows as f64 * self.hidden + config.num_hidden_layers as f64 * layer
    }

    /// Weights of the linear layers of one layer.
    fn weights(&self) -> f64 {
        self.hidden * (4.0 * self.hidden + 2.0 * self.intermediate)
    }

    /// `times` products of all linear layers, with operands in the precision and results in f32.
    fn products(&self, name: &'static str, layers: f64, times: f64) -> Operation {
        let rows = self.tokens * (4.0 * self.hidden + self.intermediate + self.hidden);
        Operation {
            name,
            is_product: true,
            flops: layers * times * 2.0 * self.tokens * self.weights(),
            bytes: layers * times * ((rows + self.weights()) * self.operand + rows * FLOAT),
        }
    }

    /// `products` of queries and keys, and `rows` of width `D` read or written.
    fn attention(&self, name: &'static str, layers: f64, products: f64, rows: f64) -> Operation {
        Operation {
            name,
            is_product: true,
            flops: layers * products * 2.0 * self.tokens * self.length * self.hidden,
            bytes: layers * rows * self.tokens * self.hidden * FLOAT,
        }
    }

    /// An operation that moves this many values, `times` times.
    fn traffic(&self, name: &'static str, times: f64, values: f64) -> Operation {
        Operation {
            name,
            is_product: false,
            flops: 0.0,
            bytes: times * values * FLOAT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arithmetic_of_bert_base() {
        let config = EncoderConfig::default();
        let step = training_step(&config, [32, 512], Precision::Bf16);
        let flops: f64 = step
            .iter()
            .filter(|operation| operation.name.starts_with("linear"))
            .map(|operation| operation.flops)
            .sum();
        // Six operations per weight and token.
        let expected = 6.0 * 16_384.0 * 12.0 * (4.0 * 768.0 * 768.0 + 2.0 * 768.0 * 3072.0);
        assert!((flops / expected - 1.0).abs() < 1e-12, "{flops}");
        let parameters = Step::new(&config, [1, 1], Precision::F32).parameters(&config);
        assert!((108e6..110e6).contains(&parameters), "{parameters}");
    }

    #[test]
    fn a_slow_memory_or_a_slow_processor_limits() {
        let operation = Operation {
            name: "any",
            is_product: true,
            flops: 10.0,
            bytes: 6.0,
        };
        let seconds = |flops, bandwidth| Card { flops, bandwidth }.seconds(&operation);
        assert_eq!([seconds(1.0, 100.0), seconds(100.0, 2.0)], [10.0, 3.0]);
    }
}
