//! Norms and scalar products of task gradients over the shared parameters.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use finetune_model::parameters;

use crate::encoder_stages::{layers, stage};

/// Parameters in a model's field `encoder`, by stage.
pub(crate) struct SharedStages {
    stages: HashMap<ParamId, usize>,
    count: usize,
    device: Device,
}

impl SharedStages {
    pub(crate) fn new<M: Module>(model: &M) -> Self {
        let parameters = parameters(model);
        let layers = layers(&parameters);
        let staged = parameters.iter();
        let staged = staged.filter_map(|found| Some((found.id, stage(found, layers)?)));
        let stages: HashMap<ParamId, usize> = staged.collect();
        Self {
            count: stages.values().max().map_or(0, |last| last + 1),
            stages,
            device: model.devices().swap_remove(0).without_autodiff(),
        }
    }

    /// Returns the stage of each parameter.
    pub(crate) fn stages(&self) -> &HashMap<ParamId, usize> {
        &self.stages
    }

    /// Returns the scalar product of two gradients per stage; 0 where one of them is missing.
    pub(crate) fn products<M: Module>(
        &self,
        model: &M,
        left: &GradientsParams,
        right: &GradientsParams,
    ) -> Vec<Tensor<1>> {
        let mut products = Products {
            left,
            right,
            stages: &self.stages,
            sums: vec![None; self.count],
        };
        model.visit(&mut products);
        let zero = || Tensor::zeros([1], &self.device);
        let sums = products.sums.into_iter();
        sums.map(|sum| sum.unwrap_or_else(zero)).collect()
    }

    /// Returns the scalar product of two gradients over all stages.
    pub(crate) fn product<M: Module>(
        &self,
        model: &M,
        left: &GradientsParams,
        right: &GradientsParams,
    ) -> Tensor<1> {
        let products = self.products(model, left, right);
        match products.is_empty() {
            true => Tensor::zeros([1], &self.device),
            false => Tensor::cat(products, 0).sum(),
        }
    }

    /// Returns the norm of a gradient over the parameters of the last layer.
    pub(crate) fn norm_at_top<M: Module>(
        &self,
        model: &M,
        gradients: &GradientsParams,
    ) -> Tensor<1> {
        let square = self.products(model, gradients, gradients).pop();
        square
            .unwrap_or_else(|| Tensor::zeros([1], &self.device))
            .sqrt()
    }
}

struct Products<'a> {
    left: &'a GradientsParams,
    right: &'a GradientsParams,
    stages: &'a HashMap<ParamId, usize>,
    sums: Vec<Option<Tensor<1>>>,
}

impl ModuleVisitor for Products<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(&stage) = self.stages.get(&param.id) else {
            return;
        };
        let left = self.left.get::<D>(param.id);
        let Some((left, right)) = left.zip(self.right.get::<D>(param.id)) else {
            return;
        };
        let product = (left * right).sum();
        let sum = &mut self.sums[stage];
        *sum = Some(match sum.take() {
            Some(sum) => sum + product,
            None => product,
        });
    }
}
