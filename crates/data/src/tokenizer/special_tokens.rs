//! What a tokenizer puts before and after a text.

use std::path::Path;

use tokenizers::{Encoding, Token, Tokenizer};

use crate::error::DataError;

/// The special tokens around one text, each an id and a token type.
///
/// They are asked of the tokenizer once, with a text of two tokens that no vocabulary has; from
/// then on a row is written straight into the flat arrays, without the copies of the tokenizer's
/// own post-processing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpecialTokens {
    before: Vec<(u32, u32)>,
    after: Vec<(u32, u32)>,
    /// The token type of the text's own tokens.
    text_type: u32,
}

const PROBE: [u32; 2] = [u32::MAX - 1, u32::MAX];

impl SpecialTokens {
    /// # Errors
    /// [`DataError::UnsupportedTemplate`] if the text does not come through once and whole.
    pub(super) fn of(tokenizer: &Tokenizer, path: &Path) -> Result<Self, DataError> {
        let tokens = PROBE.map(|id| Token::new(id, "probe".to_owned(), (0, 0)));
        let framed = tokenizer
            .post_process(Encoding::from_tokens(tokens.to_vec(), 0), None, true)
            .map_err(|source| DataError::Tokenizer {
                path: path.to_path_buf(),
                source,
            })?;

        let all: Vec<(u32, u32)> = framed
            .get_ids()
            .iter()
            .copied()
            .zip(framed.get_type_ids().iter().copied())
            .collect();
        let places: Vec<usize> = (0..all.len())
            .filter(|&at| PROBE.contains(&all[at].0))
            .collect();
        match places.as_slice() {
            &[first, second] if second == first + 1 && [all[first].0, all[second].0] == PROBE => {
                Ok(Self {
                    before: all[..first].to_vec(),
                    after: all[second + 1..].to_vec(),
                    text_type: all[first].1,
                })
            }
            _ => Err(DataError::UnsupportedTemplate {
                path: path.to_path_buf(),
                found: framed.get_tokens().join(" "),
            }),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The tokens of a row: the text's between the special ones.
    pub(super) fn around<'a>(&'a self, text: &'a [u32]) -> impl Iterator<Item = (u32, u32)> + 'a {
        let text = text.iter().map(|&id| (id, self.text_type));
        self.before
            .iter()
            .copied()
            .chain(text)
            .chain(self.after.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::models::wordlevel::WordLevel;
    use tokenizers::processors::roberta::RobertaProcessing;
    use tokenizers::processors::template::TemplateProcessing;

    use super::*;

    fn of(processor: Option<tokenizers::PostProcessorWrapper>) -> Result<SpecialTokens, DataError> {
        let mut tokenizer = Tokenizer::new(WordLevel::default());
        tokenizer.with_post_processor(processor);
        SpecialTokens::of(&tokenizer, Path::new("tokenizer.json"))
    }

    fn template(single: &str) -> Option<tokenizers::PostProcessorWrapper> {
        let template = TemplateProcessing::builder()
            .try_single(single)
            .unwrap()
            .special_tokens(vec![("[CLS]", 101), ("[SEP]", 102)])
            .build()
            .unwrap();
        Some(template.into())
    }

    #[test]
    fn every_processor_is_read_the_same_way() {
        let bert = of(template("[CLS]:0 $A:0 [SEP]:0")).unwrap();
        assert_eq!(
            bert.around(&[7]).collect::<Vec<_>>(),
            [(101, 0), (7, 0), (102, 0)]
        );

        let roberta = RobertaProcessing::new(("</s>".into(), 2), ("<s>".into(), 0));
        let roberta = of(Some(roberta.into())).unwrap();
        assert_eq!(
            roberta.around(&[7]).collect::<Vec<_>>(),
            [(0, 0), (7, 0), (2, 0)]
        );

        let none = of(None).unwrap();
        assert_eq!((none.len(), none.around(&[7]).count()), (0, 1));
    }

    #[test]
    fn token_types_come_from_the_template() {
        let typed = of(template("$A:1 [SEP]:2")).unwrap();
        assert_eq!(
            typed.around(&[7, 8]).collect::<Vec<_>>(),
            [(7, 1), (8, 1), (102, 2)]
        );
    }

    #[test]
    fn a_template_that_repeats_the_text_is_refused() {
        assert!(matches!(
            of(template("$A:0 [SEP]:0 $A:0")),
            Err(DataError::UnsupportedTemplate { .. })
        ));
    }
}
