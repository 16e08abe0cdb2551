//! AdamW step in one pass over a parameter, its gradient and its two moments.

use rayon::prelude::*;

use super::TASK;
use super::instructions::vectorized;
use crate::adamw::AdamWStep;

/// The constants of a step, in the precision of the values.
#[derive(Debug, Clone, Copy)]
struct Constants {
    beta1: f32,
    beta2: f32,
    /// `1 - beta`, exact where the difference of the rounded numbers is not.
    share_1: f32,
    share_2: f32,
    /// The step over the first correction.
    rate: f32,
    /// One over the root of the second correction.
    root: f32,
    epsilon: f32,
    kept: f32,
}

vectorized! {
    fn step_task<A>(
        parameter: &mut [f32],
        gradient: &[f32],
        moment_1: &mut [f32],
        moment_2: &mut [f32],
        constants: Constants,
    ) {
        let moments = moment_1.iter_mut().zip(moment_2);
        for ((value, gradient), (first, second)) in parameter.iter_mut().zip(gradient).zip(moments) {
            *first = A::mul_add(constants.beta1, *first, constants.share_1 * gradient);
            let square = constants.share_2 * gradient * gradient;
            *second = A::mul_add(constants.beta2, *second, square);
            let deviation = A::mul_add(second.sqrt(), constants.root, constants.epsilon);
            let update = constants.rate * (*first / deviation);
            *value = A::mul_add(*value, constants.kept, -update);
        }
    }
}

/// Moves a parameter and its moments, all of one length.
pub(crate) fn step(
    parameter: &mut [f32],
    gradient: &[f32],
    moment_1: &mut [f32],
    moment_2: &mut [f32],
    settings: &AdamWStep,
    time: usize,
) {
    let power = |beta: f64| 1.0 - beta.powi(time.min(i32::MAX as usize) as i32);
    let constants = Constants {
        beta1: settings.beta1 as f32,
        beta2: settings.beta2 as f32,
        share_1: (1.0 - settings.beta1) as f32,
        share_2: (1.0 - settings.beta2) as f32,
        rate: (settings.learning_rate / power(settings.beta1)) as f32,
        root: power(settings.beta2).sqrt().recip() as f32,
        epsilon: settings.epsilon as f32,
        kept: (1.0 - settings.learning_rate * settings.weight_decay) as f32,
    };
    let parameters = parameter
        .par_chunks_mut(TASK)
        .zip(gradient.par_chunks(TASK));
    let moments = moment_1
        .par_chunks_mut(TASK)
        .zip(moment_2.par_chunks_mut(TASK));
    let tasks = parameters.zip(moments);
    tasks.for_each(|((parameter, gradient), (first, second))| {
        step_task(parameter, gradient, first, second, constants);
    });
}
