//! Students that are masked language models.

use burn::tensor::{Device, Tensor};
use finetune_data::MaskedBatch;
use finetune_model::{DropoutStream, Encoder, MaskedLm, load_masked_lm};
use finetune_ops::{Upload, cross_entropy_of, upload_indices};
use finetune_predict::{load_tokenizer, pack_tokens};

use super::config::DistillationConfig;
use super::student_task::{LogitsKind, ModelOutputs, StudentTask, no_head};
use super::teacher::Teacher;
use super::token_map::TokenMap;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::task::MaskedLmTask;

impl StudentTask for MaskedLmTask {
    fn load_teacher(
        &self,
        _student: &MaskedLm,
        config: &DistillationConfig,
        device: &Device,
    ) -> Result<Teacher<MaskedLm>, TrainError> {
        let directory = &config.teacher;
        if self.next_sentence.is_some() {
            let expected = "none: a teacher teaches masked words alone";
            return Err(TrainError::setting("next_sentence", "set", expected));
        }
        let own = load_tokenizer(directory)?;
        let tokens = TokenMap::new(&self.tokenizer, &own, directory)?;
        let (model, checkpoint, report) = load_masked_lm(directory, 0, device)?;
        if config.logits_weight > 0.0 && !report.newly_initialized.is_empty() {
            let expected = "one with a masked-LM head, or logits_weight 0";
            return Err(no_head(directory, expected));
        }
        let longest = self.train.tokens.texts.lengths()?.into_iter().max();
        let limit = checkpoint.encoder.max_sequence_length();
        if let Some(longest) = longest.filter(|longest| *longest > limit) {
            let expected = format!("at most {limit} tokens, the length of the teacher");
            return Err(TrainError::setting("longest text", longest, expected));
        }
        Ok(Teacher {
            directory: directory.clone(),
            model,
            tokens,
            reads_unmasked: config.unmasked_teacher,
        })
    }

    fn encoder(model: &MaskedLm) -> &Encoder {
        &model.encoder
    }

    fn logits_kind(&self, _model: &MaskedLm) -> LogitsKind {
        LogitsKind::Softmax
    }

    fn num_logits(&self, step: &BatchCounts) -> f64 {
        step.weight
    }

    fn student_outputs(
        &self,
        student: &MaskedLm,
        batch: &MaskedBatch,
        labels: Option<&BatchCounts>,
        dropout: DropoutStream,
    ) -> Result<ModelOutputs, TrainError> {
        let outputs = outputs(student, batch, Some(dropout))?;
        let words: Vec<usize> = batch.labels.iter().map(|word| *word as usize).collect();
        let label_loss = |(step, logits): (&BatchCounts, &Tensor<2>)| {
            let device = student.encoder.device();
            let words = upload_indices(&words, [words.len()], &device);
            cross_entropy_of(logits.clone(), words, step.weight)
        };
        let label_loss = labels.zip(outputs.logits.as_ref()).map(label_loss);
        Ok(ModelOutputs {
            label_loss,
            ..outputs
        })
    }

    fn teacher_outputs(
        &self,
        teacher: &Teacher<MaskedLm>,
        batch: &MaskedBatch,
    ) -> Result<ModelOutputs, TrainError> {
        let mut batch = batch.clone();
        if teacher.reads_unmasked {
            for (position, word) in batch.masked_positions.drain(..).zip(&batch.labels) {
                batch.tokens.token_ids[position] = *word;
            }
        }
        batch.tokens = teacher.tokens.batch(&batch.tokens);
        let mut outputs = outputs(&teacher.model, &batch, None)?;
        if let Some(ids) = teacher.tokens.ids() {
            let ids: Vec<usize> = ids.iter().map(|id| *id as usize).collect();
            let device = teacher.model.encoder.device();
            let own =
                |logits: Tensor<2>| logits.select(1, upload_indices(&ids, [ids.len()], &device));
            outputs.logits = outputs.logits.map(own);
        }
        Ok(outputs)
    }

    /// Masks change from epoch to epoch: nothing is cached, and no file has a name.
    fn texts_fingerprint(&self) -> Result<String, TrainError> {
        Ok(self.train.fingerprint.clone())
    }
}

/// Returns logits at the masked positions, and the hidden states.
fn outputs(
    model: &MaskedLm,
    batch: &MaskedBatch,
    dropout: Option<DropoutStream>,
) -> Result<ModelOutputs, TrainError> {
    let mut upload = Upload::default();
    let packed = pack_tokens(&model.encoder, &batch.tokens, &mut upload)?;
    let positions = packed.positions(&batch.masked_positions, &mut upload)?;
    let uploaded = upload.send(&model.encoder.device());
    let input = packed.unpack(&uploaded);
    let positions = positions.map(|part| uploaded.indices(&part));
    let (logits, states) = model.forward_with_hidden_states(&input, positions, dropout);
    Ok(ModelOutputs {
        logits: logits.masked_lm,
        states,
        label_loss: None,
    })
}
