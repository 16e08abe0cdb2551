//! Deserialization of confusion matrices with a check of the counts.

use serde::Deserialize;

use super::ConfusionMatrix;
use crate::EvalError;

/// Serialized confusion matrix, possibly not square.
#[derive(Debug, Deserialize)]
pub(super) struct StoredMatrix {
    class_names: Vec<String>,
    counts: Vec<Vec<u64>>,
}

impl TryFrom<StoredMatrix> for ConfusionMatrix {
    type Error = EvalError;

    fn try_from(stored: StoredMatrix) -> Result<Self, EvalError> {
        let mut matrix = Self::new(stored.class_names)?;
        let classes = matrix.classes();
        let not_square = |what: String, got| EvalError::CountsNotSquare {
            classes,
            what,
            found: got,
        };
        if stored.counts.len() != classes {
            return Err(not_square("the list of rows".into(), stored.counts.len()));
        }
        if let Some(row) = stored.counts.iter().position(|row| row.len() != classes) {
            return Err(not_square(format!("row {row}"), stored.counts[row].len()));
        }
        let mut cells = stored.counts.iter().flatten();
        cells
            .try_fold(0_u64, |total, &count| total.checked_add(count))
            .ok_or(EvalError::TooManyRows)?;
        matrix.counts = stored.counts;
        Ok(matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trip_is_checked() {
        let matrix =
            ConfusionMatrix::from_slices(&[0, 0, 1, 1, 1, 2], &[0, 1, 1, 0, 0, 2], ["a", "b", "c"])
                .unwrap();
        let json = serde_json::to_string(&matrix).unwrap();
        assert_eq!(
            json,
            r#"{"class_names":["a","b","c"],"counts":[[1,1,0],[2,1,0],[0,0,1]]}"#
        );
        assert_eq!(
            serde_json::from_str::<ConfusionMatrix>(&json).unwrap(),
            matrix
        );

        let refusal = |counts: &str| {
            let json = format!(r#"{{"class_names":["a","b"],"counts":{counts}}}"#);
            serde_json::from_str::<ConfusionMatrix>(&json)
                .unwrap_err()
                .to_string()
        };
        assert!(refusal("[[1,2]]").contains("found the list of rows of length 1"));
        assert!(refusal("[[1,2],[3]]").contains("found row 1 of length 1"));
        assert!(refusal(&format!("[[{},1],[0,0]]", u64::MAX)).contains("more than"));
    }

    #[test]
    fn merging_beyond_64_bits_is_refused() {
        let json = format!(
            r#"{{"class_names":["a","b"],"counts":[[{},0],[0,0]]}}"#,
            u64::MAX
        );
        let mut full: ConfusionMatrix = serde_json::from_str(&json).unwrap();
        let one = ConfusionMatrix::from_slices(&[1], &[1], ["a", "b"]).unwrap();
        assert_eq!(full.merge(&one), Err(EvalError::TooManyRows));
        assert_eq!(full.count(1, 1), 0);
    }
}
