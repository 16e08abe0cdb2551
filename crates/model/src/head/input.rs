//! Input of a head: pooled vectors, hidden states and dropout.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use finetune_ops::Sequences;

use crate::dropout::{DropoutStage, DropoutStream};
use crate::error::ModelError;

/// Input of a head for one batch.
#[derive(Debug, Clone)]
pub struct HeadInput {
    /// Pooled vectors `[B, W]` of single texts, of pairs encoded as one sequence, or of the first
    /// texts of pairs.
    pub pooled: Tensor<2>,
    /// Pooled vectors `[B, W]` of the second texts of pairs encoded separately; `None` for a head
    /// for one text.
    pub second: Option<Tensor<2>>,
    /// Hidden states of all tokens of the texts in `pooled`, from the last layer that the pooling
    /// uses; `None` unless the head reads them.
    pub hidden: Option<HiddenStates>,
    /// Hidden states of all tokens of the texts in `second`; `None` unless the head reads them.
    pub second_hidden: Option<HiddenStates>,
    /// Dropout of this training step; off in evaluation.
    pub dropout: HeadDropout,
}

impl HeadInput {
    /// Creates the input of a head for single texts from pooled vectors `[B, W]`, without hidden
    /// states and dropout.
    pub fn new(pooled: Tensor<2>) -> Self {
        Self {
            pooled,
            second: None,
            hidden: None,
            second_hidden: None,
            dropout: HeadDropout::default(),
        }
    }

    /// Creates the input of a head for pairs from a batch of all first texts, then all second texts.
    ///
    /// # Shapes
    /// - `pooled`: `[2 B, W]`
    pub(crate) fn from_stacked_pairs(pooled: Tensor<2>, hidden: Option<HiddenStates>) -> Self {
        let pairs = pooled.dims()[0] / 2;
        Self {
            second: Some(pooled.clone().narrow(0, pairs, pairs)),
            second_hidden: hidden.as_ref().map(|states| states.narrow(pairs, pairs)),
            hidden: hidden.map(|states| states.narrow(0, pairs)),
            ..Self::new(pooled.narrow(0, 0, pairs))
        }
    }

    /// Returns the hidden states of the texts in `pooled`.
    ///
    /// # Panics
    /// If [`Head::reads_hidden_states`] is false.
    ///
    /// [`Head::reads_hidden_states`]: super::Head::reads_hidden_states
    pub fn hidden_states(&self) -> &HiddenStates {
        match &self.hidden {
            Some(hidden) => hidden,
            None => panic!("a head without hidden states: its reads_hidden_states() is false"),
        }
    }
}

/// Hidden states of all tokens of a batch.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_model::{HiddenStates, Sequences};
///
/// let device = Device::flex();
/// // A text of two tokens, and one of one.
/// let rows = Tensor::<2>::from_data([[1.0], [3.0], [5.0]], &device);
/// let hidden = HiddenStates::new(rows, Sequences::new(&[0, 2, 3], &device)?)?;
/// // Equal scores: the mean of a text's tokens.
/// let means = hidden.weighted_mean(Tensor::<1>::zeros([3], &device));
/// assert_eq!(means.into_data().as_slice::<f32>(), Ok(&[2.0, 5.0][..]));
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HiddenStates {
    rows: Tensor<2>,
    sequences: Sequences,
}

impl HiddenStates {
    /// Creates hidden states from rows `[T, D]`, the tokens of each text in consecutive rows.
    ///
    /// # Errors
    /// - [`ModelError::InvalidShape`] if there are not as many rows as tokens.
    pub fn new(rows: Tensor<2>, sequences: Sequences) -> Result<Self, ModelError> {
        let found = rows.dims();
        let expected = [sequences.num_tokens(), found[1]];
        match expected == found {
            true => Ok(Self { rows, sequences }),
            false => Err(ModelError::shape("activations of shape", expected, found)),
        }
    }

    /// Returns the hidden states as `[T, D]`, without padding: linear layers are several times
    /// faster on rows than on `[B, S, D]`.
    pub fn rows(&self) -> Tensor<2> {
        self.rows.clone()
    }

    /// Returns which rows are the tokens of which text.
    pub fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    /// Returns the hidden states as `[B, S, D]`, with zeros for padding.
    pub fn padded(&self) -> Tensor<3> {
        self.sequences.pad(self.rows.clone())
    }

    /// Returns the padding mask `[B, S]`: 1 for a token, 0 for padding.
    pub fn mask(&self) -> Tensor<2> {
        self.sequences.attention_mask()
    }

    /// Returns the additive mask `[B, S]` for scores before a softmax: 0 for a token, the smallest
    /// float for padding.
    pub fn score_bias(&self) -> Tensor<2> {
        self.sequences.additive_key_mask()
    }

    /// Returns the mean of the tokens of each text, weighted by the softmax of their scores.
    ///
    /// # Shapes
    /// - `scores`: `[T]`, or any shape with the same number of values
    /// - output: `[B, D]`
    pub fn weighted_mean<const R: usize>(&self, scores: Tensor<R>) -> Tensor<2> {
        let scores = scores.reshape([self.sequences.num_tokens(), 1]);
        let scores: Tensor<2> = self.sequences.pad(scores).squeeze_dim(2);
        let weights: Tensor<3> = softmax(scores + self.score_bias(), 1).unsqueeze_dim(1);
        weights.matmul(self.padded()).squeeze_dim(1)
    }

    /// Returns the hidden states of `count` texts from `start` on.
    pub(crate) fn narrow(&self, start: usize, count: usize) -> Self {
        Self {
            rows: self.sequences.narrow_rows(self.rows.clone(), start, count),
            sequences: self.sequences.narrow(start, count),
        }
    }
}

/// Dropout of a head in one training step, or no dropout.
///
/// A mask depends only on the run's seed, the step and the place in the head, so a resumed run and
/// a run on another device drop the same values.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_model::{DropoutStream, HeadDropout};
///
/// let x = Tensor::<3>::ones([2, 3, 4], &Device::flex());
/// let off = HeadDropout::default();
/// assert_eq!(off.apply(x.clone(), 0.5, 0).into_data(), x.clone().into_data());
/// let on = HeadDropout::from(Some(DropoutStream::new(42, 7)));
/// let first = on.apply(x.clone(), 0.5, 0);
/// assert_eq!(on.apply(x.clone(), 0.5, 0).into_data(), first.clone().into_data());
/// assert_ne!(on.apply(x, 0.5, 1).into_data(), first.into_data());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct HeadDropout(Option<DropoutStage>);

impl HeadDropout {
    /// Returns `x` with dropout of the given probability, in `[0, 1)`: dropped values are zero, the
    /// others are scaled up. Returns `x` unchanged while dropout is off. `place` numbers the uses
    /// of dropout in the head: each has its own mask.
    pub fn apply<const R: usize>(self, x: Tensor<R>, probability: f64, place: u32) -> Tensor<R> {
        let stage = self.0;
        match stage.and_then(|stage| stage.at(probability, place as usize)) {
            Some(dropout) => {
                let shape = x.shape();
                let width = shape.as_slice().last().copied().unwrap_or(1).max(1);
                let rows = shape.num_elements() / width;
                finetune_ops::dropout(x.reshape([rows, width]), dropout).reshape(shape)
            }
            None => x,
        }
    }
}

impl From<Option<DropoutStream>> for HeadDropout {
    fn from(stream: Option<DropoutStream>) -> Self {
        Self(stream.map(DropoutStream::head))
    }
}
