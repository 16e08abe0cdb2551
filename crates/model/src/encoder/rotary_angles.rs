//! Angles of rotary positions ([Su et al. 2021](https://arxiv.org/abs/2104.09864)).

use burn::tensor::{Int, Tensor};
use finetune_ops::{Sequences, Upload, UploadPart, Uploaded, rotary};

use super::{EncoderConfig, LayerType};

/// Angles between two positions, for the layers of one kind.
#[derive(Debug, Clone, PartialEq)]
struct Frequencies {
    /// Of each of the `K / 2` planes.
    planes: Vec<f32>,
    /// Factor of queries and keys.
    factor: f64,
}

impl Frequencies {
    /// Returns those of the layers of a kind; `None` unless positions are rotary and there are such
    /// layers.
    fn new(config: &EncoderConfig, kind: LayerType) -> Option<Self> {
        if !config.all_layer_types().contains(&kind) {
            return None;
        }
        let theta = config.positions.rope_theta(kind)?;
        let planes = frequencies(theta, config.head_width() / 2);
        Some(match config.rope_scaling_of(kind) {
            Some(scaling) => Self {
                planes: scaling.apply(planes, theta),
                factor: scaling.attention_factor(),
            },
            None => Self {
                planes,
                factor: 1.0,
            },
        })
    }
}

impl EncoderConfig {
    /// Returns the angles of the rotary positions in the layers of a kind: of position 1 in each plane,
    /// `K / 2` values, and the factor of all cosines and sines. `None` unless positions are rotary and
    /// there are such layers.
    pub fn rotary_frequencies(&self, kind: LayerType) -> Option<(Vec<f32>, f64)> {
        Frequencies::new(self, kind).map(|of_kind| (of_kind.planes, of_kind.factor))
    }
}

/// Angles between two positions in each kind of layers that the encoder has, if positions are rotary.
#[derive(Debug, Clone)]
pub(super) struct RotaryFrequencies([Option<Frequencies>; 2]);

impl RotaryFrequencies {
    pub(super) fn new(config: &EncoderConfig) -> Self {
        Self(LayerType::ALL.map(|kind| Frequencies::new(config, kind)))
    }
}

/// Cosines and sines of the angles of a batch's tokens, for the layers of one kind.
#[derive(Debug, Clone)]
pub(super) struct RotaryAngles {
    /// `[T, K / 2]`.
    cosine: Tensor<2>,
    /// `[T, K / 2]`.
    sine: Tensor<2>,
    /// Factor of queries and keys, which cosines and sines contain.
    factor: f64,
}

impl RotaryAngles {
    /// Rotates the heads of queries or keys of all tokens.
    ///
    /// # Shapes
    /// - `rows`, output: `[T, D]`
    pub(super) fn rotate(&self, rows: Tensor<2>, heads: usize) -> Tensor<2> {
        rotary(rows, self.cosine.clone(), self.sine.clone(), heads)
    }

    /// Rotates the heads of the queries of first tokens, whose angles are 0.
    ///
    /// # Shapes
    /// - `rows`, output: `[B, D]`
    pub(super) fn rotate_first(&self, rows: Tensor<2>) -> Tensor<2> {
        match self.factor == 1.0 {
            true => rows,
            false => rows * self.factor as f32,
        }
    }

    fn without_autodiff(&self) -> Self {
        Self {
            cosine: self.cosine.clone().inner(),
            sine: self.sine.clone().inner(),
            factor: self.factor,
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
    pub(super) fn new(frequencies: &RotaryFrequencies, sequences: &Sequences) -> Self {
        let [full, sliding] = &frequencies.0;
        if full.is_none() && sliding.is_none() {
            return Self::default();
        }
        let mut upload = Upload::default();
        let lengths = sequences.offsets().lengths();
        let positions = upload.indices(lengths.flat_map(|length| 0..length));
        let length = sequences.padded_length();
        let mut table = |of_kind: &Frequencies| Table::new(of_kind, length, &mut upload);
        let full_table = full.as_ref().map(&mut table);
        let own = sliding.as_ref().filter(|_| sliding != full);
        let sliding_table = own.map(table);
        let uploaded = upload.send(&sequences.attention_mask().device());
        let positions = uploaded.indices(&positions);
        let angles = |table: &Table| table.at(&positions, &uploaded);
        let full_attention = full_table.as_ref().map(angles);
        let sliding_attention = sliding_table.as_ref().map(angles);
        Self {
            sliding_attention: sliding_attention.or_else(|| full_attention.clone()),
            full_attention,
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
    factor: f64,
}

impl Table {
    fn new(frequencies: &Frequencies, length: usize, upload: &mut Upload) -> Self {
        let Frequencies { planes, factor } = frequencies;
        let of_position = |position| planes.iter().map(move |plane| position as f32 * plane);
        let angles: Vec<f32> = (0..length).flat_map(of_position).collect();
        let scaled = |value: f32| value * *factor as f32;
        Self {
            cosines: upload.floats(angles.iter().map(|angle| scaled(angle.cos()))),
            sines: upload.floats(angles.iter().map(|angle| scaled(angle.sin()))),
            shape: [length, planes.len()],
            factor: *factor,
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
            factor: self.factor,
        }
    }
}

/// Returns the angle between two positions in each plane, rounded to f32 at the same places as in
/// transformers: `1 / theta^(i / half)`.
fn frequencies(theta: f64, half: usize) -> Vec<f32> {
    let wavelength = |plane| (theta as f32).powf(plane as f32 / half as f32);
    (0..half).map(|plane| 1.0 / wavelength(plane)).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use finetune_ops::read_floats;

    use super::super::Positions;
    use super::*;

    /// Heads of width 4 with positions.
    fn frequencies_of(positions: Positions) -> RotaryFrequencies {
        RotaryFrequencies::new(&EncoderConfig {
            hidden_size: 8,
            num_attention_heads: 2,
            local_attention: Some(4),
            global_attn_every_n_layers: 2,
            positions,
            ..Default::default()
        })
    }

    #[test]
    fn positions_count_from_zero_in_every_sequence() {
        let sequences = Sequences::new(&[0, 2, 5], &Device::flex()).unwrap();
        let frequencies = frequencies_of(Positions::Rotary {
            global_rope_theta: 100.0,
            local_rope_theta: Some(4.0),
        });
        let batch = BatchAngles::new(&frequencies, &sequences);
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
        let batch = BatchAngles::new(&frequencies_of(Positions::FromZero), &sequences);
        assert!(LayerType::ALL.iter().all(|kind| batch.of(*kind).is_none()));
    }
}
