//! Gated linear units and their gradients.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::exponential::exp;
use super::gelu::normal;
use super::instructions::{Arithmetic, vectorized};
use super::memory::{Buffer, written};
use super::rows_in_task;
use crate::glu::GluActivation;

/// `σ(x)` and its slope `σ(x) (1 - σ(x))`: what [`normal`] gives for GELU.
#[inline(always)]
fn logistic<A: Arithmetic>(x: f32) -> (f32, f32) {
    let tail = exp::<A>(-x.abs());
    let larger = 1.0 / (1.0 + tail);
    let smaller = tail * larger;
    (if x > 0.0 { larger } else { smaller }, larger * smaller)
}

/// `x₁ · Φ(x₁) · x₂`, where `x₁` and `x₂` are the halves of each row; `Φ` is that of the activation.
///
/// # Shapes
/// - `rows`: `[T, 2 I]`
/// - output: `[T, I]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn apply<B: Buffer>(rows: &[f32], half: usize, activation: GluActivation) -> B {
    let task = rows_in_task(2 * half) * half;
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let tasks = out.par_chunks_mut(task).zip(rows.par_chunks(2 * task));
        tasks.for_each(|(out, rows)| gate(out, rows, half, activation));
    };
    // SAFETY: every task writes its part, and there is a row for each.
    unsafe { written(rows.len() / 2, fill) }
}

#[inline(always)]
fn gate_with(
    out: &mut [MaybeUninit<f32>],
    rows: &[f32],
    half: usize,
    distribution: impl Fn(f32) -> (f32, f32),
) {
    for (out, row) in out.chunks_exact_mut(half).zip(rows.chunks_exact(2 * half)) {
        let (input, gate) = row.split_at(half);
        for ((out, x), gate) in out.iter_mut().zip(input).zip(gate) {
            out.write(x * distribution(*x).0 * gate);
        }
    }
}

vectorized! {
    fn gate<A>(
        out: &mut [MaybeUninit<f32>],
        rows: &[f32],
        half: usize,
        activation: GluActivation,
    ) {
        match activation {
            GluActivation::Gelu => gate_with(out, rows, half, normal::<A>),
            GluActivation::Silu => gate_with(out, rows, half, logistic::<A>),
        }
    }
}

/// Values that the compiler computes side by side: with stores into two slices it does not by itself.
const LANES: usize = 16;

#[inline(always)]
fn gradient_with<A: Arithmetic>(
    rows: &mut [f32],
    gradient: &[f32],
    half: usize,
    distribution: impl Fn(f32) -> (f32, f32),
) {
    let of_both = |x: f32, gate: f32, gradient: f32| {
        let (distribution, density) = distribution(x);
        let of_input = A::mul_add(x, density, distribution) * (gradient * gate);
        (of_input, x * distribution * gradient)
    };
    let rows = rows.chunks_exact_mut(2 * half);
    for (row, gradient) in rows.zip(gradient.chunks_exact(half)) {
        let (input, gate) = row.split_at_mut(half);
        let (inputs, last_inputs) = input.as_chunks_mut::<LANES>();
        let (gates, last_gates) = gate.as_chunks_mut::<LANES>();
        let (gradients, last_gradients) = gradient.as_chunks::<LANES>();
        for ((x, gate), gradient) in inputs.iter_mut().zip(gates).zip(gradients) {
            let (of_input, of_gate) = (&mut [0.0; LANES], &mut [0.0; LANES]);
            for lane in 0..LANES {
                (of_input[lane], of_gate[lane]) = of_both(x[lane], gate[lane], gradient[lane]);
            }
            (*x, *gate) = (*of_input, *of_gate);
        }
        for ((x, gate), gradient) in last_inputs.iter_mut().zip(last_gates).zip(last_gradients) {
            (*x, *gate) = of_both(*x, *gate, *gradient);
        }
    }
}

vectorized! {
    /// `gradient · x₂ · (Φ(x₁) + x₁ · φ(x₁))` and `gradient · x₁ · Φ(x₁)` in the place of `x₁` and `x₂`;
    /// `Φ` and its slope `φ` are those of the activation.
    ///
    /// # Shapes
    /// - `rows`: `[T, 2 I]`
    /// - `gradient`: `[T, I]`
    pub(crate) fn gradient<A>(
        rows: &mut [f32],
        gradient: &[f32],
        half: usize,
        activation: GluActivation,
    ) {
        match activation {
            GluActivation::Gelu => gradient_with::<A>(rows, gradient, half, normal::<A>),
            GluActivation::Silu => gradient_with::<A>(rows, gradient, half, logistic::<A>),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::instructions::{Fused, Separate};
    use super::*;

    #[test]
    fn the_logistic_function_is_that_of_double_precision() {
        for step in -90_000..=90_000 {
            let x = step as f32 * 1e-3;
            let expected = 1.0 / (1.0 + (-f64::from(x)).exp());
            for (found, slope) in [logistic::<Fused>(x), logistic::<Separate>(x)] {
                let error = (f64::from(found) - expected).abs();
                // Numbers below the smallest normal one count as 0.
                assert!(error < 5e-7 * expected + 2e-38, "{found} at {x}");
                let expected = expected * (1.0 - expected);
                assert!((f64::from(slope) - expected).abs() < 2e-7, "{slope} at {x}");
            }
        }
    }
}
