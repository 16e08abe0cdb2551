//! Launches on plain tensors and on those of burn's operation fusion, by one call.

use std::fmt;

use burn::backend::fusion::{
    ExecutionError, Fusion, FusionTensor,
    custom::{CustomOpIr, HandleContainer, Operation, OperationIr, StreamId, TensorIr},
};
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{DType, Shape};
use burn_cubecl::fusion::{CubeFusionHandle, FusionCubeRuntime};
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, CubeDevice};

/// Backend on CubeCL. Kernels are launched at once, or queued among burn's operations.
pub(crate) trait Queue:
    Backend<FloatTensorPrimitive = Self::Tensor, IntTensorPrimitive = Self::Tensor>
{
    /// Tensor of floats or integers.
    type Tensor: Clone + TensorMetadata<Device = CubeDevice>;

    /// Runs `launch` on the inputs. It returns tensors of f32 with the shapes of `outputs`; a
    /// queued operation is known by them before it runs, and nothing compares them later.
    fn call(
        name: &'static str,
        inputs: Vec<Self::Tensor>,
        outputs: Vec<Shape>,
        launch: impl Launch,
    ) -> Vec<Self::Tensor>;
}

/// Function that launches kernels. An input that nobody else holds may be written to.
pub(crate) trait Launch:
    Fn(Vec<CubeTensor>) -> Vec<CubeTensor> + Send + Sync + 'static
{
}

impl<F: Fn(Vec<CubeTensor>) -> Vec<CubeTensor> + Send + Sync + 'static> Launch for F {}

impl Queue for CubeBackend {
    type Tensor = CubeTensor;

    fn call(
        _name: &'static str,
        inputs: Vec<CubeTensor>,
        _outputs: Vec<Shape>,
        launch: impl Launch,
    ) -> Vec<CubeTensor> {
        launch(inputs)
    }
}

impl Queue for Fusion<CubeBackend> {
    type Tensor = FusionTensor<FusionCubeRuntime>;

    fn call(
        name: &'static str,
        inputs: Vec<Self::Tensor>,
        outputs: Vec<Shape>,
        launch: impl Launch,
    ) -> Vec<Self::Tensor> {
        let Some(client) = inputs.first().map(|tensor| tensor.client.clone()) else {
            return Vec::new();
        };
        let inputs: Vec<TensorIr> = inputs.into_iter().map(FusionTensor::into_ir).collect();
        let new = |shape| TensorIr::uninit(client.create_empty_handle(), shape, DType::F32);
        let outputs: Vec<TensorIr> = outputs.into_iter().map(new).collect();
        let operation = OperationIr::Custom(CustomOpIr::new(name, &inputs, &outputs));
        let queued = Queued {
            name,
            inputs,
            outputs,
            launch,
        };
        client.register(StreamId::current(), operation, queued)
    }
}

/// Launch that waits for its turn among the operations of a stream.
struct Queued<L> {
    name: &'static str,
    inputs: Vec<TensorIr>,
    outputs: Vec<TensorIr>,
    launch: L,
}

impl<L> fmt::Debug for Queued<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<L: Launch> Operation<FusionCubeRuntime> for Queued<L> {
    fn execute(
        &self,
        handles: &mut HandleContainer<CubeFusionHandle>,
    ) -> Result<(), ExecutionError> {
        let tensor = |tensor| handles.get_float_tensor::<CubeBackend>(tensor);
        let inputs = self.inputs.iter().map(tensor).collect();
        let results = (self.launch)(inputs);
        for (output, result) in self.outputs.iter().zip(results) {
            handles.register_float_tensor::<CubeBackend>(&output.id, result);
        }
        Ok(())
    }
}
