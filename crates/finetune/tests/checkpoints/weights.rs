//! Weights of a case: values from the names of the tensors, in any of the forms of a file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use super::Case;

/// Shape and elements of a tensor in a file.
type Stored = (Vec<usize>, Vec<u8>);

/// Prefixes of the families' encoders.
const FAMILIES: [&str; 5] = ["bert.", "distilbert.", "roberta.", "electra.", "model."];

/// Writes the weights of a case.
pub(super) fn write(directory: &Path, case: &Case) {
    let named = case.tensors.iter().map(|(name, shape)| {
        let elements = elements(&case.dtype, &values(name, shape.iter().product()));
        (name_in_file(case, name), (shape.clone(), elements))
    });
    let more = case.more.iter().map(|name| {
        let elements = elements(&case.dtype, &[0.0, 1.0]);
        (name.clone(), (vec![2], elements))
    });
    let tensors: BTreeMap<String, Stored> = named.chain(more).collect();
    let dtype = &case.dtype;
    match case.layout.as_str() {
        "single" => safetensors_file(&directory.join("model.safetensors"), dtype, &tensors),
        "shards" => shards(directory, "", dtype, tensors),
        "subdirectory" => shards(directory, "parts/", dtype, tensors),
        "pickle" => {
            let path = directory.join("pytorch_model.bin");
            fs::write(path, pytorch_file(dtype, &tensors)).unwrap();
        }
        other => panic!("layout {other}"),
    }
}

fn name_in_file(case: &Case, name: &str) -> String {
    let mut name = name.to_string();
    if case.bare
        && let Some(bare) = FAMILIES.iter().find_map(|prefix| name.strip_prefix(prefix))
    {
        name = bare.to_string();
    }
    if case.old_norms {
        for norm in ["LayerNorm", "layer_norm"] {
            for (now, before) in [(".weight", ".gamma"), (".bias", ".beta")] {
                if let Some(stem) = name.strip_suffix(now)
                    && stem.ends_with(norm)
                {
                    name = format!("{stem}{before}");
                }
            }
        }
    }
    format!("{}{name}", case.prefix)
}

/// The numbers of a tensor, as `value` of `generate.py`.
fn values(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(2_166_136_261_u32, |seed, byte| {
        (seed ^ u32::from(byte)).wrapping_mul(16_777_619)
    });
    let is_norm = name.to_lowercase().contains("norm") && name.ends_with("weight");
    let value = |place: usize| {
        let mut x = seed.wrapping_add((place as u32).wrapping_mul(2_654_435_761));
        x = (x ^ (x >> 15)).wrapping_mul(2_246_822_519);
        x ^= x >> 13;
        let x = (f64::from(x) / 2f64.powi(32) - 0.5) * 0.8;
        if is_norm {
            (1.0 + x / 2.0) as f32
        } else {
            x as f32
        }
    };
    (0..count).map(value).collect()
}

fn elements(dtype: &str, values: &[f32]) -> Vec<u8> {
    let bytes = |value: &f32| match dtype {
        "F64" => f64::from(*value).to_le_bytes().to_vec(),
        "F32" => value.to_le_bytes().to_vec(),
        "F16" => f16::from_f32(*value).to_le_bytes().to_vec(),
        _ => bf16::from_f32(*value).to_le_bytes().to_vec(),
    };
    values.iter().flat_map(bytes).collect()
}

fn safetensors_file(path: &Path, dtype: &str, tensors: &BTreeMap<String, Stored>) {
    let dtype = match dtype {
        "F64" => Dtype::F64,
        "F32" => Dtype::F32,
        "F16" => Dtype::F16,
        _ => Dtype::BF16,
    };
    let views = tensors.iter().map(|(name, (shape, elements))| {
        (
            name,
            TensorView::new(dtype, shape.clone(), elements).unwrap(),
        )
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// Writes two shards, each with every other tensor, and their index.
fn shards(directory: &Path, below: &str, dtype: &str, tensors: BTreeMap<String, Stored>) {
    fs::create_dir_all(directory.join(below)).unwrap();
    let (mut parts, mut index) = ([BTreeMap::new(), BTreeMap::new()], BTreeMap::new());
    for (place, (name, tensor)) in tensors.into_iter().enumerate() {
        index.insert(name.clone(), format!("{below}{}.safetensors", place % 2));
        parts[place % 2].insert(name, tensor);
    }
    for (number, part) in parts.iter().enumerate() {
        let path = directory.join(format!("{below}{number}.safetensors"));
        safetensors_file(&path, dtype, part);
    }
    let index = json!({ "metadata": {}, "weight_map": index }).to_string();
    fs::write(directory.join("model.safetensors.index.json"), index).unwrap();
}

/// Returns a state dict as `torch.save` writes it, with a storage for each tensor.
fn pytorch_file(dtype: &str, tensors: &BTreeMap<String, Stored>) -> Vec<u8> {
    let (storage, size) = match dtype {
        "F64" => ("DoubleStorage", 8),
        "F32" => ("FloatStorage", 4),
        "F16" => ("HalfStorage", 2),
        _ => ("BFloat16Storage", 2),
    };
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut file = |name: String, content: &[u8]| {
        archive
            .start_file(format!("archive/{name}"), stored)
            .unwrap();
        archive.write_all(content).unwrap();
    };
    let mut pickle = b"\x80\x02}(".to_vec();
    for (key, (name, (shape, elements))) in tensors.iter().enumerate() {
        let steps = (0..shape.len()).map(|at| shape[at + 1..].iter().product());
        pickle.extend(text(name));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        pickle.extend(text("storage"));
        pickle.extend(format!("ctorch\n{storage}\n").bytes());
        pickle.extend(text(&key.to_string()));
        pickle.extend(text("cpu"));
        pickle.extend(number(elements.len() / size));
        pickle.extend(b"tQK\x00");
        pickle.extend(tuple(shape.iter().copied()));
        pickle.extend(tuple(steps));
        pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        file(format!("data/{key}"), elements);
    }
    pickle.extend(b"u.");
    file("data.pkl".to_string(), &pickle);
    file("version".to_string(), b"3\n");
    archive.finish().unwrap().into_inner()
}

fn text(text: &str) -> Vec<u8> {
    let length = text.len() as u32;
    [b"X", &length.to_le_bytes()[..], text.as_bytes()].concat()
}

fn number(number: usize) -> Vec<u8> {
    [b"J", &(number as i32).to_le_bytes()[..]].concat()
}

fn tuple(numbers: impl Iterator<Item = usize>) -> Vec<u8> {
    let numbers: Vec<u8> = numbers.flat_map(number).collect();
    [b"(", &numbers[..], b"t"].concat()
}
