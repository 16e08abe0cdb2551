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
