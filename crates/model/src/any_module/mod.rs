//! Type-erased modules.

mod bridge;

use std::any::Any;
use std::fmt;

use burn::module::{Devices, Module, ModuleMapper, ModuleVisitor};
use burn::tensor::Device;

use bridge::{ErasedMapper, ErasedVisitor, OfMapper, OfVisitor, ToMapper, ToVisitor};

/// Module of any type.
///
/// Its parameters have the same paths as in the module itself. Code that visits or maps the parameters
/// of an `AnyModule` is compiled once for modules of all types.
///
/// Parameters with 1 to 8 axes are supported.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::Device;
/// use finetune_model::AnyModule;
///
/// let module = AnyModule::new(LinearConfig::new(2, 3).init(&Device::flex()));
/// assert_eq!(module.num_params(), 9);
/// assert!(module.downcast::<Linear>().is_some());
/// ```
pub struct AnyModule(Box<dyn ErasedModule>);

impl AnyModule {
    /// Erases the type of a module.
    pub fn new(module: impl Module + Sync + 'static) -> Self {
        Self(Box::new(module))
    }

    /// Returns the module.
    pub fn as_any(&self) -> &dyn Any {
        self.0.erased_as_any()
    }

    /// Returns the module if it is of type `M`.
    pub fn downcast_ref<M: 'static>(&self) -> Option<&M> {
        self.as_any().downcast_ref()
    }

    /// Returns the module itself if it is of type `M`.
    pub fn downcast<M: 'static>(self) -> Option<M> {
        self.0
            .erased_into_any()
            .downcast()
            .ok()
            .map(|module| *module)
    }
}

impl Clone for AnyModule {
    fn clone(&self) -> Self {
        self.0.erased_clone()
    }
}

impl fmt::Debug for AnyModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Module for AnyModule {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.0.erased_collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        self.0.erased_fork(device)
    }

    fn to_device(self, device: &Device) -> Self {
        self.0.erased_to_device(device)
    }

    fn train(self) -> Self {
        self.0.erased_train()
    }

    fn valid(&self) -> Self {
        self.0.erased_valid()
    }

    fn materialize(self) -> Self {
        self.0.erased_materialize()
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        self.0.erased_visit(&mut OfVisitor(visitor));
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        self.0.erased_map(&mut OfMapper(mapper))
    }
}

/// Object-safe methods of [`Module`].
trait ErasedModule: fmt::Debug + Send + Sync {
    fn erased_as_any(&self) -> &dyn Any;
    fn erased_into_any(self: Box<Self>) -> Box<dyn Any>;
    fn erased_clone(&self) -> AnyModule;
    fn erased_collect_devices(&self, devices: Devices) -> Devices;
    fn erased_fork(self: Box<Self>, device: &Device) -> AnyModule;
    fn erased_to_device(self: Box<Self>, device: &Device) -> AnyModule;
    fn erased_train(self: Box<Self>) -> AnyModule;
    fn erased_valid(&self) -> AnyModule;
    fn erased_materialize(self: Box<Self>) -> AnyModule;
    fn erased_visit(&self, visitor: &mut dyn ErasedVisitor);
    fn erased_map(self: Box<Self>, mapper: &mut dyn ErasedMapper) -> AnyModule;
}

impl<M: Module + Sync + 'static> ErasedModule for M {
    fn erased_as_any(&self) -> &dyn Any {
        self
    }

    fn erased_into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn erased_clone(&self) -> AnyModule {
        AnyModule::new(self.clone())
    }

    fn erased_collect_devices(&self, devices: Devices) -> Devices {
        self.collect_devices(devices)
    }

    fn erased_fork(self: Box<Self>, device: &Device) -> AnyModule {
        AnyModule::new((*self).fork(device))
    }

    fn erased_to_device(self: Box<Self>, device: &Device) -> AnyModule {
        AnyModule::new((*self).to_device(device))
    }

    fn erased_train(self: Box<Self>) -> AnyModule {
        AnyModule::new((*self).train())
    }

    fn erased_valid(&self) -> AnyModule {
        AnyModule::new(self.valid())
    }

    fn erased_materialize(self: Box<Self>) -> AnyModule {
        AnyModule::new((*self).materialize())
    }

    fn erased_visit(&self, visitor: &mut dyn ErasedVisitor) {
        self.visit(&mut ToVisitor(visitor));
    }

    fn erased_map(self: Box<Self>, mapper: &mut dyn ErasedMapper) -> AnyModule {
        AnyModule::new((*self).map(&mut ToMapper(mapper)))
    }
}
