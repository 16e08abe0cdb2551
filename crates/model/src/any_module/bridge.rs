//! Visitors and mappers of burn as trait objects.
//!
//! The methods of [`ModuleVisitor`] and [`ModuleMapper`] are generic over the rank of a parameter,
//! so they cannot be called on trait objects. Here a parameter is passed through an object-safe
//! trait as [`Any`], and downcast to its type on the other side.

use std::any::Any;

use burn::module::{Flag, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Bool, Float, Int, Tensor};

/// Object-safe visitor; it takes a parameter of any kind and rank.
pub(super) trait ErasedVisitor {
    fn visit(&mut self, param: &dyn Any);
    fn visit_flag(&mut self, flag: &Param<Flag>);
    fn enter_module(&mut self, name: &str, container: &str);
    fn exit_module(&mut self, name: &str, container: &str);
}

/// Type-erased parameter passed through an [`ErasedMapper`].
type AnyParam = Box<dyn Any + Send>;

/// Object-safe mapper; it takes and returns a parameter of any kind and rank.
pub(super) trait ErasedMapper {
    fn map(&mut self, param: AnyParam) -> AnyParam;
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag>;
    fn enter_module(&mut self, name: &str, container: &str);
    fn exit_module(&mut self, name: &str, container: &str);
}

/// Calls the visitor with the parameter, downcast to its rank, and returns.
macro_rules! visit_ranks {
    ($visitor:expr, $param:ident, $visit:ident, $kind:ty) => {
        visit_ranks!($visitor, $param, $visit, $kind, 1 2 3 4 5 6 7 8)
    };
    ($visitor:expr, $param:ident, $visit:ident, $kind:ty, $($rank:literal)*) => {
        $(if let Some(param) = $param.downcast_ref::<Param<Tensor<$rank, $kind>>>() {
            return $visitor.$visit(param);
        })*
    };
}

/// Returns the mapped parameter, downcast to its rank.
macro_rules! map_ranks {
    ($mapper:expr, $param:ident, $map:ident, $kind:ty) => {
        map_ranks!($mapper, $param, $map, $kind, 1 2 3 4 5 6 7 8)
    };
    ($mapper:expr, $param:ident, $map:ident, $kind:ty, $($rank:literal)*) => {
        $(let $param = match $param.downcast::<Param<Tensor<$rank, $kind>>>() {
            Ok(param) => return Box::new($mapper.$map(*param)),
            Err(other) => other,
        };)*
    };
}

/// Panics for a parameter with 0 or more than 8 axes.
fn unsupported_rank() -> ! {
    panic!("a parameter has 1 to 8 axes")
}

/// Visitor of burn as an [`ErasedVisitor`].
pub(super) struct OfVisitor<'a, V>(pub(super) &'a mut V);

impl<V: ModuleVisitor> ErasedVisitor for OfVisitor<'_, V> {
    fn visit(&mut self, param: &dyn Any) {
        visit_ranks!(self.0, param, visit_float, Float);
        visit_ranks!(self.0, param, visit_int, Int);
        visit_ranks!(self.0, param, visit_bool, Bool);
        unsupported_rank()
    }

    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.0.visit_flag(flag);
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter_module(name, container);
    }

    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit_module(name, container);
    }
}

/// [`ErasedVisitor`] as a visitor of burn.
pub(super) struct ToVisitor<'a>(pub(super) &'a mut dyn ErasedVisitor);

impl ModuleVisitor for ToVisitor<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.visit(param);
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.0.visit(param);
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.0.visit(param);
    }

    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.0.visit_flag(flag);
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter_module(name, container);
    }

    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit_module(name, container);
    }
}

/// Mapper of burn as an [`ErasedMapper`].
pub(super) struct OfMapper<'a, M>(pub(super) &'a mut M);

impl<M: ModuleMapper> ErasedMapper for OfMapper<'_, M> {
    fn map(&mut self, param: AnyParam) -> AnyParam {
        map_ranks!(self.0, param, map_float, Float);
        map_ranks!(self.0, param, map_int, Int);
        map_ranks!(self.0, param, map_bool, Bool);
        drop(param);
        unsupported_rank()
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.0.map_flag(flag)
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter_module(name, container);
    }

    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit_module(name, container);
    }
}

/// [`ErasedMapper`] as a mapper of burn.
pub(super) struct ToMapper<'a>(pub(super) &'a mut dyn ErasedMapper);

impl ModuleMapper for ToMapper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        same_type(self.0.map(Box::new(param)))
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        same_type(self.0.map(Box::new(param)))
    }

    fn map_bool<const D: usize>(
        &mut self,
        param: Param<Tensor<D, Bool>>,
    ) -> Param<Tensor<D, Bool>> {
        same_type(self.0.map(Box::new(param)))
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.0.map_flag(flag)
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter_module(name, container);
    }

    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit_module(name, container);
    }
}

/// Downcasts the parameter that a mapper returned to its type `P`.
fn same_type<P: 'static>(param: AnyParam) -> P {
    match param.downcast() {
        Ok(param) => *param,
        // The methods of `ModuleMapper` return the type they take.
        Err(_) => unreachable!("a mapper keeps rank and kind of a parameter"),
    }
}
