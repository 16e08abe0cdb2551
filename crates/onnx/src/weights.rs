//! Layers with weights: linear layers, tables and normalizations, in the precision of the file.

use std::collections::HashMap;

use burn::module::Param;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use finetune_model::{LoraLinear, NormType};
use finetune_ops::read_floats;
use half::f16;

use crate::OnnxPrecision;
use crate::error::OnnxError;
use crate::graph::{Attribute, Graph, Value, little_endian};
use crate::proto::DataType;

/// Largest magnitude of a weight with 8 bits: the scale is symmetric.
const LARGEST_INT8: f32 = 127.0;

/// A graph, and the precision of the weights in it.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) graph: Graph,
    precision: OnnxPrecision,
    /// Rounded inputs of linear layers: several share theirs.
    rounded: HashMap<String, [Value; 3]>,
}

impl Network {
    pub(crate) fn new(precision: OnnxPrecision) -> Self {
        Self {
            graph: Graph::default(),
            precision,
            rounded: HashMap::new(),
        }
    }

    /// Applies a linear layer to the last axis.
    pub(crate) fn linear(
        &mut self,
        name: &str,
        layer: &Linear,
        rows: &Value,
    ) -> Result<Value, OnnxError> {
        self.product(name, &layer.weight, layer.bias.as_ref(), rows)
    }

    /// Applies a linear layer of the encoder.
    pub(crate) fn encoder_linear(
        &mut self,
        name: &str,
        layer: &LoraLinear,
        rows: &Value,
    ) -> Result<Value, OnnxError> {
        if layer.lora.is_some() {
            let reason = "merge the adapter into the weights first";
            return Err(OnnxError::not_exportable(
                format!("the adapter of {name}"),
                reason,
            ));
        }
        self.product(name, &layer.weight, layer.bias.as_ref(), rows)
    }

    fn product(
        &mut self,
        name: &str,
        weight: &Param<Tensor<2>>,
        bias: Option<&Param<Tensor<1>>>,
        rows: &Value,
    ) -> Result<Value, OnnxError> {
        let (weight_name, weight) = (format!("{name}.weight"), weight.val());
        let product = match self.precision {
            OnnxPrecision::Int8 => self.int8_product(&weight_name, weight, rows)?,
            OnnxPrecision::F32 | OnnxPrecision::F16 => {
                let weight = self.table(&weight_name, weight)?;
                let weight = self.widened(&weight);
                self.graph.matmul(rows, &weight)
            }
        };
        Ok(match bias {
            Some(bias) => {
                let bias = self.vector(&format!("{name}.bias"), bias.val());
                self.graph.add(&product, &bias)
            }
            None => product,
        })
    }

    /// Multiplies rows that are rounded to 8 bits with a weight that is, too.
    fn int8_product(
        &mut self,
        name: &str,
        weight: Tensor<2>,
        rows: &Value,
    ) -> Result<Value, OnnxError> {
        let [weight, scales] = self.int8_weight(name, weight)?;
        let [integers, scale, zero] = self.rounded(rows);
        let sums = self
            .graph
            .node("MatMulInteger", &[&integers, &weight, &zero]);
        let sums = self.graph.cast(&sums, DataType::Float);
        let scale = self.graph.mul(&scale, &scales);
        Ok(self.graph.mul(&sums, &scale))
    }

    /// Returns a weight with 8 bits, and the step of each of its columns.
    fn int8_weight(&mut self, name: &str, weight: Tensor<2>) -> Result<[Value; 2], OnnxError> {
        let scale_name = format!("{name}.scale");
        let existing = [name, &scale_name].map(|name| self.graph.existing(name));
        if let [Some(weight), Some(scales)] = existing {
            return Ok([weight, scales]);
        }
        let shape = weight.dims();
        let values = read_floats(weight);
        self.check(name, &values, f32::MAX)?;
        let scales = column_scales(&values, shape[1]);
        let rounded = || rounded_columns(&values, &scales);
        let weight = self.graph.constant(name, DataType::Int8, &shape, rounded);
        Ok([weight, self.floats(&scale_name, &[shape[1]], &scales)])
    }

    fn rounded(&mut self, rows: &Value) -> [Value; 3] {
        let graph = &mut self.graph;
        let of_rows = self.rounded.entry(rows.name().to_string());
        let of_rows =
            of_rows.or_insert_with(|| graph.node_of("DynamicQuantizeLinear", &[rows], []));
        of_rows.clone()
    }

    /// Returns the rows of a table at indices.
    pub(crate) fn rows_of(
        &mut self,
        name: &str,
        table: Tensor<2>,
        indices: &Value,
    ) -> Result<Value, OnnxError> {
        let table = self.table(name, table)?;
        let rows = self.graph.gather(&table, indices, 0);
        Ok(self.widened(&rows))
    }

    /// Adds a table: with 16 bits, except in a file of f32.
    pub(crate) fn table(&mut self, name: &str, table: Tensor<2>) -> Result<Value, OnnxError> {
        if let Some(table) = self.graph.existing(name) {
            return Ok(table);
        }
        let shape = table.dims();
        let values = read_floats(table);
        if self.precision == OnnxPrecision::F32 {
            return Ok(self.floats(name, &shape, &values));
        }
        self.check(name, &values, f16::MAX.to_f32())?;
        let halves = || {
            little_endian(
                values
                    .iter()
                    .map(|value| f16::from_f32(*value).to_le_bytes()),
            )
        };
        Ok(self.graph.constant(name, DataType::Float16, &shape, halves))
    }

    /// Returns what comes of a [`Self::table`] as f32.
    pub(crate) fn widened(&mut self, value: &Value) -> Value {
        match self.precision {
            OnnxPrecision::F32 => value.clone(),
            OnnxPrecision::F16 | OnnxPrecision::Int8 => self.graph.cast(value, DataType::Float),
        }
    }

    /// Adds a vector, always as f32: there are few.
    pub(crate) fn vector(&mut self, name: &str, vector: Tensor<1>) -> Value {
        match self.graph.existing(name) {
            Some(vector) => vector,
            None => {
                let shape = vector.dims();
                self.floats(name, &shape, &read_floats(vector))
            }
        }
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let bytes = || little_endian(values.iter().map(|value| value.to_le_bytes()));
        self.graph.constant(name, DataType::Float, shape, bytes)
    }

    fn check(&self, name: &str, values: &[f32], largest: f32) -> Result<(), OnnxError> {
        let is_outside = |value: &&f32| value.is_nan() || value.abs() > largest;
        let outside = values.iter().find(is_outside);
        match outside {
            None => Ok(()),
            Some(found) => Err(OnnxError::OutOfRange {
                name: name.to_string(),
                found: *found,
                precision: self.precision,
            }),
        }
    }

    /// Normalizes the last axis.
    pub(crate) fn norm(
        &mut self,
        name: &str,
        norm: &LayerNorm,
        kind: NormType,
        epsilon: f64,
        rows: &Value,
    ) -> Value {
        let gamma = self.vector(&format!("{name}.weight"), norm.gamma.val());
        let beta = norm.beta.as_ref();
        let beta = beta.map(|beta| self.vector(&format!("{name}.bias"), beta.val()));
        let graph = &mut self.graph;
        if kind == NormType::LayerNorm {
            let inputs = [Some(rows), Some(&gamma), beta.as_ref()];
            let inputs: Vec<&Value> = inputs.into_iter().flatten().collect();
            let settings = [
                ("axis", Attribute::Int(-1)),
                ("epsilon", Attribute::Float(epsilon as f32)),
            ];
            return graph.node_with("LayerNormalization", &inputs, settings);
        }
        let squares = graph.mul(rows, rows);
        let axes = ("axes", Attribute::Ints(vec![-1]));
        let mean = graph.node_with("ReduceMean", &[&squares], [axes]);
        let epsilon = graph.float(epsilon as f32);
        let mean = graph.add(&mean, &epsilon);
        let root = graph.node("Sqrt", &[&mean]);
        let normalized = graph.div(rows, &root);
        graph.mul(&normalized, &gamma)
    }
}

/// Returns the step between two values of each column `[any, columns]`.
fn column_scales(values: &[f32], columns: usize) -> Vec<f32> {
    let mut largest = vec![0f32; columns];
    for row in values.chunks_exact(columns) {
        for (largest, value) in largest.iter_mut().zip(row) {
            *largest = largest.max(value.abs());
        }
    }
    // A column of zeros has any step.
    let step = |largest: f32| match largest > 0.0 {
        true => largest / LARGEST_INT8,
        false => 1.0,
    };
    largest.into_iter().map(step).collect()
}

fn rounded_columns(values: &[f32], scales: &[f32]) -> Vec<u8> {
    let rows = values.chunks_exact(scales.len());
    let rounded = rows.flat_map(|row| {
        let row = row.iter().zip(scales);
        // A cast of floats to integers saturates.
        row.map(|(value, scale)| (value / scale).round_ties_even() as i8)
    });
    little_endian(rounded.map(i8::to_le_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_steps_of_their_own() {
        let values = [1.0, 0.0, -254.0, -0.5, 0.0, 127.0];
        let scales = column_scales(&values, 3);
        assert_eq!(scales, [1.0 / 127.0, 1.0, 2.0]);
        let rounded: Vec<i8> = rounded_columns(&values, &scales)
            .into_iter()
            .map(|byte| byte as i8)
            .collect();
        // A half is rounded to the even neighbor.
        assert_eq!(rounded, [127, 0, -127, -64, 0, 64]);
    }
}
