//! Entities in sequences of tags, and their scores, as
//! [seqeval](https://github.com/chakki-works/seqeval) defines them.

mod extract;
mod report;
mod scheme;

pub use extract::{Entity, entities};
pub use report::EntityReport;
pub use scheme::EntityScheme;

use serde::{Deserialize, Serialize};

/// Way in which entities are read from tags (default: [`Self::Lenient`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityMode {
    /// As the script of CoNLL 2000, which is seqeval's default: an entity also begins with `I-X`
    /// behind `O` or another type, so that tags that break their scheme are entities, too.
    #[default]
    Lenient,
    /// As seqeval's `mode="strict"`: only what the scheme allows is an entity.
    Strict(EntityScheme),
}
