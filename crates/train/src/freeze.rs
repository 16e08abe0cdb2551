//! Which part of a classifier does not train.

use std::fmt;
use std::str::FromStr;

use burn::module::{Module, ParamGroup};
use finetune_model::{Parameter, SequenceClassifier, parameters};
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// The frozen part: it takes no gradient and no dropout, and its parameters stay bit for bit.
///
/// The pooler belongs to the head: it trains whatever is frozen below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Freeze {
    /// Everything trains.
    #[default]
    None,
    /// The embedding tables and their normalisation.
    Embeddings,
    /// The embeddings and all layers but the last so many.
    AllButLast(usize),
    /// Everything below the head.
    Encoder,
}

impl Freeze {
    /// Freezes the part in `model`.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn apply(self, model: SequenceClassifier) -> Result<SequenceClassifier, TrainError> {
        self.check(&model)?;
        let layers = model.encoder.layers.len();
        let frozen = parameters(&model)
            .into_iter()
            .filter(|parameter| self.freezes(parameter, layers));
        let group = ParamGroup::from_ids(frozen.map(|parameter| parameter.id).collect());
        Ok(model.set_require_grad_group(group, false))
    }

    /// Whether `model` has what is to be frozen.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] if more layers are to train than there are.
    pub fn check(self, model: &SequenceClassifier) -> Result<(), TrainError> {
        let layers = model.encoder.layers.len();
        if let Self::AllButLast(last) = self
            && last > layers
        {
            let expected = format!("at most the model's {layers} layers");
            return Err(TrainError::setting("freeze", self, expected));
        }
        Ok(())
    }

    /// Whether a parameter of a classifier with so many layers is in the frozen part.
    pub fn freezes(self, parameter: &Parameter, layers: usize) -> bool {
        stage(parameter).is_some_and(|stage| stage < self.frozen_stages(layers))
    }

    /// How many stages of an encoder of `layers` layers are frozen, from the bottom: the
    /// embeddings are one, each layer is one.
    pub fn frozen_stages(self, layers: usize) -> usize {
        match self {
            Self::None => 0,
            Self::Embeddings => 1,
            Self::AllButLast(last) => 1 + layers.saturating_sub(last),
            Self::Encoder => 1 + layers,
        }
    }
}

/// The stage of the encoder that a parameter belongs to.
fn stage(parameter: &Parameter) -> Option<usize> {
    let place = parameter.path.strip_prefix("encoder.")?;
    match place.strip_prefix("layers.") {
        None => Some(0),
        Some(layer) => {
            let (index, _) = layer.split_once('.')?;
            Some(index.parse::<usize>().ok()? + 1)
        }
    }
}

const FORMS: &str = "none, embeddings, encoder or all-but-last-N";

impl FromStr for Freeze {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let unknown = || TrainError::setting("freeze", text, FORMS);
        match text {
            "none" => Ok(Self::None),
            "embeddings" => Ok(Self::Embeddings),
            "encoder" => Ok(Self::Encoder),
            _ => {
                let last = text.strip_prefix("all-but-last-").ok_or_else(unknown)?;
                Ok(Self::AllButLast(last.parse().map_err(|_| unknown())?))
            }
        }
    }
}

impl TryFrom<String> for Freeze {
    type Error = TrainError;

    fn try_from(text: String) -> Result<Self, TrainError> {
        text.parse()
    }
}

impl From<Freeze> for String {
    fn from(freeze: Freeze) -> Self {
        freeze.to_string()
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Embeddings => f.write_str("embeddings"),
            Self::Encoder => f.write_str("encoder"),
            Self::AllButLast(last) => write!(f, "all-but-last-{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back() {
        for freeze in [
            Freeze::None,
            Freeze::Embeddings,
            Freeze::Encoder,
            Freeze::AllButLast(2),
        ] {
            assert_eq!(freeze.to_string().parse::<Freeze>().unwrap(), freeze);
        }
        for wrong in [
            "",
            "all",
            "all-but-last-",
            "all-but-last-x",
            "all-but-last--1",
        ] {
            let message = wrong.parse::<Freeze>().unwrap_err().to_string();
            assert!(message.contains("all-but-last-N"), "{message}");
        }
    }

    /// The embeddings with all that belongs to them are the first stage, each layer is one, and
    /// pooler and head are none.
    #[test]
    fn every_family_has_the_same_stages() {
        use burn::tensor::Device;
        use finetune_model::{EncoderConfig, Family, SequenceClassifierConfig};

        for family in Family::ALL {
            let encoder = EncoderConfig {
                num_hidden_layers: 2,
                embedding_size: (family == Family::Electra).then_some(12),
                ..EncoderConfig::base(family)
            };
            let names = ["no", "yes"].map(String::from);
            let config = SequenceClassifierConfig::new(encoder, names.into());
            for parameter in parameters(&config.init(&Device::flex()).unwrap()) {
                let expected = match parameter.path.split('.').collect::<Vec<_>>()[..] {
                    ["encoder", "embeddings", ..] => Some(0),
                    ["encoder", "layers", "0", ..] => Some(1),
                    ["encoder", "layers", "1", ..] => Some(2),
                    _ => None,
                };
                assert_eq!(stage(&parameter), expected, "{family}: {}", parameter.path);
            }
        }
    }

    #[test]
    fn stages_count_from_the_bottom() {
        assert_eq!(Freeze::None.frozen_stages(6), 0);
        assert_eq!(Freeze::Embeddings.frozen_stages(6), 1);
        assert_eq!(Freeze::AllButLast(2).frozen_stages(6), 5);
        assert_eq!(Freeze::AllButLast(6).frozen_stages(6), 1);
        assert_eq!(Freeze::Encoder.frozen_stages(6), 7);
    }
}
