//! A batch of two texts of different lengths, and its answers by an ONNX runtime.

use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Int, Tensor};
use finetune_model::{Encoder, EncoderConfig, EncoderInput, Family, init_weights};
use finetune_onnx::OnnxModel;
use rten::{Model, Value};

/// Texts of five tokens and of three; 1 pads the second one.
const TOKENS: [&[u32]; 2] = [&[2, 17, 9, 30, 3], &[4, 21, 3]];
const LENGTH: usize = 5;
const PADDING: u32 = 1;

/// A small encoder of a family with odd sizes.
pub(crate) fn tiny(family: Family) -> EncoderConfig {
    let base = EncoderConfig::base(family);
    EncoderConfig {
        vocab_size: 40,
        hidden_size: 24,
        num_hidden_layers: 3,
        num_attention_heads: 3,
        intermediate_size: 20,
        max_position_embeddings: 32,
        local_attention: base.local_attention.map(|_| 2),
        embedding_size: base.embedding_size.map(|_| 12),
        num_key_value_heads: base.num_key_value_heads.map(|_| 1),
        num_hidden_groups: base.num_hidden_groups.map(|_| 2),
        ..base
    }
}

/// Sets every parameter to numbers that differ; vectors are otherwise 0 or 1 at first.
pub(crate) fn filled<M: Module>(model: M) -> M {
    struct Uneven;
    impl ModuleMapper for Uneven {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| match D {
                1 => {
                    let device = tensor.device();
                    let steps =
                        Tensor::<1, Int>::arange(0..tensor.dims()[0] as i64, &device).float();
                    let shape = tensor.dims();
                    tensor + ((steps * 2.3).sin() * 0.3).reshape(shape)
                }
                _ => tensor,
            })
        }
    }
    init_weights(model, 0.25, 7).map(&mut Uneven)
}

/// The texts for our encoder.
pub(crate) fn input(encoder: &Encoder) -> EncoderInput {
    let ids = TOKENS.concat();
    let types = vec![0; ids.len()];
    EncoderInput::new(encoder, &ids, &types, &[0, 5, 8]).unwrap()
}

/// Answers of the runtime: the values of an output, one after the other. `prefixes` begin the names of
/// the inputs of each text.
///
/// With `FINETUNE_ONNX_DIR`, the file is written there with inputs and `expected`, for
/// `tests/check_with_onnxruntime.py`.
pub(crate) fn run(
    model: &OnnxModel,
    output: &str,
    prefixes: &[&str],
    expected: &[f32],
) -> Vec<f32> {
    let bytes = model.to_bytes().unwrap();
    if let Some(directory) = std::env::var_os("FINETUNE_ONNX_DIR") {
        write_case(Path::new(&directory), &bytes, output, prefixes, expected);
    }
    let runtime = Model::load(bytes).unwrap();
    let mut inputs = Vec::new();
    for prefix in prefixes {
        for (name, values) in padded() {
            // Not all models have token types.
            if let Ok(node) = runtime.node_id(&format!("{prefix}{name}")) {
                let values = Value::from_shape([TOKENS.len(), LENGTH], values).unwrap();
                inputs.push((node, values.into()));
            }
        }
    }
    let output = runtime.node_id(output).unwrap();
    let mut answers = runtime.run(inputs, &[output], None).unwrap();
    let answer = answers.remove(0).into_tensor::<f32>().unwrap();
    answer.into_data()
}

fn padded() -> [(&'static str, Vec<i32>); 3] {
    let pad = |text: &&[u32], padding: u32| {
        let mut row: Vec<i32> = text.iter().map(|id| *id as i32).collect();
        row.resize(LENGTH, padding as i32);
        row
    };
    let ids = TOKENS.iter().flat_map(|text| pad(text, PADDING));
    let mask = TOKENS.iter().flat_map(|text| {
        let real = vec![1; text.len()];
        pad(&real.as_slice(), 0)
    });
    [
        ("input_ids", ids.collect()),
        ("attention_mask", mask.collect()),
        ("token_type_ids", vec![0; TOKENS.len() * LENGTH]),
    ]
}

fn write_case(directory: &Path, bytes: &[u8], output: &str, prefixes: &[&str], expected: &[f32]) {
    let test = std::thread::current().name().unwrap().replace("::", "-");
    let number = (0..).find(|number| !directory.join(format!("{test}-{number}.onnx")).exists());
    let path = directory.join(format!("{test}-{}.onnx", number.unwrap()));
    std::fs::write(&path, bytes).unwrap();
    let case = serde_json::json!({
        "inputs": padded().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "prefixes": prefixes,
        "shape": [TOKENS.len(), LENGTH],
        "output": output,
        "expected": expected,
    });
    std::fs::write(path.with_extension("json"), case.to_string()).unwrap();
}

/// Values of a tensor.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Checks that answers agree, relative to the largest.
pub(crate) fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    assert!(largest > 0.01, "{what}: {expected:?}");
    for (found, wanted) in found.iter().zip(expected) {
        let error = (found - wanted).abs() / largest;
        assert!(error <= tolerance, "{what}: {found} instead of {wanted}");
    }
}

/// The CPU.
pub(crate) fn device() -> Device {
    Device::flex()
}
