//! A small random classifier of every newer family behind HTTP.

use burn::tensor::Device;
use finetune_data::TextTokenizer;
use finetune_model::{
    CheckpointConfig, EncoderConfig, Family, SequenceClassifierConfig, init_weights,
    save_classifier,
};
use finetune_predict::Predictor;
use finetune_serve::{ServeConfig, ServedModel};
use serde_json::json;

use crate::server::{bundled_folder, start};

#[test]
fn every_family_answers_as_its_predictor_does() {
    let device = Device::flex();
    let tokenizer = TextTokenizer::from_pretrained(&bundled_folder()).unwrap();
    let texts = ["Flooding on Main Street", "we need water"];
    let (mut served, mut expected) = (Vec::new(), Vec::new());
    let folder = tempfile::tempdir().unwrap();
    for family in [
        Family::ModernBert,
        Family::DebertaV2,
        Family::MpNet,
        Family::Albert,
        Family::NomicBert,
        Family::Gte,
        Family::EuroBert,
    ] {
        let encoder = EncoderConfig {
            vocab_size: tokenizer.vocab_size(),
            embedding_size: (family == Family::Albert).then_some(6),
            hidden_size: 16,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 20,
            max_position_embeddings: 64,
            ..EncoderConfig::base(family)
        };
        let names = ["no", "yes"].map(String::from);
        let config = SequenceClassifierConfig::new(encoder.clone(), names.into());
        let model = init_weights(config.init(&device).unwrap(), 0.5, 3);
        let path = folder.path().join(family.model_type());
        save_classifier(&path, &model, &CheckpointConfig::new(encoder)).unwrap();
        tokenizer.save(&path).unwrap();
        let name = family.model_type();
        let predictor = Predictor::load(&path, &device).unwrap();
        let predictions = predictor.predict(&texts).unwrap();
        expected.push((name, predictions));
        served.push(ServedModel::load(name, &path, &device).unwrap());
    }
    let server = start(served, ServeConfig::default());
    for (name, predictions) in expected {
        let reply = server.classify(name, &json!(texts));
        assert_eq!(reply.status, 200, "{name}: {}", reply.body);
        let answer = reply.json();
        for (at, prediction) in predictions.iter().enumerate() {
            let found = &answer["predictions"][at];
            assert_eq!(found["label"].as_str(), prediction.label(), "{name}");
            let probability = prediction.probabilities()[0].probability;
            assert_eq!(found["probability"].as_f64(), Some(probability), "{name}");
        }
    }
}
