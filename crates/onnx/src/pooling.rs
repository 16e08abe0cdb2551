//! Pooling: from the hidden states of a text's tokens to one vector.

use finetune_model::{LayerSelection, Pooler, Pooling, TokenPooling};

use crate::batch::{Batch, HIDDEN};
use crate::error::OnnxError;
use crate::graph::{Attribute, Graph, Value};
use crate::proto::DataType;
use crate::weights::Network;

/// Pools hidden states.
///
/// # Shapes
/// - each of `states`: `[B, S, D]`, of all layers
/// - output: `[B, W]`
pub(crate) fn pool(
    network: &mut Network,
    pooler: &Pooler,
    pooling: Pooling,
    states: &[Value],
    batch: &Batch,
) -> Result<Value, OnnxError> {
    let graph = &mut network.graph;
    let states = &states[pooler.layers()];
    let pooled = match pooling.layers {
        LayerSelection::MeanLast(_) => {
            let mean = mean(graph, states);
            tokens(graph, pooling.tokens, &mean, batch)
        }
        _ => {
            let mut each = |rows| tokens(graph, pooling.tokens, rows, batch);
            let pooled: Vec<Value> = states.iter().map(&mut each).collect();
            side_by_side(graph, &pooled)
        }
    };
    match &pooler.dense {
        Some(dense) => {
            let dense = network.linear("pooler.dense", dense, &pooled)?;
            Ok(network.graph.node("Tanh", &[&dense]))
        }
        None => Ok(pooled),
    }
}

fn side_by_side(graph: &mut Graph, pooled: &[Value]) -> Value {
    match pooled {
        [one] => one.clone(),
        several => graph.concat(&several.iter().collect::<Vec<_>>(), 1),
    }
}

fn mean(graph: &mut Graph, states: &[Value]) -> Value {
    let sum = graph.node("Sum", &states.iter().collect::<Vec<_>>());
    let count = graph.float(states.len() as f32);
    graph.div(&sum, &count)
}

/// # Shapes
/// - `rows`: `[B, S, D]`
/// - output: `[B, D]`
fn tokens(graph: &mut Graph, pooling: TokenPooling, rows: &Value, batch: &Batch) -> Value {
    match pooling {
        TokenPooling::Cls | TokenPooling::Pooler => {
            let first = graph.integer(0);
            graph.gather(rows, &first, 1)
        }
        TokenPooling::Mean => mean_of_tokens(graph, rows, batch),
        TokenPooling::MeanSqrtLen => {
            let mask = batch.mask(graph);
            let count = graph.sum(&mask, 1);
            let root = graph.node("Sqrt", &[&count]);
            let weights = graph.div(&mask, &root);
            weighted_sum(graph, rows, &weights)
        }
        TokenPooling::WeightedMean => {
            let (mask, places) = (batch.mask(graph), batch.places(graph));
            let places = graph.mul(&places, &mask);
            let sum = graph.sum(&places, 1);
            let weights = graph.div(&places, &sum);
            weighted_sum(graph, rows, &weights)
        }
        TokenPooling::LastToken => {
            let (mask, places) = (batch.mask(graph), batch.places(graph));
            let count = graph.sum(&mask, 1);
            let is_last = graph.node("Equal", &[&places, &count]);
            let weights = graph.cast(&is_last, DataType::Float);
            weighted_sum(graph, rows, &weights)
        }
        TokenPooling::Max => {
            let (mask, one) = (batch.mask(graph), graph.float(1.0));
            let padding = graph.sub(&one, &mask);
            let hidden = graph.float(HIDDEN);
            let hidden = graph.mul(&padding, &hidden);
            let rows = graph.add(rows, &hidden);
            let settings = [
                ("axes", Attribute::Ints(vec![1])),
                ("keepdims", Attribute::Int(0)),
            ];
            graph.node_with("ReduceMax", &[&rows], settings)
        }
    }
}

/// # Shapes
/// - `rows`: `[B, S, D]`
/// - output: `[B, D]`
pub(crate) fn mean_of_tokens(graph: &mut Graph, rows: &Value, batch: &Batch) -> Value {
    let mask = batch.mask(graph);
    let count = graph.sum(&mask, 1);
    let weights = graph.div(&mask, &count);
    weighted_sum(graph, rows, &weights)
}

/// # Shapes
/// - `rows`: `[B, S, D]`
/// - `weights`: `[B, S, 1]`
/// - output: `[B, D]`
fn weighted_sum(graph: &mut Graph, rows: &Value, weights: &Value) -> Value {
    let weighted = graph.mul(rows, weights);
    let sum = graph.sum(&weighted, 1);
    let axis = graph.integers(&[1]);
    graph.node("Squeeze", &[&sum, &axis])
}
