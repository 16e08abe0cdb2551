//! Losses between the outputs of a student and of its teacher.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax, sigmoid, softmax};

use finetune_model::normalize;

use super::config::HiddenStateLoss;
use super::student_task::LogitsKind;

/// Smallest product of two lengths that a cosine is divided by.
const SMALLEST: f64 = 1e-12;

/// Returns the divergence of the student's logits from the teacher's, summed over the rows and divided
/// by `divisor`: the Kullback-Leibler divergence of both distributions at the temperature, times its
/// square, as
/// [`torch.nn.functional.kl_div`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.functional.kl_div.html);
/// of independent classes the mean of their divergences, of scores the mean squared error.
///
/// # Shapes
/// - `student`, `teacher`: `[B, C]`
/// - output: `[1]`
pub(super) fn logits_loss(
    kind: LogitsKind,
    student: Tensor<2>,
    teacher: Tensor<2>,
    temperature: f64,
    divisor: f64,
) -> Tensor<1> {
    let outputs = student.dims()[1] as f64;
    let square = temperature * temperature;
    match kind {
        LogitsKind::Softmax => {
            let (student, teacher) = (student / temperature, teacher / temperature);
            let difference = log_softmax(teacher.clone(), 1) - log_softmax(student, 1);
            (softmax(teacher, 1) * difference).sum() * (square / divisor)
        }
        LogitsKind::Sigmoid => {
            let (student, teacher) = (student / temperature, teacher / temperature);
            let positive = sigmoid(teacher.clone());
            let of = |sign: f64| {
                log_sigmoid(teacher.clone() * sign) - log_sigmoid(student.clone() * sign)
            };
            let negative = (-positive.clone()).add_scalar(1.0);
            (positive * of(1.0) + negative * of(-1.0)).sum() * (square / outputs / divisor)
        }
        LogitsKind::Score | LogitsKind::Embedding => {
            (student - teacher).square().sum() / (outputs * divisor)
        }
    }
}

/// Returns the distance of hidden states or embeddings, summed over the rows and divided by `divisor`.
///
/// # Shapes
/// - `student`, `teacher`: `[T, D]`
/// - output: `[1]`
pub(super) fn distance_loss(
    kind: HiddenStateLoss,
    student: Tensor<2>,
    teacher: Tensor<2>,
    divisor: f64,
) -> Tensor<1> {
    let [tokens, width] = student.dims();
    match kind {
        HiddenStateLoss::Mse => (student - teacher).square().sum() / (width as f64 * divisor),
        HiddenStateLoss::Cosine => {
            let lengths = |rows: &Tensor<2>| rows.clone().square().sum_dim(1).sqrt();
            let product = (lengths(&student) * lengths(&teacher)).clamp_min(SMALLEST);
            let cosines = (student * teacher).sum_dim(1) / product;
            (-cosines.sum()).add_scalar(tokens as f64) / divisor
        }
    }
}

/// Returns the mean squared difference of the cosines of each two embeddings, times the number of rows
/// and divided by `divisor`.
///
/// # Shapes
/// - `student`: `[N, W]`, `teacher`: `[N, V]`
/// - output: `[1]`
pub(super) fn similarity_loss(student: Tensor<2>, teacher: Tensor<2>, divisor: f64) -> Tensor<1> {
    let rows = student.dims()[0] as f64;
    let similarities = |rows: Tensor<2>| {
        let rows = normalize(rows);
        rows.clone().matmul(rows.transpose())
    };
    let difference = similarities(student) - similarities(teacher);
    difference.square().sum() / (rows * divisor)
}
