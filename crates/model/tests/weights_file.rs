//! Weights as a test changes them.

use std::collections::BTreeMap;
use std::path::Path;

use finetune_golden::Golden;
use safetensors::tensor::{Dtype, TensorView};

/// Shape and elements of each tensor of a file.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

pub(crate) fn read(path: &Path) -> Tensors {
    let golden = Golden::read(path);
    let named = golden.names().into_iter().map(|name| {
        let (values, shape) = golden.floats(&name);
        (name, (shape, values))
    });
    named.collect()
}

pub(crate) fn write(path: &Path, tensors: &Tensors) {
    let bytes = tensors.iter().map(|(name, (shape, values))| {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        (name, shape, bytes.collect::<Vec<u8>>())
    });
    let bytes: Vec<_> = bytes.collect();
    let views = bytes.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes);
        (name, view.unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}
