//! Tokens of a student in the vocabulary of its teacher.

use std::path::Path;

use finetune_data::{TextTokenizer, TokenBatch};

use crate::error::TrainError;

/// Ids of a student's tokens in the vocabulary of its teacher.
///
/// The teacher reads the tokens of the student, which need not be those that its own tokenizer would
/// find, but must all be in its vocabulary.
#[derive(Debug, Clone)]
pub struct TokenMap {
    /// Teacher's id of each of the student's ids; `None` if both are the same.
    ids: Option<Vec<u32>>,
}

impl TokenMap {
    /// Finds each token of the student's vocabulary in the teacher's, by its text. `teacher_directory`
    /// is named in errors.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] with the first token that the teacher does not know.
    pub fn new(
        student: &TextTokenizer,
        teacher: &TextTokenizer,
        teacher_directory: &Path,
    ) -> Result<Self, TrainError> {
        let mut ids = Vec::with_capacity(student.vocab_size());
        for id in 0..student.vocab_size() as u32 {
            // Ids without a token are never in a batch.
            let Some(token) = student.id_to_token(id) else {
                ids.push(0);
                continue;
            };
            let Some(found) = teacher.token_to_id(&token) else {
                let found = format!("{}, without {token:?}", teacher_directory.display());
                let expected = "a model whose vocabulary has every token of the student's: \
                                the same tokenizer, or a larger one of the same kind";
                return Err(TrainError::setting("distillation.teacher", found, expected));
            };
            ids.push(found);
        }
        let is_same = ids
            .iter()
            .enumerate()
            .all(|(id, found)| id == *found as usize);
        Ok(Self {
            ids: (!is_same).then_some(ids),
        })
    }

    /// Returns a batch with the teacher's ids.
    pub fn batch(&self, tokens: &TokenBatch) -> TokenBatch {
        let mut tokens = tokens.clone();
        if let Some(ids) = &self.ids {
            for id in &mut tokens.token_ids {
                *id = ids.get(*id as usize).copied().unwrap_or(*id);
            }
        }
        tokens
    }

    /// Returns the teacher's id of each of the student's; `None` if both are the same.
    pub fn ids(&self) -> Option<&[u32]> {
        self.ids.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_vocabulary_of_the_same_tokens_is_found_in_the_larger() {
        let train = |texts: &[&str], size| TextTokenizer::train_wordpiece(texts, size).unwrap();
        let large = train(&["a cat sat on a mat", "a dog ran to the sea"], 80);
        let small = train(&["sea", "cat"], 40);
        let map = TokenMap::new(&small, &large, Path::new("large")).unwrap();
        let ids = map.ids().unwrap();
        assert_eq!(ids.len(), small.vocab_size());
        for (id, found) in ids.iter().enumerate() {
            assert_eq!(small.id_to_token(id as u32), large.id_to_token(*found));
        }
        let same = TokenMap::new(&large, &large, Path::new("large")).unwrap();
        assert_eq!(same.ids(), None);
        let error = TokenMap::new(&large, &small, Path::new("small")).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("distillation.teacher is small, without \""),
            "{error}"
        );
    }
}
