//! The encoder: embeddings, then layers of attention and feed-forward network.

use finetune_model::{Activation, Encoder, EncoderConfig, EncoderLayer, NormPlacement, Positions};

use crate::attention::Attention;
use crate::batch::Batch;
use crate::error::OnnxError;
use crate::graph::{Attribute, Graph, Value};
use crate::proto::DataType;
use crate::relative::Distances;
use crate::weights::Network;

/// Returns all hidden states: the output of the embeddings, then of each layer.
///
/// # Shapes
/// - each output: `[B, S, D]`
pub(crate) fn hidden_states(
    network: &mut Network,
    encoder: &Encoder,
    config: &EncoderConfig,
    batch: &mut Batch,
) -> Result<Vec<Value>, OnnxError> {
    let mut hidden = embeddings(network, encoder, config, batch)?;
    for layer in 0..config.num_hidden_layers {
        batch.set_angles(network, config, config.layer_type(layer));
    }
    let relative = encoder.relative.as_ref();
    let distances = relative.map(|relative| Distances::new(network, relative, config, batch));
    let distances = distances.transpose()?;
    let mut states = vec![hidden.clone()];
    for (layer, index) in config.layer_groups().into_iter().enumerate() {
        let attention = Attention {
            config,
            layer: &encoder.layers[index],
            name: format!("encoder.layer.{index}"),
            kind: config.layer_type(layer),
            reach: config.reach(layer),
        };
        hidden = apply_layer(network, &attention, &hidden, batch, distances.as_ref())?;
        if layer + 1 == config.num_hidden_layers
            && let Some(norm) = &encoder.final_norm
        {
            let (kind, epsilon) = (config.norm_type, config.layer_norm_eps);
            hidden = network.norm("encoder.final_norm", norm, kind, epsilon, &hidden);
        }
        states.push(hidden.clone());
    }
    Ok(states)
}

/// # Shapes
/// - output: `[B, S, D]`
fn embeddings(
    network: &mut Network,
    encoder: &Encoder,
    config: &EncoderConfig,
    batch: &Batch,
) -> Result<Value, OnnxError> {
    let tables = &encoder.embeddings;
    let words = tables.word_embeddings.weight.val();
    let mut sum = network.rows_of("embeddings.word_embeddings", words, &batch.token_ids)?;
    if let Some(table) = &tables.token_type_embeddings {
        let first = network.graph.integer(0);
        let types = batch.token_type_ids.as_ref().unwrap_or(&first);
        let name = "embeddings.token_type_embeddings";
        let rows = network.rows_of(name, table.weight.val(), types)?;
        sum = network.graph.add(&sum, &rows);
    }
    if let Some(table) = &tables.position_embeddings {
        let positions = position_ids(&mut network.graph, config, batch);
        let name = "embeddings.position_embeddings";
        let rows = network.rows_of(name, table.weight.val(), &positions)?;
        sum = network.graph.add(&sum, &rows);
    }
    if let Some(norm) = &tables.norm {
        let (kind, epsilon) = (config.norm_type, config.layer_norm_eps);
        sum = network.norm("embeddings.norm", norm, kind, epsilon, &sum);
    }
    match &tables.projection {
        Some(projection) => network.linear("embeddings.projection", projection, &sum),
        None => Ok(sum),
    }
}

/// # Shapes
/// - output: `[S]`, or `[B, S]` if padding is not counted
fn position_ids(graph: &mut Graph, config: &EncoderConfig, batch: &Batch) -> Value {
    let Positions::AfterPadding { padding_index } = config.positions else {
        return batch.positions.clone();
    };
    let padding = graph.integer(padding_index as i64);
    let is_padding = graph.node("Equal", &[&batch.token_ids, &padding]);
    let is_token = graph.node("Not", &[&is_padding]);
    let is_token = graph.cast(&is_token, DataType::Int64);
    let axis = graph.integer(1);
    let counted = graph.node("CumSum", &[&is_token, &axis]);
    let counted = graph.mul(&counted, &is_token);
    graph.add(&counted, &padding)
}

/// # Shapes
/// - `hidden`, output: `[B, S, D]`
fn apply_layer(
    network: &mut Network,
    attention: &Attention<'_>,
    hidden: &Value,
    batch: &mut Batch,
    distances: Option<&Distances>,
) -> Result<Value, OnnxError> {
    let (config, layer) = (attention.config, attention.layer);
    let norm_first = config.norm_placement != NormPlacement::PostNorm;
    let norm = |network: &mut Network, part: &str, norm: Option<&_>, rows: &Value| match norm {
        Some(norm) => {
            let name = format!("{}.{part}.norm", attention.name);
            network.norm(&name, norm, config.norm_type, config.layer_norm_eps, rows)
        }
        None => rows.clone(),
    };
    let own = layer.attention.norm.as_ref();
    let rows = norm(network, "attention", own.filter(|_| norm_first), hidden);
    let block = attention.apply(network, &rows, batch, distances)?;
    let sum = network.graph.add(&block, hidden);
    let hidden = norm(network, "attention", own.filter(|_| !norm_first), &sum);
    let own = Some(&layer.feed_forward.norm);
    let rows = norm(network, "feed_forward", own.filter(|_| norm_first), &hidden);
    let block = feed_forward(network, config, layer, &attention.name, &rows)?;
    let sum = network.graph.add(&block, &hidden);
    Ok(norm(
        network,
        "feed_forward",
        own.filter(|_| !norm_first),
        &sum,
    ))
}

/// # Shapes
/// - `rows`, output: `[B, S, D]`
fn feed_forward(
    network: &mut Network,
    config: &EncoderConfig,
    layer: &EncoderLayer,
    name: &str,
    rows: &Value,
) -> Result<Value, OnnxError> {
    let block = &layer.feed_forward;
    let first = format!("{name}.feed_forward.intermediate");
    let wide = network.encoder_linear(&first, &block.intermediate, rows)?;
    let active = if config.gated_mlp {
        let axis = ("axis", Attribute::Int(-1));
        let [active, gate] = network.graph.node_of("Split", &[&wide], [axis]);
        let active = activate(&mut network.graph, config.hidden_act, &active)?;
        network.graph.mul(&active, &gate)
    } else {
        activate(&mut network.graph, config.hidden_act, &wide)?
    };
    let second = format!("{name}.feed_forward.output");
    network.encoder_linear(&second, &block.output, &active)
}

/// Applies an activation function to each value.
pub(crate) fn activate(
    graph: &mut Graph,
    activation: Activation,
    x: &Value,
) -> Result<Value, OnnxError> {
    Ok(match activation {
        Activation::Linear => x.clone(),
        Activation::Relu => graph.node("Relu", &[x]),
        Activation::Tanh => graph.node("Tanh", &[x]),
        Activation::Silu => {
            let gate = graph.node("Sigmoid", &[x]);
            graph.mul(x, &gate)
        }
        Activation::Gelu => {
            let root = graph.float(std::f32::consts::SQRT_2);
            let scaled = graph.div(x, &root);
            let error = graph.node("Erf", &[&scaled]);
            half_of(graph, x, &error)
        }
        Activation::GeluNew => {
            let (cubed, factor) = (graph.float(0.044_715), graph.float(0.797_884_6));
            let square = graph.mul(x, x);
            let cube = graph.mul(&square, x);
            let cube = graph.mul(&cube, &cubed);
            let sum = graph.add(x, &cube);
            let scaled = graph.mul(&sum, &factor);
            let tanh = graph.node("Tanh", &[&scaled]);
            half_of(graph, x, &tanh)
        }
        other => {
            let reason = "this version of the export does not know the activation";
            return Err(OnnxError::not_exportable(other.name(), reason));
        }
    })
}

/// Returns `0.5 * x * (1 + share)`.
fn half_of(graph: &mut Graph, x: &Value, share: &Value) -> Value {
    let (half, one) = (graph.float(0.5), graph.float(1.0));
    let sum = graph.add(share, &one);
    let product = graph.mul(x, &sum);
    graph.mul(&product, &half)
}
