//! [`Kernels`](crate::Kernels) of the backends with tensors in host memory: the native kernels. Tensors
//! that are elsewhere or of other types than f32 use the implementations for any backend.

use burn::backend::{
    TensorMetadata,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::Shape;

use crate::attention::relative::{self, RelativeBuckets, RelativeTables};
use crate::attention::{self, Inputs, Packing, Settings};
use crate::dropout::Dropout;
use crate::dropout::Mask;
use crate::dropout_add_layer_norm::Norm;
use crate::fake_quantize::QuantizationAxis;
use crate::glu::GluActivation;
use crate::host::{
    Host, Values, are_native, copied, matrix, own, own_or_copy, transform, transform_each,
    with_strides,
};
use crate::native::linear::Sizes;
use crate::native::{self, TASK, memory, rows_in_task};
use crate::precision::Precision;
use crate::{
    cross_entropy, dropout, dropout_add_layer_norm, embedding, fake_quantize, gelu, glu,
    layer_norm, linear, rms_norm, rotary,
};

pub(crate) fn linear_rows<B: Host>(
    rows: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    precision: Precision,
) -> FloatTensor<B> {
    if !are_native::<B>([&rows, &weight].into_iter().chain(&bias)) {
        return linear::forward::<B>(rows, weight, bias, precision);
    }
    let sizes = sizes(&rows.shape(), &weight.shape());
    let bias = bias.as_ref().map(Values::<B>::of);
    if let Some(bias) = &bias {
        assert_eq!(bias.slice().len(), sizes.outputs, "values of the bias");
    }
    let (rows, weight) = (with_strides::<B>(rows), with_strides::<B>(weight));
    let bias = bias.as_ref().map(Values::slice);
    let (rows, weight) = (matrix::<B>(&rows), matrix::<B>(&weight));
    let output = native::linear::apply(rows, weight, bias, sizes, precision);
    B::tensor(output, Shape::from([sizes.rows, sizes.outputs]))
}

pub(crate) fn linear_gradients<B: Host>(
    rows: Option<FloatTensor<B>>,
    weight: Option<FloatTensor<B>>,
    gradient: FloatTensor<B>,
    bias_wanted: bool,
    precision: Precision,
) -> [Option<FloatTensor<B>>; 3] {
    if !are_native::<B>([&gradient].into_iter().chain(&rows).chain(&weight)) {
        return linear::gradients::<B>(rows, weight, gradient, bias_wanted, precision);
    }
    let [count, outputs] = gradient.shape().dims();
    let of_bias = bias_wanted.then(|| {
        let sums = native::linear::bias_gradient(Values::<B>::of(&gradient).slice(), outputs);
        copied::<B>(&sums, Shape::from([outputs]))
    });
    let gradient = with_strides::<B>(gradient);
    let sizes = |inputs| Sizes {
        rows: count,
        inputs,
        outputs,
    };
    let weight = weight.map(with_strides::<B>);
    // A transposed weight, such as the embeddings as a decoder, gets its gradient as it lies.
    let column_major = weight
        .as_ref()
        .is_some_and(|weight| matrix::<B>(weight).is_column_major() && weight.shape()[0] > 1);
    let of_weight = rows.map(with_strides::<B>).map(|rows| {
        let inputs = rows.shape()[1];
        let (rows, gradient) = (matrix::<B>(&rows), matrix::<B>(&gradient));
        if column_major {
            let sizes = sizes(inputs).turned();
            let values = native::linear::weight_gradient(gradient, rows, sizes, precision);
            return B::float_transpose(B::tensor(values, Shape::from([outputs, inputs])));
        }
        let values = native::linear::weight_gradient(rows, gradient, sizes(inputs), precision);
        B::tensor(values, Shape::from([inputs, outputs]))
    });
    let of_rows = weight.map(|weight| {
        let inputs = weight.shape()[0];
        let (gradient, weight) = (matrix::<B>(&gradient), matrix::<B>(&weight));
        let values = native::linear::rows_gradient(gradient, weight, sizes(inputs), precision);
        B::tensor(values, Shape::from([count, inputs]))
    });
    [of_rows, of_weight, of_bias]
}

pub(crate) fn layer_norm_rows<B: Host>(
    rows: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    if !are_native::<B>([&rows, &gamma, &beta]) {
        return layer_norm::forward::<B>(rows, gamma, beta, epsilon);
    }
    let width = rows.shape()[1];
    let [gamma, beta] = [&gamma, &beta].map(Values::<B>::of);
    let [gamma, beta] = [&gamma, &beta].map(|vector| of_width(vector, width));
    transform_each::<B>(rows, rows_in_task(width) * width, |_, rows| {
        native::layer_norm::apply(rows, gamma, beta, epsilon as f32);
    })
}

pub(crate) fn layer_norm_gradients<B: Host>(
    rows: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
    gradient: FloatTensor<B>,
    wanted: [bool; 3],
) -> [Option<FloatTensor<B>>; 3] {
    if !are_native::<B>([&rows, &gamma, &gradient]) {
        return layer_norm::gradients::<B>(rows, gamma, epsilon, gradient, wanted);
    }
    let width = gamma.shape()[0];
    let (rows, gamma) = (Values::<B>::of(&rows), Values::<B>::of(&gamma));
    let (rows, gamma) = (rows.slice(), gamma.slice());
    let task = native::layer_norm::gradient_task(width);
    let (of_rows, sums) = transform::<B, _>(gradient, task, |start, gradient, sums| {
        let rows = &rows[start..start + gradient.len()];
        let epsilon = epsilon as f32;
        native::layer_norm::gradient_with_sums(rows, gradient, gamma, epsilon, sums);
    });
    let [of_gamma, of_beta] = gamma_and_beta::<B>(&sums, width);
    [Some(of_rows), of_gamma, of_beta]
}

pub(crate) fn rms_norm_rows<B: Host>(
    rows: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
) -> FloatTensor<B> {
    if !are_native::<B>([&rows, &gamma]) {
        return rms_norm::forward::<B>(rows, gamma, epsilon);
    }
    let width = rows.shape()[1];
    let gamma = Values::<B>::of(&gamma);
    let gamma = of_width(&gamma, width);
    transform_each::<B>(rows, rows_in_task(width) * width, |_, rows| {
        native::rms_norm::apply(rows, gamma, epsilon as f32);
    })
}

pub(crate) fn rms_norm_gradients<B: Host>(
    rows: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
    gradient: FloatTensor<B>,
    wanted: [bool; 2],
) -> [Option<FloatTensor<B>>; 2] {
    if !are_native::<B>([&rows, &gamma, &gradient]) {
        return rms_norm::gradients::<B>(rows, gamma, epsilon, gradient, wanted);
    }
    let width = gamma.shape()[0];
    let (rows, gamma) = (Values::<B>::of(&rows), Values::<B>::of(&gamma));
    let (rows, gamma) = (rows.slice(), gamma.slice());
    let task = native::layer_norm::gradient_task(width);
    let (of_rows, sums) = transform::<B, _>(gradient, task, |start, gradient, sum| {
        let rows = &rows[start..start + gradient.len()];
        native::rms_norm::gradient_with_sum(rows, gradient, gamma, epsilon as f32, sum);
    });
    let of_gamma = memory::add_up(&sums, width);
    [
        Some(of_rows),
        Some(copied::<B>(&of_gamma, Shape::from([width]))),
    ]
}

pub(crate) fn residual_norm_rows<B: Host>(
    rows: FloatTensor<B>,
    residual: FloatTensor<B>,
    dropout: Option<Dropout>,
    norm: Norm<FloatTensor<B>>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    if !are_native::<B>([&rows, &residual, &norm.gamma, &norm.beta]) {
        return dropout_add_layer_norm::forward::<B>(rows, residual, dropout, norm);
    }
    let width = rows.shape()[1];
    let [gamma, beta] = [&norm.gamma, &norm.beta].map(Values::<B>::of);
    let [gamma, beta] = [&gamma, &beta].map(|vector| of_width(vector, width));
    let norm = Norm {
        gamma,
        beta,
        epsilon: norm.epsilon,
    };
    let residual = Values::<B>::of(&residual);
    let mut sum = own_or_copy::<B>(rows);
    let mask = dropout.map(Mask::new);
    let output =
        native::dropout_add_layer_norm::apply(own::<B>(&mut sum), residual.slice(), mask, norm);
    (B::tensor(output, sum.shape()), sum)
}

pub(crate) fn residual_norm_gradients<B: Host>(
    sum: FloatTensor<B>,
    gamma: FloatTensor<B>,
    epsilon: f64,
    dropout: Option<Dropout>,
    gradient: FloatTensor<B>,
    wanted: [bool; 4],
) -> [Option<FloatTensor<B>>; 4] {
    // Without dropout, rows and residual have one gradient.
    let Some(dropout) = dropout.filter(|_| are_native::<B>([&sum, &gamma, &gradient])) else {
        return dropout_add_layer_norm::gradients::<B>(
            sum, gamma, epsilon, dropout, gradient, wanted,
        );
    };
    let (values, gamma) = (Values::<B>::of(&sum), Values::<B>::of(&gamma));
    let mut of_residual = own_or_copy::<B>(gradient);
    let (of_rows, sums) = native::dropout_add_layer_norm::gradients(
        values.slice(),
        own::<B>(&mut of_residual),
        Mask::new(dropout),
        gamma.slice(),
        epsilon as f32,
    );
    let [of_gamma, of_beta] = gamma_and_beta::<B>(&sums, gamma.slice().len());
    let of_rows = B::tensor(of_rows, sum.shape());
    [Some(of_rows), Some(of_residual), of_gamma, of_beta]
}

pub(crate) fn embedding_rows<B: Host>(table: FloatTensor<B>, ids: IntTensor<B>) -> FloatTensor<B> {
    if !are_native::<B>([&table]) {
        return embedding::forward::<B>(table, ids);
    }
    let (width, ids) = (table.shape()[1], B::indices(ids));
    let rows = native::embedding::apply(Values::<B>::of(&table).slice(), width, &ids);
    B::tensor(rows, Shape::from([ids.len(), width]))
}

pub(crate) fn embedding_gradient<B: Host>(
    rows: usize,
    ids: IntTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    if !are_native::<B>([&gradient]) {
        return embedding::gradient::<B>(rows, ids, gradient);
    }
    let (width, ids) = (gradient.shape()[1], B::indices(ids));
    let gradient = Values::<B>::of(&gradient);
    let table = native::embedding::gradient(rows, &ids, gradient.slice(), width);
    B::tensor(table, Shape::from([rows, width]))
}

pub(crate) fn gelu_exact<B: Host>(x: FloatTensor<B>) -> FloatTensor<B> {
    if !are_native::<B>([&x]) {
        return B::gelu(x);
    }
    transform_each::<B>(x, TASK, |_, values| native::gelu::apply(values))
}

pub(crate) fn gelu_exact_gradient<B: Host>(
    x: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    if !are_native::<B>([&x, &gradient]) {
        return gelu::gradient::<B>(x, gradient);
    }
    let x = Values::<B>::of(&x);
    let x = x.slice();
    transform_each::<B>(gradient, TASK, |start, gradient| {
        native::gelu::gradient(&x[start..start + gradient.len()], gradient);
    })
}

pub(crate) fn glu_rows<B: Host>(rows: FloatTensor<B>, activation: GluActivation) -> FloatTensor<B> {
    if !are_native::<B>([&rows]) {
        return glu::forward::<B>(rows, activation);
    }
    let [count, width] = rows.shape().dims();
    let output = native::glu::apply(Values::<B>::of(&rows).slice(), width / 2, activation);
    B::tensor(output, Shape::from([count, width / 2]))
}

pub(crate) fn glu_gradient<B: Host>(
    rows: FloatTensor<B>,
    gradient: FloatTensor<B>,
    activation: GluActivation,
) -> FloatTensor<B> {
    if !are_native::<B>([&rows, &gradient]) {
        return glu::gradient::<B>(rows, gradient, activation);
    }
    let width = rows.shape()[1];
    let gradient = Values::<B>::of(&gradient);
    let gradient = gradient.slice();
    transform_each::<B>(rows, rows_in_task(width) * width, |start, rows| {
        let gradient = &gradient[start / 2..][..rows.len() / 2];
        native::glu::gradient(rows, gradient, width / 2, activation);
    })
}

pub(crate) fn rotary_rows<B: Host>(
    rows: FloatTensor<B>,
    cosine: FloatTensor<B>,
    sine: FloatTensor<B>,
    heads: usize,
) -> FloatTensor<B> {
    if !are_native::<B>([&rows, &cosine, &sine]) {
        return rotary::forward::<B>(rows, cosine, sine, heads);
    }
    let width = rows.shape()[1];
    let angles = width / heads / 2;
    let tables = [&cosine, &sine].map(Values::<B>::of);
    let [cosine, sine] = [&tables[0], &tables[1]].map(Values::slice);
    let task = rows_in_task(width);
    transform_each::<B>(rows, task * width, |start, rows| {
        let count = rows.len() / width * angles;
        let [cosine, sine] = [cosine, sine].map(|table| &table[start / width * angles..][..count]);
        native::rotary::apply(rows, cosine, sine, native::rotary::Sizes { width, angles });
    })
}

pub(crate) fn dropout_hashed<B: Host>(
    x: FloatTensor<B>,
    probability: f64,
    key: u64,
) -> FloatTensor<B> {
    if !are_native::<B>([&x]) {
        return dropout::apply::<B>(x, probability, key);
    }
    let mask = Mask::new(Dropout { probability, key });
    transform_each::<B>(x, TASK, |start, values| {
        native::dropout::apply(values, mask, start);
    })
}

pub(crate) fn fake_quantized<B: Host>(x: FloatTensor<B>, axis: QuantizationAxis) -> FloatTensor<B> {
    if !are_native::<B>([&x]) {
        return fake_quantize::forward::<B>(x, axis);
    }
    let width = x.shape()[1];
    match axis {
        QuantizationAxis::Row => transform_each::<B>(x, rows_in_task(width) * width, |_, rows| {
            native::fake_quantize::rows(rows, width);
        }),
        QuantizationAxis::Column => {
            let mut x = own_or_copy::<B>(x);
            native::fake_quantize::columns(own::<B>(&mut x), width);
            x
        }
    }
}

pub(crate) fn attention_rows<B: Host>(
    inputs: Inputs<FloatTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
) -> (FloatTensor<B>, Vec<FloatTensor<B>>) {
    let Some(values) = AttentionValues::<B>::of(&inputs, None) else {
        return attention::packed_forward::<B>(inputs, packing, settings);
    };
    let context = native::attention::apply(&values.problem(&inputs, packing, settings));
    (B::tensor(context, inputs.query.shape()), Vec::new())
}

pub(crate) fn attention_gradients<B: Host>(
    inputs: Inputs<FloatTensor<B>>,
    left: Vec<FloatTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
    gradient: FloatTensor<B>,
    wanted: [bool; 3],
) -> [Option<FloatTensor<B>>; 3] {
    let values = match left.is_empty() {
        true => AttentionValues::<B>::of(&inputs, None),
        false => None,
    };
    let Some(values) = values else {
        return attention::packed_gradients::<B>(inputs, left, packing, settings, gradient, wanted);
    };
    let problem = values.problem(&inputs, packing, settings);
    let gradients = native::attention::gradients(&problem, Values::<B>::of(&gradient).slice());
    of_inputs::<B>(&inputs, gradients).0
}

pub(crate) fn relative_attention_rows<B: Host>(
    inputs: Inputs<FloatTensor<B>>,
    tables: &RelativeTables<FloatTensor<B>, IntTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
) -> (FloatTensor<B>, Vec<FloatTensor<B>>) {
    let Some(values) = AttentionValues::<B>::of(&inputs, Some(tables)) else {
        return relative::forward::<B>(inputs, tables, packing, settings);
    };
    let context = native::attention::apply(&values.problem(&inputs, packing, settings));
    (B::tensor(context, inputs.query.shape()), Vec::new())
}

pub(crate) fn relative_attention_gradients<B: Host>(
    inputs: Inputs<FloatTensor<B>>,
    tables: &RelativeTables<FloatTensor<B>, IntTensor<B>>,
    left: Vec<FloatTensor<B>>,
    packing: &Packing<IntTensor<B>>,
    settings: Settings,
    gradient: FloatTensor<B>,
    wanted: [bool; 6],
) -> [Option<FloatTensor<B>>; 6] {
    let values = match left.is_empty() {
        true => AttentionValues::<B>::of(&inputs, Some(tables)),
        false => None,
    };
    let Some(values) = values else {
        return relative::gradients::<B>(inputs, tables, left, packing, settings, gradient, wanted);
    };
    let problem = values.problem(&inputs, packing, settings);
    let gradients = native::attention::gradients(&problem, Values::<B>::of(&gradient).slice());
    let ([query, key, value], sums) = of_inputs::<B>(&inputs, gradients);
    let of_table = |table: &Option<FloatTensor<B>>, sums: &[f32]| {
        let shape = table.as_ref()?.shape();
        Some(copied::<B>(sums, shape))
    };
    let [keys, queries, bias] = &sums;
    [
        query,
        key,
        value,
        of_table(&tables.keys, keys),
        of_table(&tables.queries, queries),
        of_table(&tables.bias, bias),
    ]
}

/// The gradients of query, key and value as tensors, and those of tables.
#[allow(clippy::type_complexity, reason = "the gradients of an operation")]
fn of_inputs<B: Host>(
    inputs: &Inputs<FloatTensor<B>>,
    gradients: native::attention::Gradients<B::Buffer>,
) -> ([Option<FloatTensor<B>>; 3], [Vec<f32>; 3]) {
    let of_inputs = [
        Some(B::tensor(gradients.query, inputs.query.shape())),
        Some(B::tensor(gradients.key, inputs.key.shape())),
        Some(B::tensor(gradients.value, inputs.value.shape())),
    ];
    (of_inputs, gradients.tables)
}

pub(crate) fn class_loss<B: Host>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    factor: f64,
) -> FloatTensor<B> {
    if !are_native::<B>([&logits]) {
        return cross_entropy::forward::<B>(logits, labels, factor);
    }
    let classes = logits.shape()[1];
    let logits = Values::<B>::of(&logits);
    let loss = native::cross_entropy::loss(logits.slice(), classes, &B::indices(labels));
    copied::<B>(&[(loss * factor) as f32], Shape::from([1]))
}

pub(crate) fn class_loss_gradient<B: Host>(
    logits: FloatTensor<B>,
    labels: IntTensor<B>,
    factor: f64,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    if !are_native::<B>([&logits, &gradient]) {
        return cross_entropy::gradient::<B>(logits, labels, factor, gradient);
    }
    let shape = logits.shape();
    let factor = factor as f32 * Values::<B>::of(&gradient).slice()[0];
    let (logits, labels) = (Values::<B>::of(&logits), B::indices(labels));
    let values = native::cross_entropy::gradient(logits.slice(), shape[1], &labels, factor);
    B::tensor(values, shape)
}

fn sizes(rows: &Shape, weight: &Shape) -> Sizes {
    assert_eq!(rows[1], weight[0], "width of the rows and of the weight");
    Sizes {
        rows: rows[0],
        inputs: rows[1],
        outputs: weight[1],
    }
}

/// The values of gamma or beta.
fn of_width<B: Host>(vector: &Values<B>, width: usize) -> &[f32] {
    assert_eq!(vector.slice().len(), width, "values of gamma and beta");
    vector.slice()
}

/// Returns the gradients of gamma and beta, from the sums of the tasks of a layer normalization.
fn gamma_and_beta<B: Host>(sums: &[Vec<f32>], width: usize) -> [Option<FloatTensor<B>>; 2] {
    let sums = memory::add_up(sums, 2 * width);
    let (of_gamma, of_beta) = sums.split_at(width);
    [of_gamma, of_beta].map(|values| Some(copied::<B>(values, Shape::from([width]))))
}

/// The values of query, key and value, and of tables by distance.
struct AttentionValues<'a, B: Host> {
    inputs: [Values<B>; 3],
    tables: Option<TableValues<'a, B>>,
}

/// The values of keys, queries and bias, with their buckets and scale.
struct TableValues<'a, B: Host> {
    values: [Option<Values<B>>; 3],
    buckets: &'a RelativeBuckets,
    scale: f64,
}

impl<'a, B: Host> AttentionValues<'a, B> {
    /// Nothing if there is no native kernel for them.
    fn of(
        inputs: &Inputs<FloatTensor<B>>,
        tables: Option<&'a RelativeTables<FloatTensor<B>, IntTensor<B>>>,
    ) -> Option<Self> {
        let tensors = [&inputs.query, &inputs.key, &inputs.value];
        let of_tables = tables.map(|tables| [&tables.keys, &tables.queries, &tables.bias]);
        let more = of_tables.into_iter().flatten().flatten();
        are_native::<B>(tensors.into_iter().chain(more)).then(|| Self {
            inputs: tensors.map(Values::<B>::of),
            tables: tables.map(|tables| TableValues {
                values: [&tables.keys, &tables.queries, &tables.bias]
                    .map(|table| table.as_ref().map(Values::<B>::of)),
                buckets: &tables.buckets,
                scale: tables.scale,
            }),
        })
    }

    fn problem<'b>(
        &'b self,
        inputs: &Inputs<FloatTensor<B>>,
        packing: &'b Packing<IntTensor<B>>,
        settings: Settings,
    ) -> native::attention::Problem<'b> {
        let [rows, hidden] = inputs.query.shape().dims();
        let [query, key, value] = &self.inputs;
        let head_width = hidden / settings.heads;
        let scale = match &self.tables {
            Some(tables) => tables.scale,
            None => 1.0 / (head_width as f64).sqrt(),
        };
        native::attention::Problem {
            query: query.slice(),
            key: key.slice(),
            value: value.slice(),
            queries: match packing.are_all_tokens(rows) {
                true => None,
                false => Some(rows / packing.offsets.batch_size()),
            },
            offsets: &packing.offsets,
            heads: settings.heads,
            head_width,
            window: settings.window,
            scale: scale as f32,
            relative: self.tables.as_ref().map(|tables| {
                let [keys, queries, bias] = tables
                    .values
                    .each_ref()
                    .map(|table| table.as_ref().map(Values::slice));
                native::attention::Relative {
                    keys,
                    queries,
                    bias,
                    buckets: tables.buckets,
                }
            }),
            mask: settings.dropout.map(Mask::new),
            precision: settings.precision,
        }
    }
}
