//! Type-erased heads.

use std::fmt;

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::{Device, Tensor};

use super::{Head, HeadInput};
use crate::any_module::AnyModule;
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
#[derive(Clone)]
pub struct AnyHead {
    module: AnyModule,
    /// Returns the module as the head that it is.
    head: fn(&AnyModule) -> &dyn ErasedHead,
}

impl AnyHead {
    /// Erases the type of a head.
    pub fn new<H: Head>(head: H) -> Self {
        Self {
            module: AnyModule::new(head),
            head: head_of::<H>,
        }
    }

    fn map_module(self, map: impl FnOnce(AnyModule) -> AnyModule) -> Self {
        Self {
            module: map(self.module),
            head: self.head,
        }
    }

    fn head(&self) -> &dyn ErasedHead {
        (self.head)(&self.module)
    }

    /// Returns the head if it is of type `H`.
    pub fn downcast_ref<H: Head>(&self) -> Option<&H> {
        self.module.downcast_ref()
    }

    /// Returns the last segment of the type's name, such as `Mlp`.
    pub fn type_name(&self) -> &'static str {
        self.head().erased_type_name()
    }

    /// Returns the number of texts that the head compares, 1 or 2.
    pub fn num_texts(&self) -> usize {
        self.head().erased_num_texts()
    }

    /// Returns whether the head reads the hidden states of all tokens.
    pub fn reads_hidden_states(&self) -> bool {
        self.head().erased_reads_hidden_states()
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
            true => Ok(self.head().erased_forward(input)),
            false => Err(ModelError::TextCount { expected, found }),
        }
    }
}

impl<H: Head> From<H> for AnyHead {
    fn from(head: H) -> Self {
        Self::new(head)
    }
}

impl fmt::Debug for AnyHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.module.fmt(f)
    }
}

impl Module for AnyHead {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.module.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        self.map_module(|module| module.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.map_module(|module| module.to_device(device))
    }

    fn train(self) -> Self {
        self.map_module(|module| module.train())
    }

    fn valid(&self) -> Self {
        Self {
            module: self.module.valid(),
            head: self.head,
        }
    }

    fn materialize(self) -> Self {
        self.map_module(|module| module.materialize())
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        self.module.visit(visitor);
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        self.map_module(|module| module.map(mapper))
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

/// Object-safe methods that [`AnyHead`] calls on its head, beside those of its module.
trait ErasedHead {
    fn erased_forward(&self, input: HeadInput) -> Tensor<2>;
    fn erased_num_texts(&self) -> usize;
    fn erased_reads_hidden_states(&self) -> bool;
    fn erased_type_name(&self) -> &'static str;
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
}

fn head_of<H: Head>(module: &AnyModule) -> &dyn ErasedHead {
    match module.downcast_ref::<H>() {
        Some(head) => head,
        None => unreachable!("the module of a head keeps its type"),
    }
}

/// Returns the last segment of a type's name, without its type parameters.
pub(super) fn short_type_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}
