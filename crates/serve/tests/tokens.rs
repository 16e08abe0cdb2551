//! A token classifier: entities and words in the answer.

use burn::tensor::Device;
use finetune_data::TextTokenizer;
use finetune_model::{CheckpointConfig, load_token_classifier, save_token_classifier};
use finetune_predict::{TokenPrediction, TokenPredictor, TokenPredictorConfig};
use finetune_serve::{ServeConfig, ServedModel, ServedTask};
use serde_json::json;

use crate::server::{bundled_folder, start};

#[test]
fn words_and_entities_are_those_of_the_predictor() {
    let (folder, device) = (tempfile::tempdir().unwrap(), Device::flex());
    let checkpoint = CheckpointConfig::read(&bundled_folder()).unwrap();
    let names = ["B-X", "I-X", "O"].map(String::from);
    let config = checkpoint.token_classifier(&names);
    let (model, _) = load_token_classifier(&bundled_folder(), &config, 7, &device).unwrap();
    save_token_classifier(folder.path(), &model, &checkpoint).unwrap();
    let tokenizer = TextTokenizer::from_pretrained(&bundled_folder()).unwrap();
    tokenizer.save(folder.path()).unwrap();

    let model = ServedModel::load("tags", folder.path(), &device).unwrap();
    assert_eq!(model.profile().task, ServedTask::TokenClassification);
    assert_eq!(model.profile().labels, names);
    let predictor = TokenPredictor::load(folder.path(), TokenPredictorConfig::default(), &device);
    let texts = ["Where is my parcel?", "Ünïcode, too"];
    let expected = predictor.unwrap().predict(&texts).unwrap();

    let server = start(vec![model], ServeConfig::default());
    let answer = server.classify("tags", &json!(texts)).json();
    let found: Vec<TokenPrediction> =
        serde_json::from_value(answer["predictions"].clone()).unwrap();
    assert_eq!(found, expected);
    assert_eq!(found[0].words.len(), 5);
    let pair = json!({"text": "a", "text_pair": "b"});
    let refused = server.classify("tags", &pair).json();
    assert_eq!(refused["error"]["code"], "wrong_input_kind");
}
