//! Students that embed texts.

use burn::tensor::Device;
use finetune_data::EmbeddingBatch;
use finetune_model::{DropoutStream, EmbeddingModel, Encoder, load_embedding_model};
use finetune_predict::{encoder_input, load_tokenizer};

use super::config::DistillationConfig;
use super::student_task::{
    CachedRows, LogitsKind, ModelOutputs, RowEnds, StudentTask, Teacher, of_files,
};
use super::token_map::TokenMap;
use crate::activations::fingerprint_of_texts;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::task::EmbeddingTask;

impl StudentTask for EmbeddingTask {
    /// A bare encoder has the mean of its last hidden states as embeddings. Prompts of the teacher are
    /// not used: it reads the texts of the student.
    fn load_teacher(
        &self,
        student: &EmbeddingModel,
        config: &DistillationConfig,
        device: &Device,
    ) -> Result<Teacher<EmbeddingModel>, TrainError> {
        let directory = &config.teacher;
        let (tokenizer, text) = of_files(self.tokenizer().zip(self.text_config()))?;
        let (model, checkpoint, _) = load_embedding_model(directory, device)?;
        let own = load_tokenizer(checkpoint.encoder_directory())?;
        let tokens = TokenMap::new(tokenizer, &own, directory)?;
        text.check_fit(directory, &own, &checkpoint.encoder.encoder)?;
        let sizes = [student, &model].map(|model| model.config().embedding_size());
        if config.logits_weight > 0.0 && sizes[0] > sizes[1] {
            let expected = format!(
                "at most {}, that of the teacher, or logits_weight 0",
                sizes[1]
            );
            let setting = "embedding size of the student";
            return Err(TrainError::setting(setting, sizes[0], expected));
        }
        Ok(Teacher::new(config, model, tokens))
    }

    fn encoder(model: &EmbeddingModel) -> &Encoder {
        &model.encoder
    }

    fn logits_kind(&self, _model: &EmbeddingModel) -> LogitsKind {
        LogitsKind::Embedding
    }

    fn embedding_size(&self, model: &EmbeddingModel) -> Option<usize> {
        Some(model.config().embedding_size())
    }

    /// The texts.
    fn num_logits(&self, step: &BatchCounts) -> f64 {
        (step.rows * self.training_rows().texts_per_row()) as f64
    }

    fn student_outputs(
        &self,
        student: &EmbeddingModel,
        batch: &EmbeddingBatch,
        labels: Option<&BatchCounts>,
        dropout: DropoutStream,
    ) -> Result<ModelOutputs, TrainError> {
        let input = encoder_input(&student.encoder, &batch.tokens)?;
        let (embeddings, states) = student.embed_with_hidden_states(&input, Some(dropout));
        let columns = || embeddings.clone().chunk(batch.texts_per_row, 0);
        Ok(ModelOutputs {
            label_loss: labels.map(|step| self.label_loss(&columns(), batch, step)),
            logits: Some(embeddings.clone()),
            states,
        })
    }

    fn teacher_outputs(
        &self,
        teacher: &Teacher<EmbeddingModel>,
        batch: &EmbeddingBatch,
    ) -> Result<ModelOutputs, TrainError> {
        let tokens = teacher.tokens.batch(&batch.tokens);
        let input = encoder_input(&teacher.model.encoder, &tokens)?;
        let (embeddings, states) = teacher.model.embed_with_hidden_states(&input, None);
        Ok(ModelOutputs {
            logits: Some(embeddings),
            states,
            label_loss: None,
        })
    }

    fn cached_logits(&self, teacher: &EmbeddingModel) -> Result<Option<[usize; 2]>, TrainError> {
        let texts = self.training_rows().texts.len();
        Ok(Some([texts, teacher.config().embedding_size()]))
    }

    fn cached_rows<'a>(&self, batch: &'a EmbeddingBatch) -> CachedRows<'a> {
        let tokens = batch.tokens.sequence_offsets.clone();
        CachedRows {
            rows: &batch.rows,
            ends: RowEnds {
                logits: (0..tokens.len()).collect(),
                tokens,
            },
        }
    }

    fn texts_fingerprint(&self) -> Result<String, TrainError> {
        Ok(fingerprint_of_texts([&self.training_rows().texts])?)
    }

    fn check_distillation(&self) -> Result<(), TrainError> {
        match self.has_mini_batches() {
            false => Ok(()),
            true => Err(TrainError::setting(
                "mini_batch_size",
                "set",
                "none: a student learns from a whole batch with its hidden states",
            )),
        }
    }
}
