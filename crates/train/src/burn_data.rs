//! Our data sets in burn's own data loaders, for those who train with a loop of their own.
//!
//! burn's loader shuffles and batches by itself: our samplers, and with them batches of rows of
//! like length, have no part in it. Mirrors what
//! [burn's text classification example](https://github.com/tracel-ai/burn/tree/v0.22.1/examples/text-classification)
//! builds by hand.

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use finetune_data::{DataError, EncodedDataset, Labels};

/// An [`EncodedDataset`] as a data set of burn.
///
/// ```
/// use burn::data::dataloader::DataLoaderBuilder;
/// use finetune_data::{EncodedDataset, EncodedTexts, Labels, Task};
/// use finetune_train::{BurnBatcher, BurnDataset};
///
/// let dataset = EncodedDataset {
///     texts: EncodedTexts::from_token_ids([vec![101, 7, 102], vec![101, 102]]),
///     second_texts: None,
///     labels: Labels::Classes(vec![1, 0]).into(),
///     task: Task::classification(["no", "yes"]),
/// };
/// let loader = DataLoaderBuilder::new(BurnBatcher { pad_token_id: 0 })
///     .batch_size(2)
///     .set_device(burn::tensor::Device::flex())
///     .build(BurnDataset(dataset));
/// for batch in loader.iter() {
///     assert_eq!(batch?.token_ids.dims(), [2, 3]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BurnDataset(pub EncodedDataset);

/// A row of an [`EncodedDataset`].
#[derive(Debug, Clone, PartialEq)]
pub struct BurnItem {
    /// Its position in the data set.
    pub row: usize,
    /// Token ids, special tokens included.
    pub token_ids: Vec<u32>,
    /// The type of each token.
    pub token_type_ids: Vec<u32>,
    /// Its label alone.
    pub label: Labels,
}

/// Pads items to the longest of a batch and makes tensors of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurnBatcher {
    /// What fills the rows up.
    pub pad_token_id: u32,
}

/// A batch as tensors.
///
/// # Shapes
/// `[B, S]` and `[B]`.
#[derive(Debug, Clone)]
pub struct BurnBatch {
    /// The position of each row in the data set.
    pub rows: Vec<usize>,
    /// Token ids, `[B, S]`.
    pub token_ids: Tensor<2, Int>,
    /// Token types, `[B, S]`.
    pub token_type_ids: Tensor<2, Int>,
    /// True for tokens, false for padding, `[B, S]`.
    pub attention_mask: Tensor<2, Bool>,
    /// Classes, `[B]`, if the data set has classes.
    pub classes: Option<Tensor<1, Int>>,
    /// Scores, `[B]`, if the data set has scores.
    pub scores: Option<Tensor<1>>,
}

impl Dataset<BurnItem> for BurnDataset {
    fn get(&self, index: usize) -> Result<BurnItem, DatasetError> {
        let item = || -> Result<BurnItem, DataError> {
            let text = self.0.texts.text_of_row(index)?;
            let row = self.0.texts.row(index)?;
            Ok(BurnItem {
                row: index,
                token_ids: row.token_ids.to_vec(),
                token_type_ids: row.token_type_ids().collect(),
                label: self.0.labels.select(&[text])?,
            })
        };
        item().map_err(DatasetError::new)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl Batcher<BurnItem, BurnBatch> for BurnBatcher {
    fn batch(&self, items: Vec<BurnItem>, device: &Device) -> BurnBatch {
        let longest = items.iter().map(|item| item.token_ids.len()).max();
        let shape = [items.len(), longest.unwrap_or(0)];
        let padded = |of: fn(&BurnItem) -> &[u32], filler: u32| {
            let values: Vec<i64> = items
                .iter()
                .flat_map(|item| padded(of(item), filler, shape[1]))
                .map(i64::from)
                .collect();
            Tensor::from_data(TensorData::new(values, shape), device)
        };
        let mask: Vec<bool> = items
            .iter()
            .flat_map(|item| (0..shape[1]).map(|place| place < item.token_ids.len()))
            .collect();
        let classes: Vec<i64> = items
            .iter()
            .flat_map(|item| item.label.classes().unwrap_or_default())
            .map(|&class| class as i64)
            .collect();
        let scores: Vec<f32> = items
            .iter()
            .flat_map(|item| item.label.scores().unwrap_or_default())
            .copied()
            .collect();
        BurnBatch {
            token_ids: padded(|item| &item.token_ids, self.pad_token_id),
            token_type_ids: padded(|item| &item.token_type_ids, 0),
            attention_mask: Tensor::from_data(TensorData::new(mask, shape), device),
            classes: (!classes.is_empty()).then(|| Tensor::from_data(classes.as_slice(), device)),
            scores: (!scores.is_empty()).then(|| Tensor::from_data(scores.as_slice(), device)),
            rows: items.into_iter().map(|item| item.row).collect(),
        }
    }
}

fn padded(values: &[u32], filler: u32, length: usize) -> impl Iterator<Item = u32> {
    let values = values.iter().copied();
    values.chain(std::iter::repeat(filler)).take(length)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::data::dataloader::DataLoaderBuilder;
    use finetune_data::{EncodedTexts, Padding, Task, collate};

    use super::*;

    #[test]
    fn burns_loader_gives_what_our_own_batches_have() {
        let rows = (0..10u32).map(|row| (0..=row % 4).map(|token| 1 + row + token).collect());
        let dataset = EncodedDataset {
            texts: EncodedTexts::from_token_ids(rows.collect::<Vec<Vec<u32>>>()),
            second_texts: None,
            labels: Labels::Classes((0..10).map(|row| row % 3).collect()).into(),
            task: Task::classification(["a", "b", "c"]),
        };
        let loader = DataLoaderBuilder::new(BurnBatcher { pad_token_id: 99 })
            .batch_size(4)
            .shuffle(7)
            .set_device(Device::flex())
            .build(BurnDataset(dataset.clone()));
        let mut seen = BTreeMap::new();
        for batch in loader.iter() {
            let batch = batch.unwrap();
            let own = collate(&dataset, &batch.rows, Padding::Longest, 99).unwrap();
            let ids: Vec<u32> = batch
                .token_ids
                .into_data()
                .convert::<u32>()
                .iter()
                .collect();
            assert_eq!(ids, own.tokens.token_ids);
            let mask: Vec<bool> = batch.attention_mask.into_data().iter().collect();
            assert_eq!(mask, own.tokens.attention_mask);
            let classes = batch.classes.unwrap().into_data().convert::<i64>();
            let classes: Vec<usize> = classes.iter::<i64>().map(|class| class as usize).collect();
            assert_eq!(Labels::Classes(classes), own.labels);
            assert!(batch.scores.is_none());
            for row in batch.rows {
                *seen.entry(row).or_insert(0) += 1;
            }
        }
        assert!(seen.len() == 10 && seen.values().all(|&visits| visits == 1));
    }
}
