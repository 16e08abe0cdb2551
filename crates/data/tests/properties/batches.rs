use finetune_data::{
    BatchSize, EncodedDataset, EncodedTexts, Labels, SampledBatch, Sampler, SamplingStrategy,
    Schema, collate, sorted_by_length,
};
use proptest::prelude::*;

fn orders() -> impl Strategy<Value = SamplingStrategy> {
    prop::sample::select(vec![
        SamplingStrategy::Sequential,
        SamplingStrategy::Random,
        SamplingStrategy::GroupByLength,
    ])
}

fn batch_sizes() -> impl Strategy<Value = BatchSize> {
    prop_oneof![
        (1usize..40).prop_map(BatchSize::Rows),
        (1usize..300).prop_map(BatchSize::Tokens),
    ]
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..40, 0..400)
}

/// Rows of the given lengths whose tokens are never the pad token.
fn encoded(lengths: &[usize]) -> EncodedDataset {
    let row = |(row, &length): (usize, &usize)| -> Vec<u32> {
        (0..length).map(|place| (row + place + 1) as u32).collect()
    };
    EncodedDataset {
        texts: EncodedTexts::from_token_ids(lengths.iter().enumerate().map(row)),
        second_texts: None,
        labels: Labels::Classes((0..lengths.len()).map(|row| row % 3).collect()).into(),
        schema: Schema::classification(["a", "b", "c"]),
    }
}

fn visits_each_row_once(batches: &[Vec<usize>], rows: usize) -> bool {
    let mut visited: Vec<usize> = batches.concat();
    visited.sort_unstable();
    visited == (0..rows).collect::<Vec<_>>()
}

fn num_tokens(rows: &[usize], lengths: &[usize]) -> usize {
    rows.iter().map(|&row| lengths[row]).sum()
}

proptest! {
    #[test]
    fn an_epoch_visits_each_row_once_in_batches_of_the_size_asked_for(
        order in orders(),
        lengths in lengths(),
        batch_size in batch_sizes(),
        seed: u64,
        epoch in 0u64..100,
    ) {
        let sampler = Sampler::new(order, batch_size, seed).unwrap();
        let batches = sampler.batches(&lengths, epoch);
        prop_assert!(visits_each_row_once(&batches, lengths.len()));
        prop_assert_eq!(batches.len(), sampler.batch_count(&lengths, epoch));
        prop_assert!(batches.iter().all(|rows| !rows.is_empty()));
        match batch_size {
            BatchSize::Rows(size) => {
                prop_assert!(batches.iter().all(|rows| rows.len() <= size));
                let partial = batches.iter().filter(|rows| rows.len() < size).count();
                prop_assert!(partial <= 1);
            }
            BatchSize::Tokens(tokens) => {
                let fits = |rows: &Vec<usize>| rows.len() == 1 || num_tokens(rows, &lengths) <= tokens;
                prop_assert!(batches.iter().all(fits));
            }
        }
    }

    #[test]
    fn no_batch_of_tokens_has_room_for_the_next_row(
        lengths in lengths(),
        tokens in 1usize..300,
    ) {
        let sampler = Sampler::new(SamplingStrategy::Sequential, BatchSize::Tokens(tokens), 0).unwrap();
        let batches = sampler.batches(&lengths, 0);
        for pair in batches.windows(2) {
            let mut more = pair[0].clone();
            more.push(pair[1][0]);
            prop_assert!(num_tokens(&more, &lengths) > tokens);
        }
    }

    #[test]
    fn batches_are_a_function_of_seed_and_epoch(
        order in orders(),
        lengths in lengths(),
        batch_size in batch_sizes(),
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
    fn a_run_goes_on_from_any_step(
        order in orders(),
        lengths in prop::collection::vec(1usize..40, 1..100),
        batch_size in batch_sizes(),
        seed: u64,
        start in 0usize..60,
    ) {
        let sampler = Sampler::new(order, batch_size, seed).unwrap();
        let all: Vec<SampledBatch> = sampler.steps(&lengths, 0).take(start + 20).collect();
        let resumed: Vec<SampledBatch> = sampler.steps(&lengths, start as u64).take(20).collect();
        prop_assert_eq!(&all[start..], &resumed);
        for (number, step) in all.iter().enumerate() {
            prop_assert_eq!(step.step, number as u64);
            prop_assert_eq!(&step.rows, &sampler.batches(&lengths, step.epoch)[step.batch]);
        }
    }

    #[test]
    fn batches_for_prediction_go_from_long_to_short(
        lengths in lengths(),
        batch_size in batch_sizes(),
    ) {
        let batches = sorted_by_length(&lengths, batch_size).unwrap();
        prop_assert!(visits_each_row_once(&batches, lengths.len()));
        let visited: Vec<usize> = batches.concat().into_iter().map(|row| lengths[row]).collect();
        prop_assert!(visited.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn batches_have_the_tokens_of_their_rows_end_to_end(
        lengths in prop::collection::vec(1usize..40, 1..30),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let dataset = encoded(&lengths);
        let rows: Vec<usize> = picks.iter().map(|pick| pick.index(lengths.len())).collect();
        let batch = collate(&dataset, &rows).unwrap();
        let tokens = &batch.tokens;

        prop_assert_eq!(&batch.rows, &rows);
        prop_assert_eq!(batch.num_tokens(), num_tokens(&rows, &lengths));
        prop_assert_eq!(tokens.sequence_offsets.len(), rows.len() + 1);
        prop_assert_eq!(tokens.sequence_offsets[rows.len()], tokens.token_ids.len());
        prop_assert_eq!(tokens.token_ids.len(), tokens.token_type_ids.len());
        prop_assert_eq!(tokens.token_ids.len(), tokens.special_tokens_mask.len());
        for (position, &row) in rows.iter().enumerate() {
            let ends = &tokens.sequence_offsets[position..position + 2];
            let encoded = dataset.texts.row(row).unwrap();
            prop_assert_eq!(&tokens.token_ids[ends[0]..ends[1]], encoded.token_ids);
            prop_assert_eq!(batch.labels.classes().unwrap()[position], row % 3);
        }
    }
}
