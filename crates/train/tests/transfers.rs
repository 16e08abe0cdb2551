//! Copies between host and device: one upload per batch, and no read in a step.

use finetune_data::{BatchSize, EncodingConfig, concatenate_texts};
use finetune_ops::{Precision, TENSORS_PER_READ, Transfers};
use finetune_train::{
    Callback, Control, Event, InitialModel, NextSentenceConfig, Phase, PreTraining,
    PreTrainingConfig, StepContext, TextConfig, TrainConfig, TrainDuration, TrainError, Trainer,
};

use crate::small_run::{SmallRun, dataset};
use crate::{next_sentence, tokens};

/// Length of every padded row.
const SEQUENCE: usize = 16;

/// Copies of each step, from the end of the step before, and of each evaluation with its batches.
#[derive(Default)]
struct Watch {
    steps: Vec<Transfers>,
    evaluations: Vec<(usize, Transfers)>,
    before: Option<Transfers>,
    batches: usize,
}

impl Callback for Watch {
    fn on_step_end(&mut self, _step: &StepContext<'_>) -> Result<Control, TrainError> {
        let now = Transfers::of_thread();
        let before = self.before.replace(now);
        self.steps.extend(before.map(|before| now.since(before)));
        Ok(Control::default())
    }

    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        let now = Transfers::of_thread();
        match event {
            Event::PhaseBegin { phase, length, .. } if *phase == Phase::Validating => {
                (self.before, self.batches) = (Some(now), *length);
            }
            Event::PhaseEnd(Phase::Validating) => {
                let before = self.before.take().unwrap();
                self.evaluations.push((self.batches, now.since(before)));
            }
            _ => {}
        }
        Ok(())
    }
}

fn settings(steps: usize, rows: usize) -> TrainConfig {
    TrainConfig {
        duration: TrainDuration::Steps(steps),
        batch_size: BatchSize::Rows(rows),
        evaluation: None,
        ..SmallRun::config()
    }
}

fn train(config: &TrainConfig) -> Watch {
    let small = SmallRun::new();
    let task = small.task();
    let mut watch = Watch::default();
    let trainer = Trainer::new(&task, config);
    trainer.train(small.model(1), &mut watch).unwrap();
    watch
}

fn reads(watch: &Watch) -> Vec<u64> {
    watch.steps.iter().map(|step| step.reads).collect()
}

#[test]
fn a_step_of_classification_is_one_upload_and_no_read() {
    let watch = train(&settings(5, 8));
    assert_eq!(watch.steps.len(), 4);
    for step in &watch.steps {
        assert_eq!((step.uploads, step.reads), (1, 0));
        // Token ids, token types, positions and two places per token, labels, and weights of two
        // classes.
        let most = 5 * 8 * SEQUENCE + 8 + 2 * 2;
        assert!(step.uploaded_bytes <= 4 * most as u64);
    }
}

#[test]
fn an_accumulated_step_is_one_upload_per_batch() {
    let config = TrainConfig {
        gradient_accumulation_steps: 2,
        ..settings(3, 4)
    };
    // Two batches in each of five steps of an epoch.
    for step in train(&config).steps {
        assert_eq!((step.uploads, step.reads), (2, 0));
    }
}

#[test]
fn losses_are_read_every_ten_steps() {
    let watch = train(&settings(24, 1));
    let mut expected = vec![0; 23];
    (expected[9], expected[19]) = (1, 1);
    assert_eq!(reads(&watch), expected);
    // Two numbers of each of ten steps.
    assert_eq!(watch.steps[9].read_bytes, 4 * 2 * 10);
}

/// Its loss scale depends on the gradients of every step.
#[test]
fn a_step_in_half_precision_reads_one_number() {
    let config = TrainConfig {
        precision: Precision::F16,
        ..settings(5, 8)
    };
    let watch = train(&config);
    assert_eq!(reads(&watch), [1; 4]);
    assert!(watch.steps.iter().all(|step| step.read_bytes == 4));
}

#[test]
fn an_evaluation_reads_the_outputs_of_several_batches_at_once() {
    let small = SmallRun::new();
    for rows in [1, 2, 40] {
        let task = small.task().eval_batch_size(BatchSize::Rows(rows));
        let mut watch = Watch::default();
        let config = TrainConfig {
            evaluation: Some(Default::default()),
            ..settings(5, 8)
        };
        let trainer = Trainer::new(&task, &config);
        trainer.train(small.model(1), &mut watch).unwrap();
        let (batches, transfers) = watch.evaluations[0];
        assert_eq!(batches, 40 / rows);
        assert_eq!(transfers.uploads as usize, batches);
        assert_eq!(transfers.reads as usize, batches.div_ceil(TENSORS_PER_READ));
        // Two logits per row.
        assert_eq!(transfers.read_bytes, 4 * 2 * 40);
    }
}

fn pre_train(next_sentence: Option<NextSentenceConfig>) -> Watch {
    let folder = tempfile::tempdir().unwrap();
    let small = SmallRun::new();
    let config = PreTrainingConfig {
        text: TextConfig {
            encoding: EncodingConfig::new(SEQUENCE),
            ..Default::default()
        },
        next_sentence,
        validation_split: 0.5,
        train: TrainConfig {
            evaluation: Some(Default::default()),
            eval_batch_size: BatchSize::Rows(1),
            ..settings(3, 8)
        },
        ..Default::default()
    };
    let (model, texts) = match next_sentence {
        None => {
            let model = InitialModel::Random(small.encoder, small.tokenizer);
            (model, concatenate_texts([&dataset(100)]))
        }
        Some(_) => (next_sentence::start(0.1), next_sentence::corpus(60, 30)),
    };
    let prepared = PreTraining::new(model, texts).config(config).prepare();
    let mut watch = Watch::default();
    prepared.unwrap().run(folder.path(), &mut watch).unwrap();
    watch
}

#[test]
fn pre_training_copies_as_much_as_classification() {
    for next_sentence in [None, Some(NextSentenceConfig::default())] {
        let watch = pre_train(next_sentence);
        assert_eq!(watch.steps.len(), 2);
        for step in &watch.steps {
            assert_eq!((step.uploads, step.reads), (1, 0));
            // As above, and up to a masked position and a label per token.
            assert!(step.uploaded_bytes <= 4 * 7 * (8 * SEQUENCE) as u64 + 4 * 8);
        }
        let (batches, transfers) = watch.evaluations[0];
        assert!(batches > TENSORS_PER_READ, "{batches}");
        assert_eq!(transfers.uploads as usize, batches);
        assert_eq!(transfers.reads as usize, batches.div_ceil(TENSORS_PER_READ));
    }
}

#[test]
fn a_step_with_a_conditional_random_field_is_one_upload() {
    let rows = tokens::sentences(48).examples;
    let [plain, with_field] = [false, true].map(|crf| {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::default();
        let train = settings(4, rows.len());
        let prepared = tokens::prepared(&folder.path().join("start"), crf, train);
        prepared
            .run(&folder.path().join("run"), &mut watch)
            .unwrap();
        watch
    });
    let (words, classes) = (
        rows.iter().flat_map(|row| row.words()).count(),
        tokens::NAMES.len(),
    );
    // Places of words by step, classes of the first and the last word and of neighbors, and the
    // penalties of forbidden transitions.
    let more = 2 * words + rows.len() + 2 * classes + classes * classes;
    assert_eq!((plain.steps.len(), with_field.steps.len()), (3, 3));
    for (plain, with_field) in plain.steps.iter().zip(&with_field.steps) {
        // Each step ends an epoch, so that its loss is read.
        for step in [plain, with_field] {
            assert_eq!((step.uploads, step.reads), (1, 1));
        }
        let found = with_field.uploaded_bytes - plain.uploaded_bytes;
        assert_eq!(found, 4 * more as u64);
    }
}
