//! Tags of a model, saved beside it.

use finetune_data::LabelAlignment;
use finetune_data::tagged::TagScheme;
use finetune_model::Transitions;
use serde::{Deserialize, Serialize};

/// What `config.json` does not say of the tags of a token classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagSettings {
    /// Scheme of the tags.
    pub scheme: TagScheme,
    /// Which tokens of a word had its class in training (default: the first).
    #[serde(default)]
    pub alignment: LabelAlignment,
    /// Whether the checkpoint has a conditional random field (default: false).
    #[serde(default)]
    pub crf: bool,
}

impl TagSettings {
    /// Returns the settings for a checkpoint that says nothing but the names of its classes.
    pub fn of_classes(class_names: &[String]) -> Self {
        Self {
            scheme: TagScheme::of_tags(class_names.iter().map(String::as_str)),
            alignment: LabelAlignment::default(),
            crf: false,
        }
    }
}

/// Returns the transitions between classes that a scheme allows. Any class may come last: a row that
/// is cut off may end within an entity.
///
/// ```
/// use finetune_data::tagged::TagScheme;
/// use finetune_predict::transitions;
///
/// let names = ["B-PER", "I-PER", "O"].map(String::from);
/// let allowed = transitions(TagScheme::Bio, &names);
/// assert!(allowed.between(0, 1) && !allowed.between(2, 1) && !allowed.first(1) && allowed.last(0));
/// ```
pub fn transitions(scheme: TagScheme, class_names: &[String]) -> Transitions {
    let name = |class: Option<usize>| class.map(|class| class_names[class].as_str());
    Transitions::new(class_names.len(), |before, after| {
        after.is_none() || scheme.allows(name(before), name(after))
    })
}
