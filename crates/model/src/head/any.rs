//! Type-erased heads.

use std::any::Any;
use std::fmt;

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::{Device, Tensor};

use super::bridge::{ErasedMapper, ErasedVisitor, OfMapper, OfVisitor, ToMapper, ToVisitor};
use super::{Head, HeadInput};
use crate::error::ModelError;

/// Type-erased head, so that models need no type parameter for their head.
///
/// Its parameters have the same paths as in the head itself.
///
/// ```
/// use burn::tensor::Device;
/// use finetune_model::{EncoderConfig, Mlp, SequenceClassifierConfig};
///
/// let config = SequenceClassifierConfig::new(EncoderConfig::default(), vec!["a".into(), "b".into()]);
/// let model = config.init(&Device::flex())?;
/// assert_eq!(model.head.type_name(), "Mlp");
/// let head = model.head.downcast_ref::<Mlp>();
/// assert!(head.is_some_and(|head| head.hidden.is_empty()));
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
pub struct AnyHead(Box<dyn ErasedHead>);

impl AnyHead {
    /// Erases the type of a head.
    pub fn new(head: impl Head) -> Self {
        Self(Box::new(head))
    }

    /// Returns the head if it is of type `H`.
    pub fn downcast_ref<H: Head>(&self) -> Option<&H> {
        self.0.erased_as_any().downcast_ref()
    }

    /// Returns the last segment of the type's name, such as `Mlp`.
    pub fn type_name(&self) -> &'static str {
        self.0.erased_type_name()
    }

    /// Returns the number of texts that the head compares, 1 or 2.
    pub fn num_texts(&self) -> usize {
        self.0.erased_num_texts()
    }

    /// Returns whether the head reads the hidden states of all tokens.
    pub fn reads_hidden_states(&self) -> bool {
        self.0.erased_reads_hidden_states()
    }

    /// Returns logits or scores, deterministic while the input's dropout is off.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// - [`ModelError::TextCount`] if the head compares another number of texts.
    /// - [`ModelError::InvalidShape`] if the vectors of a pair differ in shape.
    ///
    /// # Panics
    /// If the width of the vectors is not that of the head.
    pub fn forward(&self, input: HeadInput) -> Result<Tensor<2>, ModelError> {
        let (expected, found) = (self.num_texts(), 1 + usize::from(input.second.is_some()));
        if let Some(second) = &input.second {
            let (first, second) = (input.pooled.dims(), second.dims());
            if first != second {
                return Err(ModelError::pair_shape(first, second));
            }
        }
        match expected == found {
            true => Ok(self.0.erased_forward(input)),
            false => Err(ModelError::TextCount { expected, found }),
        }
    }
}

impl<H: Head> From<H> for AnyHead {
    fn from(head: H) -> Self {
        Self::new(head)
    }
}

impl Clone for AnyHead {
    fn clone(&self) -> Self {
        Self(self.0.erased_clone())
    }
}

impl fmt::Debug for AnyHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Module for AnyHead {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.0.erased_collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        Self(self.0.erased_fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        Self(self.0.erased_to_device(device))
    }

    fn train(self) -> Self {
        Self(self.0.erased_train())
    }

    fn valid(&self) -> Self {
        Self(self.0.erased_valid())
    }

    fn materialize(self) -> Self {
        Self(self.0.erased_materialize())
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        self.0.erased_visit(&mut OfVisitor(visitor));
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        Self(self.0.erased_map(&mut OfMapper(mapper)))
    }
}

impl ModuleDisplayDefault for AnyHead {
    fn content(&self, content: Content) -> Option<Content> {
        let content = content.set_top_level_type(self.type_name());
        Some(content.add_debug_attribute("params", &Module::num_params(self)))
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl ModuleDisplay for AnyHead {}

/// Object-safe methods that [`AnyHead`] calls on its head.
trait ErasedHead: fmt::Debug + Send + Sync {
    fn erased_forward(&self, input: HeadInput) -> Tensor<2>;
    fn erased_num_texts(&self) -> usize;
    fn erased_reads_hidden_states(&self) -> bool;
    fn erased_type_name(&self) -> &'static str;
    fn erased_as_any(&self) -> &dyn Any;
    fn erased_clone(&self) -> Box<dyn ErasedHead>;
    fn erased_collect_devices(&self, devices: Devices) -> Devices;
    fn erased_fork(self: Box<Self>, device: &Device) -> Box<dyn ErasedHead>;
    fn erased_to_device(self: Box<Self>, device: &Device) -> Box<dyn ErasedHead>;
    fn erased_train(self: Box<Self>) -> Box<dyn ErasedHead>;
    fn erased_valid(&self) -> Box<dyn ErasedHead>;
    fn erased_materialize(self: Box<Self>) -> Box<dyn ErasedHead>;
    fn erased_visit(&self, visitor: &mut dyn ErasedVisitor);
    fn erased_map(self: Box<Self>, mapper: &mut dyn ErasedMapper) -> Box<dyn ErasedHead>;
}

impl<H: Head> ErasedHead for H {
    fn erased_forward(&self, input: HeadInput) -> Tensor<2> {
        self.forward(input)
    }

    fn erased_num_texts(&self) -> usize {
        self.num_texts()
    }

    fn erased_reads_hidden_states(&self) -> bool {
        self.reads_hidden_states()
    }

    fn erased_type_name(&self) -> &'static str {
        short_type_name::<H>()
    }

    fn erased_as_any(&self) -> &dyn Any {
        self
    }

    fn erased_clone(&self) -> Box<dyn ErasedHead> {
        Box::new(self.clone())
    }

    fn erased_collect_devices(&self, devices: Devices) -> Devices {
        self.collect_devices(devices)
    }

    fn erased_fork(self: Box<Self>, device: &Device) -> Box<dyn ErasedHead> {
        Box::new((*self).fork(device))
    }

    fn erased_to_device(self: Box<Self>, device: &Device) -> Box<dyn ErasedHead> {
        Box::new((*self).to_device(device))
    }

    fn erased_train(self: Box<Self>) -> Box<dyn ErasedHead> {
        Box::new((*self).train())
    }

    fn erased_valid(&self) -> Box<dyn ErasedHead> {
        Box::new(self.valid())
    }

    fn erased_materialize(self: Box<Self>) -> Box<dyn ErasedHead> {
        Box::new((*self).materialize())
    }

    fn erased_visit(&self, visitor: &mut dyn ErasedVisitor) {
        self.visit(&mut ToVisitor(visitor));
    }

    fn erased_map(self: Box<Self>, mapper: &mut dyn ErasedMapper) -> Box<dyn ErasedHead> {
        Box::new((*self).map(&mut ToMapper(mapper)))
    }
}

/// Returns the last segment of a type's name, without its type parameters.
pub(super) fn short_type_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}
