//! Gradient of an embedding table without atomics: the order of its sums is that of the tokens.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::zeros_client;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{address, contiguous};

/// Units of a cube. Each adds up one column.
const COLUMNS: u32 = 64;

/// One cube per token and block of columns. It works if the token is the first with its id, and adds
/// the gradients of all tokens with this id.
#[cube(launch, address_type = "dynamic")]
fn gradient_kernel<I: Int>(
    ids: &Tensor<I>,
    gradient: &Tensor<f32>,
    table: &mut Tensor<f32>,
    tokens: usize,
    width: usize,
    blocks: usize,
    #[comptime] units: usize,
    #[define(I)] _ids: ElemType,
) {
    let token = CUBE_POS / blocks;
    if token >= tokens {
        terminate!();
    }
    let unit = UNIT_POS_X as usize;
    let mut seen = Shared::<[u32]>::new_slice(units);
    let id = ids[token];
    let mut earlier = 0u32;
    let mut other = unit;
    while other < token {
        if ids[other] == id {
            earlier = 1u32;
        }
        other += units;
    }
    seen[unit] = earlier;
    sync_cube();
    let mut any = 0u32;
    for other in 0..units {
        any += seen[other];
    }
    let column = (CUBE_POS % blocks) * units + unit;
    if any == 0u32 {
        if column < width {
            let mut sum = 0.0f32;
            for other in token..tokens {
                if ids[other] == id {
                    sum += gradient[other * width + column];
                }
            }
            table[usize::cast_from(id) * width + column] = sum;
        }
    }
}

/// Returns the gradient of a table of `rows` rows from `[ids, gradient]`.
pub(crate) fn gradient(inputs: Vec<CubeTensor>, rows: usize) -> Vec<CubeTensor> {
    let [ids, gradient] = contiguous(inputs);
    let [tokens, width] = gradient.meta.shape().dims();
    let client = gradient.client.clone();
    let shape = [rows, width].into();
    // Rows of an uploaded or new tensor may be padded on a GPU; these are read one after the other.
    let table = into_contiguous(zeros_client(
        client.clone(),
        gradient.device.clone(),
        shape,
        DType::F32,
    ));
    let blocks = width.div_ceil(COLUMNS as usize);
    let dim = CubeDim::new_1d(COLUMNS);
    let units = tokens * blocks * COLUMNS as usize;
    let cubes = cubecl::calculate_cube_count_elemwise(&client, units, dim);
    let address = address(&[&table, &gradient]);
    let dtype = dtype_to_storage_type(ids.dtype);
    gradient_kernel::launch(
        &client,
        cubes,
        dim,
        address,
        ids.into_tensor_arg(),
        gradient.into_tensor_arg(),
        table.clone().into_tensor_arg(),
        tokens,
        width,
        blocks,
        COLUMNS as usize,
        dtype,
    );
    vec![table]
}
