//! Angles of rotary positions ([Su et al. 2021](https://arxiv.org/abs/2104.09864)).

use burn::tensor::{Int, Tensor};
use finetune_ops::{Sequences, Upload, UploadPart, Uploaded, rotary};

use super::{LayerType, Positions};

/// Cosines and sines of the angles of a batch's tokens, for the layers of one kind.
#[derive(Debug, Clone)]
pub(super) struct RotaryAngles {
    /// `[T, K / 2]`.
    cosine: Tensor<2>,
    /// `[T, K / 2]`.
    sine: Tensor<2>,
}

impl RotaryAngles {
    /// Rotates the heads of queries or keys of all tokens.
    ///
    /// # Shapes
    /// - `rows`, output: `[T, D]`
    pub(super) fn rotate(&self, rows: Tensor<2>, heads: usize) -> Tensor<2> {
        rotary(rows, self.cosine.clone(), self.sine.clone(), heads)
    }

    fn without_autodiff(&self) -> Self {
        Self {
            cosine: self.cosine.clone().inner(),
            sine: self.sine.clone().inner(),
        }
    }
}

/// Angles of a batch's tokens for both kinds of layers.
#[derive(Debug, Clone, Default)]
pub(super) struct BatchAngles {
    full_attention: Option<RotaryAngles>,
    sliding_attention: Option<RotaryAngles>,
}

impl BatchAngles {
    /// Computes the angles once for all layers; none unless positions are rotary.
    ///
    /// The table of all positions in the batch is computed on the host, where cosines of large
    /// angles are exact on every device.
    pub(super) fn new(positions: Positions, head_width: usize, sequences: &Sequences) -> Self {
        let thetas = LayerType::ALL.map(|kind| positions.rope_theta(kind));
        let [Some(full), Some(sliding)] = thetas else {
            return Self::default();
        };
        let mut upload = Upload::default();
        let lengths = sequences.offsets().lengths();
        let positions = upload.indices(lengths.flat_map(|length| 0..length));
        let shape = [sequences.padded_length(), head_width / 2];
        let full_table = Table::new(full, shape, &mut upload);
        let sliding_table = (sliding != full).then(|| Table::new(sliding, shape, &mut upload));
        let uploaded = upload.send(&sequences.attention_mask().device());
        let positions = uploaded.indices(&positions);
        let angles = |table: &Table| table.at(&positions, &uploaded);
        let full_attention = angles(&full_table);
        let sliding_attention = sliding_table.as_ref().map(angles);
        Self {
            sliding_attention: Some(sliding_attention.unwrap_or_else(|| full_attention.clone())),
            full_attention: Some(full_attention),
        }
    }

    /// Returns the angles on the same device without autodiff.
    pub(super) fn without_autodiff(&self) -> Self {
        let plain = |angles: &Option<RotaryAngles>| {
            let angles = angles.as_ref();
            angles.map(RotaryAngles::without_autodiff)
        };
        Self {
            full_attention: plain(&self.full_attention),
            sliding_attention: plain(&self.sliding_attention),
        }
    }

    /// Returns the angles in layers of a kind.
    pub(super) fn of(&self, kind: LayerType) -> Option<&RotaryAngles> {
        match kind {
            LayerType::FullAttention => self.full_attention.as_ref(),
            LayerType::SlidingAttention => self.sliding_attention.as_ref(),
        }
    }
}

/// Cosines and sines of positions 0, 1, 2, ..., on their way to a device.
struct Table {
    cosines: UploadPart,
    sines: UploadPart,
    shape: [usize; 2],
}

impl Table {
    fn new(theta: f64, shape: [usize; 2], upload: &mut Upload) -> Self {
        let angles = angles(theta, shape);
        Self {
            cosines: upload.floats(angles.iter().map(|angle| angle.cos())),
            sines: upload.floats(angles.iter().map(|angle| angle.sin())),
            shape,
        }
    }

    /// Returns the rows of the tokens' positions.
    fn at(&self, positions: &Tensor<1, Int>, uploaded: &Uploaded) -> RotaryAngles {
        let rows = |table: &UploadPart| {
            let table: Tensor<2> = uploaded.floats(table).reshape(self.shape);
            table.select(0, positions.clone())
        };
        RotaryAngles {
            cosine: rows(&self.cosines),
            sine: rows(&self.sines),
        }
    }
}

/// Returns the angle of each position in each plane, rounded to f32 at the same places as in
/// transformers: `position / theta^(i / half)`.
fn angles(theta: f64, [positions, half]: [usize; 2]) -> Vec<f32> {
    let wavelength = |plane| (theta as f32).powf(plane as f32 / half as f32);
    let frequencies: Vec<f32> = (0..half).map(|plane| 1.0 / wavelength(plane)).collect();
    let of_position = |position| {
        let angle = move |frequency: &f32| position as f32 * frequency;
        frequencies.iter().map(angle).collect::<Vec<_>>()
    };
    (0..positions).flat_map(of_position).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use finetune_ops::read_floats;

    use super::*;

    const ROTARY: Positions = Positions::Rotary {
        global_rope_theta: 100.0,
        local_rope_theta: Some(4.0),
    };

    #[test]
    fn positions_count_from_zero_in_every_sequence() {
        let sequences = Sequences::new(&[0, 2, 5], &Device::flex()).unwrap();
        let batch = BatchAngles::new(ROTARY, 4, &sequences);
        for (kind, frequency) in [
            (LayerType::FullAttention, 0.1f32),
            (LayerType::SlidingAttention, 0.5),
        ] {
            let angles = batch.of(kind).unwrap();
            let expected = [0.0f32, 1.0, 0.0, 1.0, 2.0].map(|at| [at, at * frequency]);
            let cosines = read_floats(angles.cosine.clone());
            let sines = read_floats(angles.sine.clone());
            for ((cosine, sine), angle) in cosines.iter().zip(sines).zip(expected.as_flattened()) {
                assert!((cosine - angle.cos()).abs() < 1e-6, "{cosine} {angle}");
                assert!((sine - angle.sin()).abs() < 1e-6, "{sine} {angle}");
            }
        }
    }

    #[test]
    fn other_positions_have_no_angles() {
        let sequences = Sequences::new(&[0, 2], &Device::flex()).unwrap();
        let batch = BatchAngles::new(Positions::FromZero, 3, &sequences);
        assert!(LayerType::ALL.iter().all(|kind| batch.of(*kind).is_none()));
    }
}
