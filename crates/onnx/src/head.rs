//! Heads: from the vectors of a text, or of two, to logits.

use finetune_model::{
    AnyHead, CosineSimilarityHead, CosineSimilarityHeadConfig, HeadConfig, Mlp, MlpConfig,
    NormType, PairFeatures, ScoreRange,
};

use crate::encoder::activate;
use crate::error::OnnxError;
use crate::graph::{Graph, Value};
use crate::weights::Network;

/// Shortest vector of a cosine, as in the head.
const SHORTEST: f32 = 1e-8;

/// Applies the head of a classifier to the vectors of one text or two.
///
/// # Shapes
/// - each of `texts`: `[B, W]`
/// - output: `[B, C]`
pub(crate) fn apply_head(
    network: &mut Network,
    head: &AnyHead,
    config: &HeadConfig,
    texts: &[Value],
) -> Result<Value, OnnxError> {
    match (config, texts) {
        (HeadConfig::Mlp(config), texts) => {
            let mlp = of_type::<Mlp>(head)?;
            let rows = match (config.pair_features, texts) {
                (Some(features), [first, second]) => {
                    pair(&mut network.graph, features, first, second)
                }
                (_, texts) => texts[0].clone(),
            };
            let hidden = hidden_layers(network, mlp, config, &rows)?;
            output_layer(network, mlp, config, &hidden)
        }
        (HeadConfig::Cosine(config), [first, second]) => {
            let head = of_type::<CosineSimilarityHead>(head)?;
            cosine_similarity(network, head, config, [first, second])
        }
        (HeadConfig::Custom { name }, _) => {
            let reason = "it is computed by a program; export its encoder";
            Err(OnnxError::not_exportable(
                format!("the custom head {name}"),
                reason,
            ))
        }
        (HeadConfig::Cosine(_), _) => {
            let reason = "it compares two texts";
            Err(OnnxError::not_exportable("a cosine of one text", reason))
        }
    }
}

fn of_type<H: finetune_model::Head>(head: &AnyHead) -> Result<&H, OnnxError> {
    head.downcast_ref().ok_or_else(|| {
        let reason = "it is not the one that the configuration names";
        OnnxError::not_exportable(format!("the head {}", head.type_name()), reason)
    })
}

/// Applies the layers of an MLP below its last.
///
/// # Shapes
/// - `rows`: `[B, W]` or `[B, S, W]`
pub(crate) fn hidden_layers(
    network: &mut Network,
    mlp: &Mlp,
    config: &MlpConfig,
    rows: &Value,
) -> Result<Value, OnnxError> {
    let mut rows = rows.clone();
    for (index, layer) in mlp.hidden.iter().enumerate() {
        rows = network.linear(&format!("head.hidden.{index}"), layer, &rows)?;
        rows = activate(&mut network.graph, config.activation, &rows)?;
        if let (Some(norm), Some(settings)) = (mlp.norms.get(index), config.hidden_norm) {
            let name = format!("head.norms.{index}");
            rows = network.norm(&name, norm, NormType::LayerNorm, settings.eps, &rows);
        }
    }
    Ok(rows)
}

/// Applies the last layer of an MLP, and maps a score to its range.
pub(crate) fn output_layer(
    network: &mut Network,
    mlp: &Mlp,
    config: &MlpConfig,
    hidden: &Value,
) -> Result<Value, OnnxError> {
    let output = network.linear("head.output", &mlp.output, hidden)?;
    let graph = &mut network.graph;
    Ok(match (config.range, config.score_bins) {
        (Some(range), None) => {
            let fraction = graph.node("Sigmoid", &[&output]);
            in_range(graph, range, &fraction)
        }
        _ => output,
    })
}

fn in_range(graph: &mut Graph, range: ScoreRange, fraction: &Value) -> Value {
    let (width, min) = ((range.max - range.min) as f32, range.min as f32);
    let (width, min) = (graph.float(width), graph.float(min));
    let scaled = graph.mul(fraction, &width);
    graph.add(&scaled, &min)
}

fn pair(graph: &mut Graph, features: PairFeatures, first: &Value, second: &Value) -> Value {
    let apart = |graph: &mut Graph| {
        let difference = graph.sub(first, second);
        graph.node("Abs", &[&difference])
    };
    match features {
        PairFeatures::Concat => graph.concat(&[first, second], 1),
        PairFeatures::DiffProduct => {
            let (apart, product) = (apart(graph), graph.mul(first, second));
            graph.concat(&[&apart, &product], 1)
        }
        PairFeatures::ConcatDiff => {
            let apart = apart(graph);
            graph.concat(&[first, second, &apart], 1)
        }
    }
}

fn cosine_similarity(
    network: &mut Network,
    head: &CosineSimilarityHead,
    config: &CosineSimilarityHeadConfig,
    texts: [&Value; 2],
) -> Result<Value, OnnxError> {
    let mut projected = Vec::new();
    for (name, layer, text) in [
        ("head.first", &head.first, texts[0]),
        ("head.second", &head.second, texts[1]),
    ] {
        projected.push(match layer {
            Some(layer) => network.linear(name, layer, text)?,
            None => text.clone(),
        });
    }
    let graph = &mut network.graph;
    let unit = projected.iter().map(|rows| unit(graph, rows, SHORTEST));
    let unit: Vec<Value> = unit.collect();
    let product = graph.mul(&unit[0], &unit[1]);
    let cosine = graph.sum(&product, 1);
    Ok(match config.range {
        Some(range) => {
            let (one, half) = (graph.float(1.0), graph.float(0.5));
            let fraction = graph.add(&cosine, &one);
            let fraction = graph.mul(&fraction, &half);
            in_range(graph, range, &fraction)
        }
        None => cosine,
    })
}

/// Scales rows to length 1; one shorter than `shortest` keeps its direction alone.
///
/// # Shapes
/// - `rows`, output: `[B, W]`
pub(crate) fn unit(graph: &mut Graph, rows: &Value, shortest: f32) -> Value {
    let squares = graph.mul(rows, rows);
    let squares = graph.sum(&squares, 1);
    let least = graph.float(shortest * shortest);
    let squares = graph.node("Max", &[&squares, &least]);
    let length = graph.node("Sqrt", &[&squares]);
    graph.div(rows, &length)
}
