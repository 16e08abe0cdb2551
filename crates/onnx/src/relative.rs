//! Positions of tokens relative to each other: DeBERTa's vectors of distances and MPNet's biases.

use finetune_model::{EncoderConfig, RelativeEmbeddings};

use crate::batch::Batch;
use crate::error::OnnxError;
use crate::graph::{Attribute, Graph, Value, little_endian};
use crate::proto::DataType;
use crate::weights::Network;

/// Which of query and key a score of tokens and distances belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Query,
    Key,
}

/// Vectors or biases of the distances, and the row of each pair of tokens.
#[derive(Debug)]
pub(crate) struct Distances {
    /// `[R, D]`, or `[R, H]` for biases.
    pub(crate) rows: Value,
    /// Row of query and key, `[S, S]`.
    row_of_pair: Value,
    /// Shape `[B, H, S, S]`.
    shape: Value,
}

impl Distances {
    pub(crate) fn new(
        network: &mut Network,
        relative: &RelativeEmbeddings,
        config: &EncoderConfig,
        batch: &Batch,
    ) -> Result<Self, OnnxError> {
        let rows = network.table("encoder.relative_positions", relative.vectors())?;
        let rows = network.widened(&rows);
        let farthest = config.max_sequence_length() as isize - 1;
        let buckets = relative.buckets();
        let of_distance = (-farthest..=farthest).map(|distance| buckets.row(distance) as i64);
        let count = 2 * farthest as usize + 1;
        let graph = &mut network.graph;
        let of_distance = graph.constant("row_of_distance", DataType::Int64, &[count], || {
            little_endian(of_distance.map(i64::to_le_bytes))
        });
        let farthest = graph.integer(farthest as i64);
        let distance = batch.distances(graph);
        let distance = graph.add(&distance, &farthest);
        let heads = graph.integers(&[config.num_attention_heads as i64]);
        let sizes = [&batch.rows, &heads, &batch.length, &batch.length];
        Ok(Self {
            rows,
            row_of_pair: graph.gather(&of_distance, &distance, 0),
            shape: graph.concat(&sizes, 0),
        })
    }

    /// Returns of each token's scores with all distances those with the distances that it has to the
    /// others.
    ///
    /// # Shapes
    /// - `scores`: `[B, H, S, R]`
    /// - output: `[B, H, S, S]`, of query and key, or of key and query
    pub(crate) fn pick(&self, graph: &mut Graph, scores: &Value, side: Side) -> Value {
        let rows = match side {
            Side::Query => self.row_of_pair.clone(),
            Side::Key => graph.transpose(&self.row_of_pair, &[1, 0]),
        };
        let rows = graph.node("Expand", &[&rows, &self.shape]);
        let axis = ("axis", Attribute::Int(3));
        graph.node_with("GatherElements", &[scores, &rows], [axis])
    }

    /// Returns the bias of each pair of tokens.
    ///
    /// # Shapes
    /// - output: `[H, S, S]`
    pub(crate) fn bias(&self, graph: &mut Graph) -> Value {
        let bias = graph.gather(&self.rows, &self.row_of_pair, 0);
        graph.transpose(&bias, &[2, 0, 1])
    }
}
