//! The native kernels on flex's tensors of 32-bit floats. Others get the bodies that run on any
//! backend.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, Device, Shape, Tensor, TensorData};

use crate::attention::{self, Inputs};
use crate::dropout::Mask;
use crate::native::linear::Sizes;
use crate::native::product::Matrix;
use crate::native::{self, TASK, memory, rows_in_task};
use crate::{AdamW, Dropout, Kernels, Moving, cross_entropy, dropout, gelu, layer_norm, linear};

/// Whether all are of 32-bit floats, and none is empty.
fn native<'a>(tensors: impl IntoIterator<Item = &'a FlexTensor>) -> bool {
    let mut tensors = tensors.into_iter();
    tensors.all(|tensor| tensor.dtype() == DType::F32 && tensor.shape().num_elements() > 0)
}

/// The values, which are copied if they do not lie one after the other.
pub(crate) struct Values(FlexTensor);

impl Values {
    pub(crate) fn of(tensor: &FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    pub(crate) fn slice(&self) -> &[f32] {
        match self.0.as_slice() {
            Some(values) => values,
            None => unreachable!("contiguous, and of 32-bit floats"),
        }
    }
}

/// A matrix as it lies in memory.
fn matrix(tensor: &FlexTensor) -> Option<Matrix<'_>> {
    let layout = tensor.layout();
    let &[row, column] = layout.strides() else {
        return None;
    };
    let strides = [usize::try_from(row).ok()?, usize::try_from(column).ok()?];
    Some(Matrix::new(
        &tensor.storage()[layout.start_offset()..],
        strides,
    ))
}

/// A matrix that goes backwards along a dimension is copied.
fn with_strides(tensor: FlexTensor) -> FlexTensor {
    match matrix(&tensor) {
        Some(_) => tensor,
        None => tensor.to_contiguous(),
    }
}

fn strided(tensor: &FlexTensor) -> Matrix<'_> {
    match matrix(tensor) {
        Some(matrix) => matrix,
        None => unreachable!("a matrix with strides"),
    }
}

fn tensor(values: Vec<f32>, shape: Shape) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The values of a tensor that nobody else holds, if they are all that its memory holds.
fn own(tensor: &mut FlexTensor) -> Option<&mut [f32]> {
    let length = tensor.shape().num_elements();
    let whole = tensor.is_contiguous() && tensor.layout().start_offset() == 0;
    let values = tensor.try_storage_mut()?;
    (whole && values.len() == length).then_some(values)
}

/// Runs a kernel on the tasks of a tensor: in place if nobody else holds it.
fn transform<P: Default + Send>(
    mut x: FlexTensor,
    task: usize,
    kernel: impl Fn(usize, &mut [f32], &mut P) + Sync,
) -> (FlexTensor, Vec<P>) {
    if let Some(values) = own(&mut x) {
        let left = memory::transform(values, task, kernel);
        return (x, left);
    }
    let (values, left) = memory::transformed(Values::of(&x).slice(), task, kernel);
    (tensor(values, x.shape()), left)
}

/// The same, of a kernel that leaves nothing.
fn transform_each(
    x: FlexTensor,
    task: usize,
    kernel: impl Fn(usize, &mut [f32]) + Sync,
) -> FlexTensor {
    transform::<()>(x, task, |start, values, ()| kernel(start, values)).0
}

impl Kernels for Flex {
    fn linear_rows(rows: FlexTensor, weight: FlexTensor, bias: Option<FlexTensor>) -> FlexTensor {
        if !native([&rows, &weight].into_iter().chain(&bias)) {
            return linear::forward::<Self>(rows, weight, bias);
        }
        let sizes = sizes(&rows.shape(), &weight.shape());
        let bias = bias.as_ref().map(Values::of);
        if let Some(bias) = &bias {
            assert_eq!(bias.slice().len(), sizes.outputs, "values of the bias");
        }
        let (rows, weight) = (with_strides(rows), with_strides(weight));
        let bias = bias.as_ref().map(Values::slice);
        let output = native::linear::apply(strided(&rows), strided(&weight), bias, sizes);
        tensor(output, Shape::from([sizes.rows, sizes.outputs]))
    }

    fn linear_gradients(
        rows: Option<FlexTensor>,
        weight: Option<FlexTensor>,
        gradient: FlexTensor,
        bias_wanted: bool,
    ) -> [Option<FlexTensor>; 3] {
        if !native([&gradient].into_iter().chain(&rows).chain(&weight)) {
            return linear::gradients::<Self>(rows, weight, gradient, bias_wanted);
        }
        let [count, outputs] = gradient.shape().dims();
        let of_bias = bias_wanted.then(|| {
            let sums = native::linear::bias_gradient(Values::of(&gradient).slice(), outputs);
            tensor(sums, Shape::from([outputs]))
        });
        let gradient = with_strides(gradient);
        let sizes = |inputs| Sizes {
            rows: count,
            inputs,
            outputs,
        };
        let weight = weight.map(with_strides);
        // A transposed weight, such as the embeddings as a decoder, gets its gradient as it lies.
        let column_major = weight.as_ref().is_some_and(|weight| {
            let layout = strided(weight);
            layout.is_column_major() && weight.shape()[0] > 1
        });
        let of_weight = rows.map(with_strides).map(|rows| {
            let inputs = rows.shape()[1];
            let (rows, gradient) = (strided(&rows), strided(&gradient));
            if column_major {
                let values =
                    native::linear::weight_gradient(gradient, rows, sizes(inputs).turned());
                return tensor(values, Shape::from([outputs, inputs])).transpose(0, 1);
            }
            let values = native::linear::weight_gradient(rows, gradient, sizes(inputs));
            tensor(values, Shape::from([inputs, outputs]))
        });
        let of_rows = weight.map(|weight| {
            let inputs = weight.shape()[0];
            let (gradient, weight) = (strided(&gradient), strided(&weight));
            let values = native::linear::rows_gradient(gradient, weight, sizes(inputs));
            tensor(values, Shape::from([count, inputs]))
        });
        [of_rows, of_weight, of_bias]
    }

    fn layer_norm_rows(
        rows: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
    ) -> FlexTensor {
        if !native([&rows, &gamma, &beta]) {
            return layer_norm::forward::<Self>(rows, gamma, beta, epsilon);
        }
        let width = rows.shape()[1];
        let (gamma, beta) = (Values::of(&gamma), Values::of(&beta));
        let (gamma, beta) = (gamma.slice(), beta.slice());
        assert_eq!(
            [gamma.len(), beta.len()],
            [width; 2],
            "values of gamma and beta"
        );
        transform_each(rows, rows_in_task(width) * width, |_, rows| {
            native::layer_norm::apply(rows, gamma, beta, epsilon as f32);
        })
    }

    fn layer_norm_gradients(
        rows: FlexTensor,
        gamma: FlexTensor,
        epsilon: f64,
        gradient: FlexTensor,
        wanted: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        if !native([&rows, &gamma, &gradient]) {
            return layer_norm::gradients::<Self>(rows, gamma, epsilon, gradient, wanted);
        }
        let width = gamma.shape()[0];
        let (rows, gamma) = (Values::of(&rows), Values::of(&gamma));
        let (rows, gamma) = (rows.slice(), gamma.slice());
        // Each task leaves two rows of sums: some more rows in one keep those few.
        let task = 4 * rows_in_task(width) * width;
        let (of_rows, sums) = transform(gradient, task, |start, gradient, sums: &mut Vec<f32>| {
            sums.resize(2 * width, 0.0);
            let (of_gamma, of_beta) = sums.split_at_mut(width);
            let rows = &rows[start..start + gradient.len()];
            let epsilon = epsilon as f32;
            native::layer_norm::gradient(rows, gradient, gamma, epsilon, of_gamma, of_beta);
        });
        let mut of_gamma = memory::add_up(&sums, 2 * width);
        let of_beta = of_gamma.split_off(width);
        let vector = |values| Some(tensor(values, Shape::from([width])));
        [Some(of_rows), vector(of_gamma), vector(of_beta)]
    }

    fn gelu_exact(x: FlexTensor) -> FlexTensor {
        if !native([&x]) {
            return <Self as burn::backend::ops::ActivationOps<Self>>::gelu(x);
        }
        transform_each(x, TASK, |_, values| native::gelu::apply(values))
    }

    fn gelu_exact_gradient(x: FlexTensor, gradient: FlexTensor) -> FlexTensor {
        if !native([&x, &gradient]) {
            return gelu::gradient::<Self>(x, gradient);
        }
        let x = Values::of(&x);
        let x = x.slice();
        transform_each(gradient, TASK, |start, gradient| {
            native::gelu::gradient(&x[start..start + gradient.len()], gradient);
        })
    }

    fn dropout_hashed(x: FlexTensor, probability: f64, key: u64) -> FlexTensor {
        if !native([&x]) {
            return dropout::apply::<Self>(x, probability, key);
        }
        let mask = Mask::new(Dropout { probability, key });
        transform_each(x, TASK, |start, values| {
            native::dropout::apply(values, mask, start);
        })
    }

    fn attention_rows(
        inputs: Inputs<FlexTensor>,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> (FlexTensor, Option<FlexTensor>) {
        let Some(values) = AttentionValues::of(&inputs) else {
            let (context, probabilities) = attention::forward::<Self>(inputs, heads, dropout);
            return (context, Some(probabilities));
        };
        let problem = values.problem(&inputs, heads, dropout);
        let context = native::attention::apply(&problem);
        (tensor(context, inputs.query.shape()), None)
    }

    fn attention_gradients(
        inputs: Inputs<FlexTensor>,
        left: Option<FlexTensor>,
        heads: usize,
        dropout: Option<Dropout>,
        gradient: FlexTensor,
        wanted: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let values = match left {
            None => AttentionValues::of(&inputs),
            Some(_) => None,
        };
        let Some(values) = values else {
            return attention::gradients::<Self>(inputs, left, heads, dropout, gradient, wanted);
        };
        let problem = values.problem(&inputs, heads, dropout);
        let gradients = native::attention::gradients(&problem, Values::of(&gradient).slice());
        [
            Some(tensor(gradients.query, inputs.query.shape())),
            Some(tensor(gradients.key, inputs.key.shape())),
            Some(tensor(gradients.value, inputs.value.shape())),
        ]
    }

    fn class_loss(logits: FlexTensor, labels: FlexTensor, factor: f64) -> FlexTensor {
        if !native([&logits]) {
            return cross_entropy::forward::<Self>(logits, labels, factor);
        }
        let classes = logits.shape()[1];
        let logits = Values::of(&logits);
        let loss = native::cross_entropy::loss(logits.slice(), classes, &indices(labels));
        tensor(vec![(loss * factor) as f32], Shape::from([1]))
    }

    fn class_loss_gradient(
        logits: FlexTensor,
        labels: FlexTensor,
        factor: f64,
        gradient: FlexTensor,
    ) -> FlexTensor {
        if !native([&logits, &gradient]) {
            return cross_entropy::gradient::<Self>(logits, labels, factor, gradient);
        }
        let shape = logits.shape();
        let factor = factor as f32 * Values::of(&gradient).slice()[0];
        let (logits, labels) = (Values::of(&logits), indices(labels));
        let values = native::cross_entropy::gradient(logits.slice(), shape[1], &labels, factor);
        tensor(values, shape)
    }
}

fn sizes(rows: &Shape, weight: &Shape) -> Sizes {
    assert_eq!(rows[1], weight[0], "width of the rows and of the weight");
    Sizes {
        rows: rows[0],
        inputs: rows[1],
        outputs: weight[1],
    }
}

/// Whole numbers, none of them negative.
fn indices(tensor: FlexTensor) -> Vec<usize> {
    let data = tensor.into_data();
    data.iter::<i64>().map(|index| index as usize).collect()
}

/// The values of [`Inputs`].
struct AttentionValues(Inputs<Values>);

impl AttentionValues {
    /// Nothing if there is no native kernel for them.
    fn of(inputs: &Inputs<FlexTensor>) -> Option<Self> {
        let Inputs {
            query,
            key,
            value,
            key_bias,
        } = inputs;
        native([query, key, value, key_bias]).then(|| {
            Self(Inputs {
                query: Values::of(query),
                key: Values::of(key),
                value: Values::of(value),
                key_bias: Values::of(key_bias),
            })
        })
    }

    fn problem(
        &self,
        inputs: &Inputs<FlexTensor>,
        heads: usize,
        dropout: Option<Dropout>,
    ) -> native::attention::Problem<'_> {
        let [rows, hidden] = inputs.query.shape().dims();
        let [batch, sequence] = inputs.key_bias.shape().dims();
        native::attention::Problem {
            query: self.0.query.slice(),
            key: self.0.key.slice(),
            value: self.0.value.slice(),
            bias: self.0.key_bias.slice(),
            batch,
            queries: rows / batch,
            sequence,
            heads,
            head_width: hidden / heads,
            mask: dropout.map(Mask::new),
        }
    }
}

/// Whether the tensors are flex's, without autodiff, and have native kernels.
pub(crate) fn has<'a, const D: usize>(tensors: impl IntoIterator<Item = &'a Tensor<D>>) -> bool {
    let mut tensors = tensors.into_iter();
    tensors.all(|tensor| {
        let device = tensor.device();
        device == Device::flex()
            && !device.is_autodiff()
            && tensor.dtype() == DType::F32
            && tensor.shape().num_elements() > 0
    })
}

fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    match tensor.try_into_primitive::<Flex>() {
        Ok(tensor) => tensor,
        Err(error) => unreachable!("a tensor of flex: {error:?}"),
    }
}

/// The tensor, or a copy if someone else holds it.
fn own_or_copy(mut x: FlexTensor) -> FlexTensor {
    if own(&mut x).is_some() {
        return x;
    }
    tensor(Values::of(&x).slice().to_vec(), x.shape())
}

fn own_values(tensor: &mut FlexTensor) -> &mut [f32] {
    match own(tensor) {
        Some(values) => values,
        None => unreachable!("nobody else holds it"),
    }
}

/// See [`AdamW::step`].
pub(crate) fn adamw<const D: usize>(
    rule: &AdamW,
    moving: Moving<D>,
    gradient: Tensor<D>,
    time: usize,
) -> Moving<D> {
    let Moving {
        parameter,
        moments: [first, second],
    } = moving;
    let mut moved = [parameter, first, second].map(|tensor| own_or_copy(primitive(tensor)));
    let gradient = Values::of(&primitive(gradient));
    let [parameter, first, second] = moved.each_mut().map(own_values);
    let gradient = gradient.slice();
    for other in [&*first, &*second, gradient] {
        assert_eq!(parameter.len(), other.len(), "values of one parameter");
    }
    native::adamw::step(parameter, gradient, first, second, rule, time);
    let [parameter, first, second] = moved.map(Tensor::from_primitive::<Flex>);
    Moving {
        parameter,
        moments: [first, second],
    }
}

/// See [`sum_of_squares`](crate::sum_of_squares).
pub(crate) fn sum_of_squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let sum = native::norm::sum_of_squares(Values::of(&primitive(x)).slice());
    Tensor::from_primitive::<Flex>(tensor(vec![sum], Shape::from([1])))
}

/// See [`scale`](crate::scale).
pub(crate) fn scale<const D: usize>(x: Tensor<D>, factor: &Tensor<1>) -> Tensor<D> {
    let factor = Values::of(&primitive(factor.clone())).slice()[0];
    if factor == 1.0 {
        return x;
    }
    let scaled = transform_each(primitive(x), TASK, |_, values| {
        native::norm::scale(values, factor);
    });
    Tensor::from_primitive::<Flex>(scaled)
}
