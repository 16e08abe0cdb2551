//! Settings of LoRA adapters.

use serde::{Deserialize, Serialize};

use super::lora_linear::LoraLinear;
use crate::encoder::EncoderLayer;
use crate::error::ModelError;
use crate::family::Family;
use crate::limits::{check_dropout, check_width};

/// Linear layer of a Transformer layer that can have an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoraTarget {
    /// Query projection.
    Query,
    /// Key projection.
    Key,
    /// Value projection.
    Value,
    /// Output projection of the attention.
    AttentionOutput,
    /// First linear layer of the feed-forward network.
    Intermediate,
    /// Second linear layer of the feed-forward network.
    Output,
}

impl LoraTarget {
    /// All targets, in the order of computation in a layer.
    pub const ALL: [Self; 6] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::AttentionOutput,
        Self::Intermediate,
        Self::Output,
    ];

    /// Returns the path of the linear layer within an encoder.
    pub(crate) fn path(self, layer: usize) -> String {
        let field = match self {
            Self::Query => "attention.query",
            Self::Key => "attention.key",
            Self::Value => "attention.value",
            Self::AttentionOutput => "attention.output",
            Self::Intermediate => "feed_forward.intermediate",
            Self::Output => "feed_forward.output",
        };
        format!("layers.{layer}.{field}")
    }

    pub(crate) fn of(self, layer: &EncoderLayer) -> &LoraLinear {
        match self {
            Self::Query => &layer.attention.query,
            Self::Key => &layer.attention.key,
            Self::Value => &layer.attention.value,
            Self::AttentionOutput => &layer.attention.output,
            Self::Intermediate => &layer.feed_forward.intermediate,
            Self::Output => &layer.feed_forward.output,
        }
    }

    pub(crate) fn of_mut(self, layer: &mut EncoderLayer) -> &mut LoraLinear {
        match self {
            Self::Query => &mut layer.attention.query,
            Self::Key => &mut layer.attention.key,
            Self::Value => &mut layer.attention.value,
            Self::AttentionOutput => &mut layer.attention.output,
            Self::Intermediate => &mut layer.feed_forward.intermediate,
            Self::Output => &mut layer.feed_forward.output,
        }
    }
}

/// Settings of LoRA adapters: PEFT's defaults, on the targets of the LoRA paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraConfig {
    /// Rank of the two matrices, in `1..=2^20` (default: 8).
    pub rank: usize,
    /// Scale numerator, finite: the product of the matrices is scaled by `alpha / rank` (default:
    /// 8).
    pub alpha: f64,
    /// Whether the scale is `alpha / √rank` instead (rsLoRA), which keeps the scale of large ranks
    /// comparable ([Kalajdzievski 2023](https://arxiv.org/abs/2312.03732)) (default: false).
    pub use_rslora: bool,
    /// Dropout probability of the adapter's input, in `[0, 1)` (default: 0).
    pub dropout: f64,
    /// Linear layers with an adapter, in every Transformer layer (default: query and value).
    pub target_modules: Vec<LoraTarget>,
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 8.0,
            use_rslora: false,
            dropout: 0.0,
            target_modules: vec![LoraTarget::Query, LoraTarget::Value],
        }
    }
}

impl LoraConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if the rank is out of range, `alpha` is NaN or infinite, the
    ///   dropout is not in `[0, 1)`, or `target_modules` is empty or has duplicates.
    pub fn validate(&self) -> Result<(), ModelError> {
        check_width("rank", self.rank)?;
        ModelError::check(
            self.alpha.is_finite(),
            "alpha",
            self.alpha,
            "a finite number",
        )?;
        check_dropout("dropout", self.dropout)?;
        let mut seen = std::collections::HashSet::new();
        let targets = &self.target_modules;
        let valid = !targets.is_empty() && targets.iter().all(|target| seen.insert(target));
        let (found, expected) = (format!("{targets:?}"), "at least one, each once");
        ModelError::check(valid, "target_modules", found, expected)
    }

    /// Checks that checkpoints of a family store the targets on their own, so that the adapters can
    /// be saved: PEFT's adapter of a fused layer is another one.
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if a target is stored in one tensor with other layers.
    ///
    /// ```
    /// use finetune_model::{Family, LoraConfig, LoraTarget};
    ///
    /// let query_and_value = LoraConfig::default();
    /// query_and_value.check_family(Family::Roberta)?;
    /// assert!(query_and_value.check_family(Family::ModernBert).is_err());
    /// let target_modules = vec![LoraTarget::AttentionOutput, LoraTarget::Intermediate];
    /// LoraConfig { target_modules, ..query_and_value }.check_family(Family::ModernBert)?;
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn check_family(&self, family: Family) -> Result<(), ModelError> {
        let is_fused = |target: &LoraTarget| {
            let path = format!("encoder.{}.weight", target.path(0));
            !family.is_one_of_a_module(&path)
        };
        let mut targets = self.target_modules.iter().copied();
        let Some(target) = targets.find(is_fused) else {
            return Ok(());
        };
        let mut others = LoraTarget::ALL.to_vec();
        others.retain(|target| !is_fused(target));
        let expected = format!("of {others:?}, which {family} stores on their own");
        let found = format!("{target:?}");
        Err(ModelError::config("target_modules", found, expected))
    }

    /// Returns the factor of the matrix product.
    pub(super) fn scale(&self) -> f64 {
        let rank = self.rank as f64;
        match self.use_rslora {
            true => self.alpha / rank.sqrt(),
            false => self.alpha / rank,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_written_in_one_place() {
        let read: LoraConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(read, LoraConfig::default());
        assert!(serde_json::from_str::<LoraConfig>(r#"{"r": 8}"#).is_err());
        let text = r#"{"target_modules": ["attention_output", "intermediate"]}"#;
        let read: LoraConfig = serde_json::from_str(text).unwrap();
        assert_eq!(
            read.target_modules,
            [LoraTarget::AttentionOutput, LoraTarget::Intermediate]
        );
    }

    #[test]
    fn the_scale_depends_on_the_rank() {
        let config = |use_rslora| LoraConfig {
            rank: 16,
            alpha: 8.0,
            use_rslora,
            ..Default::default()
        };
        let scale = |use_rslora| config(use_rslora).scale();
        assert_eq!((scale(false), scale(true)), (0.5, 2.0));
    }

    #[test]
    fn settings_that_make_no_adapter_are_refused() {
        let default = LoraConfig::default;
        for (wrong, message) in [
            (
                LoraConfig {
                    rank: 0,
                    ..default()
                },
                "rank is 0, expected in 1..=1048576",
            ),
            (
                LoraConfig {
                    rank: usize::MAX,
                    ..default()
                },
                "expected in 1..=1048576",
            ),
            (
                LoraConfig {
                    alpha: f64::NAN,
                    ..default()
                },
                "alpha is NaN",
            ),
            (
                LoraConfig {
                    dropout: 1.0,
                    ..default()
                },
                "dropout is 1, expected in [0, 1)",
            ),
            (
                LoraConfig {
                    target_modules: vec![],
                    ..default()
                },
                "target_modules is []",
            ),
            (
                LoraConfig {
                    target_modules: vec![LoraTarget::Key; 2],
                    ..default()
                },
                "target_modules is [Key, Key], expected at least one, each once",
            ),
        ] {
            let error = wrong.validate().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
