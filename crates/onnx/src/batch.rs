//! Inputs of a text, and what all layers share of them: positions, angles and hidden keys.

use std::collections::HashMap;

use finetune_model::{EncoderConfig, LayerType};

use crate::graph::{Attribute, Graph, Size, Value, little_endian};
use crate::proto::DataType;
use crate::weights::Network;

/// Added to what does not count: the scores of keys that a query does not see, and padding before a
/// maximum. Not the lowest number: the sum with a value stays finite.
pub(crate) const HIDDEN: f32 = -1e30;

/// Names of the axes that differ from call to call.
pub(crate) const ROWS: Size = Size::Named("batch_size");
pub(crate) const LENGTH: Size = Size::Named("sequence_length");

/// Padded texts.
#[derive(Debug)]
pub(crate) struct Batch {
    /// `[B, S]`
    pub(crate) token_ids: Value,
    /// 1 for tokens and 0 for padding, `[B, S]`.
    attention_mask: Value,
    /// `[B, S]`, if the model tells them apart.
    pub(crate) token_type_ids: Option<Value>,
    /// `B` as a list of one number.
    pub(crate) rows: Value,
    /// `S` as a list of one number.
    pub(crate) length: Value,
    /// 0 to `S - 1`.
    pub(crate) positions: Value,
    angles: HashMap<&'static str, [Value; 2]>,
    hidden: HashMap<Option<usize>, Value>,
}

impl Batch {
    /// Adds the inputs of a text, whose names begin with `prefix`.
    pub(crate) fn new(graph: &mut Graph, config: &EncoderConfig, prefix: &str) -> Self {
        let mut input =
            |name: &str| graph.input(&format!("{prefix}{name}"), DataType::Int64, &[ROWS, LENGTH]);
        let token_ids = input("input_ids");
        let attention_mask = input("attention_mask");
        let token_type_ids = (config.type_vocab_size > 1).then(|| input("token_type_ids"));
        let sizes = graph.node("Shape", &[&token_ids]);
        let [rows, length] = [0, 1].map(|axis| {
            let axis = graph.integers(&[axis]);
            graph.gather(&sizes, &axis, 0)
        });
        let (zero, one) = (graph.integer(0), graph.integer(1));
        let end = graph.node("Squeeze", &[&length]);
        let positions = graph.node("Range", &[&zero, &end, &one]);
        Self {
            token_ids,
            attention_mask,
            token_type_ids,
            rows,
            length,
            positions,
            angles: HashMap::new(),
            hidden: HashMap::new(),
        }
    }

    /// Returns the mask as numbers.
    ///
    /// # Shapes
    /// - output: `[B, S, 1]`
    pub(crate) fn mask(&self, graph: &mut Graph) -> Value {
        let mask = graph.cast(&self.attention_mask, DataType::Float);
        graph.unsqueeze(&mask, &[2])
    }

    /// Returns the places of tokens, counted from 1.
    ///
    /// # Shapes
    /// - output: `[S, 1]`
    pub(crate) fn places(&self, graph: &mut Graph) -> Value {
        let positions = graph.cast(&self.positions, DataType::Float);
        let one = graph.float(1.0);
        let places = graph.add(&positions, &one);
        graph.unsqueeze(&places, &[1])
    }

    /// Returns the place of the query less that of the key.
    ///
    /// # Shapes
    /// - output: `[S, S]`
    pub(crate) fn distances(&self, graph: &mut Graph) -> Value {
        let queries = graph.unsqueeze(&self.positions, &[1]);
        let keys = graph.unsqueeze(&self.positions, &[0]);
        graph.sub(&queries, &keys)
    }

    /// Returns what is added to scores: 0 for keys that a query sees, and what hides the others.
    ///
    /// # Shapes
    /// - output: `[B, 1, 1, S]`, or `[B, 1, S, S]` if a token sees no farther than `reach`
    pub(crate) fn hidden_keys(&mut self, graph: &mut Graph, reach: Option<usize>) -> Value {
        if let Some(hidden) = self.hidden.get(&reach) {
            return hidden.clone();
        }
        let zero = graph.integer(0);
        let mut hides = graph.node("Equal", &[&self.attention_mask, &zero]);
        hides = graph.unsqueeze(&hides, &[1, 2]);
        if let Some(reach) = reach {
            let distances = self.distances(graph);
            let distances = graph.node("Abs", &[&distances]);
            let reach = graph.integer(reach as i64);
            let far = graph.node("Greater", &[&distances, &reach]);
            hides = graph.node("Or", &[&hides, &far]);
        }
        let (hidden, seen) = (graph.float(HIDDEN), graph.float(0.0));
        let hidden = graph.node("Where", &[&hides, &hidden, &seen]);
        self.hidden.insert(reach, hidden.clone());
        hidden
    }

    /// Adds the angles of the rotary positions in the layers of a kind, if they have some.
    pub(crate) fn set_angles(
        &mut self,
        network: &mut Network,
        config: &EncoderConfig,
        kind: LayerType,
    ) {
        let Some((planes, factor)) = config.rotary_frequencies(kind) else {
            return;
        };
        let graph = &mut network.graph;
        let name = format!("frequencies_{}", kind.name());
        let frequencies = graph.constant(&name, DataType::Float, &[planes.len()], || {
            little_endian(planes.iter().map(|plane| plane.to_le_bytes()))
        });
        let positions = graph.cast(&self.positions, DataType::Float);
        let positions = graph.unsqueeze(&positions, &[1, 2]);
        let angles = graph.mul(&positions, &frequencies);
        let factor = graph.float(factor as f32);
        let tables = ["Cos", "Sin"].map(|operator| {
            let table = graph.node(operator, &[&angles]);
            graph.mul(&table, &factor)
        });
        self.angles.insert(kind.name(), tables);
    }

    /// Rotates queries or keys by the angles of their positions, if positions are rotary.
    ///
    /// # Shapes
    /// - `heads`, output: `[B, S, H, K]`
    pub(crate) fn rotate(&self, network: &mut Network, heads: &Value, kind: LayerType) -> Value {
        let Some([cosine, sine]) = self.angles.get(kind.name()) else {
            return heads.clone();
        };
        let graph = &mut network.graph;
        let axis = ("axis", Attribute::Int(-1));
        let [first, second] = graph.node_of("Split", &[heads], [axis]);
        let mut turned = |left: &Value, right: &Value, operator: &str| {
            let (left, right) = (graph.mul(left, cosine), graph.mul(right, sine));
            graph.node(operator, &[&left, &right])
        };
        let low = turned(&first, &second, "Sub");
        let high = turned(&second, &first, "Add");
        graph.concat(&[&low, &high], -1)
    }
}
