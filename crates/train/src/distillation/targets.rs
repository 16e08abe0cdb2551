//! What a student learns of its teacher's outputs: which layers, in which dimensions.

use std::sync::OnceLock;

use burn::tensor::{Device, Tensor};
use finetune_model::{Encoder, EncoderStates};

use super::config::DistillationConfig;
use super::losses::{distance_loss, logits_loss, similarity_loss};
use super::projection::Projection;
use super::relations::relation_loss;
use super::student_task::{LogitsKind, ModelOutputs};
use crate::error::TrainError;

/// Outputs of a teacher on a batch, as far as its student learns them.
#[derive(Debug, Clone)]
pub(super) struct TeacherTargets {
    /// `[N, C]`, of embedding models the embeddings in the teacher's size.
    pub(super) logits: Option<Tensor<2>>,
    /// Hidden states of each pair of layers, `[T, D]` with the student's `D`.
    pub(super) hidden_states: Vec<Tensor<2>>,
    /// Queries, keys and values, `[T, W]` each.
    pub(super) relations: Vec<Tensor<2>>,
}

/// What is learned, resolved for two models.
#[derive(Debug)]
pub(super) struct Targets {
    pub(super) logits: bool,
    /// Pairs of layers of student and teacher; empty if no hidden states are learned.
    pub(super) layers: Vec<[usize; 2]>,
    /// Projection of each pair, where the teacher is wider; set by [`Self::fit`].
    projections: OnceLock<Vec<Projection>>,
    /// Projection of embeddings, where those of the teacher are longer; set by [`Self::fit_embeddings`].
    embeddings: Option<Projection>,
    /// Layer of the student, layer of the teacher and number of heads.
    relations: Option<[usize; 3]>,
    /// Hidden sizes of student and teacher.
    pub(super) widths: [usize; 2],
    /// How the teacher computes: devices and precisions round differently.
    computation: String,
    config: DistillationConfig,
}

/// Divisors of the sums over a batch, which make means of them over a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Divisors {
    pub(super) logits: f64,
    pub(super) tokens: f64,
}

impl Targets {
    /// Checks the settings against the encoders of student and teacher.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a layer does not exist, or the heads of the relations do not
    ///   divide the hidden sizes.
    pub(super) fn new(
        config: &DistillationConfig,
        kind: LogitsKind,
        [student, teacher]: [&Encoder; 2],
    ) -> Result<Self, TrainError> {
        if config.similarity_weight > 0.0 && kind != LogitsKind::Embedding {
            let setting = "distillation.similarity_weight";
            let expected = "0 for models that have no embeddings";
            return Err(TrainError::setting(
                setting,
                config.similarity_weight,
                expected,
            ));
        }
        let depths = [student.num_layers(), teacher.num_layers()];
        let widths = [student, teacher].map(hidden_size);
        let layers = match config.hidden_state_weight > 0.0 {
            true => config.layers(depths[0], depths[1]),
            false => Vec::new(),
        };
        let outside = |pair: &&[usize; 2]| pair[0] > depths[0] || pair[1] > depths[1];
        if let Some(pair) = layers.iter().find(outside) {
            let expected = format!("at most {depths:?}, the layers of student and teacher");
            let setting = "distillation.layer_map";
            return Err(TrainError::setting(setting, format!("{pair:?}"), expected));
        }
        Ok(Self {
            logits: config.logits_weight > 0.0 || config.similarity_weight > 0.0,
            layers,
            projections: OnceLock::new(),
            embeddings: None,
            relations: match config.relation_weight > 0.0 {
                true => Some(relations(config, [student, teacher], depths)?),
                false => None,
            },
            widths,
            computation: format!("{} {:?}", teacher.precision(), teacher.device()),
            config: config.clone(),
        })
    }

    /// Returns whether projections are to be fitted before [`Self::of_teacher`].
    pub(super) fn needs_projections(&self) -> bool {
        let [student, teacher] = self.widths;
        student != teacher && !self.layers.is_empty() && self.projections.get().is_none()
    }

    /// Fits the projection of each pair of layers to hidden states of the teacher, one array of rows per
    /// pair.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the student is wider than the teacher.
    pub(super) fn fit(&self, states: &[Vec<f32>], device: &Device) -> Result<(), TrainError> {
        let [student, teacher] = self.widths;
        let fitted = states
            .iter()
            .map(|states| Projection::fit(states, teacher, student, device));
        let fitted = fitted.collect::<Result<_, _>>()?;
        self.projections.get_or_init(|| fitted);
        Ok(())
    }

    /// Fits the projection of embeddings to some of the teacher, from a width to another.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the student's are longer than the teacher's.
    pub(super) fn fit_embeddings(
        &mut self,
        embeddings: &[f32],
        [student, teacher]: [usize; 2],
        device: &Device,
    ) -> Result<(), TrainError> {
        let fitted = Projection::fit(embeddings, teacher, student, device)?;
        self.embeddings = Some(fitted);
        Ok(())
    }

    /// Returns the widths of the arrays that are learned of each token, in the order of
    /// [`TeacherTargets`].
    pub(super) fn widths_of_arrays(&self) -> Vec<usize> {
        let [student, teacher] = self.widths;
        let mut widths = vec![student; self.layers.len()];
        if self.relations.is_some() {
            widths.extend([teacher; 3]);
        }
        widths
    }

    /// Returns the number of values that are learned of each token.
    pub(super) fn values_per_token(&self) -> usize {
        self.widths_of_arrays().iter().sum()
    }

    /// Returns everything that a cache of the teacher's outputs depends on beside teacher and texts.
    pub(super) fn cache_settings(&self) -> String {
        let Self {
            logits,
            layers,
            relations,
            widths,
            computation,
            ..
        } = self;
        let relations = relations.map(|[_, layer, _]| layer);
        format!("{logits} {layers:?} {relations:?} {widths:?} {computation}")
    }

    /// Returns what the student learns of a teacher's outputs.
    pub(super) fn of_teacher(&self, outputs: ModelOutputs, teacher: &Encoder) -> TeacherTargets {
        let states = &outputs.states.hidden_states;
        let projections = self.projections.get().map(Vec::as_slice);
        let projections = projections.unwrap_or_default();
        let hidden_states = self.layers.iter().enumerate().map(|(pair, [_, layer])| {
            let states = states[*layer].clone();
            match projections.get(pair) {
                Some(projection) => projection.apply(states),
                None => states,
            }
        });
        TeacherTargets {
            logits: outputs.logits.filter(|_| self.logits),
            hidden_states: hidden_states.collect(),
            relations: match self.relations {
                Some([_, layer, _]) => vectors(teacher, layer, &outputs.states).to_vec(),
                None => Vec::new(),
            },
        }
    }

    /// Returns the weighted sum of all losses of a batch.
    ///
    /// # Shapes
    /// - output: `[1]`
    pub(super) fn loss(
        &self,
        kind: LogitsKind,
        outputs: ModelOutputs,
        student: &Encoder,
        teacher: TeacherTargets,
        divisors: Divisors,
    ) -> Tensor<1> {
        let config = &self.config;
        let mut losses = Vec::new();
        if let Some(labels) = outputs.label_loss {
            losses.push(labels * config.label_weight);
        }
        // The student's graph meets those of constants.
        let constant = |tensor: Tensor<2>| Tensor::from_inner(tensor);
        match (outputs.logits, teacher.logits) {
            (Some(own), Some(target)) if kind == LogitsKind::Embedding => {
                losses.extend(self.embedding_losses(own, target, divisors.logits));
            }
            (Some(own), Some(target)) => {
                let target = constant(target);
                let loss = logits_loss(kind, own, target, config.temperature, divisors.logits);
                losses.push(loss * config.logits_weight);
            }
            // A head that has nothing to learn has gradients of 0.
            (Some(own), None) if losses.is_empty() => losses.push(own.sum() * 0.0),
            _ => (),
        }
        let states = &outputs.states;
        let weight = config.hidden_state_weight / self.layers.len().max(1) as f64;
        for ([layer, _], target) in self.layers.iter().zip(teacher.hidden_states) {
            let own = states.hidden_states[*layer].clone();
            let distance = config.hidden_state_loss;
            let loss = distance_loss(distance, own, constant(target), divisors.tokens);
            losses.push(loss * weight);
        }
        if let (Some([layer, _, heads]), Ok(target)) = (
            self.relations,
            <[Tensor<2>; 3]>::try_from(teacher.relations),
        ) {
            let own = vectors(student, layer, states);
            let target = target.map(constant);
            let sequences = &states.sequences;
            let loss = relation_loss(own, target, sequences, heads, divisors.tokens);
            losses.push(loss * config.relation_weight);
        }
        let last = states.hidden_states.last();
        losses
            .into_iter()
            .reduce(|sum, loss| sum + loss)
            // A batch without anything to learn, such as one without masked words.
            .unwrap_or_else(|| match last {
                Some(last) => last.clone().sum() * 0.0,
                None => Tensor::zeros([1], &student.device()),
            })
    }
}

impl Targets {
    /// Returns the weighted losses of embeddings.
    fn embedding_losses(
        &self,
        student: Tensor<2>,
        teacher: Tensor<2>,
        divisor: f64,
    ) -> Vec<Tensor<1>> {
        let (config, mut losses) = (&self.config, Vec::new());
        let constant = |tensor: Tensor<2>| Tensor::from_inner(tensor);
        if config.similarity_weight > 0.0 {
            let (own, target) = (student.clone(), constant(teacher.clone()));
            losses.push(similarity_loss(own, target, divisor) * config.similarity_weight);
        }
        if config.logits_weight > 0.0 {
            let target = match &self.embeddings {
                Some(projection) => projection.apply(teacher),
                None => teacher,
            };
            let distance = config.embedding_loss;
            let loss = distance_loss(distance, student, constant(target), divisor);
            losses.push(loss * config.logits_weight);
        }
        losses
    }
}

fn hidden_size(encoder: &Encoder) -> usize {
    let embeddings = &encoder.embeddings;
    let query = encoder.layers.first().map(|layer| &layer.attention.query);
    match query {
        Some(query) => query.weight.lazy_shape()[0],
        None => embeddings.word_embeddings.weight.lazy_shape()[1],
    }
}

/// Returns the layer of the student, the layer of the teacher and the number of heads of the relations.
fn relations(
    config: &DistillationConfig,
    encoders: [&Encoder; 2],
    depths: [usize; 2],
) -> Result<[usize; 3], TrainError> {
    let layer = config.relation_layer.unwrap_or(depths[1]);
    if layer == 0 || layer > depths[1] || depths[0] == 0 {
        let expected = format!("in 1..={}", depths[1]);
        let setting = "distillation.relation_layer";
        return Err(TrainError::setting(setting, layer, expected));
    }
    let heads = config
        .relation_heads
        .unwrap_or(encoders[0].num_attention_heads());
    // Keys and values are narrower where several heads share them.
    let widths = encoders.map(|encoder| {
        let attention = encoder.layers.first().map(|layer| &layer.attention);
        attention.map_or(0, |attention| attention.key.weight.lazy_shape()[1])
    });
    let divides = |width: &usize| heads > 0 && width.is_multiple_of(heads);
    if !widths.iter().all(divides) {
        let expected = format!("a divisor of {} and of {}", widths[0], widths[1]);
        let setting = "distillation.relation_heads";
        return Err(TrainError::setting(setting, heads, expected));
    }
    Ok([depths[0], layer, heads])
}

fn vectors(encoder: &Encoder, layer: usize, states: &EncoderStates) -> [Tensor<2>; 3] {
    encoder.query_key_value(layer, states.hidden_states[layer - 1].clone())
}
