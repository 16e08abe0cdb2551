//! A checkpoint with a head of its own, loaded for that head and for others.

use std::path::Path;

use burn::tensor::Device;
use finetune_model::{
    Activation, CheckpointConfig, EncoderConfig, HeadConfig, LoadReport, MlpConfig, ModelError,
    PairFeatures, Pooling, ProblemType, ScoreRange, SequenceClassifier, SequenceClassifierConfig,
    init_weights, load_classifier_with, load_encoder_with_new_head, save_classifier,
};

/// A head on pairs with one hidden layer.
fn mlp() -> MlpConfig {
    MlpConfig {
        pair_features: Some(PairFeatures::Concat),
        hidden_sizes: vec![6],
        activation: Activation::Relu,
        dropout: 0.1,
        ..Default::default()
    }
}

fn config(pooling: Pooling, head: MlpConfig) -> SequenceClassifierConfig {
    SequenceClassifierConfig {
        encoder: EncoderConfig {
            vocab_size: 10,
            hidden_size: 8,
            num_attention_heads: 2,
            num_hidden_layers: 1,
            intermediate_size: 4,
            max_position_embeddings: 6,
            ..Default::default()
        },
        pooling,
        head: HeadConfig::Mlp(head),
        problem_type: ProblemType::Regression,
        class_names: vec!["similarity".to_string()],
    }
}

/// Saves a model with mean pooling and the head above.
fn saved() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = config(Pooling::mean(), mlp());
    let model = init_weights(config.init(&Device::flex()).unwrap(), 0.5, 1);
    let checkpoint = CheckpointConfig::new(config.encoder);
    save_classifier(folder.path(), &model, &checkpoint).unwrap();
    folder
}

fn load(
    folder: &Path,
    config: &SequenceClassifierConfig,
) -> Result<(SequenceClassifier, LoadReport), ModelError> {
    load_classifier_with(folder, config, None, 2, &Device::flex())
}

#[test]
fn the_same_head_is_taken_whatever_its_dropout() {
    let folder = saved();
    let dropped = MlpConfig {
        dropout: 0.4,
        input_dropout: 0.3,
        ..mlp()
    };
    for head in [mlp(), dropped] {
        let (_, report) = load(folder.path(), &config(Pooling::mean(), head)).unwrap();
        assert!(report.newly_initialized.is_empty(), "{report}");
        assert!(report.unexpected.is_empty(), "{report}");
    }
}

/// Of the same shapes or not: the weights of another head are nothing to begin with.
#[test]
fn another_head_is_made_anew() {
    let folder = saved();
    let head = mlp;
    let other_pair = MlpConfig {
        pair_features: Some(PairFeatures::DiffProduct),
        ..head()
    };
    let other_activation = MlpConfig {
        activation: Activation::Tanh,
        ..head()
    };
    let other_widths = MlpConfig {
        hidden_sizes: vec![7],
        ..head()
    };
    let other_range = MlpConfig {
        range: Some(ScoreRange { min: 0.0, max: 5.0 }),
        ..head()
    };
    for config in [
        config(Pooling::cls(), head()),
        config(Pooling::mean(), other_pair),
        config(Pooling::mean(), other_activation),
        config(Pooling::mean(), other_widths),
        config(Pooling::mean(), other_range),
    ] {
        let (_, report) = load(folder.path(), &config).unwrap();
        let new = [
            "head.hidden.0.weight",
            "head.hidden.0.bias",
            "head.output.weight",
            "head.output.bias",
        ];
        assert_eq!(report.newly_initialized, new, "{config:?}");
        assert_eq!(report.unexpected.len(), 4, "{config:?}");
    }
}

/// The head of the same task is not taken over if a new one is asked for; the encoder is.
#[test]
fn a_new_head_is_new_even_for_the_same_task() {
    let folder = saved();
    let config = config(Pooling::mean(), mlp());
    let device = Device::flex();
    let (old, _) = load(folder.path(), &config).unwrap();
    let (new, report) =
        load_encoder_with_new_head(folder.path(), &config, None, 2, &device).unwrap();
    assert!(
        report
            .newly_initialized
            .iter()
            .all(|name| name.starts_with("head."))
    );
    assert_eq!(report.newly_initialized.len(), 4);
    let words = |model: &SequenceClassifier| {
        let table = model.encoder.embeddings.word_embeddings.weight.val();
        table.into_data().iter::<f32>().collect::<Vec<_>>()
    };
    assert_eq!(words(&old), words(&new));
}

/// Other scores of the same head: its last layer alone is new.
#[test]
fn a_head_for_other_classes_keeps_what_is_below_them() {
    let folder = saved();
    let other = SequenceClassifierConfig {
        class_names: vec!["relatedness".to_string()],
        ..config(Pooling::mean(), mlp())
    };
    let (_, report) = load(folder.path(), &other).unwrap();
    assert_eq!(
        report.newly_initialized,
        ["head.output.weight", "head.output.bias"]
    );
}

/// A score in bins: one name, an output per bin, and the bins are part of the head.
#[test]
fn a_head_with_bins_is_saved_and_loaded_with_its_range() {
    let head = |score_bins| MlpConfig {
        range: Some(ScoreRange { min: 0.0, max: 5.0 }),
        score_bins,
        ..mlp()
    };
    let of_bins = config(Pooling::mean(), head(Some(25)));
    let folder = tempfile::tempdir().unwrap();
    let model = init_weights(of_bins.init(&Device::flex()).unwrap(), 0.5, 1);
    assert_eq!(model.num_labels(), 25);
    model.check_head().unwrap();
    let checkpoint = CheckpointConfig::new(of_bins.encoder.clone());
    save_classifier(folder.path(), &model, &checkpoint).unwrap();
    let read = CheckpointConfig::read(folder.path()).unwrap();
    let again = read.classifier(&["similarity".to_string()]);
    assert_eq!((&again.head, again.num_outputs()), (&of_bins.head, 25));
    assert_eq!(again.head.score_bins().unwrap().unwrap().count(), 25);
    let (_, report) = load(folder.path(), &again).unwrap();
    assert!(report.newly_initialized.is_empty(), "{report}");
    // Other bins are another head.
    for score_bins in [None, Some(10)] {
        let other = config(Pooling::mean(), head(score_bins));
        let (_, report) = load(folder.path(), &other).unwrap();
        assert_eq!(report.newly_initialized.len(), 4, "{report}");
    }
}

#[test]
fn bins_without_a_range_or_for_classes_are_refused() {
    let message = |config: SequenceClassifierConfig| {
        let error = config.init(&Device::flex()).unwrap_err();
        error.to_string()
    };
    let bins = |range| MlpConfig {
        range,
        score_bins: Some(1),
        ..mlp()
    };
    let stars = Some(ScoreRange { min: 0.0, max: 5.0 });
    let of_bins = |head| message(config(Pooling::mean(), head));
    assert!(of_bins(bins(None)).contains("head.score_bins is 1 without a range"));
    assert!(of_bins(bins(stars)).contains("head.score_bins is 1, expected at least 2"));
    let classes = SequenceClassifierConfig {
        problem_type: ProblemType::SingleLabelClassification,
        class_names: vec!["no".to_string(), "yes".to_string()],
        ..config(
            Pooling::mean(),
            MlpConfig {
                score_bins: Some(2),
                ..bins(stars)
            },
        )
    };
    let found = message(classes);
    assert!(
        found.contains("head.score_bins is 2 for 2 names"),
        "{found}"
    );
}
