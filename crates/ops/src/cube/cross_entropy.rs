//! Cross entropy with class labels: one pass over the logits forward, one backward.

use burn::backend::cubecl::dtype_to_storage_type;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{
    ROW_UNITS, address, contiguous, empty_like, max_over_row, row_of_unit, rows, rows_per_cube,
    sum_over_row, total as sum_all,
};

/// Largest logit of a row that starts at a position, and the sum of the exponentials less it.
#[cube]
fn exponentials(
    logits: &Tensor<f32>,
    start: usize,
    classes: usize,
    shared: &mut Shared<[f32]>,
) -> (f32, f32) {
    let mut largest = f32::min_value();
    let mut class = UNIT_POS_X as usize;
    while class < classes {
        largest = max(largest, logits[start + class]);
        class += ROW_UNITS;
    }
    let largest = max_over_row(largest, shared);
    let mut sum = 0.0f32;
    let mut class = UNIT_POS_X as usize;
    while class < classes {
        sum += (logits[start + class] - largest).exp();
        class += ROW_UNITS;
    }
    (largest, sum_over_row(sum, shared))
}

#[cube(launch, address_type = "dynamic")]
fn loss_kernel<I: Int>(
    logits: &Tensor<f32>,
    labels: &Tensor<I>,
    losses: &mut Tensor<f32>,
    count: usize,
    classes: usize,
    #[comptime] slots: usize,
    #[define(I)] _labels: ElemType,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let row = row_of_unit();
    let start = select(row < count, row * classes, 0);
    let (largest, sum) = exponentials(logits, start, classes, &mut shared);
    if row < count {
        if UNIT_POS_X == 0 {
            let picked = logits[start + usize::cast_from(labels[row])];
            losses[row] = sum.ln() + largest - picked;
        }
    }
}

#[cube(launch, address_type = "dynamic")]
fn gradient_kernel<I: Int>(
    logits: &Tensor<f32>,
    labels: &Tensor<I>,
    gradient: &Tensor<f32>,
    output: &mut Tensor<f32>,
    count: usize,
    classes: usize,
    factor: f32,
    #[comptime] slots: usize,
    #[define(I)] _labels: ElemType,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let row = row_of_unit();
    let start = select(row < count, row * classes, 0);
    let (largest, sum) = exponentials(logits, start, classes, &mut shared);
    if row < count {
        let scale = gradient[0] * factor;
        let label = usize::cast_from(labels[row]);
        let mut class = UNIT_POS_X as usize;
        while class < classes {
            let probability = (logits[start + class] - largest).exp() / sum;
            let error = select(class == label, probability - 1.0f32, probability);
            output[start + class] = error * scale;
            class += ROW_UNITS;
        }
    }
}

/// Returns the loss of `[logits, labels]`.
pub(crate) fn loss(inputs: Vec<CubeTensor>, factor: f64) -> Vec<CubeTensor> {
    let [logits, labels] = contiguous(inputs);
    let [count, classes] = logits.meta.shape().dims();
    let (losses, total) = (empty_like(&logits, [count]), empty_like(&logits, [1]));
    let client = logits.client.clone();
    let (cubes, dim) = rows(&client, count);
    let dtype = dtype_to_storage_type(labels.dtype);
    loss_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&logits]),
        logits.into_tensor_arg(),
        labels.into_tensor_arg(),
        losses.clone().into_tensor_arg(),
        count,
        classes,
        rows_per_cube(&client) * ROW_UNITS,
        dtype,
    );
    sum_all(&client, losses, &total, count, factor as f32);
    vec![total]
}

/// Returns the gradient of the logits from `[logits, labels, gradient]`.
pub(crate) fn gradient(inputs: Vec<CubeTensor>, factor: f64) -> Vec<CubeTensor> {
    let [logits, labels, gradient] = contiguous(inputs);
    let [count, classes] = logits.meta.shape().dims();
    let output = empty_like(&logits, [count, classes]);
    let client = logits.client.clone();
    let (cubes, dim) = rows(&client, count);
    let dtype = dtype_to_storage_type(labels.dtype);
    gradient_kernel::launch(
        &client,
        cubes,
        dim,
        address(&[&output]),
        logits.into_tensor_arg(),
        labels.into_tensor_arg(),
        gradient.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
        classes,
        factor as f32,
        rows_per_cube(&client) * ROW_UNITS,
        dtype,
    );
    vec![output]
}
