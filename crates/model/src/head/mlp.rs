//! Multilayer perceptron heads: the classifiers of every family and of the published studies.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{Head, HeadDropout, HeadInput, HeadSize, PairFeatures, ScoreBins, ScoreRange, sites};
use crate::encoder::Activation;
use crate::error::ModelError;
use crate::layers;
use crate::limits::{check_dropout, check_matrix, check_width};
use crate::pooling::mean_of_tokens;

/// Configuration of an MLP head: hidden layers with an activation after each, then a linear output
/// layer.
///
/// | head | `hidden_sizes` | `activation` | dropout |
/// |---|---|---|---|
/// | BERT's, one linear layer | none | | before the last layer |
/// | DistilBERT's | `[D]` | `relu` | before the last layer |
/// | RoBERTa's | `[D]` | `tanh` | on the input and before the last layer |
/// | ELECTRA's | `[D]` | `gelu` | on the input and before the last layer |
/// | DeBERTa's, with its pooler | `[D]` | `gelu` | before the last layer |
/// | ModernBERT's, with `hidden_norm` | `[D]` | `gelu` | before the last layer |
/// | EuroBERT's, with `late_pooling` | `[D]` | `gelu` | before the last layer |
/// | three layers with ReLU | `[D, D]` | `relu` | before the last layer |
/// | two linear layers | `[D]` | `linear` | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// PairFeatures of the two texts of a pair; `None` for one text (default: `None`).
    pub pair_features: Option<PairFeatures>,
    /// Widths of the hidden layers (default: no hidden layers).
    pub hidden_sizes: Vec<usize>,
    /// Whether the hidden layers have a bias (default: true).
    #[serde(skip_serializing_if = "is_true")]
    pub hidden_bias: bool,
    /// Activation after each hidden layer.
    pub activation: Activation,
    /// Layer normalization after each activation (default: `None`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_norm: Option<HiddenNorm>,
    /// Whether the hidden layers are applied to the hidden states of each token, and the last layer to
    /// their mean over the tokens of a text, instead of to the pooled vector (default: false). For
    /// one text.
    #[serde(skip_serializing_if = "is_false")]
    pub late_pooling: bool,
    /// Dropout probability on the pooled vector of each text, in `[0, 1)` (default: 0).
    pub input_dropout: f64,
    /// Dropout probability before the last layer, in `[0, 1)` (default: 0).
    pub dropout: f64,
    /// Range of the score, which a sigmoid maps the output to; `None` for unbounded outputs
    /// (default: `None`). With `score_bins`, it is the range that is cut into bins.
    pub range: Option<ScoreRange>,
    /// Number of equal bins that the range is cut into, at least 2. The head then has one output
    /// per bin, trained as a class; see [`ScoreBins`] (default: `None`, the score is one output).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_bins: Option<usize>,
}

/// Layer normalization in an MLP head.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HiddenNorm {
    /// Constant added to the variance, above 0.
    pub eps: f64,
    /// Whether it has a bias.
    pub bias: bool,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            pair_features: None,
            hidden_sizes: Vec::new(),
            hidden_bias: true,
            activation: Activation::default(),
            hidden_norm: None,
            late_pooling: false,
            input_dropout: 0.0,
            dropout: 0.0,
            range: None,
            score_bins: None,
        }
    }
}

impl MlpConfig {
    /// Creates the configuration of one linear layer.
    pub fn linear(dropout: f64) -> Self {
        Self {
            dropout,
            ..Self::default()
        }
    }

    pub(crate) fn validate(&self, size: HeadSize) -> Result<(), ModelError> {
        let outputs = size.num_labels;
        check_dropout("head.dropout", self.dropout)?;
        check_dropout("head.input_dropout", self.input_dropout)?;
        let epsilon = self.hidden_norm.map_or(1.0, |norm| norm.eps);
        let valid = epsilon > 0.0 && epsilon.is_finite();
        ModelError::check(valid, "head.hidden_norm.eps", epsilon, "above 0")?;
        match self.score_bins()? {
            Some(bins) => check_outputs_of_bins(bins, outputs)?,
            None => ScoreRange::check(self.range, outputs)?,
        }
        let late = self.late_pooling && self.pair_features.is_some();
        let expected = "false for pairs of texts";
        ModelError::check(!late, "head.late_pooling", true, expected)?;
        let mut input = self.input_width(size.hidden_size);
        for size in &self.hidden_sizes {
            check_width("head.hidden_sizes", *size)?;
            check_matrix("head.hidden_sizes", input, *size)?;
            input = *size;
        }
        check_matrix("head.hidden_sizes", input, outputs)
    }

    /// Returns the bins of the score, if any.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if there are fewer than 2 bins, or no valid range.
    pub fn score_bins(&self) -> Result<Option<ScoreBins>, ModelError> {
        let Some(count) = self.score_bins else {
            return Ok(None);
        };
        let found = format!("{count} without a range");
        let expected = "a head with `range`, which is cut into bins";
        ModelError::check(self.range.is_some(), "head.score_bins", found, expected)?;
        let range = self.range.map(|range| ScoreBins::new(range, count));
        range.transpose()
    }

    /// Returns the input width of the first layer for pooled vectors of width `width`.
    fn input_width(&self, width: usize) -> usize {
        self.pair_features
            .map_or(width, |features| features.width(width))
    }

    /// Creates the head; the configuration must be valid.
    pub(crate) fn init(&self, size: HeadSize, device: &Device) -> Mlp {
        let mut input = self.input_width(size.hidden_size);
        let mut hidden = Vec::with_capacity(self.hidden_sizes.len());
        for size in &self.hidden_sizes {
            hidden.push(layers::linear_with(input, *size, self.hidden_bias, device));
            input = *size;
        }
        let norms = self.hidden_norm.iter().flat_map(|norm| {
            let sizes = self.hidden_sizes.iter();
            sizes.map(|size| layers::layer_norm(*size, norm.bias, device))
        });
        Mlp {
            hidden,
            norms: norms.collect(),
            output: layers::linear(input, size.num_labels, device),
            config: self.clone(),
        }
    }
}

/// MLP head.
#[derive(Module, Debug)]
pub struct Mlp {
    /// Hidden layers, from input to output.
    pub hidden: Vec<Linear>,
    /// Layer normalization after each hidden layer, if the head has them.
    pub norms: Vec<LayerNorm>,
    /// Output layer, `[width, C]`.
    pub output: Linear,
    #[module(skip)]
    config: MlpConfig,
}

impl Head for Mlp {
    /// # Panics
    /// If the number of texts is not that of the head.
    fn forward(&self, input: HeadInput) -> Tensor<2> {
        let dropout = input.dropout;
        if self.config.late_pooling {
            let states = input.hidden_states();
            let rows = dropout.apply(states.rows(), self.config.input_dropout, sites::FIRST_TEXT);
            let pooled = mean_of_tokens(self.hidden_layers(rows), states.sequences());
            return self.output_layer(pooled, dropout);
        }
        let text = |rows, site| dropout.apply(rows, self.config.input_dropout, site);
        let first = text(input.pooled, sites::FIRST_TEXT);
        let rows = match (self.config.pair_features, input.second) {
            (None, None) => first,
            (Some(pair), Some(second)) => pair.apply(first, text(second, sites::SECOND_TEXT)),
            _ => panic!("a head for {} texts got another number", self.num_texts()),
        };
        self.output_layer(self.hidden_layers(rows), dropout)
    }

    fn num_texts(&self) -> usize {
        1 + usize::from(self.config.pair_features.is_some())
    }

    fn reads_hidden_states(&self) -> bool {
        self.config.late_pooling
    }
}

impl Mlp {
    fn hidden_layers(&self, input: Tensor<2>) -> Tensor<2> {
        let layers = self.hidden.iter().enumerate();
        layers.fold(input, |rows, (index, layer)| {
            let rows = layers::apply_linear(layer, rows);
            let rows = self.config.activation.apply(rows);
            match (self.norms.get(index), self.config.hidden_norm) {
                (Some(norm), Some(config)) => layers::apply_layer_norm(norm, rows, config.eps),
                _ => rows,
            }
        })
    }

    fn output_layer(&self, hidden: Tensor<2>, dropout: HeadDropout) -> Tensor<2> {
        let hidden = dropout.apply(hidden, self.config.dropout, sites::BEFORE_LAST);
        let output = layers::apply_linear(&self.output, hidden);
        match (self.config.range, self.config.score_bins) {
            (Some(range), None) => range.of_logit(output),
            _ => output,
        }
    }
}

/// Returns whether a field has its default and need not be written.
fn is_true(value: &bool) -> bool {
    *value
}

/// The same of another default.
fn is_false(value: &bool) -> bool {
    !value
}

/// Checks that a head for bins has one output per bin.
fn check_outputs_of_bins(bins: ScoreBins, outputs: usize) -> Result<(), ModelError> {
    let count = bins.count();
    ModelError::check(count == outputs, "outputs of score bins", outputs, count)
}
