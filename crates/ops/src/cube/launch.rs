//! What all kernels need around their launch: memory, and how a problem is divided into cubes.

use std::sync::Once;

use burn::tensor::{DType, Shape};
use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

/// Units of a cube, where nothing else determines them.
const UNITS: u32 = 256;

/// Units that work on one row. Each adds up a share of the row, and all of them add the shares.
pub(crate) const ROW_UNITS: usize = 32;

/// Bytes that a cube shares: two tiles of attention.
const SHARED_BYTES: usize = 16 << 10;
/// Units of the largest cube of a fixed size.
const LEAST_UNITS: u32 = 64;
/// Tensors of the kernel with the most.
const BINDINGS: u32 = 7;

/// Whether a device has room for the kernels. If it has not, says so once, and burn's operations take
/// their place.
#[allow(clippy::print_stderr, reason = "a warning, once")]
pub(crate) fn fits(device: &CubeDevice) -> bool {
    static WARNING: Once = Once::new();
    let client = device.client();
    let hardware = &client.properties().hardware;
    let fits = hardware.max_shared_memory_size >= SHARED_BYTES
        && hardware.max_units_per_cube >= LEAST_UNITS
        && hardware.max_bindings >= BINDINGS;
    if !fits {
        WARNING.call_once(|| {
            eprintln!(
                "warning: {device:?} has {} bytes of shared memory, {} units per cube and {} buffers \
                 per kernel; the fused kernels need {SHARED_BYTES}, {LEAST_UNITS} and {BINDINGS}, so \
                 slower operations take their place",
                hardware.max_shared_memory_size,
                hardware.max_units_per_cube,
                hardware.max_bindings
            );
        });
    }
    fits
}

/// Returns a new tensor on the device of another.
pub(crate) fn empty_like(other: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let (client, device) = (other.client.clone(), other.device.clone());
    empty_device_contiguous_dtype(client, device, shape.into(), DType::F32)
}

/// Returns the type of indices into all of these tensors.
///
/// # Panics
/// If a tensor has more values than the device can count.
pub(crate) fn address(tensors: &[&CubeTensor]) -> AddressType {
    let types = tensors.iter().map(|tensor| tensor.required_address_type());
    let address = types.fold(AddressType::U32, Ord::max);
    if let Some(tensor) = tensors.first() {
        assert!(
            tensor.client.properties().supports_address(address),
            "a tensor of {} values or more, on a device that counts them in 32 bits",
            u32::MAX
        );
    }
    address
}

/// Returns the inputs, contiguous.
///
/// # Panics
/// If there are not `N`.
pub(crate) fn contiguous<const N: usize>(inputs: Vec<CubeTensor>) -> [CubeTensor; N] {
    let inputs: Vec<CubeTensor> = inputs.into_iter().map(into_contiguous).collect();
    match inputs.try_into() {
        Ok(inputs) => inputs,
        Err(inputs) => unreachable!("{} inputs of {N}", inputs.len()),
    }
}

/// Returns the cubes for one unit per value.
pub(crate) fn values(client: &Client, count: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(UNITS.min(client.properties().hardware.max_units_per_cube));
    (calculate_cube_count_elemwise(client, count, dim), dim)
}

/// Returns the cubes for [`ROW_UNITS`] units per row.
pub(crate) fn rows(client: &Client, count: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_2d(ROW_UNITS as u32, rows_per_cube(client) as u32);
    let count = calculate_cube_count_elemwise(client, count * ROW_UNITS, dim);
    (count, dim)
}

/// Returns the rows that a cube works on.
pub(crate) fn rows_per_cube(client: &Client) -> usize {
    let most = client.properties().hardware.max_units_per_cube.min(UNITS);
    (most as usize / ROW_UNITS).max(1)
}

/// Adds the values of the units of a row, in the same order in each of them.
#[cube]
pub(crate) fn sum_over_row(value: f32, shared: &mut Shared<[f32]>) -> f32 {
    let start = UNIT_POS_Y as usize * ROW_UNITS;
    // The values of the sum before may still be read.
    sync_cube();
    shared[start + UNIT_POS_X as usize] = value;
    sync_cube();
    let mut sum = 0.0f32;
    for unit in 0..ROW_UNITS {
        sum += shared[start + unit];
    }
    sum
}

/// Returns the largest of the values of the units of a row.
#[cube]
pub(crate) fn max_over_row(value: f32, shared: &mut Shared<[f32]>) -> f32 {
    let start = UNIT_POS_Y as usize * ROW_UNITS;
    sync_cube();
    shared[start + UNIT_POS_X as usize] = value;
    sync_cube();
    let mut largest = shared[start];
    for unit in 1..ROW_UNITS {
        largest = max(largest, shared[start + unit]);
    }
    largest
}

/// Returns the row of this unit, which may lie beyond the last one.
#[cube]
pub(crate) fn row_of_unit() -> usize {
    CUBE_POS * CUBE_DIM_Y as usize + UNIT_POS_Y as usize
}

/// Adds all values and multiplies the sum: one cube of one row of units.
#[cube(launch, address_type = "dynamic")]
fn total_kernel(
    values: &Tensor<f32>,
    total: &mut Tensor<f32>,
    count: usize,
    factor: f32,
    #[comptime] slots: usize,
) {
    let mut shared = Shared::<[f32]>::new_slice(slots);
    let mut sum = 0.0f32;
    let mut row = UNIT_POS_X as usize;
    while row < count {
        sum += values[row];
        row += ROW_UNITS;
    }
    let sum = sum_over_row(sum, &mut shared);
    if UNIT_POS_X == 0 {
        total[0] = sum * factor;
    }
}

/// Writes the sum of all values, times a factor.
pub(crate) fn total(
    client: &Client,
    values: CubeTensor,
    total: &CubeTensor,
    count: usize,
    factor: f32,
) {
    total_kernel::launch(
        client,
        CubeCount::new_single(),
        CubeDim::new_2d(ROW_UNITS as u32, 1),
        address(&[&values]),
        values.into_tensor_arg(),
        total.clone().into_tensor_arg(),
        count,
        factor,
        ROW_UNITS,
    );
}
