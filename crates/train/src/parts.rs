//! What a program brings along to a run, beside its settings.

use finetune_model::CustomHead;

/// Parts of a run that are code of the program's own.
///
/// The settings record the names of such parts, so that a run is only resumed with the parts that it
/// began with.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The head (default: the one that the settings, the checkpoint or its family names).
    pub head: Option<CustomHead>,
}

impl Parts {
    /// The same with a head.
    pub fn with_head(self, head: CustomHead) -> Self {
        Self { head: Some(head) }
    }
}
