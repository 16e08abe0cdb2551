//! Sequences packed end to end: a batch without padding.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor};
use thiserror::Error;

use crate::upload::{MAX_INDEX, Upload, UploadPart, Uploaded};

/// Place of a padded slot, which has no token.
const NO_TOKEN: f32 = -1.0;

/// Offsets that do not describe sequences.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SequencesError {
    /// There is no sequence.
    #[error("no sequences")]
    None,
    /// The first offset is not 0.
    #[error("offsets begin with {found}, expected 0")]
    Start {
        /// First offset.
        found: usize,
    },
    /// An offset is below the one before it.
    #[error("sequence {sequence} ends at {end}, before its start {start}")]
    Descending {
        /// Index of the sequence.
        sequence: usize,
        /// Offset of its first token.
        start: usize,
        /// Offset after its last token.
        end: usize,
    },
    /// A sequence has no tokens.
    #[error("sequence {sequence} has no tokens")]
    Empty {
        /// Index of the sequence.
        sequence: usize,
    },
    /// With padding, the batch would have too many tokens.
    #[error(
        "{sequences} sequences of up to {longest} tokens, which is {most} or more with padding: \
         use smaller batches"
    )]
    TooManySlots {
        /// Number of sequences.
        sequences: usize,
        /// Tokens of the longest.
        longest: usize,
        /// Number that the tokens with padding stay below.
        most: usize,
    },
}

/// Offsets of packed sequences: sequence `i` has the tokens `offsets[i]..offsets[i + 1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offsets {
    values: Arc<[usize]>,
    /// Tokens of a sequence with padding, where sequences are padded.
    padded_length: usize,
}

impl Offsets {
    /// Checks offsets: 0, then the end of each sequence.
    ///
    /// # Errors
    /// - [`SequencesError`] if the offsets do not begin with 0, do not ascend, or have no sequence, or if
    ///   there are 2²⁴ tokens or more with padding.
    pub fn new(offsets: &[usize]) -> Result<Self, SequencesError> {
        match offsets {
            [] | [_] => return Err(SequencesError::None),
            [0, ..] => (),
            [found, ..] => return Err(SequencesError::Start { found: *found }),
        }
        for (sequence, ends) in offsets.windows(2).enumerate() {
            let (start, end) = (ends[0], ends[1]);
            if start == end {
                return Err(SequencesError::Empty { sequence });
            }
            if start > end {
                return Err(SequencesError::Descending {
                    sequence,
                    start,
                    end,
                });
            }
        }
        let lengths = offsets.windows(2).map(|ends| ends[1] - ends[0]);
        let longest = lengths.max().unwrap_or(0);
        Self::checked(offsets.into(), longest)
    }

    /// Checks that the slots of the padded sequences are exact in f32, as which they are uploaded.
    fn checked(values: Arc<[usize]>, padded_length: usize) -> Result<Self, SequencesError> {
        let sequences = values.len() - 1;
        match sequences.saturating_mul(padded_length) < MAX_INDEX {
            true => Ok(Self {
                values,
                padded_length,
            }),
            false => Err(SequencesError::TooManySlots {
                sequences,
                longest: padded_length,
                most: MAX_INDEX,
            }),
        }
    }

    /// Returns 0, then the end of each sequence.
    pub fn values(&self) -> &[usize] {
        &self.values
    }

    /// Returns the number of sequences, `B`.
    pub fn batch_size(&self) -> usize {
        self.values.len() - 1
    }

    /// Returns the number of tokens, `T`.
    pub fn num_tokens(&self) -> usize {
        self.values[self.batch_size()]
    }

    /// Returns the tokens of a padded sequence, `S`: at least those of the longest.
    pub fn padded_length(&self) -> usize {
        self.padded_length
    }

    /// Returns the number of tokens of each sequence.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.values.windows(2).map(|ends| ends[1] - ends[0])
    }

    /// Returns whether no sequence would be padded.
    pub fn are_equally_long(&self) -> bool {
        self.num_tokens() == self.batch_size() * self.padded_length
    }

    /// Returns the token of each padded slot, [`NO_TOKEN`] for padding.
    fn tokens_of_slots(&self) -> impl Iterator<Item = f32> + '_ {
        self.values.windows(2).flat_map(|ends| {
            let (start, length) = (ends[0], ends[1] - ends[0]);
            (0..self.padded_length).map(move |place| match place < length {
                true => (start + place) as f32,
                false => NO_TOKEN,
            })
        })
    }

    /// Returns the padded slot of each token.
    fn slots_of_tokens(&self) -> impl Iterator<Item = usize> + '_ {
        let starts = (0..).step_by(self.padded_length);
        let slots = starts.zip(self.lengths());
        slots.flat_map(|(start, length)| start..start + length)
    }
}

/// Sequences of a batch, packed end to end: which rows of `[T, D]` belong together.
///
/// Backends that compute on padded sequences `[B, S]` read from it where each token lies there.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::Sequences;
///
/// // A sequence of two tokens, and one of one.
/// let sequences = Sequences::new(&[0, 2, 3], &Device::flex())?;
/// assert_eq!((sequences.batch_size(), sequences.num_tokens()), (2, 3));
/// let rows = Tensor::<2>::from_data([[1.0], [2.0], [3.0]], &Device::flex());
/// let first = sequences.first_tokens(rows.clone());
/// assert_eq!(first.into_data().as_slice::<f32>(), Ok(&[1.0, 3.0][..]));
/// let padded = sequences.pad(rows);
/// assert_eq!(padded.into_data().as_slice::<f32>(), Ok(&[1.0, 2.0, 3.0, 0.0][..]));
/// # Ok::<(), finetune_ops::SequencesError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sequences {
    offsets: Offsets,
    /// Token of each padded slot, 0 for padding, `[B * S]`.
    token_of_slot: Tensor<1, Int>,
    /// Padded slot of each token, `[T]`.
    slot_of_token: Tensor<1, Int>,
    /// 1 for tokens and 0 for padding, `[B, S]`.
    real: Tensor<2>,
    /// 0 for tokens and the lowest f32 for padding, `[B, S]`.
    additive_key_mask: Tensor<2>,
}

/// [`Sequences`] on their way to a device, as parts of an [`Upload`].
#[derive(Debug, Clone)]
pub struct PackedSequences {
    offsets: Offsets,
    token_of_slot: UploadPart,
    slot_of_token: UploadPart,
}

impl PackedSequences {
    /// Adds sequences to an upload.
    pub fn new(offsets: Offsets, upload: &mut Upload) -> Self {
        Self {
            token_of_slot: upload.floats(offsets.tokens_of_slots()),
            slot_of_token: upload.indices(offsets.slots_of_tokens()),
            offsets,
        }
    }

    /// Returns the offsets.
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Returns the sequences, from the upload that they were added to.
    pub fn unpack(&self, uploaded: &Uploaded) -> Sequences {
        let tokens = uploaded.floats(&self.token_of_slot);
        let slots = uploaded.indices(&self.slot_of_token);
        Sequences::from_places(self.offsets.clone(), tokens, slots)
    }
}

impl Sequences {
    /// Copies sequences to a device: 0, then the end of each of them.
    ///
    /// # Errors
    /// - The errors of [`Offsets::new`].
    pub fn new(offsets: &[usize], device: &Device) -> Result<Self, SequencesError> {
        let mut upload = Upload::default();
        let packed = PackedSequences::new(Offsets::new(offsets)?, &mut upload);
        Ok(packed.unpack(&upload.send(device)))
    }

    /// `tokens` has [`NO_TOKEN`] for padding.
    fn from_places(offsets: Offsets, tokens: Tensor<1>, slots: Tensor<1, Int>) -> Self {
        let shape = [offsets.batch_size(), offsets.padded_length];
        let padding = tokens.clone().lower_elem(0.0);
        let zeros = tokens.zeros_like();
        Self {
            token_of_slot: tokens.clamp_min(0.0).int(),
            slot_of_token: slots,
            real: zeros
                .ones_like()
                .mask_fill(padding.clone(), 0.0)
                .reshape(shape),
            additive_key_mask: zeros.mask_fill(padding, f32::MIN).reshape(shape),
            offsets,
        }
    }

    /// Returns the offsets.
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Returns the number of sequences, `B`.
    pub fn batch_size(&self) -> usize {
        self.offsets.batch_size()
    }

    /// Returns the number of tokens, `T`.
    pub fn num_tokens(&self) -> usize {
        self.offsets.num_tokens()
    }

    /// Returns the tokens of a padded sequence, `S`.
    pub fn padded_length(&self) -> usize {
        self.offsets.padded_length
    }

    /// Returns the padding mask: 1 for tokens and 0 for padding.
    ///
    /// # Shapes
    /// - output: `[B, S]`
    pub fn attention_mask(&self) -> Tensor<2> {
        self.real.clone()
    }

    /// Returns the additive mask of keys for scores before a softmax: 0 for tokens, and the lowest
    /// f32 for padding, whose weight is then exactly 0.
    ///
    /// # Shapes
    /// - output: `[B, S]`
    pub fn additive_key_mask(&self) -> Tensor<2> {
        self.additive_key_mask.clone()
    }

    /// Returns the token of each padded slot, 0 for padding, `[B * S]`, and the padded slot of each
    /// token, `[T]`.
    pub(crate) fn places(&self) -> [Tensor<1, Int>; 2] {
        [self.token_of_slot.clone(), self.slot_of_token.clone()]
    }

    /// Returns the tokens as padded sequences, with zeros for padding.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`
    /// - output: `[B, S, D]`
    pub fn pad(&self, rows: Tensor<2>) -> Tensor<3> {
        let [_, width] = rows.dims();
        let (batch, length) = (self.batch_size(), self.padded_length());
        if self.offsets.are_equally_long() {
            return rows.reshape([batch, length, width]);
        }
        let padded = rows.select(0, self.token_of_slot.clone());
        let real = self.real.clone().reshape([batch * length, 1]);
        (padded * real).reshape([batch, length, width])
    }

    /// Returns the tokens of padded sequences.
    ///
    /// # Shapes
    /// - `padded`: `[B, S, D]`
    /// - output: `[T, D]`
    pub fn unpad(&self, padded: Tensor<3>) -> Tensor<2> {
        let [batch, length, width] = padded.dims();
        let rows = padded.reshape([batch * length, width]);
        match self.offsets.are_equally_long() {
            true => rows,
            false => rows.select(0, self.slot_of_token.clone()),
        }
    }

    /// Returns the first token of each sequence.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`
    /// - output: `[B, D]`
    pub fn first_tokens(&self, rows: Tensor<2>) -> Tensor<2> {
        let shape = [self.batch_size(), self.padded_length()];
        let first = self.token_of_slot.clone().reshape(shape).narrow(1, 0, 1);
        rows.select(0, first.reshape([self.batch_size()]))
    }

    /// Returns these sequences, then those of `other`, whose rows follow.
    ///
    /// # Errors
    /// - [`SequencesError::TooManySlots`] if both together are too large.
    pub fn followed_by(&self, other: &Self) -> Result<Self, SequencesError> {
        let length = self.padded_length().max(other.padded_length());
        let (tokens, batch) = (self.num_tokens(), self.batch_size());
        let offsets = self.offsets.values.iter().copied();
        let others = other.offsets.values[1..].iter().map(|end| tokens + end);
        let offsets = Offsets::checked(offsets.chain(others).collect(), length)?;
        let places = [(self, 0, 0), (other, tokens, batch)].map(|(part, token, row)| {
            part.places_among(length, token as f32, (row * length) as i64)
        });
        let [(first, first_slots), (second, second_slots)] = places;
        Ok(Self::from_places(
            offsets,
            Tensor::cat(vec![first, second], 0),
            Tensor::cat(vec![first_slots, second_slots], 0),
        ))
    }

    /// Returns the tokens of slots and slots of tokens in padded sequences of `length` tokens, after
    /// so many other tokens and slots.
    fn places_among(&self, length: usize, tokens: f32, slots: i64) -> (Tensor<1>, Tensor<1, Int>) {
        let (batch, own) = (self.batch_size(), self.padded_length());
        let shape = [batch, own];
        let padding = self.real.clone().equal_elem(0.0);
        let places = self.token_of_slot.clone().float().reshape(shape) + tokens;
        let places = places.mask_fill(padding, NO_TOKEN);
        let longer = Tensor::full([batch, length - own], NO_TOKEN, &places.device());
        let places = match length > own {
            true => Tensor::cat(vec![places, longer], 1),
            false => places,
        };
        let own_slots = self.slot_of_token.clone();
        let rows = own_slots.clone() / own as i64;
        let moved = own_slots + rows * (length - own) as i64 + slots;
        (places.reshape([batch * length]), moved)
    }

    /// Returns `count` sequences from `start` on.
    pub fn narrow(&self, start: usize, count: usize) -> Self {
        let length = self.padded_length();
        let values = &self.offsets.values[start..=start + count];
        let (first, last) = (values[0], values[count]);
        let tokens = self
            .token_of_slot
            .clone()
            .narrow(0, start * length, count * length);
        let real = self.real.clone().narrow(0, start, count);
        let padding = real.reshape([count * length]).equal_elem(0.0);
        let tokens = (tokens.float() - first as f32).mask_fill(padding, NO_TOKEN);
        let slots = self.slot_of_token.clone().narrow(0, first, last - first);
        Self::from_places(
            Offsets {
                values: values.iter().map(|end| end - first).collect(),
                padded_length: length,
            },
            tokens,
            slots - (start * length) as i64,
        )
    }

    /// Returns the rows of `count` sequences from `start` on.
    ///
    /// # Shapes
    /// - `rows`: `[T, D]`
    /// - output: `[tokens of the sequences, D]`
    pub fn narrow_rows(&self, rows: Tensor<2>, start: usize, count: usize) -> Tensor<2> {
        let (first, end) = (
            self.offsets.values[start],
            self.offsets.values[start + count],
        );
        rows.narrow(0, first, end - first)
    }

    /// Returns the sequences on the same device without autodiff.
    pub fn without_autodiff(&self) -> Self {
        Self {
            real: self.real.clone().inner(),
            additive_key_mask: self.additive_key_mask.clone().inner(),
            token_of_slot: self.token_of_slot.clone().inner(),
            slot_of_token: self.slot_of_token.clone().inner(),
            offsets: self.offsets.clone(),
        }
    }
}
