//! Parameters that are blocks of rows of one stored tensor, such as query, key and value in a fused
//! projection.

use std::collections::BTreeMap;

use burn::tensor::TensorData;

/// Rows of a stored tensor that a parameter is: block `index` of `count` equal ones. In files the
/// rows of a linear layer's weight are its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowBlock {
    /// Number of the block, from 0.
    pub index: usize,
    /// Number of blocks, at least 1.
    pub count: usize,
}

impl RowBlock {
    /// All rows.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Returns whether the parameter is the whole tensor.
    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }

    /// Returns the shape of the block, from that of the tensor.
    pub(super) fn shape(self, mut tensor: Vec<usize>) -> Vec<usize> {
        if let Some(rows) = tensor.first_mut() {
            *rows /= self.count;
        }
        tensor
    }

    /// Returns the shape of the tensor, from that of the block.
    pub(super) fn shape_of_tensor(self, mut block: Vec<usize>) -> Vec<usize> {
        if let Some(rows) = block.first_mut() {
            *rows = rows.saturating_mul(self.count);
        }
        block
    }

    /// Returns the values of the block, from those of the tensor.
    pub(super) fn of_values(self, mut values: Vec<f32>) -> Vec<f32> {
        let length = values.len() / self.count;
        values.truncate((self.index + 1) * length);
        values.split_off(self.index * length)
    }

    /// Returns the block of 32-bit floats.
    pub(super) fn of_data(self, data: &TensorData) -> TensorData {
        if self.is_whole() {
            return data.clone();
        }
        let shape = self.shape(data.shape().as_slice().to_vec());
        TensorData::new(self.of_values(data.iter().collect()), shape)
    }
}

/// Tensors of a file, joined from their blocks in any order.
#[derive(Default)]
pub(super) struct JoinedTensors {
    /// Names in the order of their first block.
    names: Vec<String>,
    blocks: BTreeMap<String, BTreeMap<usize, TensorData>>,
}

impl JoinedTensors {
    /// Adds a block of a tensor.
    pub(super) fn add(&mut self, name: String, block: RowBlock, data: TensorData) {
        if !self.blocks.contains_key(&name) {
            self.names.push(name.clone());
        }
        let blocks = self.blocks.entry(name).or_default();
        blocks.insert(block.index, data);
    }

    /// Returns the tensors by name.
    pub(super) fn tensors(mut self) -> Vec<(String, TensorData)> {
        let names = self.names.into_iter();
        let tensors = names.map(|name| {
            let blocks = self.blocks.remove(&name).unwrap_or_default();
            (name, joined(blocks.into_values().collect()))
        });
        tensors.collect()
    }
}

/// Joins blocks of 32-bit floats row by row.
fn joined(mut blocks: Vec<TensorData>) -> TensorData {
    if blocks.len() == 1 {
        return blocks.remove(0);
    }
    let mut shape = blocks[0].shape().as_slice().to_vec();
    shape[0] = blocks.iter().map(|block| block.shape()[0]).sum();
    let values: Vec<f32> = blocks.iter().flat_map(|block| block.iter()).collect();
    TensorData::new(values, shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_joined_in_order_and_taken_apart() {
        let block = |index, rows: &[f32]| {
            let data = TensorData::new(rows.to_vec(), [rows.len() / 2, 2]);
            (RowBlock { index, count: 3 }, data)
        };
        let mut tensors = JoinedTensors::default();
        for (place, data) in [
            block(2, &[5., 6.]),
            block(0, &[1., 2.]),
            block(1, &[3., 4.]),
        ] {
            tensors.add("fused".to_string(), place, data);
        }
        let whole = TensorData::new(vec![7.0f32], [1]);
        tensors.add("whole".to_string(), RowBlock::WHOLE, whole.clone());
        let tensors = tensors.tensors();
        let fused = TensorData::new(vec![1.0f32, 2., 3., 4., 5., 6.], [3, 2]);
        let expected = [("fused".to_string(), fused), ("whole".to_string(), whole)];
        assert_eq!(tensors, expected);

        let values: Vec<f32> = tensors[0].1.iter().collect();
        let key = RowBlock { index: 1, count: 3 };
        assert_eq!(key.shape_of_tensor(vec![1, 2]), [3, 2]);
        assert_eq!(key.of_values(values.clone()), [3., 4.]);
        assert_eq!(RowBlock::WHOLE.of_values(values.clone()), values);
    }
}
