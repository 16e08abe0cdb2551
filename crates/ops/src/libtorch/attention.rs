//! Attention: one fused kernel without dropout, and otherwise stored probabilities, since no fused kernel
//! takes a mask of our own.

use burn::backend::TensorMetadata;
use burn::backend::libtorch::TchTensor;
use half::f16;
use tch::{Kind, Tensor};

use super::archive::{self, Argument};
use super::dropout;
use super::product::{kind, product};
use crate::attention::{Inputs, Settings};
use crate::dropout::Mask;
use crate::precision::Precision;

/// Returns the result, and what the backward pass needs apart from the inputs.
pub(super) fn forward(
    inputs: &Inputs<TchTensor>,
    settings: Settings,
) -> (TchTensor, Vec<TchTensor>) {
    let problem = Problem::new(inputs, settings);
    match problem.is_fused() {
        true => problem.fused(),
        false => problem.stored(),
    }
}

/// Returns the gradients of query, key and value.
pub(super) fn gradients(
    inputs: &Inputs<TchTensor>,
    left: Vec<TchTensor>,
    settings: Settings,
    gradient: &TchTensor,
    wanted: [bool; 3],
) -> [Option<TchTensor>; 3] {
    let Ok([left]) = <[TchTensor; 1]>::try_from(left) else {
        panic!("the forward leaves one tensor")
    };
    let problem = Problem::new(inputs, settings);
    match problem.is_fused() {
        true => problem.fused_gradients(&left.tensor, &gradient.tensor),
        false => problem.stored_gradients(left, &gradient.tensor, wanted),
    }
}

/// Inputs and their sizes.
struct Problem<'a> {
    query: &'a Tensor,
    key: &'a Tensor,
    value: &'a Tensor,
    mask: &'a Tensor,
    settings: Settings,
    batch: i64,
    heads: i64,
    head_width: i64,
}

impl<'a> Problem<'a> {
    fn new(inputs: &'a Inputs<TchTensor>, settings: Settings) -> Self {
        let heads = settings.heads as i64;
        Self {
            query: &inputs.query.tensor,
            key: &inputs.key.tensor,
            value: &inputs.value.tensor,
            mask: &inputs.additive_key_mask.tensor,
            settings,
            batch: inputs.additive_key_mask.shape()[0] as i64,
            heads,
            head_width: inputs.query.shape()[1] as i64 / heads,
        }
    }

    /// On a GPU, the fused kernels read vectors of up to eight values.
    fn is_fused(&self) -> bool {
        self.settings.dropout.is_none() && self.head_width % 8 == 0
    }

    /// Scores of masked keys: low enough to vanish, and with a finite number of powers of two.
    fn lowest(&self) -> f64 {
        match self.settings.precision {
            Precision::F16 => f16::MIN.to_f64() / 2.0,
            Precision::F32 | Precision::Bf16 | Precision::Int8 => f64::from(f32::MIN) / 2.0,
        }
    }

    fn fused(&self) -> (TchTensor, Vec<TchTensor>) {
        let [query, key, value] = self.rounded([self.query, self.key, self.value]);
        let left = archive::call_for_one(
            "attention",
            &[
                Argument::Tensor(&query),
                Argument::Tensor(&key),
                Argument::Tensor(&value),
                Argument::Tensor(self.mask),
                Argument::Int(self.heads),
                Argument::Float(self.lowest()),
            ],
        );
        let left = TchTensor::new(left);
        let context = left.tensor.narrow(0, 0, self.query.numel() as i64);
        let context = context.view_as(self.query);
        // Not written in place as long as the backward pass may need it.
        let context = TchTensor::from_existing(context, left.storage.clone());
        (context, vec![left])
    }

    fn fused_gradients(&self, left: &Tensor, gradient: &Tensor) -> [Option<TchTensor>; 3] {
        let [query, key, value] = self.rounded([self.query, self.key, self.value]);
        let [gradient] = self.rounded([gradient]);
        let gradients = archive::call(
            "attention_gradients",
            &[
                Argument::Tensor(&query),
                Argument::Tensor(&key),
                Argument::Tensor(&value),
                Argument::Tensor(self.mask),
                Argument::Int(self.heads),
                Argument::Float(self.lowest()),
                Argument::Tensor(left),
                Argument::Tensor(&gradient),
            ],
        );
        let mut gradients = gradients.into_iter().map(TchTensor::new);
        [(); 3].map(|()| gradients.next())
    }

    fn rounded<const N: usize>(&self, tensors: [&Tensor; N]) -> [Tensor; N] {
        tensors.map(|tensor| tensor.to_kind(kind(self.settings.precision)))
    }

    fn stored(&self) -> (TchTensor, Vec<TchTensor>) {
        // The queries are scaled before the product: K values a query instead of S.
        let query = self.split(self.query).g_mul_scalar(self.scale());
        let keys = self.split(self.key).transpose(1, 2);
        let mut scores = self.by_sequence(&self.product(&query, &keys));
        let _ = scores.g_add_(&self.mask.reshape([self.batch, 1, 1, -1]));
        let probabilities = TchTensor::new(scores.softmax(-1, None));
        drop(scores);
        let dropped = self.drop(probabilities.clone());
        let context = self.product(&self.by_head(&dropped.tensor), &self.split(self.value));
        (TchTensor::new(self.join(&context)), vec![probabilities])
    }

    fn stored_gradients(
        &self,
        probabilities: TchTensor,
        gradient: &Tensor,
        [query_wanted, key_wanted, value_wanted]: [bool; 3],
    ) -> [Option<TchTensor>; 3] {
        let gradient = self.split(gradient);
        let joined = |heads: Tensor| TchTensor::new(self.join(&heads));
        let of_value = value_wanted.then(|| {
            let dropped = self.drop(probabilities.clone());
            let dropped = self.by_head(&dropped.tensor).transpose(1, 2);
            joined(self.product(&dropped, &gradient))
        });
        if !query_wanted && !key_wanted {
            return [None, None, of_value];
        }
        let values = self.split(self.value).transpose(1, 2);
        let of_dropped = TchTensor::new(self.by_sequence(&self.product(&gradient, &values)));
        let mut of_scores = Tensor::internal_softmax_backward_data(
            &self.drop(of_dropped).tensor,
            &probabilities.tensor,
            -1,
            Kind::Float,
        );
        drop(probabilities);
        let _ = of_scores.g_mul_scalar_(self.scale());
        let of_scores = self.by_head(&of_scores);
        let of_query =
            query_wanted.then(|| joined(self.product(&of_scores, &self.split(self.key))));
        let of_key = key_wanted
            .then(|| joined(self.product(&of_scores.transpose(1, 2), &self.split(self.query))));
        [of_query, of_key, of_value]
    }

    fn scale(&self) -> f64 {
        1.0 / (self.head_width as f64).sqrt()
    }

    fn drop(&self, x: TchTensor) -> TchTensor {
        match self.settings.dropout {
            Some(mask) => dropout::apply(x, Mask::new(mask)),
            None => x,
        }
    }

    fn product(&self, left: &Tensor, right: &Tensor) -> Tensor {
        product(left, right, self.settings.precision)
    }

    /// Splits `[B * N, D]` into `[B * H, N, K]`.
    fn split(&self, rows: &Tensor) -> Tensor {
        let heads = rows.reshape([self.batch, -1, self.heads, self.head_width]);
        let heads = heads.transpose(1, 2);
        heads.reshape([self.batch * self.heads, -1, self.head_width])
    }

    /// Joins `[B * H, N, K]` into `[B * N, D]`.
    fn join(&self, heads: &Tensor) -> Tensor {
        let heads = heads.view([self.batch, self.heads, -1, self.head_width]);
        heads
            .transpose(1, 2)
            .reshape([-1, self.heads * self.head_width])
    }

    /// `[B * H, Q, S]` as `[B, H, Q, S]`.
    fn by_sequence(&self, scores: &Tensor) -> Tensor {
        let size = scores.size();
        scores.view([self.batch, self.heads, size[1], size[2]])
    }

    /// `[B, H, Q, S]` as `[B * H, Q, S]`.
    fn by_head(&self, scores: &Tensor) -> Tensor {
        let size = scores.size();
        scores.view([self.batch * self.heads, size[2], size[3]])
    }
}
