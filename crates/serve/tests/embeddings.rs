//! An embedding model, asked for vectors.

use burn::tensor::Device;
use finetune_data::TextTokenizer;
use finetune_model::{
    EmbeddingCheckpoint, EmbeddingModelConfig, load_embedding_model_with, save_embedding_model,
};
use finetune_predict::Embedder;
use finetune_serve::{EmbedResponse, ServeConfig, ServedModel};
use serde_json::json;

use crate::server::{bundled, bundled_folder, start};

#[test]
fn vectors_are_those_of_the_embedder() {
    let (folder, device) = (tempfile::tempdir().unwrap(), Device::flex());
    // The encoder of the bundled classifier.
    let checkpoint = EmbeddingCheckpoint::read(&bundled_folder()).unwrap();
    let config = EmbeddingModelConfig {
        normalize: true,
        ..checkpoint.model.clone()
    };
    let (model, _) = load_embedding_model_with(&checkpoint, &config, 0, &device).unwrap();
    save_embedding_model(folder.path(), &model, &checkpoint).unwrap();
    let tokenizer = TextTokenizer::from_pretrained(&bundled_folder()).unwrap();
    tokenizer.save(folder.path()).unwrap();
    let texts = ["Where is my parcel?", "Refund me"];
    let expected = Embedder::load(folder.path(), &device)
        .unwrap()
        .embed(&texts)
        .unwrap();

    let served = ServedModel::load("vectors", folder.path(), &device).unwrap();
    let server = start(vec![served, bundled()], ServeConfig::default());
    let path = "/v1/models/vectors/embed";
    let reply = server.post(path, json!({ "inputs": texts }).to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.body);
    let found: EmbedResponse = serde_json::from_value(reply.json()).unwrap();
    assert_eq!(found.model, "vectors");
    let rows: Vec<&[f32]> = found.embeddings.iter().map(Vec::as_slice).collect();
    assert_eq!(rows, expected.rows().collect::<Vec<_>>());
    assert_eq!(server.get("/v1/models/vectors").json()["task"], "embedding");

    // Neither kind of model answers for the other.
    for (path, part) in [
        ("/v1/models/topics/embed", "/classify"),
        ("/v1/models/vectors/classify", "/embed"),
    ] {
        let reply = server.post(path, json!({ "inputs": texts }).to_string().as_bytes());
        assert_eq!(reply.status, 422, "{}", reply.body);
        assert!(reply.body.contains(part), "{}", reply.body);
    }
    let pair = json!({ "inputs": { "text": "a", "text_pair": "b" } }).to_string();
    let reply = server.post(path, pair.as_bytes());
    assert_eq!(reply.json()["error"]["code"], "wrong_input_kind");
}
