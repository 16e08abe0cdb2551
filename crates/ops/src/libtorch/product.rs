//! Matrix products of rounded operands.

use tch::{Kind, Tensor};

use crate::precision::Precision;

/// Returns the type that a precision rounds to, of torch.
pub(super) fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::F32 | Precision::Int8 => Kind::Float,
        Precision::Bf16 => Kind::BFloat16,
        Precision::F16 => Kind::Half,
    }
}

/// Returns the product of f32 matrices, or of two equally long batches of them, with operands rounded to
/// `precision` and a result in f32.
pub(super) fn product(left: &Tensor, right: &Tensor, precision: Precision) -> Tensor {
    let kind = kind(precision);
    let [rounded_left, rounded_right] = [left, right].map(|operand| operand.to_kind(kind));
    match (precision, left.device().is_cuda()) {
        (Precision::F32, _) => left.matmul(right),
        (_, true) if left.dim() == 2 => rounded_left.mm_dtype(&rounded_right, Kind::Float),
        (_, true) => rounded_left.bmm_dtype(&rounded_right, Kind::Float),
        // There, torch has no such product: it would round the result, too.
        (_, false) => {
            let [left, right] =
                [rounded_left, rounded_right].map(|operand| operand.to_kind(Kind::Float));
            left.matmul(&right)
        }
    }
}
