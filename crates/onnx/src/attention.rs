//! Multi-head attention on padded batches: `[B, S, D]`.

use burn::nn::Linear;
use finetune_model::{EncoderConfig, EncoderLayer, LayerType, LoraLinear, RelativeAttention};
use finetune_ops::RelativePositions;

use crate::batch::Batch;
use crate::error::OnnxError;
use crate::graph::Value;
use crate::relative::{Distances, Side};
use crate::weights::Network;

/// Self-attention of one layer, without residual and normalization.
pub(crate) struct Attention<'a> {
    pub(crate) config: &'a EncoderConfig,
    pub(crate) layer: &'a EncoderLayer,
    /// Name of the layer's tensors.
    pub(crate) name: String,
    /// Kind of the layer.
    pub(crate) kind: LayerType,
    /// Distance that a token sees.
    pub(crate) reach: Option<usize>,
}

impl Attention<'_> {
    /// # Shapes
    /// - `rows`, output: `[B, S, D]`
    pub(crate) fn apply(
        &self,
        network: &mut Network,
        rows: &Value,
        batch: &mut Batch,
        distances: Option<&Distances>,
    ) -> Result<Value, OnnxError> {
        let attention = &self.layer.attention;
        let heads = self.config.num_attention_heads;
        let groups = self.config.num_key_value_heads.unwrap_or(heads);
        let mut project = |layer: &LoraLinear, part, heads| {
            let name = format!("{}.attention.{part}", self.name);
            let projected = network.encoder_linear(&name, layer, rows)?;
            Ok::<Value, OnnxError>(self.heads(network, &projected, heads))
        };
        let query = project(&attention.query, "query", heads)?;
        let key = project(&attention.key, "key", groups)?;
        let value = project(&attention.value, "value", groups)?;
        let [query, key] = [query, key].map(|heads| batch.rotate(network, &heads, self.kind));
        let [key, value] = [key, value].map(|rows| repeated(network, &rows, heads, groups));
        // [B, S, H, K] becomes [B, H, S, K].
        let graph = &mut network.graph;
        let [query, key, value] = [query, key, value].map(|x| graph.transpose(&x, &[0, 2, 1, 3]));
        let scores = self.scores(network, &query, &key, batch, distances)?;
        let graph = &mut network.graph;
        let weights = graph.softmax(&scores);
        let context = graph.matmul(&weights, &value);
        let context = graph.transpose(&context, &[0, 2, 1, 3]);
        let context = graph.reshape(&context, &[0, 0, self.config.hidden_size as i64]);
        let name = format!("{}.attention.output", self.name);
        network.encoder_linear(&name, &attention.output, &context)
    }

    /// # Shapes
    /// - `rows`: `[B, S, heads * K]`
    /// - output: `[B, S, heads, K]`
    fn heads(&self, network: &mut Network, rows: &Value, heads: usize) -> Value {
        let width = self.config.hidden_size / self.config.num_attention_heads;
        let shape = [0, 0, heads as i64, width as i64];
        network.graph.reshape(rows, &shape)
    }

    /// Returns the scores of queries and keys, with what hides the keys that a query does not see.
    ///
    /// # Shapes
    /// - `query`, `key`: `[B, H, S, K]`
    /// - output: `[B, H, S, S]`
    fn scores(
        &self,
        network: &mut Network,
        query: &Value,
        key: &Value,
        batch: &mut Batch,
        distances: Option<&Distances>,
    ) -> Result<Value, OnnxError> {
        let turned = network.graph.transpose(key, &[0, 1, 3, 2]);
        let mut scores = network.graph.matmul(query, &turned);
        let relative = self.config.relative_attention;
        let mut terms = 0;
        if let Some((distances, relative)) = distances.zip(relative) {
            for term in self.terms(network, [query, key], distances, relative)? {
                scores = network.graph.add(&scores, &term);
                terms += 1;
            }
        }
        let width = self.config.hidden_size / self.config.num_attention_heads;
        let scale = RelativePositions::disentangled_scale(width, terms);
        let scale = network.graph.float(scale as f32);
        scores = network.graph.mul(&scores, &scale);
        if let Some(distances) = distances.filter(|_| relative.is_none()) {
            let bias = distances.bias(&mut network.graph);
            scores = network.graph.add(&scores, &bias);
        }
        let hidden = batch.hidden_keys(&mut network.graph, self.reach);
        Ok(network.graph.add(&scores, &hidden))
    }

    /// Returns the terms of content and position.
    ///
    /// # Shapes
    /// - `query`, `key`: `[B, H, S, K]`
    /// - each output: `[B, H, S, S]`
    fn terms(
        &self,
        network: &mut Network,
        [query, key]: [&Value; 2],
        distances: &Distances,
        relative: RelativeAttention,
    ) -> Result<Vec<Value>, OnnxError> {
        let attention = &self.layer.attention;
        let mut terms = Vec::new();
        if relative.c2p {
            let layers = (&attention.key, &attention.position_key);
            let keys = self.positions(network, distances, "key", layers)?;
            let scores = network.graph.matmul(query, &keys);
            terms.push(distances.pick(&mut network.graph, &scores, Side::Query));
        }
        if relative.p2c {
            let layers = (&attention.query, &attention.position_query);
            let queries = self.positions(network, distances, "query", layers)?;
            let scores = network.graph.matmul(key, &queries);
            let picked = distances.pick(&mut network.graph, &scores, Side::Key);
            terms.push(network.graph.transpose(&picked, &[0, 1, 3, 2]));
        }
        Ok(terms)
    }

    /// Returns keys or queries of the distances, by the layer of the tokens or one of their own.
    ///
    /// # Shapes
    /// - output: `[H, K, R]`
    fn positions(
        &self,
        network: &mut Network,
        distances: &Distances,
        part: &str,
        (shared, own): (&LoraLinear, &Option<Linear>),
    ) -> Result<Value, OnnxError> {
        let rows = &distances.rows;
        let projected = match own {
            Some(own) => {
                let name = format!("{}.attention.position_{part}", self.name);
                network.linear(&name, own, rows)?
            }
            None => {
                let name = format!("{}.attention.{part}", self.name);
                network.encoder_linear(&name, shared, rows)?
            }
        };
        let heads = self.config.num_attention_heads;
        let width = self.config.hidden_size / heads;
        let graph = &mut network.graph;
        let projected = graph.reshape(&projected, &[0, heads as i64, width as i64]);
        Ok(graph.transpose(&projected, &[1, 2, 0]))
    }
}

/// Repeats each head of keys or values for the heads of queries that it serves.
///
/// # Shapes
/// - `rows`: `[B, S, groups, K]`
/// - output: `[B, S, heads, K]`
fn repeated(network: &mut Network, rows: &Value, heads: usize, groups: usize) -> Value {
    if heads == groups {
        return rows.clone();
    }
    let served = heads / groups;
    let of_head: Vec<i64> = (0..heads).map(|head| (head / served) as i64).collect();
    let of_head = network.graph.integers(&of_head);
    network.graph.gather(rows, &of_head, 2)
}
