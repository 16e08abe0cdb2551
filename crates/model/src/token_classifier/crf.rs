//! Linear-chain conditional random field
//! ([Lafferty et al. 2001](https://repository.upenn.edu/handle/20.500.14332/6188)), with the
//! parameters of [pytorch-crf](https://pytorch-crf.readthedocs.io).

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, TensorData};

use super::{CrfWeights, TagTargets, Transitions};

/// Score of a forbidden transition: low enough to have no probability in f32, and finite, so that
/// gradients are.
pub(super) const FORBIDDEN: f64 = -1e4;

/// Conditional random field: scores of neighboring classes beside those of each token.
///
/// transformers does not know these parameters; their names in a checkpoint, `crf.transitions` and
/// so on, are those of pytorch-crf.
#[derive(Module, Debug)]
pub struct Crf {
    /// Score of each class at the beginning of a sequence, `[C]`.
    pub start_transitions: Param<Tensor<1>>,
    /// Score of each class at the end of a sequence, `[C]`.
    pub end_transitions: Param<Tensor<1>>,
    /// Score of each class behind another, `[C, C]`, by the class before and the class after.
    pub transitions: Param<Tensor<2>>,
    #[module(skip)]
    pub(super) allowed: Transitions,
}

impl Crf {
    /// Creates a field whose scores are 0, or that of a forbidden transition.
    pub fn new(allowed: Transitions, device: &Device) -> Self {
        let classes = allowed.num_classes();
        Self {
            start_transitions: Initializer::Zeros.init([classes], device),
            end_transitions: Initializer::Zeros.init([classes], device),
            transitions: Initializer::Zeros.init([classes, classes], device),
            allowed,
        }
    }

    /// Returns the negative log-likelihood of the classes of all sequences, summed, by the forward
    /// algorithm: the sequences advance together, one token at a time.
    ///
    /// # Shapes
    /// - `emissions`: `[N, C]`, the logits of the tokens of all sequences
    /// - output: `[1]`
    ///
    /// # Panics
    /// If `targets` are of other tokens or classes.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use finetune_model::{Crf, PackedTagTargets, Transitions};
    /// use finetune_ops::Upload;
    ///
    /// let device = Device::flex();
    /// let crf = Crf::new(Transitions::all(2), &device);
    /// let mut upload = Upload::default();
    /// let packed = PackedTagTargets::new(&crf, &[0, 1, 1], &[0, 2, 3], &mut upload)?;
    /// let targets = packed.unpack(&upload.send(&device));
    /// let loss = crf.negative_log_likelihood(Tensor::zeros([3, 2], &device), &targets);
    /// // Without any scores, all classes are equally likely: 3 ln 2.
    /// assert!((loss.into_scalar::<f32>() - 2.0794415).abs() < 1e-6);
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn negative_log_likelihood(&self, emissions: Tensor<2>, targets: &TagTargets) -> Tensor<1> {
        self.log_partition(emissions.clone(), targets) - self.score(emissions, targets)
    }

    /// Returns the score of the given classes, summed over all sequences.
    fn score(&self, emissions: Tensor<2>, targets: &TagTargets) -> Tensor<1> {
        let classes = self.allowed.num_classes();
        let labels = targets.labels.clone().unsqueeze_dim::<2>(1);
        let ends = self
            .start_transitions
            .val()
            .select(0, targets.first.clone())
            .sum()
            + self
                .end_transitions
                .val()
                .select(0, targets.last.clone())
                .sum();
        let tokens = emissions.gather(1, labels).sum();
        match &targets.pairs {
            None => tokens + ends,
            Some(pairs) => {
                let transitions = self.transitions.val().reshape([classes * classes]);
                tokens + ends + transitions.select(0, pairs.clone()).sum()
            }
        }
    }

    /// Returns the logarithm of the sum over all classes, summed over all sequences.
    fn log_partition(&self, emissions: Tensor<2>, targets: &TagTargets) -> Tensor<1> {
        let classes = self.allowed.num_classes();
        let [first, last, between] = targets.penalties.clone();
        let first = (self.start_transitions.val() + first).unsqueeze_dim::<2>(0);
        let last = (self.end_transitions.val() + last).unsqueeze_dim::<2>(0);
        let between = between.reshape([classes, classes]);
        let between = (self.transitions.val() + between).unsqueeze_dim::<3>(0);

        let emissions = emissions.select(0, targets.by_step.clone());
        let mut start = 0;
        let mut step = |sequences: usize| {
            start += sequences;
            emissions.clone().slice([start - sequences..start])
        };
        let mut active = targets.steps.first().copied().unwrap_or(0);
        let mut alpha = first + step(active);
        let mut ended = Vec::new();
        for &sequences in targets.steps.iter().skip(1) {
            if sequences < active {
                ended.push(alpha.clone().slice([sequences..active]));
                alpha = alpha.slice([0..sequences]);
                active = sequences;
            }
            let scores = alpha.unsqueeze_dim::<3>(2) + between.clone();
            alpha = log_sum_exp(scores, 1).squeeze_dim::<2>(1) + step(sequences);
        }
        ended.push(alpha);
        log_sum_exp(Tensor::cat(ended, 0) + last, 1).sum()
    }

    /// Returns the scores on the host, for decoding.
    pub fn weights(&self) -> CrfWeights {
        let [first, last, between] = self.allowed.penalties(FORBIDDEN);
        let read = |values: TensorData, penalties: Vec<f64>| -> Vec<f64> {
            let values = values.iter::<f64>().zip(penalties);
            values.map(|(value, penalty)| value + penalty).collect()
        };
        CrfWeights::new(
            read(self.start_transitions.val().into_data(), first),
            read(self.end_transitions.val().into_data(), last),
            read(self.transitions.val().into_data(), between),
        )
    }
}

/// Returns the logarithm of the summed exponentials over an axis, which stays with length 1.
fn log_sum_exp<const D: usize>(values: Tensor<D>, axis: usize) -> Tensor<D> {
    let largest = values.clone().max_dim(axis).detach();
    (values - largest.clone()).exp().sum_dim(axis).log() + largest
}
