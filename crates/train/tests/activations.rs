//! Kept activations change nothing but the time: training above them gives the same bits.

use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{
    BatchSize, EncodedDataset, EncodedTexts, EncodingConfig, Labels, SamplingStrategy, Schema,
    TextArity, TextTokenizer, Truncation, collate,
};
use finetune_model::{
    CosineSimilarityHeadConfig, DropoutStream, EncoderConfig, Family, HeadConfig, LayerSelection,
    LoraConfig, MlpConfig, PairFeatures, Pooling, ProblemType, SequenceClassifier,
    SequenceClassifierConfig, SplitPoint, TokenPooling, init_weights,
};
use finetune_train::{
    ActivationCacheConfig, ActivationsRecord, CacheDtype, CacheLocation, CachedActivations,
    Callback, EvaluationConfig, Event, FreezeConfig, FreezeScope, GradualUnfreezing, Interval,
    LossConfig, OptimizerConfig, SequenceClassificationTask, StepRecord, TrainConfig,
    TrainDuration, TrainError, Trainer, deterministic_stages, forward,
};

use crate::small_run::dataset;

const ROWS: usize = 23;

/// Rows of 2 to 24 tokens: below and above the sizes at which products change their ways.
fn texts(seed: usize) -> EncodedTexts {
    let row = |row: usize| -> Vec<u32> {
        let length = 2 + (row * 7 + seed) % 23;
        (0..length)
            .map(|at| (2 + (row * 31 + at * 13 + seed) % 97) as u32)
            .collect()
    };
    EncodedTexts::from_token_ids((0..ROWS).map(row))
}

fn data(pair: bool) -> EncodedDataset {
    let schema = Schema::classification(["a", "b", "c"]);
    EncodedDataset {
        texts: texts(0),
        second_texts: pair.then(|| texts(5)),
        labels: Labels::Classes((0..ROWS).map(|row| row * row % 3).collect()).into(),
        schema: match pair {
            true => Schema {
                texts: TextArity::Pair,
                ..schema
            },
            false => schema,
        },
    }
}

fn config(
    family: Family,
    pooling: Pooling,
    pair: Option<PairFeatures>,
) -> SequenceClassifierConfig {
    let encoder = EncoderConfig {
        local_attention: (family == Family::ModernBert).then_some(6),
        vocab_size: 100,
        hidden_size: 48,
        embedding_size: (family == Family::Electra).then_some(20),
        num_hidden_layers: 3,
        num_attention_heads: 4,
        intermediate_size: 70,
        max_position_embeddings: 40,
        ..EncoderConfig::base(family)
    };
    SequenceClassifierConfig {
        pooling,
        head: HeadConfig::Mlp(MlpConfig {
            pair_features: pair,
            ..MlpConfig::linear(0.1)
        }),
        ..SequenceClassifierConfig::new(encoder, ["a", "b", "c"].map(String::from).into())
    }
}

fn model(config: &SequenceClassifierConfig, seed: u64) -> SequenceClassifier {
    init_weights(config.init(&Device::flex().autodiff()).unwrap(), 0.1, seed)
}

fn memory(precision: CacheDtype) -> ActivationCacheConfig {
    ActivationCacheConfig {
        location: CacheLocation::Memory,
        dtype: precision,
        ..Default::default()
    }
}

fn compute(
    cache: &ActivationCacheConfig,
    model: &SequenceClassifier,
    data: &EncodedDataset,
    freeze: FreezeScope,
    callback: &mut dyn Callback,
) -> Result<Option<CachedActivations>, TrainError> {
    let stages = deterministic_stages(model, &config_of(freeze));
    let plan = cache.plan(model, data, stages)?;
    plan.map(|plan| plan.compute(model, data, BatchSize::Rows(5), callback))
        .transpose()
}

/// The loss of every step, the loss of every evaluation, and the logits of every row in the end.
fn train(
    model: SequenceClassifier,
    data: &EncodedDataset,
    freeze: FreezeScope,
    activations: Option<&CachedActivations>,
) -> (Vec<f32>, Vec<f32>) {
    let config = config_of(freeze);
    let classes = data.class_names().len();
    let loss = LossConfig::default().init(&data.labels.all().unwrap(), classes);
    let loss = loss.unwrap();
    let task = SequenceClassificationTask::new(data.clone(), loss)
        .validation(data.clone())
        .activations(activations.cloned(), activations.cloned());
    let mut steps: Vec<StepRecord> = Vec::new();
    let trained = Trainer::new(&task, &config).train(model, &mut steps);
    let trained = trained.unwrap();
    let mut losses: Vec<f32> = steps.iter().map(|step| step.loss).collect();
    assert_eq!(trained.summary.evaluations.len(), 3);
    for evaluation in trained.summary.evaluations {
        losses.push(evaluation.scores["loss"] as f32);
    }
    let model = trained.model.valid();
    let mut logits = Vec::new();
    for rows in [(0..data.len()).collect::<Vec<_>>(), vec![4], vec![9, 2]] {
        let batch = collate(data, &rows).unwrap();
        let output = forward(&model, &batch, activations, None).unwrap();
        logits.extend(output.into_data().iter::<f32>());
    }
    (losses, logits)
}

fn config_of(freeze: FreezeScope) -> TrainConfig {
    TrainConfig {
        duration: TrainDuration::Steps(10),
        batch_size: BatchSize::Rows(6),
        sampling_strategy: SamplingStrategy::Random,
        optimizer: OptimizerConfig {
            learning_rate: 3e-3,
            ..Default::default()
        },
        freeze: freeze.into(),
        evaluation: Some(EvaluationConfig {
            every: Interval::Steps(4),
            ..Default::default()
        }),
        seed: 3,
        ..Default::default()
    }
}

fn bits((losses, logits): (Vec<f32>, Vec<f32>)) -> Vec<u32> {
    losses.into_iter().chain(logits).map(f32::to_bits).collect()
}

/// Training above what is kept is training above what is computed.
fn check_bits(
    config: &SequenceClassifierConfig,
    data: &EncodedDataset,
    freeze: FreezeScope,
) -> CachedActivations {
    let cache = memory(CacheDtype::F32);
    let kept = compute(&cache, &model(config, 1), data, freeze, &mut ());
    let kept = kept.unwrap().unwrap();
    let with = bits(train(model(config, 1), data, freeze, Some(&kept)));
    let without = bits(train(model(config, 1), data, freeze, None));
    assert_eq!(with, without, "{config:?} {freeze}");
    kept
}

/// Every pooling, with the split points that it leads to when the encoder or its first layer is frozen.
fn cases() -> Vec<(Pooling, FreezeScope, SplitPoint)> {
    let pooling = |layers, tokens| Pooling { layers, tokens };
    let (first, mean, max) = (TokenPooling::Cls, TokenPooling::Mean, TokenPooling::Max);
    let wide = LayerSelection::ConcatLast(2);
    let prefix = FreezeScope::AllButLast(2);
    vec![
        (Pooling::pooler(), FreezeScope::Encoder, SplitPoint::Pooled),
        (Pooling::pooler(), prefix, SplitPoint::HiddenStates(1)),
        (Pooling::mean(), FreezeScope::Encoder, SplitPoint::Pooled),
        (
            Pooling::mean(),
            FreezeScope::AllButLast(1),
            SplitPoint::HiddenStates(2),
        ),
        (
            pooling(wide, first),
            FreezeScope::Encoder,
            SplitPoint::Pooled,
        ),
        (
            pooling(wide, max),
            FreezeScope::AllButLast(1),
            SplitPoint::HiddenStates(2),
        ),
        (
            pooling(LayerSelection::MeanLast(3), mean),
            FreezeScope::AllButLast(1),
            SplitPoint::HiddenStates(1),
        ),
        // Layers above it would have no gradient.
        (
            pooling(LayerSelection::Single(1), max),
            FreezeScope::Encoder,
            SplitPoint::Pooled,
        ),
    ]
}

#[test]
fn training_above_kept_activations_gives_the_same_bits() {
    let data = data(false);
    // Families whose layers have parameters of their own.
    let families = Family::ALL
        .into_iter()
        .filter(|family| *family != Family::Albert);
    for ((pooling, freeze, split_point), family) in cases().into_iter().zip(families.cycle()) {
        let config = config(family, pooling, None);
        let kept = check_bits(&config, &data, freeze);
        assert_eq!(kept.split_point(), split_point, "{pooling:?} {freeze}");
    }
}

/// Three layers in two groups: the lower two share their parameters, and are frozen together.
#[test]
fn layers_that_share_their_parameters_are_kept_together() {
    let data = data(false);
    let mut config = config(Family::Albert, Pooling::mean(), None);
    config.encoder.num_hidden_groups = Some(2);
    config.encoder.hidden_dropout_prob = 0.1;
    for (freeze, split_point) in [
        (FreezeScope::AllButLast(1), SplitPoint::HiddenStates(2)),
        (FreezeScope::Encoder, SplitPoint::Pooled),
    ] {
        let kept = check_bits(&config, &data, freeze);
        assert_eq!(kept.split_point(), split_point, "{freeze}");
    }
}

#[test]
fn of_pairs_both_texts_are_kept() {
    let data = data(true);
    for freeze in [FreezeScope::Encoder, FreezeScope::AllButLast(1)] {
        let combination = Some(PairFeatures::ConcatDiff);
        let config = config(Family::Bert, Pooling::mean(), combination);
        check_bits(&config, &data, freeze);
    }
    // A score of two texts, and a head for one text that is given two.
    let cosine = SequenceClassifierConfig {
        head: HeadConfig::Cosine(CosineSimilarityHeadConfig::default()),
        problem_type: ProblemType::Regression,
        class_names: vec!["score".into()],
        ..config(Family::Bert, Pooling::mean(), None)
    };
    let cosine = model(&cosine, 1);
    let cache = memory(CacheDtype::F32);
    let kept = compute(&cache, &cosine, &data, FreezeScope::Encoder, &mut ())
        .unwrap()
        .unwrap();
    let batch = collate(&data, &[3, 1, 7]).unwrap();
    let score = |kept| forward(&cosine, &batch, kept, None).unwrap().into_data();
    assert_eq!(score(Some(&kept)), score(None));
    let single = model(&config(Family::Bert, Pooling::mean(), None), 1);
    assert!(forward(&single, &batch, Some(&kept), None).is_err());
}

#[test]
fn windows_are_rows() {
    let dataset = dataset(30);
    let words = dataset.examples.iter().map(|example| &example.text);
    let tokenizer = TextTokenizer::train_wordpiece(words, 60).unwrap();
    let encoding = EncodingConfig {
        truncation: Truncation::SlidingWindow { stride: 1 },
        ..EncodingConfig::new(5)
    };
    let data = EncodedDataset::new(&dataset, &tokenizer, &encoding).unwrap();
    assert!(data.len() > data.texts.text_count());
    for freeze in [FreezeScope::Encoder, FreezeScope::AllButLast(1)] {
        let config = SequenceClassifierConfig {
            class_names: data.class_names().to_vec(),
            ..config(Family::Bert, Pooling::mean(), None)
        };
        check_bits(&config, &data, freeze);
    }
}

#[test]
fn halves_are_near() {
    let data = data(false);
    for freeze in [FreezeScope::Encoder, FreezeScope::AllButLast(1)] {
        let config = config(Family::Bert, Pooling::pooler(), None);
        let cache = memory(CacheDtype::F16);
        let kept = compute(&cache, &model(&config, 1), &data, freeze, &mut ())
            .unwrap()
            .unwrap();
        let (losses, logits) = train(model(&config, 1), &data, freeze, Some(&kept));
        let (full_losses, full_logits) = train(model(&config, 1), &data, freeze, None);
        for (half, full) in losses
            .iter()
            .chain(&logits)
            .zip(full_losses.iter().chain(&full_logits))
        {
            assert!((half - full).abs() < 1e-2, "{freeze}: {half} {full}");
        }
    }
}

/// Remembers what it is told of kept activations.
#[derive(Default)]
struct ActivationTotals(Vec<ActivationsRecord>, usize);

impl Callback for ActivationTotals {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        match event {
            Event::Activations(record) => self.0.push(*record),
            Event::BatchSubmitted { .. } => self.1 += 1,
            _ => {}
        }
        Ok(())
    }
}

fn disk(folder: &Path, precision: CacheDtype) -> ActivationCacheConfig {
    let place = CacheLocation::Disk(folder.to_path_buf());
    ActivationCacheConfig {
        location: place,
        dtype: precision,
        ..Default::default()
    }
}

#[test]
fn a_file_is_used_again_by_the_same_run_and_by_no_other() {
    let (folder, data) = (tempfile::tempdir().unwrap(), data(false));
    let folder = folder.path().join("activations");
    let config = config(Family::Bert, Pooling::mean(), None);
    let single = disk(&folder, CacheDtype::F32);
    let half = disk(&folder, CacheDtype::F16);
    let mut told = ActivationTotals::default();
    let mut run = |cache: &ActivationCacheConfig, seed, freeze| {
        let kept = compute(cache, &model(&config, seed), &data, freeze, &mut told).unwrap();
        let with = bits(train(model(&config, seed), &data, freeze, kept.as_ref()));
        if cache.dtype == CacheDtype::F32 {
            let without = bits(train(model(&config, seed), &data, freeze, None));
            assert_eq!(with, without);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let record = told.0.pop().unwrap();
        (record.reused, record.bytes, std::mem::take(&mut told.1))
    };
    let (encoder, prefix) = (FreezeScope::Encoder, FreezeScope::AllButLast(1));
    let pooled = (ROWS * 48 * 4) as u64;
    assert_eq!(run(&single, 1, encoder), (false, pooled, 5));
    assert_eq!(run(&single, 1, encoder), (true, pooled, 0));
    // Other weights, another precision, another split point: each replaces the file.
    assert_eq!(run(&single, 2, encoder), (false, pooled, 5));
    assert_eq!(run(&half, 2, encoder), (false, pooled / 2, 5));
    let tokens = (data.texts.token_count() * 48 * 2) as u64;
    assert_eq!(run(&half, 2, prefix), (false, tokens, 5));
    assert_eq!(run(&half, 2, prefix), (true, tokens, 0));
    // A corrupted file is made anew.
    let file = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(run(&half, 2, prefix), (false, tokens, 5));
}

/// Stops after some batches, as a run that is killed.
struct Stopping(usize);

impl Callback for Stopping {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        if let Event::BatchSubmitted { .. } = event {
            self.0 -= 1;
        }
        match self.0 {
            0 => Err(TrainError::custom("stopped")),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_stopped_run_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(&config(Family::Bert, Pooling::mean(), None), 1);
    let cache = disk(folder.path(), CacheDtype::F32);
    let result = compute(
        &cache,
        &model,
        &data(false),
        FreezeScope::Encoder,
        &mut Stopping(3),
    );
    assert!(matches!(result, Err(TrainError::Custom(_))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_not_frozen_or_too_large_is_not_kept() {
    let data = data(false);
    let model = model(&config(Family::Bert, Pooling::mean(), None), 1);
    let cache = memory(CacheDtype::F32);
    for freeze in [
        FreezeScope::None,
        FreezeScope::Embeddings,
        FreezeScope::AllButLast(3),
    ] {
        assert_eq!(
            cache.plan(&model, &data, freeze.frozen_stages(3)).unwrap(),
            None
        );
    }
    let off = ActivationCacheConfig {
        location: CacheLocation::Off,
        ..cache.clone()
    };
    assert_eq!(off.plan(&model, &data, 4).unwrap(), None);
    let limited = ActivationCacheConfig {
        max_bytes: Some(1000),
        ..cache
    };
    let error = limited.plan(&model, &data, 4).unwrap_err().to_string();
    let needed = ROWS * 48 * 4;
    assert_eq!(
        error,
        format!("cached activations: {needed} bytes, but activation_cache.max_bytes is 1000")
    );
}

#[test]
fn adapters_train_so_the_cut_lies_below_them() {
    let mut model = model(&config(Family::Bert, Pooling::mean(), None), 1);
    model.encoder = model.encoder.with_lora(&LoraConfig::default(), 1).unwrap();
    assert_eq!(model.split_point(4), Some(SplitPoint::HiddenStates(0)));
    // Adapters of the second layer and above.
    let first = &mut model.encoder.layers[0].attention;
    (first.query.lora, first.value.lora) = (None, None);
    assert_eq!(model.split_point(4), Some(SplitPoint::HiddenStates(1)));
}

#[test]
fn dropout_in_the_frozen_part_is_seen() {
    let with = model(&config(Family::Bert, Pooling::mean(), None), 1);
    let mut without = config(Family::Bert, Pooling::mean(), None);
    without.encoder.hidden_dropout_prob = 0.0;
    without.encoder.attention_probs_dropout_prob = 0.0;
    let without = model(&without, 1);
    let stream = |stage| Some(DropoutStream::new(1, 1).from_stage(stage));
    for (split_point, stages) in [(SplitPoint::HiddenStates(2), 3), (SplitPoint::Pooled, 4)] {
        assert_eq!(with.stages_below(split_point), stages);
        assert!(with.is_deterministic_below(split_point, None));
        assert!(with.is_deterministic_below(split_point, stream(stages)));
        assert!(!with.is_deterministic_below(split_point, stream(stages - 1)));
        assert!(without.is_deterministic_below(split_point, stream(0)));
    }
}

/// What thaws in the middle of a run, or drops something, is not kept; and what is kept all the same
/// is not taken.
#[test]
fn what_does_not_stay_the_same_is_not_kept() {
    let data = data(false);
    let model = || model(&config(Family::Bert, Pooling::mean(), None), 1);
    let thawing = FreezeConfig {
        scope: FreezeScope::Encoder,
        unfreeze: Some(GradualUnfreezing::Steps(5)),
        ..Default::default()
    };
    let dropping = FreezeConfig {
        scope: FreezeScope::Encoder,
        keep_dropout: true,
        ..Default::default()
    };
    for (freeze, stages) in [(thawing, 3), (dropping, 0)] {
        let config = TrainConfig {
            freeze,
            ..config_of(FreezeScope::None)
        };
        assert_eq!(deterministic_stages(&model(), &config), stages);
        let cache = memory(CacheDtype::F32);
        let kept = compute(&cache, &model(), &data, FreezeScope::Encoder, &mut ());
        let loss = LossConfig::default().init(&data.labels.all().unwrap(), 3);
        let (kept, loss) = (kept.unwrap(), loss.unwrap());
        let task = SequenceClassificationTask::new(data.clone(), loss).activations(kept, None);
        let config = TrainConfig {
            evaluation: None,
            ..config
        };
        let error = Trainer::new(&task, &config)
            .train(model(), &mut ())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("activations is kept of 4 stages"),
            "{error}"
        );
    }
}

#[test]
fn activations_of_other_data_are_refused() {
    let data = data(false);
    let model = model(&config(Family::Bert, Pooling::mean(), None), 1);
    let cache = memory(CacheDtype::F32);
    let prefix = FreezeScope::AllButLast(1);
    let kept = compute(&cache, &model, &data, prefix, &mut ())
        .unwrap()
        .unwrap();
    let other = EncodedDataset {
        texts: texts(1),
        ..data.clone()
    };
    let batch = collate(&other, &[2]).unwrap();
    let error = forward(&model, &batch, Some(&kept), None).unwrap_err();
    assert!(error.to_string().contains("row 2 has"), "{error}");
    let mut batch = collate(&data, &[2]).unwrap();
    batch.rows = vec![ROWS];
    let error = forward(&model, &batch, Some(&kept), None).unwrap_err();
    assert!(matches!(error, TrainError::Data(_)), "{error}");
}
