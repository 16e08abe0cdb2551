//! Students that classify or score texts.

use burn::tensor::{Device, Tensor};
use finetune_data::{Batch, Target};
use finetune_model::{
    CheckpointConfig, DropoutStream, Encoder, SequenceClassifier, load_classifier_with,
};
use finetune_ops::Upload;
use finetune_predict::{forward_with_hidden_states, load_tokenizer};

use super::config::DistillationConfig;
use super::student_task::{
    CachedRows, LogitsKind, ModelOutputs, RowEnds, StudentTask, Teacher, no_head, of_files,
};
use super::token_map::TokenMap;
use crate::activations::fingerprint;
use crate::error::TrainError;
use crate::model_config::ClassifierOverrides;
use crate::objective::BatchCounts;
use crate::task::SequenceClassificationTask;

impl StudentTask for SequenceClassificationTask {
    fn load_teacher(
        &self,
        student: &SequenceClassifier,
        config: &DistillationConfig,
        device: &Device,
    ) -> Result<Teacher<SequenceClassifier>, TrainError> {
        let directory = &config.teacher;
        let (tokenizer, text) = of_files(self.tokenizer().zip(self.text_config()))?;
        let own = load_tokenizer(directory)?;
        let tokens = TokenMap::new(tokenizer, &own, directory)?;
        let checkpoint = CheckpointConfig::read(directory)?;
        text.check_fit(directory, &own, &checkpoint.encoder)?;
        let schema = &self.training_rows().schema;
        let overrides = ClassifierOverrides {
            single_logit: student.num_labels() == 1 && matches!(schema.target, Target::Classes(_)),
            ..Default::default()
        };
        let pairs = text.encoding.pair_encoding;
        let classifier = overrides.classifier(&checkpoint, schema, pairs)?;
        let (model, report) = load_classifier_with(directory, &classifier, None, 0, device)?;
        let fits = model.num_labels() == student.num_labels();
        if config.logits_weight > 0.0 && !(fits && report.newly_initialized.is_empty()) {
            let expected = "one with a head for the labels, or logits_weight 0";
            return Err(no_head(directory, expected));
        }
        if model.num_texts() != student.num_texts() {
            let expected = "one that reads pairs as the student does";
            return Err(no_head(directory, expected));
        }
        Ok(Teacher::new(config, model, tokens))
    }

    fn encoder(model: &SequenceClassifier) -> &Encoder {
        &model.encoder
    }

    fn logits_kind(&self, model: &SequenceClassifier) -> LogitsKind {
        let has_bins = matches!(model.config().head.score_bins(), Ok(Some(_)));
        match self.target() {
            Target::Score { .. } if !has_bins => LogitsKind::Score,
            Target::MultiLabel(_) => LogitsKind::Sigmoid,
            Target::Classes(_) if model.num_labels() == 1 => LogitsKind::Sigmoid,
            _ => LogitsKind::Softmax,
        }
    }

    fn num_logits(&self, step: &BatchCounts) -> f64 {
        step.rows as f64
    }

    fn student_outputs(
        &self,
        student: &SequenceClassifier,
        batch: &Batch,
        labels: Option<&BatchCounts>,
        dropout: DropoutStream,
    ) -> Result<ModelOutputs, TrainError> {
        let loss = self.criterion();
        let mut upload = Upload::default();
        let targets = match labels {
            Some(step) => loss.pack(&batch.labels, step.weight, &mut upload)?,
            None => None,
        };
        let (logits, states, uploaded) =
            forward_with_hidden_states(student, batch, upload, Some(dropout))?;
        let label_loss = |step: &BatchCounts| {
            let targets = targets.as_ref().map(|part| (part, &uploaded));
            loss.loss_of(logits.clone(), &batch.labels, targets, step.weight)
        };
        let label_loss: Option<Tensor<1>> = labels.map(label_loss).transpose()?;
        Ok(ModelOutputs {
            logits: Some(logits),
            states,
            label_loss,
        })
    }

    fn teacher_outputs(
        &self,
        teacher: &Teacher<SequenceClassifier>,
        batch: &Batch,
    ) -> Result<ModelOutputs, TrainError> {
        let second = batch.second_tokens.as_ref();
        let batch = Batch {
            rows: batch.rows.clone(),
            tokens: teacher.tokens.batch(&batch.tokens),
            second_tokens: second.map(|tokens| teacher.tokens.batch(tokens)),
            labels: batch.labels.clone(),
        };
        let model = &teacher.model;
        let (logits, states, _) =
            forward_with_hidden_states(model, &batch, Upload::default(), None)?;
        Ok(ModelOutputs {
            logits: Some(logits),
            states,
            label_loss: None,
        })
    }

    fn cached_logits(
        &self,
        teacher: &SequenceClassifier,
    ) -> Result<Option<[usize; 2]>, TrainError> {
        Ok(Some([self.training_rows().len(), teacher.num_labels()]))
    }

    fn cached_rows<'a>(&self, batch: &'a Batch) -> CachedRows<'a> {
        let mut offsets = batch.tokens.sequence_offsets.clone();
        let first = batch.tokens.num_tokens();
        if let Some(second) = &batch.second_tokens {
            let ends = second.sequence_offsets.iter().skip(1);
            offsets.extend(ends.map(|end| first + end));
        }
        CachedRows {
            rows: &batch.rows,
            ends: RowEnds {
                tokens: offsets,
                logits: (0..=batch.batch_size()).collect(),
            },
        }
    }

    fn texts_fingerprint(&self) -> Result<String, TrainError> {
        Ok(fingerprint(self.training_rows())?)
    }

    fn check_distillation(&self) -> Result<(), TrainError> {
        match self.caches_activations() {
            false => Ok(()),
            true => Err(TrainError::setting(
                "activation_cache.location",
                "on with frozen layers",
                "off: a student learns the hidden states of all layers",
            )),
        }
    }
}
