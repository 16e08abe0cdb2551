//! Masked language modeling through the one loop.

use burn::tensor::Device;
use finetune_data::{EncodingConfig, MaskingConfig, concatenate_texts};
use finetune_model::load_encoder;
use finetune_train::{
    CheckpointPolicy, FineTuning, InitialModel, OptimizerConfig, PreTraining, PreTrainingConfig,
    TextConfig, TrainConfig, TrainDuration,
};

use crate::regression::checkpoint;
use crate::small_run::{SmallRun, dataset};

pub(crate) fn config() -> PreTrainingConfig {
    let base = PreTrainingConfig::default();
    PreTrainingConfig {
        text: TextConfig {
            encoding: EncodingConfig::new(16),
            ..Default::default()
        },
        validation_split: 0.2,
        train: TrainConfig {
            duration: TrainDuration::Steps(60),
            batch_size: 8.into(),
            optimizer: OptimizerConfig {
                learning_rate: 5e-3,
                ..Default::default()
            },
            checkpoints: CheckpointPolicy {
                snapshot_steps: vec![20, 40],
                ..Default::default()
            },
            ..base.train
        },
        ..base
    }
}

#[test]
fn perplexity_falls_and_the_encoder_goes_into_a_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let (start, run) = (folder.path().join("start"), folder.path().join("run"));
    let splits = checkpoint(&start);
    let device = Device::flex();
    let texts = concatenate_texts([&dataset(100)]);
    let prepared = PreTraining::new(&start, texts)
        .config(config())
        .prepare()
        .unwrap();
    let report = prepared.run(&run, &mut ()).unwrap().report;
    let perplexity: Vec<f64> = report
        .train
        .evaluations
        .iter()
        .map(|evaluation| evaluation.scores["perplexity"])
        .collect();
    let (first, last) = (perplexity[0], perplexity[perplexity.len() - 1]);
    assert_eq!(report.train.evaluations[0].step, 0);
    assert!(last < 0.5 * first, "{perplexity:?}");

    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("perplexity by step") && !page.contains("No picture"));

    let (before, ..) = load_encoder(&start, &device).unwrap();
    let weights = |encoder: &finetune_model::Encoder| {
        let table = encoder.embeddings.word_embeddings.weight.val();
        table.into_data().try_to_vec::<f32>().unwrap()
    };
    let mut seen = vec![weights(&before)];
    for place in ["snapshots/step-20", "snapshots/step-40", "model"] {
        let (encoder, ..) = load_encoder(&run.join(place), &device).unwrap();
        let weights = weights(&encoder);
        assert!(!seen.contains(&weights), "{place}");
        seen.push(weights);
    }
    let config = SmallRun::fine_tuning(SmallRun::config());
    let tuned = FineTuning::new(run.join("model"), splits)
        .config(config)
        .prepare()
        .unwrap();
    let initialized = &tuned.load_report().newly_initialized;
    assert!(
        initialized.iter().any(|name| name.contains("classifier")),
        "{initialized:?}"
    );
    assert!(
        initialized
            .iter()
            .all(|name| !name.contains("encoder.layer")),
        "{initialized:?}"
    );
}

#[test]
fn a_model_from_a_seed_learns_whole_words() {
    let small = SmallRun::new();
    let start = InitialModel::Random(small.encoder.clone(), small.tokenizer.clone());
    let config = PreTrainingConfig {
        masking: MaskingConfig {
            whole_word_mask: true,
            ..Default::default()
        },
        ..config()
    };
    let folder = tempfile::tempdir().unwrap();
    let texts = concatenate_texts([&dataset(60)]);
    let prepared = PreTraining::new(start, texts)
        .config(config)
        .prepare()
        .unwrap();
    let report = prepared
        .run(&folder.path().join("run"), &mut ())
        .unwrap()
        .report;
    let losses = report.train.evaluations.iter();
    let losses: Vec<f64> = losses.map(|evaluation| evaluation.scores["loss"]).collect();
    assert!(losses[losses.len() - 1] < 0.7 * losses[0], "{losses:?}");
    assert_eq!(report.model.source, None);
}

#[test]
fn nothing_to_measure_on() {
    let small = SmallRun::new();
    let config = PreTrainingConfig {
        validation_split: 0.0,
        ..config()
    };
    let start = InitialModel::Random(small.encoder.clone(), small.tokenizer.clone());
    let texts = concatenate_texts([&dataset(60)]);
    let error = PreTraining::new(start, texts)
        .config(config)
        .prepare()
        .unwrap_err();
    assert!(
        error.to_string().starts_with("evaluation.every is"),
        "{error}"
    );
}
