//! Custom heads, defined outside this crate.

use std::fmt;
use std::sync::Arc;

use burn::tensor::Device;

use super::any::short_type_name;
use super::{AnyHead, Head, HeadConfig};
use crate::error::ModelError;

/// Input and output sizes of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadSize {
    /// Width of a pooled vector, `W`: the hidden size, or a multiple of it if the pooling
    /// concatenates layers.
    pub hidden_size: usize,
    /// Number of outputs, `C`.
    pub num_labels: usize,
}

/// Custom head: its name and its constructor.
///
/// The name is recorded in `config.json`, so a saved model can only be loaded with the head it was
/// trained with. The parameter values set by the constructor are replaced: by those of a
/// checkpoint, or by initial values that depend on the run's seed and the parameter's path
/// ([`init_weights`](crate::init_weights)).
///
/// ```
/// use burn::module::{Module, Param};
/// use burn::nn::{Initializer, Linear, LinearConfig};
/// use burn::tensor::{Device, Tensor};
/// use finetune_model::{
///     CustomHead, EncoderConfig, Head, HeadConfig, HeadInput, HeadSize, SequenceClassifierConfig,
///     init_weights, parameters,
/// };
///
/// /// Pools the tokens by learned attention.
/// #[derive(Module, Debug)]
/// struct AttentionHead {
///     query: Param<Tensor<2>>,
///     output: Linear,
/// }
///
/// impl AttentionHead {
///     fn new(size: HeadSize, device: &Device) -> Self {
///         Self {
///             query: Initializer::Zeros.init([size.hidden_size, 1], device),
///             output: LinearConfig::new(size.hidden_size, size.num_labels).init(device),
///         }
///     }
/// }
///
/// impl Head for AttentionHead {
///     fn forward(&self, input: HeadInput) -> Tensor<2> {
///         let hidden = input.hidden_states();
///         let scores = hidden.rows().matmul(self.query.val());
///         let text = input.dropout.apply(hidden.weighted_mean(scores), 0.1, 0);
///         self.output.forward(text)
///     }
/// }
///
/// let custom = CustomHead::new(AttentionHead::new);
/// assert_eq!(custom.name(), "AttentionHead");
/// let encoder = EncoderConfig { num_hidden_layers: 1, ..Default::default() };
/// let config = SequenceClassifierConfig {
///     head: custom.config(),
///     ..SequenceClassifierConfig::new(encoder, vec!["no".into(), "yes".into()])
/// };
/// let model = init_weights(config.init_with(Some(&custom), &Device::flex())?, 0.02, 42);
/// let paths = parameters(&model).into_iter().map(|parameter| parameter.path);
/// let head: Vec<_> = paths.filter(|path| path.starts_with("head.")).collect();
/// assert_eq!(head, ["head.query", "head.output.weight", "head.output.bias"]);
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Clone)]
pub struct CustomHead {
    name: String,
    init: Init,
}

type Init = Arc<dyn Fn(HeadSize, &Device) -> AnyHead + Send + Sync>;

impl CustomHead {
    /// Creates a custom head from a function of the sizes and the device, such as its constructor.
    /// Its name is that of the type.
    pub fn new<H: Head>(init: impl Fn(HeadSize, &Device) -> H + Send + Sync + 'static) -> Self {
        Self {
            name: short_type_name::<H>().to_string(),
            init: Arc::new(move |size, device| AnyHead::new(init(size, device))),
        }
    }

    /// Sets the name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }

    /// Returns the name recorded in `config.json`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the configuration that records this head.
    pub fn config(&self) -> HeadConfig {
        HeadConfig::Custom {
            name: self.name.clone(),
        }
    }

    /// Returns a new head.
    pub fn init(&self, size: HeadSize, device: &Device) -> AnyHead {
        (self.init)(size, device)
    }

    /// Checks that a configuration records this head.
    ///
    /// # Errors
    /// [`ModelError::OtherCustomHead`] if it records another one.
    pub(crate) fn check(&self, config: &HeadConfig) -> Result<(), ModelError> {
        let expected = match config {
            HeadConfig::Mlp(_) => "mlp",
            HeadConfig::Cosine(_) => "cosine",
            HeadConfig::Custom { name } if *name == self.name => return Ok(()),
            HeadConfig::Custom { name } => name,
        };
        Err(ModelError::OtherCustomHead {
            expected: expected.to_string(),
            found: self.name.clone(),
        })
    }
}

impl fmt::Debug for CustomHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomHead")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
