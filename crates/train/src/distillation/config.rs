//! Settings of distillation.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::activations::CacheLocation;
use crate::error::TrainError;
use crate::path_text;

/// Settings of distillation: the teacher, and the weights of the losses.
///
/// The loss of a step is the sum of these means, each times its weight. One with weight 0 is not
/// computed.
///
/// ```
/// use finetune_train::DistillationConfig;
///
/// let config: DistillationConfig = serde_json::from_str(
///     r#"{"teacher": "bert-base", "hidden_state_weight": 1.0, "layer_map": [[3, 12]]}"#,
/// )?;
/// assert_eq!(config.temperature, 2.0);
/// // The states of the student's layer 3 shall be those of the teacher's layer 12.
/// assert_eq!(config.layers(3, 12), [[3, 12]]);
/// assert_eq!(DistillationConfig::new("bert-base").layers(3, 12), [[0, 0], [1, 4], [2, 8], [3, 12]]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistillationConfig {
    /// Directory of the teacher's checkpoint.
    #[serde(serialize_with = "path_text::serialize")]
    pub teacher: PathBuf,
    /// Temperature that divides the logits of both models, above 0 (default: 2). The loss is
    /// multiplied by its square, so that gradients keep their size.
    #[serde(default = "two")]
    pub temperature: f64,
    /// Weight of the task's own loss, at least 0 (default: 0.5).
    #[serde(default = "half")]
    pub label_weight: f64,
    /// Weight of the divergence from the teacher's logits, or of an embedding model of the distance from
    /// the teacher's embeddings, at least 0 (default: 0.5).
    #[serde(default = "half")]
    pub logits_weight: f64,
    /// Distance of embeddings (default: mean squared error).
    #[serde(default, skip_serializing_if = "is_mse")]
    pub embedding_loss: HiddenStateLoss,
    /// Weight of the difference of the cosines of each two texts of a batch from those of the teacher's
    /// embeddings, at least 0 (default: 0). For embedding models, of any size.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub similarity_weight: f64,
    /// Weight of the distance from the teacher's hidden states, at least 0 (default: 0).
    #[serde(default)]
    pub hidden_state_weight: f64,
    /// Distance of hidden states (default: mean squared error).
    #[serde(default)]
    pub hidden_state_loss: HiddenStateLoss,
    /// Pairs of a layer of the student and the layer of the teacher whose hidden states it learns; 0 is
    /// the output of the embeddings (default: all layers of the student, evenly spread).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_map: Option<Vec<[usize; 2]>>,
    /// Weight of the divergence from the relations among the teacher's queries, keys and values, at
    /// least 0 (default: 0).
    #[serde(default)]
    pub relation_weight: f64,
    /// Layer of the teacher whose relations the last layer of the student learns, from 1 (default: the
    /// last).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation_layer: Option<usize>,
    /// Number of heads of the relations, which divides both hidden sizes (default: the student's
    /// attention heads).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation_heads: Option<usize>,
    /// Whether the teacher of a masked language model reads the texts before they are masked (default:
    /// false). The student then learns hidden states of words it does not see; there are no logits to
    /// learn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmasked_teacher: bool,
    /// Location of the teacher's outputs, in f16 (default: memory). They are kept only of texts that
    /// are the same in every epoch.
    #[serde(default)]
    pub cache: CacheLocation,
}

fn two() -> f64 {
    2.0
}

fn half() -> f64 {
    0.5
}

fn is_zero(weight: &f64) -> bool {
    *weight == 0.0
}

fn is_mse(loss: &HiddenStateLoss) -> bool {
    *loss == HiddenStateLoss::Mse
}

/// Distance of hidden states or embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenStateLoss {
    /// Mean squared error, as in TinyBERT.
    #[default]
    Mse,
    /// 1 less the cosine of the angle, as in
    /// [DistilBERT](https://arxiv.org/abs/1910.01108).
    Cosine,
}

impl DistillationConfig {
    /// Settings with the default weights: labels and logits.
    pub fn new(teacher: impl AsRef<Path>) -> Self {
        Self {
            teacher: teacher.as_ref().to_path_buf(),
            temperature: two(),
            label_weight: half(),
            logits_weight: half(),
            embedding_loss: HiddenStateLoss::default(),
            similarity_weight: 0.0,
            hidden_state_weight: 0.0,
            hidden_state_loss: HiddenStateLoss::default(),
            layer_map: None,
            relation_weight: 0.0,
            relation_layer: None,
            relation_heads: None,
            unmasked_teacher: false,
            cache: CacheLocation::default(),
        }
    }

    /// Checks that every value is in its range, as far as possible without the models.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), TrainError> {
        let temperature = self.temperature;
        if !(temperature > 0.0 && temperature.is_finite()) {
            let setting = "distillation.temperature";
            return Err(TrainError::setting(setting, temperature, "above 0"));
        }
        let weights = [
            ("distillation.label_weight", self.label_weight),
            ("distillation.logits_weight", self.logits_weight),
            ("distillation.similarity_weight", self.similarity_weight),
            ("distillation.hidden_state_weight", self.hidden_state_weight),
            ("distillation.relation_weight", self.relation_weight),
        ];
        for (setting, weight) in weights {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(TrainError::setting(setting, weight, "at least 0"));
            }
        }
        if weights[1..].iter().all(|(_, weight)| *weight == 0.0) {
            let expected = "a weight above 0 for logits, similarities, hidden states or relations";
            return Err(TrainError::setting("distillation", "without one", expected));
        }
        if self.unmasked_teacher && self.logits_weight > 0.0 {
            let expected = "0 with unmasked_teacher, which would give the masked words away";
            let setting = "distillation.logits_weight";
            return Err(TrainError::setting(setting, self.logits_weight, expected));
        }
        match self.layer_map.as_deref() {
            Some([]) => {
                let setting = "distillation.layer_map";
                Err(TrainError::setting(setting, "empty", "at least a pair"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the pairs of a layer of the student and a layer of the teacher, for models of so many
    /// layers.
    pub fn layers(&self, student: usize, teacher: usize) -> Vec<[usize; 2]> {
        match &self.layer_map {
            Some(pairs) => pairs.clone(),
            None => (0..=student)
                .map(|layer| [layer, layer * teacher / student.max(1)])
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_and_those_out_of_range_are_named() {
        let read = |json: &str| serde_json::from_str::<DistillationConfig>(json);
        let config = read(r#"{"teacher": "t"}"#).unwrap();
        assert_eq!(config, DistillationConfig::new("t"));
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(read(&json).unwrap(), config);
        assert!(read("{}").is_err());
        assert!(read(r#"{"teacher": "t", "weight": 1}"#).is_err());
        for (json, expected) in [
            (
                r#""temperature": 0"#,
                "distillation.temperature is 0, expected above 0",
            ),
            (
                r#""relation_weight": -1"#,
                "distillation.relation_weight is -1,",
            ),
            (r#""logits_weight": 0"#, "distillation is without one,"),
            (r#""layer_map": []"#, "distillation.layer_map is empty,"),
            (
                r#""unmasked_teacher": true"#,
                "distillation.logits_weight is 0.5, expected 0 with",
            ),
        ] {
            let config = read(&format!(r#"{{"teacher": "t", {json}}}"#)).unwrap();
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
