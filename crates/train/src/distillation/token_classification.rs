//! Students that classify words.

use burn::tensor::Device;
use finetune_data::TaggedBatch;
use finetune_model::{
    CheckpointConfig, DropoutStream, Encoder, TokenClassifier, load_token_classifier,
};
use finetune_ops::Upload;
use finetune_predict::{forward_tokens_with_hidden_states, load_tokenizer};

use super::config::DistillationConfig;
use super::student_task::{
    CachedRows, LogitsKind, ModelOutputs, RowEnds, StudentTask, Teacher, no_head,
};
use super::token_map::TokenMap;
use crate::activations::fingerprint;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::task::TokenClassificationTask;

impl StudentTask for TokenClassificationTask {
    /// The logits of a teacher with a conditional random field are those beneath it.
    fn load_teacher(
        &self,
        _student: &TokenClassifier,
        config: &DistillationConfig,
        device: &Device,
    ) -> Result<Teacher<TokenClassifier>, TrainError> {
        let directory = &config.teacher;
        let own = load_tokenizer(directory)?;
        let tokens = TokenMap::new(&self.tokenizer, &own, directory)?;
        let checkpoint = CheckpointConfig::read(directory)?;
        self.text.check_fit(directory, &own, &checkpoint.encoder)?;
        let classifier = checkpoint.token_classifier(&self.class_names);
        let (model, report) = load_token_classifier(directory, &classifier, 0, device)?;
        if config.logits_weight > 0.0 && !report.newly_initialized.is_empty() {
            let expected = "one with a head for the classes of the words, or logits_weight 0";
            return Err(no_head(directory, expected));
        }
        Ok(Teacher::new(config, model, tokens))
    }

    fn encoder(model: &TokenClassifier) -> &Encoder {
        &model.encoder
    }

    fn logits_kind(&self, _model: &TokenClassifier) -> LogitsKind {
        LogitsKind::Softmax
    }

    /// The tokens with a label.
    fn num_logits(&self, step: &BatchCounts) -> f64 {
        step.weight
    }

    fn student_outputs(
        &self,
        student: &TokenClassifier,
        batch: &TaggedBatch,
        labels: Option<&BatchCounts>,
        dropout: DropoutStream,
    ) -> Result<ModelOutputs, TrainError> {
        let mut upload = Upload::default();
        let packed = match labels {
            Some(_) => self.pack_labels(student, batch, &mut upload)?,
            None => None,
        };
        let (logits, states, uploaded) =
            forward_tokens_with_hidden_states(student, batch, upload, Some(dropout))?;
        let label_loss = labels.zip(packed).zip(logits.clone());
        Ok(ModelOutputs {
            label_loss: label_loss
                .map(|((step, packed), logits)| packed.loss(logits, &uploaded, step.weight)),
            logits,
            states,
        })
    }

    fn teacher_outputs(
        &self,
        teacher: &Teacher<TokenClassifier>,
        batch: &TaggedBatch,
    ) -> Result<ModelOutputs, TrainError> {
        let batch = TaggedBatch {
            rows: batch.rows.clone(),
            tokens: teacher.tokens.batch(&batch.tokens),
            labeled: batch.labeled.clone(),
        };
        let (model, upload) = (&teacher.model, Upload::default());
        let (logits, states, _) = forward_tokens_with_hidden_states(model, &batch, upload, None)?;
        Ok(ModelOutputs {
            logits,
            states,
            label_loss: None,
        })
    }

    fn cached_logits(&self, teacher: &TokenClassifier) -> Result<Option<[usize; 2]>, TrainError> {
        let rows = 0..self.data.train.tokens.len();
        let labeled = rows.map(|row| {
            let batch = self.collator.collate(&self.data.train.tokens, &[row])?;
            Ok(batch.labeled.positions.len())
        });
        let labeled: usize = labeled.sum::<Result<usize, TrainError>>()?;
        Ok(Some([labeled, teacher.num_labels()]))
    }

    fn cached_rows<'a>(&self, batch: &'a TaggedBatch) -> CachedRows<'a> {
        CachedRows {
            rows: &batch.rows,
            ends: RowEnds {
                tokens: batch.tokens.sequence_offsets.clone(),
                logits: batch.labeled.offsets.clone(),
            },
        }
    }

    /// Which tokens have logits is part of it.
    fn texts_fingerprint(&self) -> Result<String, TrainError> {
        let texts = fingerprint(&self.data.train.tokens)?;
        Ok(format!("{texts} {:?}", self.tags.alignment))
    }
}
