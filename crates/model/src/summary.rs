//! Summary of a model: its parts with their numbers of trainable and frozen parameters.

use std::fmt;

use burn::module::{DisplaySettings, Module, ModuleDisplay, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::base_model::BaseModel;
use crate::classifier::SequenceClassifier;
use crate::masked_lm::MaskedLm;
use crate::parameters::parameters;
use crate::token_classifier::TokenClassifier;

/// Summary of a model: its parts with their numbers of parameters.
///
/// The models use it as their `Display` output:
///
/// ```
/// use burn::tensor::Device;
/// use finetune_model::{EncoderConfig, SequenceClassifierConfig};
///
/// let encoder = EncoderConfig {
///     vocab_size: 1000,
///     hidden_size: 16,
///     num_hidden_layers: 2,
///     num_attention_heads: 2,
///     intermediate_size: 32,
///     max_position_embeddings: 64,
///     ..Default::default()
/// };
/// let config = SequenceClassifierConfig::new(encoder, vec!["no".into(), "yes".into()]);
/// let model = config.init(&Device::flex())?;
/// assert_eq!(
///     model.to_string(),
///     "\
/// part                  parameters     trainable        frozen
/// encoder.embeddings        17_088        17_088             0
/// encoder.layers.0..1        4_448         4_448             0
/// pooler                       272           272             0
/// head (Mlp)                    34            34             0
/// total                     21_842        21_842             0"
/// );
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSummary {
    /// Parts in order, from the embeddings to the head.
    pub parts: Vec<LayerSummary>,
}

/// Part of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSummary {
    /// Common path prefix of its parameters.
    pub name: String,
    /// Type of a head, such as `Mlp`; `None` for other parts.
    pub head: Option<String>,
    /// Number of trainable parameters.
    pub trainable: usize,
    /// Number of frozen parameters.
    pub frozen: usize,
}

impl ModelSummary {
    /// Counts the parameters of a model. A parameter is trainable if it would train on a device
    /// with autodiff, whichever device the model is on.
    pub fn of<M: Module>(model: &M) -> Self {
        let mut trains = TrainableVisitor::default();
        model.clone().train().visit(&mut trains);
        let mut parts: Vec<LayerSummary> = Vec::new();
        for (parameter, trains) in parameters(model).into_iter().zip(trains.parameters) {
            let name = part_of(&parameter.path);
            let (trains, head) = trains;
            let count = parameter.shape.iter().product();
            let (trainable, frozen) = if trains { (count, 0) } else { (0, count) };
            match parts.last_mut() {
                Some(part) if part.name == name => {
                    part.trainable += trainable;
                    part.frozen += frozen;
                }
                _ => parts.push(LayerSummary {
                    head: head.filter(|_| name == "head"),
                    name,
                    trainable,
                    frozen,
                }),
            }
        }
        Self { parts }
    }

    /// Number of trainable parameters.
    pub fn trainable(&self) -> usize {
        self.parts.iter().map(|part| part.trainable).sum()
    }

    /// Number of frozen parameters.
    pub fn frozen(&self) -> usize {
        self.parts.iter().map(|part| part.frozen).sum()
    }

    /// Returns the parts, with consecutive layers of equal counts merged.
    fn joined(&self) -> Vec<LayerSummary> {
        let mut joined: Vec<(LayerSummary, usize)> = Vec::new();
        for part in &self.parts {
            match joined.last_mut() {
                Some((first, repeated)) if continues(first, *repeated, part) => *repeated += 1,
                _ => joined.push((part.clone(), 0)),
            }
        }
        let name = |(part, repeated): (LayerSummary, usize)| match (layer(&part.name), repeated) {
            (Some((list, first)), 1..) => LayerSummary {
                name: format!("{list}.{first}..{}", first + repeated),
                head: None,
                trainable: part.trainable * (repeated + 1),
                frozen: part.frozen * (repeated + 1),
            },
            _ => part,
        };
        joined.into_iter().map(name).collect()
    }
}

/// Returns whether `part` is the next layer after `first` and `repeated` more equal layers.
fn continues(first: &LayerSummary, repeated: usize, part: &LayerSummary) -> bool {
    let next = layer(&first.name).map(|(list, number)| (list, number + repeated + 1));
    next.is_some()
        && layer(&part.name) == next
        && (part.trainable, part.frozen) == (first.trainable, first.frozen)
}

/// Returns the name of the part that a path belongs to: its first segment; for an encoder also the
/// second, and the number of the layer.
fn part_of(path: &str) -> String {
    let names: Vec<_> = path.split('.').collect();
    let length = match names[..] {
        ["encoder", "layers", ..] => 3,
        ["encoder", ..] => 2,
        _ => 1,
    };
    names[..length.min(names.len())].join(".")
}

/// Splits the name of a layer into its list and its number.
fn layer(name: &str) -> Option<(&str, usize)> {
    let (list, number) = name.rsplit_once('.')?;
    Some((list, number.parse().ok()?))
}

/// Visitor that records whether each parameter is trainable and the type of its head, in the order
/// of the module's fields.
#[derive(Default)]
struct TrainableVisitor {
    parameters: Vec<(bool, Option<String>)>,
    /// Field names from the root, each with the type of the containing module.
    place: Vec<(String, String)>,
}

impl ModuleVisitor for TrainableVisitor {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.place.push((name.to_string(), container.to_string()));
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let head = match &self.place[..] {
            [(field, _), (_, container), ..] if field == "head" => {
                container.split_once(':').map(|(_, name)| name.to_string())
            }
            _ => None,
        };
        self.parameters.push((param.val().is_require_grad(), head));
    }
}

impl fmt::Display for ModelSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = LayerSummary {
            name: "total".to_string(),
            head: None,
            trainable: self.trainable(),
            frozen: self.frozen(),
        };
        let mut parts = self.joined();
        parts.push(total);
        for part in &mut parts {
            if let Some(head) = &part.head {
                part.name = format!("{} ({head})", part.name);
            }
        }
        let longest = parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
        let (part, head) = ("part", ["parameters", "trainable", "frozen"]);
        write!(
            f,
            "{part:longest$} {:>12}  {:>12}  {:>12}",
            head[0], head[1], head[2]
        )?;
        for part in parts {
            let numbers = [part.trainable + part.frozen, part.trainable, part.frozen];
            let [all, trainable, frozen] = numbers.map(with_separators);
            write!(
                f,
                "\n{:longest$} {all:>12}  {trainable:>12}  {frozen:>12}",
                part.name
            )?;
        }
        Ok(())
    }
}

/// Formats a number with `_` between groups of three digits.
fn with_separators(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

impl ModuleDisplay for SequenceClassifier {
    fn format(&self, _settings: DisplaySettings) -> String {
        ModelSummary::of(self).to_string()
    }
}

impl ModuleDisplay for BaseModel {
    fn format(&self, _settings: DisplaySettings) -> String {
        ModelSummary::of(self).to_string()
    }
}

impl ModuleDisplay for TokenClassifier {
    fn format(&self, _settings: DisplaySettings) -> String {
        ModelSummary::of(self).to_string()
    }
}

impl ModuleDisplay for MaskedLm {
    fn format(&self, _settings: DisplaySettings) -> String {
        ModelSummary::of(self).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let numbers = [0, 999, 1_000, 22_713_216];
        let texts = numbers.map(with_separators);
        assert_eq!(texts, ["0", "999", "1_000", "22_713_216"]);
    }

    #[test]
    fn only_equal_neighbors_are_joined() {
        let part = |name: &str, trainable, frozen| LayerSummary {
            name: name.to_string(),
            head: None,
            trainable,
            frozen,
        };
        let summary = ModelSummary {
            parts: vec![
                part("encoder.embeddings", 0, 5),
                part("encoder.layers.0", 0, 3),
                part("encoder.layers.1", 0, 3),
                part("encoder.layers.2", 3, 0),
                part("head", 3, 0),
            ],
        };
        let names: Vec<_> = summary.joined().into_iter().map(|part| part.name).collect();
        let expected = [
            "encoder.embeddings",
            "encoder.layers.0..1",
            "encoder.layers.2",
            "head",
        ];
        assert_eq!(names, expected);
        assert_eq!((summary.trainable(), summary.frozen()), (6, 11));
    }
}
