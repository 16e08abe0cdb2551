//! Norms and cosines of the task gradients, logged during a run.
//!
//! The gradient of one batch of each task is computed at the same parameters. This does not affect
//! training.

use std::collections::BTreeMap;

use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use finetune_model::{AnyModule, DropoutStream};
use finetune_ops::read_floats;

use super::SharedStages;
use crate::any_objective::AnyObjective;
use crate::callback::GradientRecord;
use crate::error::TrainError;
use crate::objective::BatchIndices;

/// Returns the norms of the task gradients and the cosines between them, on a batch of each. `step`
/// is the next step, from 1.
pub(crate) fn probe(
    objective: &dyn AnyObjective,
    model: &AnyModule,
    batches: &[BatchIndices],
    step: u64,
    dropout: DropoutStream,
) -> Result<GradientRecord, TrainError> {
    let names = objective.tasks();
    let shared = SharedStages::new(model);
    let mut gradients: Vec<GradientsParams> = Vec::with_capacity(batches.len());
    for part in batches {
        let batch = objective.batch(part)?;
        let size = objective.size(&*batch)?;
        let loss = objective.loss(model, &*batch, &size, dropout)?;
        gradients.push(GradientsParams::from_grads(loss.backward(), model));
    }
    // All pairs, including a task with itself, are read from the device at once.
    let (mut pairs, mut products) = (Vec::new(), Vec::new());
    for first in 0..batches.len() {
        for second in first..batches.len() {
            pairs.push((first, second));
            products.extend(shared.products(model, &gradients[first], &gradients[second]));
        }
    }
    let values: Vec<f64> = match products.is_empty() {
        true => Vec::new(),
        false => {
            let values = read_floats(Tensor::cat(products, 0));
            values.into_iter().map(f64::from).collect()
        }
    };
    let stages = values.len() / pairs.len().max(1);
    let of_pair: BTreeMap<(usize, usize), &[f64]> = pairs
        .iter()
        .copied()
        .zip(values.chunks_exact(stages.max(1)))
        .collect();
    let name = |place: usize| names[batches[place].task].clone();
    let square = |place: usize| of_pair.get(&(place, place)).copied().unwrap_or(&[]);
    let mut record = GradientRecord {
        step,
        ..Default::default()
    };
    for (&(first, second), &products) in &of_pair {
        if first == second {
            let norms = products.iter().map(|square| square.sqrt()).collect();
            record.gradient_norms.insert(name(first), norms);
            continue;
        }
        let squares = square(first).iter().zip(square(second));
        let cosines = products
            .iter()
            .zip(squares)
            .map(|(product, (left, right))| product / (left * right).sqrt());
        let pair = format!("{}/{}", name(first), name(second));
        record.gradient_cosines.insert(pair, cosines.collect());
    }
    Ok(record)
}
