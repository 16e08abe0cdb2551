//! Kernels of LibTorch: torch's for the tensors of [`are_aten`], and the native ones for others.

use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use tch::{Reduction, Tensor};

use super::archive::{self, Argument};
use super::product::product;
use super::{are_aten, attention, dropout};
use crate::attention::relative::RelativeTables;
use crate::attention::{Inputs, Packing, Settings, packed_forward, packed_gradients};
use crate::dropout::{Dropout, Mask};
use crate::dropout_add_layer_norm::Norm;
use crate::fake_quantize::{self, QuantizationAxis};
use crate::glu::GluActivation;
use crate::host_kernels;
use crate::kernels::Kernels;
use crate::precision::Precision;

type Gradients<const N: usize> = [Option<TchTensor>; N];

impl Kernels for LibTorch {
    fn linear_rows(
        rows: TchTensor,
        weight: TchTensor,
        bias: Option<TchTensor>,
        precision: Precision,
    ) -> TchTensor {
        if !are_aten([&rows, &weight].into_iter().chain(&bias)) {
            return host_kernels::linear_rows::<Self>(rows, weight, bias, precision);
        }
        let (rows, weight) = (rows.tensor, weight.tensor);
        let output = match (bias, precision) {
            (None, _) => product(&rows, &weight, precision),
            (Some(bias), Precision::F32) => bias.tensor.addmm(&rows, &weight),
            (Some(bias), _) => product(&rows, &weight, precision).g_add_(&bias.tensor),
        };
        TchTensor::new(output)
    }

    fn linear_gradients(
        rows: Option<TchTensor>,
        weight: Option<TchTensor>,
        gradient: TchTensor,
        bias_wanted: bool,
        precision: Precision,
    ) -> Gradients<3> {
        if !are_aten([&gradient].into_iter().chain(&rows).chain(&weight)) {
            return host_kernels::linear_gradients::<Self>(
                rows,
                weight,
                gradient,
                bias_wanted,
                precision,
            );
        }
        let gradient = gradient.tensor;
        let of_bias = bias_wanted.then(|| gradient.sum_dim_intlist(0, false, None));
        let of_weight = rows.map(|rows| product(&rows.tensor.tr(), &gradient, precision));
        let of_rows = weight.map(|weight| product(&gradient, &weight.tensor.tr(), precision));
        [of_rows, of_weight, of_bias].map(|gradient| gradient.map(TchTensor::new))
    }

    fn layer_norm_rows(
        rows: TchTensor,
        gamma: TchTensor,
        beta: TchTensor,
        epsilon: f64,
    ) -> TchTensor {
        if !are_aten([&rows, &gamma, &beta]) {
            return host_kernels::layer_norm_rows::<Self>(rows, gamma, beta, epsilon);
        }
        let (gamma, beta) = (gamma.tensor, beta.tensor);
        let normalized =
            rows.tensor
                .native_layer_norm(gamma.size(), Some(&gamma), Some(&beta), epsilon);
        TchTensor::new(normalized.0)
    }

    /// On a GPU, by burn's operations.
    fn rms_norm_rows(rows: TchTensor, gamma: TchTensor, epsilon: f64) -> TchTensor {
        host_kernels::rms_norm_rows::<Self>(rows, gamma, epsilon)
    }

    fn rms_norm_gradients(
        rows: TchTensor,
        gamma: TchTensor,
        epsilon: f64,
        gradient: TchTensor,
        wanted: [bool; 2],
    ) -> Gradients<2> {
        host_kernels::rms_norm_gradients::<Self>(rows, gamma, epsilon, gradient, wanted)
    }

    fn layer_norm_gradients(
        rows: TchTensor,
        gamma: TchTensor,
        epsilon: f64,
        gradient: TchTensor,
        wanted: [bool; 3],
    ) -> Gradients<3> {
        if !are_aten([&rows, &gamma, &gradient]) {
            return host_kernels::layer_norm_gradients::<Self>(
                rows, gamma, epsilon, gradient, wanted,
            );
        }
        let gradients = archive::call(
            "layer_norm_gradients",
            &[
                Argument::Tensor(&rows.tensor),
                Argument::Tensor(&gamma.tensor),
                Argument::Float(epsilon),
                Argument::Tensor(&gradient.tensor),
                Argument::Bools(&wanted),
            ],
        );
        let mut gradients = gradients.into_iter();
        wanted.map(|wanted| gradients.next().filter(|_| wanted).map(TchTensor::new))
    }

    /// The kernels of dropout and of layer normalization are those above and below.
    fn residual_norm_rows(
        rows: TchTensor,
        residual: TchTensor,
        dropout: Option<Dropout>,
        norm: Norm<TchTensor>,
    ) -> (TchTensor, TchTensor) {
        host_kernels::residual_norm_rows::<Self>(rows, residual, dropout, norm)
    }

    fn residual_norm_gradients(
        sum: TchTensor,
        gamma: TchTensor,
        epsilon: f64,
        dropout: Option<Dropout>,
        gradient: TchTensor,
        wanted: [bool; 4],
    ) -> Gradients<4> {
        host_kernels::residual_norm_gradients::<Self>(
            sum, gamma, epsilon, dropout, gradient, wanted,
        )
    }

    /// Torch's `index_select`, on a GPU.
    fn embedding_rows(table: TchTensor, ids: TchTensor) -> TchTensor {
        host_kernels::embedding_rows::<Self>(table, ids)
    }

    fn embedding_gradient(rows: usize, ids: TchTensor, gradient: TchTensor) -> TchTensor {
        if !are_aten([&gradient]) {
            return host_kernels::embedding_gradient::<Self>(rows, ids, gradient);
        }
        let no_padding = -1;
        TchTensor::new(Tensor::embedding_dense_backward(
            &gradient.tensor,
            &ids.tensor,
            rows as i64,
            no_padding,
            false,
        ))
    }

    fn gelu_exact(x: TchTensor) -> TchTensor {
        match are_aten([&x]) {
            true => TchTensor::new(x.tensor.gelu("none")),
            false => host_kernels::gelu_exact::<Self>(x),
        }
    }

    fn gelu_exact_gradient(x: TchTensor, gradient: TchTensor) -> TchTensor {
        match are_aten([&x, &gradient]) {
            true => TchTensor::new(x.tensor.gelu_backward(&gradient.tensor, "none")),
            false => host_kernels::gelu_exact_gradient::<Self>(x, gradient),
        }
    }

    fn gelu_tanh(x: TchTensor) -> TchTensor {
        match are_aten([&x]) {
            true => TchTensor::new(x.tensor.gelu("tanh")),
            false => crate::gelu::tanh_forward::<Self>(x),
        }
    }

    fn gelu_tanh_gradient(x: TchTensor, gradient: TchTensor) -> TchTensor {
        match are_aten([&x, &gradient]) {
            true => TchTensor::new(x.tensor.gelu_backward(&gradient.tensor, "tanh")),
            false => crate::gelu::tanh_gradient::<Self>(x, gradient),
        }
    }

    fn dropout_hashed(x: TchTensor, probability: f64, key: u64) -> TchTensor {
        match are_aten([&x]) {
            true => dropout::apply(x, Mask::new(Dropout { probability, key })),
            false => host_kernels::dropout_hashed::<Self>(x, probability, key),
        }
    }

    fn fake_quantized(x: TchTensor, axis: QuantizationAxis) -> TchTensor {
        match are_aten([&x]) {
            true => fake_quantize::forward::<Self>(x, axis),
            false => host_kernels::fake_quantized::<Self>(x, axis),
        }
    }

    fn attention_rows(
        inputs: Inputs<TchTensor>,
        packing: Packing<TchTensor>,
        settings: Settings,
    ) -> (TchTensor, Vec<TchTensor>) {
        match are_aten(inputs.tensors()) {
            true => packed_forward::<Self>(inputs, &packing, settings),
            false => host_kernels::attention_rows::<Self>(inputs, &packing, settings),
        }
    }

    fn attention_gradients(
        inputs: Inputs<TchTensor>,
        left: Vec<TchTensor>,
        packing: Packing<TchTensor>,
        settings: Settings,
        gradient: TchTensor,
        wanted: [bool; 3],
    ) -> Gradients<3> {
        match are_aten(inputs.tensors().into_iter().chain([&gradient])) {
            true => packed_gradients::<Self>(inputs, left, &packing, settings, gradient, wanted),
            false => host_kernels::attention_gradients::<Self>(
                inputs, left, &packing, settings, gradient, wanted,
            ),
        }
    }

    fn padded_attention(
        inputs: Inputs<TchTensor>,
        settings: Settings,
    ) -> (TchTensor, Vec<TchTensor>) {
        match are_aten(inputs.tensors()) && settings.window.is_none() {
            true => attention::forward(&inputs, settings),
            false => crate::attention::forward::<Self>(inputs, settings),
        }
    }

    fn padded_attention_gradients(
        inputs: Inputs<TchTensor>,
        left: Vec<TchTensor>,
        settings: Settings,
        gradient: TchTensor,
        wanted: [bool; 3],
    ) -> Gradients<3> {
        match are_aten(inputs.tensors()) && settings.window.is_none() {
            true => attention::gradients(&inputs, left, settings, &gradient, wanted),
            false => crate::attention::gradients::<Self>(inputs, left, settings, gradient, wanted),
        }
    }

    /// On a GPU, by burn's operations.
    fn relative_attention_rows(
        inputs: Inputs<TchTensor>,
        tables: RelativeTables<TchTensor, TchTensor>,
        packing: Packing<TchTensor>,
        settings: Settings,
    ) -> (TchTensor, Vec<TchTensor>) {
        host_kernels::relative_attention_rows::<Self>(inputs, &tables, &packing, settings)
    }

    fn relative_attention_gradients(
        inputs: Inputs<TchTensor>,
        tables: RelativeTables<TchTensor, TchTensor>,
        left: Vec<TchTensor>,
        packing: Packing<TchTensor>,
        settings: Settings,
        gradient: TchTensor,
        wanted: [bool; 6],
    ) -> Gradients<6> {
        host_kernels::relative_attention_gradients::<Self>(
            inputs, &tables, left, &packing, settings, gradient, wanted,
        )
    }

    /// On a GPU, by burn's operations.
    fn rotary_rows(rows: TchTensor, cosine: TchTensor, sine: TchTensor, heads: usize) -> TchTensor {
        host_kernels::rotary_rows::<Self>(rows, cosine, sine, heads)
    }

    /// On a GPU, by torch's GELU and sigmoid.
    fn glu_rows(rows: TchTensor, activation: GluActivation) -> TchTensor {
        host_kernels::glu_rows::<Self>(rows, activation)
    }

    fn glu_gradient(rows: TchTensor, gradient: TchTensor, activation: GluActivation) -> TchTensor {
        host_kernels::glu_gradient::<Self>(rows, gradient, activation)
    }

    fn class_loss(logits: TchTensor, labels: TchTensor, factor: f64) -> TchTensor {
        if !are_aten([&logits]) {
            return host_kernels::class_loss::<Self>(logits, labels, factor);
        }
        let logarithms = logits.tensor.log_softmax(1, None);
        let (no_weights, no_label) = (None::<Tensor>, -1);
        let loss = logarithms.g_nll_loss(&labels.tensor, no_weights, Reduction::Sum, no_label);
        TchTensor::new(loss.view(1).g_mul_scalar(factor))
    }

    fn class_loss_gradient(
        logits: TchTensor,
        labels: TchTensor,
        factor: f64,
        gradient: TchTensor,
    ) -> TchTensor {
        if !are_aten([&logits, &gradient]) {
            return host_kernels::class_loss_gradient::<Self>(logits, labels, factor, gradient);
        }
        let mut error = logits.tensor.softmax(1, None);
        let labels = labels.tensor.view([-1, 1]);
        let less_one = Tensor::full(labels.size(), -1.0, (error.kind(), error.device()));
        let _ = error.scatter_add_(1, &labels, &less_one);
        let factor = gradient.tensor.view([1, 1]).g_mul_scalar(factor);
        TchTensor::new(error.g_mul_(&factor))
    }
}
