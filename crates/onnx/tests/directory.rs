//! Export of what a run has saved.

use std::fs;
use std::path::{Path, PathBuf};

use finetune_data::Dataset;
use finetune_onnx::{ONNX_FILE, OnnxPrecision, export_directory};
use finetune_predict::{Predictor, load_tokenizer};
use rten::{Model, Value};

use crate::runtime::device;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The class of each text by an exported file, a text at a time.
fn classes(file: &Path, texts: &[Vec<i32>]) -> Vec<usize> {
    let runtime = Model::load(fs::read(file).unwrap()).unwrap();
    let output = runtime.node_id("logits").unwrap();
    let class = |ids: &Vec<i32>| {
        let value = |values| Value::from_shape([1, ids.len()], values).unwrap().into();
        let inputs = vec![
            (runtime.node_id("input_ids").unwrap(), value(ids.clone())),
            (
                runtime.node_id("attention_mask").unwrap(),
                value(vec![1; ids.len()]),
            ),
            (
                runtime.node_id("token_type_ids").unwrap(),
                value(vec![0; ids.len()]),
            ),
        ];
        let mut answers = runtime.run(inputs, &[output], None).unwrap();
        let logits = answers.remove(0).into_tensor::<f32>().unwrap().into_data();
        finetune_eval::first_largest(&logits)
    };
    texts.iter().map(class).collect()
}

#[test]
fn a_trained_model_answers_alike_beside_its_tokenizer() {
    let source = repository().join("examples/message_topics");
    let data = repository().join("datasets/customer_messages/sample/test.csv");
    let rows = Dataset::files(data)
        .text("message")
        .label("topic")
        .load()
        .unwrap()
        .train;
    let rows: Vec<&str> = rows
        .examples
        .iter()
        .map(|row| row.text.as_str())
        .take(40)
        .collect();
    let predictor = Predictor::load(&source, &device()).unwrap();
    let expected = predictor.predict(&rows).unwrap();
    let encoded = load_tokenizer(&source)
        .unwrap()
        .encode(&rows, predictor.encoding())
        .unwrap();
    let ids = |row| {
        encoded
            .row(row)
            .unwrap()
            .token_ids
            .iter()
            .map(|id| *id as i32)
            .collect()
    };
    let texts: Vec<Vec<i32>> = (0..rows.len()).map(ids).collect();

    let target = tempfile::tempdir().unwrap();
    let mut sizes = Vec::new();
    for precision in OnnxPrecision::ALL {
        let target = target.path().join(precision.to_string());
        export_directory(&source, &target, precision, &device()).unwrap();
        let file = target.join(ONNX_FILE);
        sizes.push(fs::metadata(&file).unwrap().len());
        for name in ["config.json", "tokenizer.json"] {
            assert_eq!(
                fs::read(target.join(name)).unwrap(),
                fs::read(source.join(name)).unwrap()
            );
        }
        assert!(!target.join("model.safetensors").exists());

        let found = classes(&file, &texts).into_iter().zip(&expected);
        let same = found.filter(|(class, expected)| {
            expected.label() == Some(predictor.class_names()[*class].as_str())
        });
        let (same, at_least) = (
            same.count(),
            match precision {
                OnnxPrecision::Int8 => 38,
                _ => 40,
            },
        );
        assert!(same >= at_least, "{same} of 40 in {precision}");
    }
    let [f32, f16, int8] = sizes[..] else {
        unreachable!()
    };
    assert!(f16 < f32 * 6 / 10 && int8 < f16, "{sizes:?}");
}
