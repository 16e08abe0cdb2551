//! Poolings, heads and models other than the family's classifier.

use finetune_model::{
    ClassifierInput, CosineSimilarityHeadConfig, DenseActivation, DenseConfig,
    EmbeddingModelConfig, Family, HeadConfig, LayerSelection, MlpConfig, PairFeatures, Pooling,
    ProblemType, ScoreRange, SequenceClassifierConfig, TokenClassifierConfig, TokenPooling,
};
use finetune_onnx::{
    OnnxPrecision, export_classifier, export_embedding_model, export_token_classifier,
};

use crate::runtime::{assert_close, device, filled, input, run, tiny, values};

const PRECISION: OnnxPrecision = OnnxPrecision::F32;

fn names() -> Vec<String> {
    ["a", "b", "c"].map(String::from).to_vec()
}

fn compare(config: &SequenceClassifierConfig, what: &str) {
    let model = filled(config.init(&device()).unwrap());
    let text = input(&model.encoder);
    let (texts, prefixes) = match model.num_texts() {
        1 => (ClassifierInput::Single(&text), &[""][..]),
        _ => (ClassifierInput::Pair(&text, &text), &["", "second_"][..]),
    };
    let expected = values(model.forward(texts, None).unwrap());
    let onnx = export_classifier(&model, PRECISION).unwrap();
    let found = run(&onnx, "logits", prefixes, &expected);
    assert_close(&found, &expected, 1e-4, what);
}

#[test]
fn every_pooling() {
    let layers = [
        LayerSelection::Last,
        LayerSelection::Single(1),
        LayerSelection::ConcatLast(2),
        LayerSelection::MeanLast(3),
    ];
    for layers in layers {
        for tokens in [
            TokenPooling::Cls,
            TokenPooling::Mean,
            TokenPooling::Max,
            TokenPooling::MeanSqrtLen,
            TokenPooling::WeightedMean,
            TokenPooling::LastToken,
        ] {
            let config = SequenceClassifierConfig {
                pooling: Pooling { layers, tokens },
                head: HeadConfig::Mlp(MlpConfig::default()),
                ..SequenceClassifierConfig::new(tiny(Family::Bert), names())
            };
            compare(&config, &format!("{layers:?} {tokens:?}"));
        }
    }
}

#[test]
fn heads_of_one_text() {
    let range = Some(ScoreRange {
        min: -1.0,
        max: 5.0,
    });
    let heads = [
        MlpConfig {
            hidden_sizes: vec![7, 5],
            activation: finetune_model::Activation::Silu,
            ..MlpConfig::default()
        },
        MlpConfig {
            hidden_sizes: vec![7],
            late_pooling: true,
            ..MlpConfig::default()
        },
    ];
    for head in heads {
        let config = SequenceClassifierConfig {
            head: HeadConfig::Mlp(head.clone()),
            ..SequenceClassifierConfig::new(tiny(Family::Bert), names())
        };
        compare(&config, &format!("{head:?}"));
        let score = SequenceClassifierConfig {
            head: HeadConfig::Mlp(MlpConfig { range, ..head }),
            problem_type: ProblemType::Regression,
            class_names: vec!["score".to_string()],
            ..config
        };
        compare(&score, "a score in a range");
    }
}

#[test]
fn heads_of_two_texts() {
    let pairs = [
        PairFeatures::Concat,
        PairFeatures::DiffProduct,
        PairFeatures::ConcatDiff,
    ];
    let features = pairs.map(|pair| {
        HeadConfig::Mlp(MlpConfig {
            pair_features: Some(pair),
            ..MlpConfig::default()
        })
    });
    for head in features {
        let what = format!("{head:?}");
        let config = SequenceClassifierConfig {
            pooling: Pooling::mean(),
            head,
            ..SequenceClassifierConfig::new(tiny(Family::ModernBert), names())
        };
        compare(&config, &what);
    }
    for projection in [None, Some(6)] {
        let cosine = CosineSimilarityHeadConfig {
            projection,
            range: Some(ScoreRange { min: 0.0, max: 5.0 }),
            ..CosineSimilarityHeadConfig::default()
        };
        let config = SequenceClassifierConfig {
            encoder: tiny(Family::Bert),
            pooling: Pooling::mean(),
            head: HeadConfig::Cosine(cosine),
            problem_type: ProblemType::Regression,
            class_names: vec!["similarity".to_string()],
        };
        compare(&config, "a cosine");
    }
}

#[test]
fn token_classifiers() {
    for family in [Family::Bert, Family::ModernBert, Family::DebertaV2] {
        let config = TokenClassifierConfig::new(tiny(family), names());
        let model = filled(config.init(&device()).unwrap());
        let expected = values(model.forward(&input(&model.encoder), None, None));
        let onnx = export_token_classifier(&model, PRECISION).unwrap();
        // The last two tokens of the second text are padding.
        let mut padded = expected.clone();
        padded.extend([0.0; 6]);
        let found = run(&onnx, "logits", &[""], &padded);
        assert_close(
            &found[..expected.len()],
            &expected,
            1e-4,
            family.model_type(),
        );
    }
}

#[test]
fn embedding_models() {
    let dense = |activation| {
        Some(DenseConfig {
            activation,
            ..DenseConfig::new(9)
        })
    };
    for (pooling, dense, normalize) in [
        (TokenPooling::Mean, None, true),
        (TokenPooling::Cls, dense(DenseActivation::Tanh), false),
        (TokenPooling::Max, dense(DenseActivation::Identity), true),
        (TokenPooling::Mean, dense(DenseActivation::Relu), true),
        (TokenPooling::Mean, dense(DenseActivation::Gelu), false),
        (TokenPooling::Mean, dense(DenseActivation::Sigmoid), false),
    ] {
        let config = EmbeddingModelConfig {
            pooling,
            dense,
            normalize,
            ..EmbeddingModelConfig::new(tiny(Family::MpNet))
        };
        let model = filled(config.init(&device()).unwrap());
        let text = input(&model.encoder);
        let expected = values(model.embed(&text, None));
        let onnx = export_embedding_model(&model, PRECISION).unwrap();
        let found = run(&onnx, "sentence_embedding", &[""], &expected);
        assert_close(&found, &expected, 1e-4, "embeddings");
        let tokens = values(model.encoder.forward(&text, None));
        let mut padded = tokens.clone();
        padded.extend([0.0; 48]);
        let found = run(&onnx, "token_embeddings", &[""], &padded);
        assert_close(&found[..tokens.len()], &tokens, 1e-4, "token embeddings");
    }
}
