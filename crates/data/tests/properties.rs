use finetune_data::table::{TableFormat, open_rows};
use finetune_data::{
    Dataset, EncodedDataset, EncodedTexts, Example, Order, Padding, Sampler, TextTokenizer,
    collate, sorted_by_length,
};
use proptest::prelude::*;

fn orders() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![
        Order::Sequential,
        Order::Shuffled,
        Order::BucketedByLength,
    ])
}

fn paddings() -> impl Strategy<Value = Padding> {
    prop_oneof![
        Just(Padding::Longest),
        (1usize..20).prop_map(Padding::MultipleOf),
        (40usize..60).prop_map(Padding::Fixed),
    ]
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..40, 0..400)
}

/// Rows of the given lengths whose tokens are never the pad token.
fn encoded(lengths: &[usize]) -> EncodedDataset {
    let mut texts = EncodedTexts::new();
    for (row, &length) in lengths.iter().enumerate() {
        texts.push(
            (0..length).map(|place| ((row + place + 1) as u32, place as u32 % 2)),
            false,
        );
    }
    let labels = (0..lengths.len()).map(|row| row % 3).collect();
    EncodedDataset {
        texts,
        labels,
        class_names: vec!["a".into(), "b".into(), "c".into()],
    }
}

fn visits_each_row_once(batches: &[Vec<usize>], rows: usize) -> bool {
    let mut visited: Vec<usize> = batches.concat();
    visited.sort_unstable();
    visited == (0..rows).collect::<Vec<_>>()
}

proptest! {
    /// Bytes that only look like a table are an error or rows, never a panic.
    #[test]
    fn any_bytes_are_rows_or_an_error(
        bytes in prop::collection::vec(prop::sample::select(b"ab\",\t\n\r{}:1\xc3\xa9\0".to_vec()), 0..60),
        extension in prop::sample::select(vec!["csv", "tsv", "jsonl", "parquet"]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows").with_extension(extension);
        std::fs::write(&path, &bytes).unwrap();
        let mut format = TableFormat::from_path(&path).unwrap();
        if let TableFormat::Delimited(layout) = &mut format {
            layout.header = false;
        }
        if let Ok(rows) = open_rows(&path, format, &[0.into()]) {
            // Each row is a line at least.
            prop_assert!(rows.count() <= bytes.len());
        }
    }

    #[test]
    fn an_epoch_visits_each_row_once_in_as_few_batches_as_possible(
        order in orders(),
        lengths in lengths(),
        batch_size in 1usize..40,
        seed: u64,
        epoch in 0u64..100,
    ) {
        let sampler = Sampler::new(order, batch_size, seed).unwrap();
        let batches = sampler.batches(&lengths, epoch);
        prop_assert!(visits_each_row_once(&batches, lengths.len()));
        prop_assert_eq!(batches.len(), sampler.batches_per_epoch(lengths.len()));
        prop_assert!(batches.iter().all(|rows| (1..=batch_size).contains(&rows.len())));
        let partial = batches.iter().filter(|rows| rows.len() < batch_size).count();
        prop_assert!(partial <= 1);
    }

    #[test]
    fn batches_are_a_function_of_seed_and_epoch(
        order in orders(),
        lengths in lengths(),
        batch_size in 1usize..40,
        seed: u64,
        epoch in 0u64..100,
    ) {
        let sampler = Sampler::new(order, batch_size, seed).unwrap();
        // Other epochs in between leave no trace.
        let first = sampler.batches(&lengths, epoch);
        let _ = sampler.batches(&lengths, epoch + 1);
        let again = Sampler::new(order, batch_size, seed).unwrap().batches(&lengths, epoch);
        prop_assert_eq!(first, again);
    }

    #[test]
    fn batches_for_prediction_go_from_long_to_short(
        lengths in lengths(),
        batch_size in 1usize..40,
    ) {
        let batches = sorted_by_length(&lengths, batch_size).unwrap();
        prop_assert!(visits_each_row_once(&batches, lengths.len()));
        let visited: Vec<usize> = batches.concat().into_iter().map(|row| lengths[row]).collect();
        prop_assert!(visited.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn masks_tell_tokens_from_padding(
        lengths in prop::collection::vec(0usize..40, 1..30),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        padding in paddings(),
    ) {
        let dataset = encoded(&lengths);
        let rows: Vec<usize> = picks.iter().map(|pick| pick.index(lengths.len())).collect();
        let batch = collate(&dataset, &rows, padding, 0).unwrap();

        prop_assert_eq!(&batch.rows, &rows);
        prop_assert_eq!(batch.slots(), batch.size() * batch.sequence_length);
        prop_assert_eq!(batch.token_ids.len(), batch.token_type_ids.len());
        prop_assert_eq!(batch.token_ids.len(), batch.attention_mask.len());
        for (token, real) in batch.token_ids.iter().zip(&batch.attention_mask) {
            prop_assert_eq!(*token != 0, *real);
        }
        let tokens: usize = rows.iter().map(|&row| lengths[row]).sum();
        prop_assert_eq!(batch.padded_slots(), batch.slots() - tokens);
        for (position, &row) in rows.iter().enumerate() {
            let start = position * batch.sequence_length;
            let own = start..start + lengths[row];
            let (token_ids, token_type_ids) = dataset.texts.row(row);
            prop_assert_eq!(&batch.token_ids[own.clone()], token_ids);
            prop_assert_eq!(&batch.token_type_ids[own.clone()], token_type_ids);
            prop_assert!(batch.attention_mask[own].iter().all(|&real| real));
            prop_assert_eq!(batch.labels[position], dataset.labels[row]);
        }
    }

    #[test]
    fn any_text_is_encoded_within_its_bounds(
        texts in prop::collection::vec(any::<String>(), 0..40),
        max_length in 3usize..24,
    ) {
        let tokenizer = TextTokenizer::train_word_piece(["a b c ab bc abc"; 2], 40).unwrap();
        let examples = texts.iter().map(|text| Example { text: text.clone(), label: 0 }).collect();
        let dataset = Dataset { name: "any".into(), class_names: vec!["a".into()], examples };
        let encoded = EncodedDataset::new(&dataset, &tokenizer, max_length).unwrap();
        prop_assert_eq!(encoded.len(), texts.len());
        for row in 0..encoded.len() {
            prop_assert!((2..=max_length).contains(&encoded.texts.length(row)));
            let highest = encoded.texts.row(row).0.iter().max().copied().unwrap();
            prop_assert!((highest as usize) < tokenizer.vocabulary_size());
            // Alone or among others: the same tokens.
            let alone = tokenizer.encode(&texts[row..=row], max_length).unwrap();
            prop_assert_eq!(alone.row(0), encoded.texts.row(row));
        }
    }
}
