//! Positions: the row of the position embeddings for each token, or the angles of rotary ones.

use finetune_ops::Offsets;
use serde::{Deserialize, Serialize};

use super::LayerType;
use crate::error::ModelError;

/// Kind and numbering of positions.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Positions {
    /// 0, 1, 2, ... for all tokens.
    #[default]
    FromZero,
    /// RoBERTa's numbering
    /// ([`create_position_ids_from_input_ids`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/roberta/modeling_roberta.py#L140)):
    /// tokens count from `padding_index + 1`; padding has position `padding_index` and is not
    /// counted.
    AfterPadding {
        /// Id of the padding token.
        padding_index: usize,
    },
    /// No position embeddings: tokens have positions only relative to each other, see
    /// [`RelativeAttention`](crate::RelativeAttention).
    Relative,
    /// No position embeddings: queries and keys are rotated by angles that grow with the position
    /// ([Su et al. 2021](https://arxiv.org/abs/2104.09864)), numbered 0, 1, 2, ... for all tokens.
    Rotary {
        /// Base of the wavelengths, above 0: the longest is just below `2 π` times it. With another
        /// base in layers with local attention, that of the layers with full attention.
        global_rope_theta: f64,
        /// Base in layers with local attention, above 0, if it is another one.
        local_rope_theta: Option<f64>,
    },
}

impl Positions {
    /// Returns rotary positions with one base in all layers.
    pub fn rotary(theta: f64) -> Self {
        Self::Rotary {
            global_rope_theta: theta,
            local_rope_theta: None,
        }
    }

    /// Returns whether positions have embeddings.
    pub(crate) fn have_embeddings(self) -> bool {
        matches!(self, Self::FromZero | Self::AfterPadding { .. })
    }

    /// Returns whether positions are rotary.
    pub(crate) fn is_rotary(self) -> bool {
        matches!(self, Self::Rotary { .. })
    }

    /// Returns the base of the wavelengths in a layer of this kind; `None` unless positions are
    /// rotary.
    pub(crate) fn rope_theta(self, layer: LayerType) -> Option<f64> {
        match (self, layer) {
            (
                Self::Rotary {
                    local_rope_theta: Some(theta),
                    ..
                },
                LayerType::SlidingAttention,
            ) => Some(theta),
            (
                Self::Rotary {
                    global_rope_theta, ..
                },
                _,
            ) => Some(global_rope_theta),
            _ => None,
        }
    }

    /// Returns the maximum sequence length for a position table of `rows` rows.
    pub(crate) fn max_sequence_length(self, rows: usize) -> usize {
        match self {
            Self::FromZero | Self::Relative | Self::Rotary { .. } => rows,
            Self::AfterPadding { padding_index } => {
                rows.saturating_sub(padding_index.saturating_add(1))
            }
        }
    }

    /// Returns the position of every token.
    ///
    /// # Shapes
    /// - `token_ids`: `T` values
    /// - `columns`: `T` values, the place of each token in its row; `None` if its row is its sequence
    ///
    /// # Errors
    /// - [`ModelError::OutsideEmbedding`] if a row has more tokens than there are positions.
    pub(super) fn of_tokens(
        self,
        token_ids: &[u32],
        offsets: &Offsets,
        columns: Option<Vec<usize>>,
        table_rows: usize,
    ) -> Result<Vec<usize>, ModelError> {
        let positions = match self {
            Self::FromZero | Self::Relative | Self::Rotary { .. } => {
                columns.unwrap_or_else(|| offsets.lengths().flat_map(|length| 0..length).collect())
            }
            Self::AfterPadding { padding_index } => {
                let sequences = offsets.values().windows(2);
                let sequences = sequences.map(|ends| &token_ids[ends[0]..ends[1]]);
                sequences
                    .flat_map(|ids| after_padding(ids, padding_index))
                    .collect()
            }
        };
        match positions.iter().max() {
            Some(last) if *last >= table_rows => {
                let (what, found) = match self {
                    Self::FromZero | Self::Relative | Self::Rotary { .. } => {
                        ("sequence length", last + 1)
                    }
                    Self::AfterPadding { .. } => ("position", *last),
                };
                Err(ModelError::OutsideEmbedding {
                    what,
                    found,
                    limit: table_rows,
                })
            }
            _ => Ok(positions),
        }
    }
}

/// Returns RoBERTa's positions of a sequence.
fn after_padding(token_ids: &[u32], padding_index: usize) -> impl Iterator<Item = usize> {
    token_ids.iter().scan(padding_index, move |last, id| {
        Some(match *id as usize == padding_index {
            true => padding_index,
            false => {
                *last += 1;
                *last
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Positions = Positions::AfterPadding { padding_index: 1 };

    fn of(positions: Positions, ids: &[u32], ends: &[usize]) -> Result<Vec<usize>, ModelError> {
        positions.of_tokens(ids, &Offsets::new(ends).unwrap(), None, 5)
    }

    #[test]
    fn padding_tokens_do_not_count() {
        // A padding token that is real does not count, as in transformers.
        let positions = of(AFTER, &[0, 7, 2, 0, 1, 2], &[0, 3, 6]).unwrap();
        assert_eq!(positions, [2, 3, 4, 2, 1, 3]);
    }

    #[test]
    fn a_row_may_fill_the_table_and_no_more() {
        let message = |result: Result<_, ModelError>| result.unwrap_err().to_string();
        assert_eq!(AFTER.max_sequence_length(5), 3);
        assert!(of(AFTER, &[5; 3], &[0, 3]).is_ok());
        assert_eq!(
            message(of(AFTER, &[5; 4], &[0, 4])),
            "position 5 does not fit the embedding table of 5 rows"
        );
        assert_eq!(Positions::FromZero.max_sequence_length(5), 5);
        let positions = of(Positions::FromZero, &[5; 7], &[0, 5, 7]);
        assert_eq!(positions.unwrap(), [0, 1, 2, 3, 4, 0, 1]);
        assert_eq!(
            message(of(Positions::FromZero, &[5; 6], &[0, 6])),
            "sequence length 6 does not fit the embedding table of 5 rows"
        );
    }
}
