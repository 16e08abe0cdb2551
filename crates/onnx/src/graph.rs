//! A graph under construction: operators of ONNX as methods that return their output.

use crate::proto::{
    AttributeProto, AttributeType, DataType, DimensionProto, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// A value in the graph, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value(String);

impl Value {
    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

/// Size of an axis.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Size {
    Fixed(usize),
    /// One that differs from call to call, by its name.
    Named(&'static str),
}

/// Setting of a node.
pub(crate) enum Attribute {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
}

/// Nodes, constants, inputs and outputs.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    proto: GraphProto,
}

impl Graph {
    /// Adds an input.
    pub(crate) fn input(&mut self, name: &str, kind: DataType, shape: &[Size]) -> Value {
        self.proto.input.push(value_info(name, kind, shape));
        Value(name.to_string())
    }

    /// Makes a value an output of a name.
    pub(crate) fn output(&mut self, name: &str, value: &Value, shape: &[Size]) {
        let node = node("Identity", &[value], name.to_string());
        self.proto.node.push(node);
        let info = value_info(name, DataType::Float, shape);
        self.proto.output.push(info);
    }

    /// Adds a node with one output.
    pub(crate) fn node(&mut self, operator: &str, inputs: &[&Value]) -> Value {
        self.node_with(operator, inputs, [])
    }

    /// Adds a node with settings and one output.
    pub(crate) fn node_with<const N: usize>(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: [(&str, Attribute); N],
    ) -> Value {
        let [output] = self.node_of(operator, inputs, attributes);
        output
    }

    /// Adds a node with settings and several outputs.
    pub(crate) fn node_of<const N: usize, const OUTPUTS: usize>(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: [(&str, Attribute); N],
    ) -> [Value; OUTPUTS] {
        let number = self.proto.node.len();
        let name = format!("{}_{number}", operator.to_lowercase());
        let outputs: [Value; OUTPUTS] = std::array::from_fn(|output| match output {
            0 => Value(name.clone()),
            _ => Value(format!("{name}_{output}")),
        });
        let node = NodeProto {
            output: outputs.iter().map(|value| value.0.clone()).collect(),
            attribute: attributes.into_iter().map(attribute).collect(),
            ..node(operator, inputs, name)
        };
        self.proto.node.push(node);
        outputs
    }

    /// Adds a constant; one of the same name must be the same, and is there once.
    pub(crate) fn constant(
        &mut self,
        name: &str,
        kind: DataType,
        shape: &[usize],
        bytes: impl FnOnce() -> Vec<u8>,
    ) -> Value {
        if let Some(value) = self.existing(name) {
            return value;
        }
        self.proto.initializer.push(TensorProto {
            dims: shape.iter().map(|size| *size as i64).collect(),
            data_type: Some(kind.into()),
            name: Some(name.to_string()),
            raw_data: Some(bytes()),
        });
        Value(name.to_string())
    }

    /// Returns the constant of a name, if it is there already.
    pub(crate) fn existing(&self, name: &str) -> Option<Value> {
        let mut constants = self.proto.initializer.iter();
        let is_there = constants.any(|tensor| tensor.name.as_deref() == Some(name));
        is_there.then(|| Value(name.to_string()))
    }

    /// Adds a number, once for all places.
    pub(crate) fn float(&mut self, value: f32) -> Value {
        let name = format!("float_{value}");
        self.constant(&name, DataType::Float, &[], || value.to_le_bytes().to_vec())
    }

    /// Adds a whole number, once for all places.
    pub(crate) fn integer(&mut self, value: i64) -> Value {
        let name = format!("integer_{value}");
        self.constant(&name, DataType::Int64, &[], || value.to_le_bytes().to_vec())
    }

    /// Adds a list of whole numbers, such as a shape, once for all places.
    pub(crate) fn integers(&mut self, values: &[i64]) -> Value {
        let numbers: Vec<String> = values.iter().map(i64::to_string).collect();
        let name = format!("integers_{}", numbers.join("_"));
        self.constant(&name, DataType::Int64, &[values.len()], || {
            little_endian(values.iter().map(|value| value.to_le_bytes()))
        })
    }

    /// Returns the whole graph.
    pub(crate) fn finish(self, name: &str) -> GraphProto {
        GraphProto {
            name: Some(name.to_string()),
            ..self.proto
        }
    }

    // Operators that have no setting but an axis or a type.

    pub(crate) fn add(&mut self, left: &Value, right: &Value) -> Value {
        self.node("Add", &[left, right])
    }

    pub(crate) fn sub(&mut self, left: &Value, right: &Value) -> Value {
        self.node("Sub", &[left, right])
    }

    pub(crate) fn mul(&mut self, left: &Value, right: &Value) -> Value {
        self.node("Mul", &[left, right])
    }

    pub(crate) fn div(&mut self, left: &Value, right: &Value) -> Value {
        self.node("Div", &[left, right])
    }

    pub(crate) fn matmul(&mut self, left: &Value, right: &Value) -> Value {
        self.node("MatMul", &[left, right])
    }

    pub(crate) fn reshape(&mut self, value: &Value, shape: &[i64]) -> Value {
        let shape = self.integers(shape);
        self.node("Reshape", &[value, &shape])
    }

    pub(crate) fn transpose(&mut self, value: &Value, order: &[i64]) -> Value {
        let order = Attribute::Ints(order.to_vec());
        self.node_with("Transpose", &[value], [("perm", order)])
    }

    /// Returns the values at indices of an axis.
    pub(crate) fn gather(&mut self, value: &Value, indices: &Value, axis: i64) -> Value {
        self.node_with(
            "Gather",
            &[value, indices],
            [("axis", Attribute::Int(axis))],
        )
    }

    pub(crate) fn concat(&mut self, values: &[&Value], axis: i64) -> Value {
        self.node_with("Concat", values, [("axis", Attribute::Int(axis))])
    }

    pub(crate) fn cast(&mut self, value: &Value, kind: DataType) -> Value {
        let to = Attribute::Int(i32::from(kind).into());
        self.node_with("Cast", &[value], [("to", to)])
    }

    pub(crate) fn softmax(&mut self, value: &Value) -> Value {
        self.node_with("Softmax", &[value], [("axis", Attribute::Int(-1))])
    }

    /// Adds axes of size 1.
    pub(crate) fn unsqueeze(&mut self, value: &Value, axes: &[i64]) -> Value {
        let axes = self.integers(axes);
        self.node("Unsqueeze", &[value, &axes])
    }

    /// Returns sums over an axis, which is kept with size 1.
    pub(crate) fn sum(&mut self, value: &Value, axis: i64) -> Value {
        let axes = self.integers(&[axis]);
        self.node("ReduceSum", &[value, &axes])
    }
}

/// Returns the bytes of numbers, one after the other.
pub(crate) fn little_endian<const N: usize>(numbers: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    numbers.flatten().collect()
}

fn node(operator: &str, inputs: &[&Value], output: String) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|value| value.0.clone()).collect(),
        name: Some(output.clone()),
        output: vec![output],
        op_type: Some(operator.to_string()),
        attribute: Vec::new(),
    }
}

fn attribute((name, value): (&str, Attribute)) -> AttributeProto {
    let named = AttributeProto {
        name: Some(name.to_string()),
        ..AttributeProto::default()
    };
    let kind = |kind: AttributeType| Some(kind.into());
    match value {
        Attribute::Int(value) => AttributeProto {
            i: Some(value),
            r#type: kind(AttributeType::Int),
            ..named
        },
        Attribute::Float(value) => AttributeProto {
            f: Some(value),
            r#type: kind(AttributeType::Float),
            ..named
        },
        Attribute::Ints(values) => AttributeProto {
            ints: values,
            r#type: kind(AttributeType::Ints),
            ..named
        },
    }
}

fn value_info(name: &str, kind: DataType, shape: &[Size]) -> ValueInfoProto {
    let dim = shape.iter().map(|size| match size {
        Size::Fixed(size) => DimensionProto {
            dim_value: Some(*size as i64),
            dim_param: None,
        },
        Size::Named(name) => DimensionProto {
            dim_value: None,
            dim_param: Some((*name).to_string()),
        },
    });
    let tensor_type = TensorTypeProto {
        elem_type: Some(kind.into()),
        shape: Some(TensorShapeProto { dim: dim.collect() }),
    };
    ValueInfoProto {
        name: Some(name.to_string()),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor_type),
        }),
    }
}
