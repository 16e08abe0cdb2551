//! A model with a head that the server does not know.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use finetune_data::TextTokenizer;
use finetune_model::{
    CheckpointConfig, CustomHead, Head, HeadInput, HeadSize, SequenceClassifierConfig,
    load_classifier_with, save_classifier,
};
use finetune_ops::Precision;
use finetune_predict::{Predictor, PredictorConfig};
use finetune_serve::{ServeConfig, ServedModel};
use serde_json::json;

use crate::server::{bundled_folder, start};

/// Pools the tokens by attention.
#[derive(Module, Debug)]
struct AttentionHead {
    score: Linear,
    output: Linear,
}

impl AttentionHead {
    fn new(size: HeadSize, device: &Device) -> Self {
        let linear = |to| LinearConfig::new(size.hidden_size, to).init(device);
        Self {
            score: linear(1),
            output: linear(size.num_labels),
        }
    }
}

impl Head for AttentionHead {
    fn forward(&self, input: HeadInput) -> Tensor<2> {
        let hidden = input.hidden_states();
        let scores = self.score.forward(hidden.rows());
        self.output.forward(hidden.weighted_mean(scores))
    }
}

#[test]
fn an_own_head_answers_as_its_predictor_does() {
    let (folder, device) = (tempfile::tempdir().unwrap(), Device::flex());
    let checkpoint = CheckpointConfig::read(&bundled_folder()).unwrap();
    let custom = CustomHead::new(AttentionHead::new);
    let config = SequenceClassifierConfig {
        head: custom.config(),
        ..checkpoint.classifier(&["no", "yes"].map(String::from))
    };
    let loaded = load_classifier_with(&bundled_folder(), &config, Some(&custom), 7, &device);
    save_classifier(folder.path(), &loaded.unwrap().0, &checkpoint).unwrap();
    let tokenizer = TextTokenizer::from_pretrained(&bundled_folder()).unwrap();
    tokenizer.save(folder.path()).unwrap();

    let predictor = Predictor::load_custom(
        folder.path(),
        PredictorConfig::default(),
        Some(&custom),
        &device,
    );
    let text = "Where is my parcel?";
    let expected = predictor.unwrap().predict(&[text]).unwrap();
    let model =
        ServedModel::load_custom("own", folder.path(), &device, Precision::F32, Some(&custom))
            .unwrap();
    let server = start(vec![model], ServeConfig::default());
    let answer = server.classify("own", &json!(text)).json();
    let found = &answer["predictions"][0];
    assert_eq!(found["label"].as_str(), expected[0].label());
    let probability = expected[0].probabilities()[0].probability;
    assert_eq!(found["probability"].as_f64(), Some(probability));

    let unknown = ServedModel::load("own", folder.path(), &device).unwrap_err();
    let source = std::error::Error::source(&unknown).unwrap().to_string();
    assert!(source.contains("AttentionHead"), "{source}");
}
