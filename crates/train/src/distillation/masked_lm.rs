//! Students that are masked language models.

use burn::tensor::{Device, Int, Tensor};
use finetune_data::MaskedBatch;
use finetune_model::{DropoutStream, Encoder, MaskedLm, load_masked_lm};
use finetune_ops::{cross_entropy_of, upload_indices};
use finetune_predict::load_tokenizer;

use super::config::DistillationConfig;
use super::student_task::{LogitsKind, ModelOutputs, StudentTask, Teacher, no_head};
use super::token_map::TokenMap;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::task::{MaskedLmTask, UploadedMaskedBatch};

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
        Ok(Teacher::new(config, model, tokens))
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
        let (outputs, words) = outputs(student, batch, Some(dropout))?;
        let labeled = outputs.logits.clone().zip(words).zip(labels);
        let label_loss =
            labeled.map(|((logits, words), step)| cross_entropy_of(logits, words, step.weight));
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
        // The teacher has no use for them but this.
        let words = std::mem::take(&mut batch.labels);
        if teacher.reads_unmasked {
            for (position, word) in batch.masked_positions.drain(..).zip(words) {
                batch.tokens.token_ids[position] = word;
            }
        }
        batch.tokens = teacher.tokens.batch(&batch.tokens);
        let (mut outputs, _) = outputs(&teacher.model, &batch, None)?;
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

/// Returns logits at the masked positions and the hidden states, and the ids of the masked words.
fn outputs(
    model: &MaskedLm,
    batch: &MaskedBatch,
    dropout: Option<DropoutStream>,
) -> Result<(ModelOutputs, Option<Tensor<1, Int>>), TrainError> {
    let batch = UploadedMaskedBatch::new(&model.encoder, batch, &[])?;
    let (logits, states) = model.forward_with_hidden_states(&batch.input, batch.positions, dropout);
    let outputs = ModelOutputs {
        logits: logits.masked_lm,
        states,
        label_loss: None,
    };
    Ok((outputs, batch.words))
}
