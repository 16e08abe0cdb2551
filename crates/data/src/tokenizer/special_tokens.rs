//! Special tokens before, between and after texts.

use std::ops::Range;
use std::path::Path;

use tokenizers::{Encoding, Token, Tokenizer};

use crate::error::DataError;

/// Special token: id and token type.
pub(super) type SpecialToken = (u32, u8);

/// Special tokens around a text, or around and between the texts of a pair.
///
/// They are determined once by processing texts of two placeholder tokens. Rows are then written
/// directly to the flat arrays, without the copies of the tokenizer's post-processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpecialTokens {
    pub(super) before: Vec<SpecialToken>,
    /// Token type of the tokens of the first text.
    pub(super) first_type: u8,
    pub(super) second: Option<SecondText>,
    pub(super) after: Vec<SpecialToken>,
}

/// Special tokens and token type of a second text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecondText {
    /// Special tokens between the texts.
    pub(super) between: Vec<SpecialToken>,
    pub(super) token_type: u8,
}

/// Placeholder token ids that no vocabulary contains, two for each text.
const PROBES: [[u32; 2]; 2] = [[u32::MAX - 3, u32::MAX - 2], [u32::MAX - 1, u32::MAX]];

/// Maximum token type that fits into the token flags.
const HIGHEST_TYPE: u8 = 63;

impl SpecialTokens {
    /// Returns the special tokens around a single text.
    ///
    /// # Errors
    /// - [`DataError::InvalidTokenizer`] if the template does not contain the text exactly once
    ///   and unchanged.
    pub(super) fn of(tokenizer: &Tokenizer, path: &Path) -> Result<Self, DataError> {
        Self::probe(tokenizer, path, 1)
    }

    /// Returns the special tokens around and between the texts of a pair.
    ///
    /// # Errors
    /// - [`DataError::InvalidTokenizer`] if the template does not contain each text exactly
    ///   once, unchanged and in order.
    pub(super) fn of_pair(tokenizer: &Tokenizer, path: &Path) -> Result<Self, DataError> {
        Self::probe(tokenizer, path, 2)
    }

    /// Returns a token before and one after a text; for pairs, `second` is the number of the latter
    /// between the texts and the token type from the second text on.
    pub(super) fn around(before: u32, after: u32, second: Option<(usize, u8)>) -> Self {
        let last_type = second.map_or(0, |(_, token_type)| token_type);
        Self {
            before: vec![(before, 0)],
            first_type: 0,
            second: second.map(|(count, token_type)| SecondText {
                between: vec![(after, 0); count],
                token_type,
            }),
            after: vec![(after, last_type)],
        }
    }

    /// Returns whether a token of a row has another type than 0.
    pub(super) fn has_types(&self) -> bool {
        let second = self.second.as_ref().map_or(0, |second| second.token_type);
        let special = self.all().any(|&(_, token_type)| token_type != 0);
        special || self.first_type != 0 || second != 0
    }

    /// Returns the same tokens, all of type 0.
    pub(super) fn without_types(mut self) -> Self {
        self.first_type = 0;
        let second = self.second.iter_mut();
        let tokens = [&mut self.before, &mut self.after]
            .into_iter()
            .chain(second.map(|second| {
                second.token_type = 0;
                &mut second.between
            }));
        for (_, token_type) in tokens.flatten() {
            *token_type = 0;
        }
        self
    }

    /// Returns the number of special tokens in a row.
    pub(super) fn len(&self) -> usize {
        self.all().count()
    }

    /// Returns the special tokens of a row, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &SpecialToken> {
        let between = self.second.iter().flat_map(|second| &second.between);
        self.before.iter().chain(between).chain(&self.after)
    }

    fn probe(tokenizer: &Tokenizer, path: &Path, texts: usize) -> Result<Self, DataError> {
        let mut probes = PROBES.iter().take(texts).zip(0..).map(|(ids, token_type)| {
            let tokens = ids.map(|id| Token::new(id, "probe".to_owned(), (0, 0)));
            Encoding::from_tokens(tokens.to_vec(), token_type)
        });
        let first = probes.next().unwrap_or_default();
        let framed = tokenizer
            .post_process(first, probes.next(), true)
            .map_err(|source| DataError::library(path, source))?;
        Self::read(&framed, texts).ok_or_else(|| {
            let found = framed.get_tokens().join(" ");
            let problem = format!("expected special tokens around each text, found {found}");
            DataError::tokenizer(path, problem)
        })
    }

    /// Returns `None` if anything other than special tokens and the placeholders is found.
    fn read(framed: &Encoding, texts: usize) -> Option<Self> {
        let (ids, types) = (framed.get_ids(), framed.get_type_ids());
        let token_type = |place: usize| {
            let found = u8::try_from(types[place]).ok();
            found.filter(|&token_type| token_type <= HIGHEST_TYPE)
        };
        let special = |places: Range<usize>| -> Option<Vec<SpecialToken>> {
            let token = |place: usize| {
                let is_probe = PROBES.as_flattened().contains(&ids[place]);
                Some((ids[place], token_type(place)?)).filter(|_| !is_probe)
            };
            places.map(token).collect()
        };
        // End of the previous text, then the special tokens before each text and its token type.
        let mut start = 0;
        let mut found = Vec::new();
        for probe in &PROBES[..texts] {
            let place = ids.windows(2).position(|pair| pair == probe)?;
            found.push((special(start..place.max(start))?, token_type(place)?));
            start = place + probe.len();
        }
        let after = special(start..ids.len())?;
        let mut found = found.into_iter();
        let (before, first_type) = found.next()?;
        let second = found.next().map(|(between, token_type)| SecondText {
            between,
            token_type,
        });
        let read = Self {
            before,
            first_type,
            second,
            after,
        };
        // The total would be smaller if tokens between placeholders in the wrong order were lost.
        (read.len() + PROBES[..texts].as_flattened().len() == ids.len()).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use tokenizers::PostProcessorWrapper;
    use tokenizers::models::wordlevel::WordLevel;
    use tokenizers::processors::roberta::RobertaProcessing;
    use tokenizers::processors::template::TemplateProcessing;

    use super::*;

    fn of(
        processor: Option<PostProcessorWrapper>,
    ) -> (
        Result<SpecialTokens, DataError>,
        Result<SpecialTokens, DataError>,
    ) {
        let mut tokenizer = Tokenizer::new(WordLevel::default());
        tokenizer.with_post_processor(processor);
        let path = Path::new("tokenizer.json");
        (
            SpecialTokens::of(&tokenizer, path),
            SpecialTokens::of_pair(&tokenizer, path),
        )
    }

    fn template(single: &str, pair: &str) -> Option<PostProcessorWrapper> {
        let template = TemplateProcessing::builder()
            .try_single(single)
            .unwrap()
            .try_pair(pair)
            .unwrap()
            .special_tokens(vec![("[CLS]", 101), ("[SEP]", 102)])
            .build()
            .unwrap();
        Some(template.into())
    }

    #[test]
    fn every_processor_is_read_the_same_way() {
        let (bert, pair) = of(template(
            "[CLS]:0 $A:0 [SEP]:0",
            "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        ));
        let single = SpecialTokens {
            before: vec![(101, 0)],
            first_type: 0,
            second: None,
            after: vec![(102, 0)],
        };
        assert_eq!(bert.unwrap(), single);
        let second = SecondText {
            between: vec![(102, 0)],
            token_type: 1,
        };
        let expected = SpecialTokens {
            second: Some(second),
            after: vec![(102, 1)],
            ..single
        };
        assert_eq!(pair.unwrap(), expected);

        let roberta = RobertaProcessing::new(("</s>".into(), 2), ("<s>".into(), 0));
        let (single, pair) = of(Some(roberta.into()));
        assert_eq!(single.unwrap().len(), 2);
        let second = pair.unwrap().second.unwrap();
        assert_eq!((second.between, second.token_type), (vec![(2, 0); 2], 0));

        let (none, pair) = of(None);
        assert_eq!((none.unwrap().len(), pair.unwrap().len()), (0, 0));
    }

    #[test]
    fn rows_of_a_class_are_those_of_its_processor() {
        let (single, pair) = of(template(
            "[CLS]:0 $A:0 [SEP]:0",
            "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        ));
        assert_eq!(single.unwrap(), SpecialTokens::around(101, 102, None));
        let pair = pair.unwrap();
        assert_eq!(pair, SpecialTokens::around(101, 102, Some((1, 1))));
        assert!(pair.has_types());
        let plain = pair.without_types();
        assert_eq!(plain, SpecialTokens::around(101, 102, Some((1, 0))));
        assert!(!plain.has_types());
    }

    #[test]
    fn token_types_come_from_the_template() {
        let (typed, _) = of(template("$A:1 [SEP]:2", "$A $B"));
        let typed = typed.unwrap();
        assert_eq!((typed.first_type, typed.after), (1, vec![(102, 2)]));
    }

    #[test]
    fn templates_that_are_no_frame_are_refused() {
        let frame = "$A:0 [SEP]:0 $B:0";
        for single in ["$A:0 [SEP]:0 $A:0", "[CLS]:0 [SEP]:0", "$A:64", "$A:256"] {
            let (found, _) = of(template(single, frame));
            assert!(matches!(found, Err(DataError::InvalidTokenizer { .. })));
        }
        for pair in ["$B:0 [SEP]:0 $A:0", "$A:0 $B:0 $B:0"] {
            let (found, refused) = of(template("$A:0", pair));
            assert!(found.is_ok());
            assert!(
                matches!(refused, Err(DataError::InvalidTokenizer { .. })),
                "{pair}"
            );
        }
    }
}
