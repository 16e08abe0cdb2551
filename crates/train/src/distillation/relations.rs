//! Relations of an attention: how alike the queries of a text's tokens are, and its keys and values
//! ([Wang et al. 2020](https://arxiv.org/abs/2012.15828), MiniLMv2).

use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use finetune_ops::Sequences;

/// Returns the mean divergence of the student's relations from the teacher's, over queries, keys and
/// values and over the heads, summed over the tokens and divided by `divisor`. The vectors of both
/// models may have different sizes.
///
/// # Shapes
/// - each of `student` and of `teacher`: `[T, D]`, with `D` of its own; `heads` divides both
/// - output: `[1]`
pub(super) fn relation_loss(
    student: [Tensor<2>; 3],
    teacher: [Tensor<2>; 3],
    sequences: &Sequences,
    heads: usize,
    divisor: f64,
) -> Tensor<1> {
    let mask = sequences.attention_mask();
    let [batch, longest] = mask.dims();
    // Rows of padding count nothing.
    let rows: Tensor<4> = mask.reshape([batch, 1, longest, 1]);
    let keys = sequences.additive_key_mask();
    let keys: Tensor<4> = keys.reshape([batch, 1, 1, longest]);
    let mut total: Option<Tensor<1>> = None;
    for (student, teacher) in student.into_iter().zip(teacher) {
        let student = scores(student, sequences, heads) + keys.clone();
        let teacher = scores(teacher, sequences, heads) + keys.clone();
        let difference = log_softmax(teacher.clone(), 3) - log_softmax(student, 3);
        let divergence = (softmax(teacher, 3) * difference * rows.clone()).sum();
        total = Some(match total {
            None => divergence,
            Some(sum) => sum + divergence,
        });
    }
    let total = total.unwrap_or_else(|| keys.sum() * 0.0);
    total / (3.0 * heads as f64 * divisor)
}

/// Returns the scaled products of all pairs of a text's vectors.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - output: `[B, heads, S, S]`
fn scores(rows: Tensor<2>, sequences: &Sequences, heads: usize) -> Tensor<4> {
    let width = rows.dims()[1] / heads;
    let padded = sequences.pad(rows);
    let [batch, longest, _] = padded.dims();
    let vectors: Tensor<4> = padded
        .reshape([batch, longest, heads, width])
        .swap_dims(1, 2);
    let scale = (width as f64).sqrt();
    vectors.clone().matmul(vectors.swap_dims(2, 3)) / scale
}
