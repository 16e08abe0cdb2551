//! Packed sequences against plain loops over their lengths.

use burn::tensor::{Device, Tensor};
use finetune_ops::{Offsets, PackedSequences, Sequences, SequencesError, Upload, read_floats};
use proptest::prelude::*;

use super::device::device;
use super::properties::{host, matrix, offsets_of, packed};

const WIDTH: usize = 3;

#[test]
fn offsets_that_do_not_describe_sequences_are_errors() {
    let descending = SequencesError::Descending {
        sequence: 1,
        start: 3,
        end: 2,
    };
    let large = |sequences, longest| SequencesError::TooManySlots {
        sequences,
        longest,
        most: 1 << 24,
    };
    let errors: [(&[usize], _, _); 9] = [
        (&[], SequencesError::None, "no sequences"),
        (&[0], SequencesError::None, "no sequences"),
        (&[7], SequencesError::None, "no sequences"),
        (
            &[1, 2],
            SequencesError::Start { found: 1 },
            "offsets begin with 1, expected 0",
        ),
        (
            &[0, 3, 2, 9],
            descending,
            "sequence 1 ends at 2, before its start 3",
        ),
        (
            &[0, 0],
            SequencesError::Empty { sequence: 0 },
            "sequence 0 has no tokens",
        ),
        (
            &[0, 3, 3],
            SequencesError::Empty { sequence: 1 },
            "sequence 1 has no tokens",
        ),
        (
            &[0, 1 << 24],
            large(1, 1 << 24),
            "1 sequences of up to 16777216 tokens, which is 16777216 or more with padding: use \
             smaller batches",
        ),
        // A short one is padded to the long one.
        (
            &[0, 1, (1 << 23) + 1],
            large(2, 1 << 23),
            "2 sequences of up to 8388608 tokens, which is 16777216 or more with padding: use \
             smaller batches",
        ),
    ];
    for (offsets, error, message) in errors {
        assert_eq!(error.to_string(), message);
        assert_eq!(Offsets::new(offsets), Err(error.clone()), "{offsets:?}");
        assert_eq!(Sequences::new(offsets, &device()).err(), Some(error));
    }
}

#[test]
fn two_batches_may_be_too_large_together() {
    let ends = |sequences: usize| (0..=sequences).collect::<Vec<_>>();
    let many = Sequences::new(&ends(5000), &device()).unwrap();
    let long = Sequences::new(&[0, 4000], &device()).unwrap();
    // Each has few tokens, but all are padded to the longest.
    let error = many.followed_by(&long).unwrap_err();
    let expected = SequencesError::TooManySlots {
        sequences: 5001,
        longest: 4000,
        most: 1 << 24,
    };
    assert_eq!(error, expected);
}

/// A value for each padded slot: that of its token, or `padding`.
fn padded<T: Copy>(lengths: &[usize], length: usize, tokens: &[T], padding: T) -> Vec<T> {
    let mut tokens = tokens.iter().copied();
    let mut slots = Vec::new();
    for own in lengths {
        slots.extend(tokens.by_ref().take(*own));
        slots.extend(std::iter::repeat_n(padding, length - own));
    }
    slots
}

/// Compares all that sequences give with plain loops.
fn check(sequences: &Sequences, lengths: &[usize], padded_length: usize, device: &Device) {
    let (batch, tokens) = (lengths.len(), lengths.iter().sum());
    let offsets = offsets_of(lengths);
    assert_eq!(sequences.offsets().values(), offsets);
    assert_eq!(sequences.batch_size(), batch);
    assert_eq!(sequences.num_tokens(), tokens);
    assert_eq!(sequences.padded_length(), padded_length);
    assert!(sequences.offsets().lengths().eq(lengths.iter().copied()));
    assert_eq!(
        sequences.offsets().are_equally_long(),
        lengths.iter().all(|length| *length == padded_length)
    );

    let masks = [
        (sequences.attention_mask(), 1.0, 0.0),
        (sequences.additive_key_mask(), 0.0, f32::MIN),
    ];
    for (mask, real, padding) in masks {
        assert_eq!(mask.dims(), [batch, padded_length]);
        let expected = padded(lengths, padded_length, &vec![real; tokens], padding);
        assert_eq!(host(mask), expected);
    }

    let rows = matrix([tokens, WIDTH], 7, device);
    let values = host(rows.clone());
    let (of_tokens, _) = values.as_chunks::<WIDTH>();
    let slots = sequences.pad(rows.clone());
    assert_eq!(slots.dims(), [batch, padded_length, WIDTH]);
    let expected = padded(lengths, padded_length, of_tokens, [0.0; WIDTH]);
    assert_eq!(host(slots.clone()), expected.concat());
    assert_eq!(host(sequences.unpad(slots)), values);
    let first = offsets[..batch].iter().map(|start| of_tokens[*start]);
    let first: Vec<_> = first.collect();
    assert_eq!(host(sequences.first_tokens(rows)), first.concat());
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let equal = (1usize..9, 1usize..5).prop_map(|(length, count)| vec![length; count]);
    prop_oneof![2 => prop::collection::vec(1usize..9, 1..5), 1 => equal]
}

fn longest(lengths: &[usize]) -> usize {
    lengths.iter().copied().max().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn of_a_batch_are_those_of_plain_loops(
        first in lengths(),
        second in lengths(),
        start in 0usize..8,
        count in 1usize..8,
    ) {
        let device = device();
        let of = |lengths: &[usize]| packed(lengths, &device);
        check(&of(&first), &first, longest(&first), &device);

        let both = [first.clone(), second.clone()].concat();
        let length = longest(&both);
        let together = of(&first).followed_by(&of(&second)).unwrap();
        check(&together, &both, length, &device);

        let start = start.min(both.len() - 1);
        let count = count.min(both.len() - start);
        let part = &both[start..start + count];
        check(&together.narrow(start, count), part, length, &device);
        let again = together.narrow(start, count).followed_by(&together).unwrap();
        check(&again, &[part, &both].concat(), length, &device);
        let within = together.narrow(start, count).narrow(count - 1, 1);
        check(&within, &part[count - 1..], length, &device);

        let rows = matrix([together.num_tokens(), WIDTH], 3, &device);
        let ends = offsets_of(&both);
        let expected = rows.clone().slice([ends[start]..ends[start + count]]);
        prop_assert_eq!(host(together.narrow_rows(rows, start, count)), host(expected));
    }

    #[test]
    fn on_an_autodiff_device_have_gradients_of_tokens_only(lengths in lengths()) {
        let device = device().autodiff();
        let sequences = packed(&lengths, &device);
        check(&sequences.without_autodiff(), &lengths, longest(&lengths), &self::device());
        let rows = matrix([sequences.num_tokens(), WIDTH], 5, &device).require_grad();
        let slots = sequences.pad(rows.clone());
        let [batch, length, _] = slots.dims();
        let upstream = matrix([batch * length, WIDTH], 6, &device).reshape([batch, length, WIDTH]);
        let gradients = (slots * upstream.clone()).sum().backward();
        let expected = sequences.unpad(upstream);
        prop_assert_eq!(host(rows.grad(&gradients).unwrap()), host(expected));
    }
}

#[test]
fn go_to_the_device_with_other_numbers() {
    let device = device();
    let mut upload = Upload::default();
    let before = upload.floats([0.5, 0.25]);
    let lengths = [2, 5, 1];
    let offsets = Offsets::new(&offsets_of(&lengths)).unwrap();
    let sequences = PackedSequences::new(offsets.clone(), &mut upload);
    let after = upload.indices([9]);
    assert_eq!(sequences.offsets(), &offsets);
    let uploaded = upload.send(&device);
    check(&sequences.unpack(&uploaded), &lengths, 5, &device);
    assert_eq!(read_floats(uploaded.floats(&before)), [0.5, 0.25]);
    let after: Tensor<1> = uploaded.indices(&after).float();
    assert_eq!(read_floats(after), [9.0]);
}
