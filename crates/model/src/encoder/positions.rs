//! Numbering of positions: the row of the position embeddings for each token.

use serde::{Deserialize, Serialize};

use crate::error::ModelError;

/// Numbering of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
}

impl Positions {
    /// Returns the maximum sequence length for a position table of `rows` rows.
    pub(crate) fn max_sequence_length(self, rows: usize) -> usize {
        match self {
            Self::FromZero => rows,
            Self::AfterPadding { padding_index } => {
                rows.saturating_sub(padding_index.saturating_add(1))
            }
        }
    }

    /// Returns the position of every token; `None` if positions are the same in every row.
    ///
    /// # Errors
    /// - [`ModelError::OutsideEmbedding`] if a row has more tokens than there are positions.
    pub(super) fn of_tokens(
        self,
        token_ids: &[u32],
        attention_mask: &[bool],
        sequence: usize,
        table_rows: usize,
    ) -> Result<Option<Vec<usize>>, ModelError> {
        let outside = |what, found| {
            let limit = table_rows;
            Err(ModelError::OutsideEmbedding { what, found, limit })
        };
        let padding_index = match self {
            Self::FromZero if sequence > table_rows => return outside("sequence length", sequence),
            Self::FromZero => return Ok(None),
            Self::AfterPadding { padding_index } => padding_index,
        };
        let counts = |(id, real): (&u32, &bool)| *real && *id as usize != padding_index;
        let mut positions = Vec::with_capacity(token_ids.len());
        for row in 0..token_ids.len() / sequence.max(1) {
            let tokens = row * sequence..(row + 1) * sequence;
            let mut last = padding_index;
            for token in token_ids[tokens.clone()]
                .iter()
                .zip(&attention_mask[tokens])
            {
                positions.push(if counts(token) {
                    last += 1;
                    last
                } else {
                    padding_index
                });
            }
            if last >= table_rows {
                return outside("position", last);
            }
        }
        Ok(Some(positions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Positions = Positions::AfterPadding { padding_index: 1 };

    #[test]
    fn padding_does_not_count() {
        let mask = [true, true, true, false, false, true, true, true];
        let ids = [0, 7, 2, 1, 9, 0, 1, 2];
        // A padding token that the mask calls real does not count either, as in transformers.
        let positions = AFTER.of_tokens(&ids, &mask, 4, 5).unwrap();
        assert_eq!(positions, Some(vec![2, 3, 4, 1, 1, 2, 1, 3]));
    }

    #[test]
    fn a_row_may_fill_the_table_and_no_more() {
        let message = |result: Result<_, ModelError>| result.unwrap_err().to_string();
        assert_eq!(AFTER.max_sequence_length(5), 3);
        assert!(AFTER.of_tokens(&[5; 3], &[true; 3], 3, 5).is_ok());
        assert_eq!(
            message(AFTER.of_tokens(&[5; 4], &[true; 4], 4, 5)),
            "position 5 does not fit the embedding table of 5 rows"
        );
        assert_eq!(Positions::FromZero.max_sequence_length(5), 5);
        let positions = Positions::FromZero.of_tokens(&[5; 5], &[true; 5], 5, 5);
        assert_eq!(positions.unwrap(), None);
        assert_eq!(
            message(Positions::FromZero.of_tokens(&[5; 6], &[true; 6], 6, 5)),
            "sequence length 6 does not fit the embedding table of 5 rows"
        );
    }
}
