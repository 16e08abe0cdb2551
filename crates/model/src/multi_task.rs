//! Several classifiers that share one encoder, one classifier per task (hard parameter sharing,
//! [Caruana 1997](https://doi.org/10.1023/A:1007379606734)).

use burn::module::Module;

use crate::classifier::{SequenceClassifier, SequenceClassifierConfig};
use crate::encoder::{Encoder, EncoderModel};
use crate::error::ModelError;
use crate::head::AnyHead;
use crate::pooling::Pooler;

/// Encoder shared by several tasks, with a pooler and a head per task.
///
/// ```
/// use burn::tensor::Device;
/// use finetune_model::{
///     EncoderConfig, MultiTaskModel, SequenceClassifierConfig, init_weights, parameters,
/// };
///
/// let encoder = EncoderConfig {
///     vocab_size: 100,
///     hidden_size: 16,
///     num_hidden_layers: 1,
///     num_attention_heads: 2,
///     intermediate_size: 32,
///     ..Default::default()
/// };
/// let classifier = |names: &[&str]| {
///     let names = names.iter().map(ToString::to_string).collect();
///     let config = SequenceClassifierConfig::new(encoder.clone(), names);
///     Ok::<_, finetune_model::ModelError>(init_weights(config.init(&Device::flex())?, 0.02, 42))
/// };
/// let model = MultiTaskModel::new(vec![classifier(&["no", "yes"])?, classifier(&["a", "b", "c"])?])?;
/// assert_eq!(model.classifier(1).num_labels(), 3);
/// let heads = parameters(&model).into_iter().filter(|found| found.path.starts_with("tasks.1.head."));
/// assert_eq!(heads.count(), 2);
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct MultiTaskModel {
    /// Encoder shared by all tasks.
    pub encoder: Encoder,
    /// Pooler and head of each task.
    pub tasks: Vec<TaskHead>,
}

/// Pooler and head of one task.
#[derive(Module, Debug)]
pub struct TaskHead {
    /// Pooling of hidden states into one vector per text.
    pub pooler: Pooler,
    /// Head that computes the outputs from the pooled vectors.
    pub head: AnyHead,
    #[module(skip)]
    config: SequenceClassifierConfig,
}

impl MultiTaskModel {
    /// Combines the poolers and heads of several classifiers with the encoder of the first.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] if `classifiers` is empty, or their encoder configurations
    /// differ.
    pub fn new(classifiers: Vec<SequenceClassifier>) -> Result<Self, ModelError> {
        let invalid = |found: String, expected: &str| {
            ModelError::config("encoders of the tasks", found, expected)
        };
        let first = classifiers.first();
        let first = first.ok_or_else(|| invalid("0".to_string(), "at least 1"))?;
        let (encoder, config) = (first.encoder.clone(), first.config.encoder.clone());
        for (task, classifier) in classifiers.iter().enumerate() {
            if classifier.config.encoder != config {
                let found = format!("another one of task {task}");
                return Err(invalid(found, "one for all"));
            }
        }
        let head = |classifier: SequenceClassifier| TaskHead {
            pooler: classifier.pooler,
            head: classifier.head,
            config: classifier.config,
        };
        Ok(Self {
            encoder,
            tasks: classifiers.into_iter().map(head).collect(),
        })
    }

    /// Returns the classifier of a task. It shares its parameters with this model: gradients of one
    /// are gradients of the other. It becomes outdated with the next optimizer step.
    ///
    /// # Panics
    /// If `task` is out of range.
    pub fn classifier(&self, task: usize) -> SequenceClassifier {
        let TaskHead {
            pooler,
            head,
            config,
        } = self.tasks[task].clone();
        SequenceClassifier {
            encoder: self.encoder.clone(),
            pooler,
            head,
            config,
        }
    }
}

impl EncoderModel for MultiTaskModel {
    fn try_map_encoder<E>(
        self,
        map: impl FnOnce(Encoder) -> Result<Encoder, E>,
    ) -> Result<Self, E> {
        let encoder = map(self.encoder)?;
        Ok(Self { encoder, ..self })
    }
}

#[cfg(test)]
mod tests {
    use burn::optim::GradientsParams;
    use burn::tensor::Device;

    use super::*;
    use crate::encoder::{EncoderConfig, EncoderInput};
    use crate::initialization::init_weights;
    use crate::parameters::parameters;

    fn classifier(hidden: usize, classes: usize) -> SequenceClassifier {
        let encoder = EncoderConfig {
            vocab_size: 20,
            hidden_size: hidden,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            intermediate_size: 8,
            ..Default::default()
        };
        let names = (0..classes).map(|class| class.to_string()).collect();
        let config = SequenceClassifierConfig::new(encoder, names);
        init_weights(config.init(&Device::flex().autodiff()).unwrap(), 0.1, 1)
    }

    #[test]
    fn a_task_has_gradients_of_the_shared_encoder_and_of_its_own_head() {
        let model = MultiTaskModel::new(vec![classifier(8, 2), classifier(8, 3)]).unwrap();
        let input = EncoderInput::new(&model.encoder, &[2, 7, 3], &[0; 3], &[0, 3]);
        let loss = model
            .classifier(1)
            .forward(&input.unwrap(), None)
            .unwrap()
            .sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let own = |path: &str| !path.starts_with("tasks.0.");
        let expected = parameters(&model);
        let expected = expected.iter().filter(|parameter| own(&parameter.path));
        assert_eq!(gradients.len(), expected.count());
    }

    #[test]
    fn encoders_of_other_shapes_are_refused() {
        let error = MultiTaskModel::new(vec![classifier(8, 2), classifier(12, 2)]).unwrap_err();
        assert!(
            error.to_string().contains("another one of task 1"),
            "{error}"
        );
        assert!(MultiTaskModel::new(Vec::new()).is_err());
    }
}
