//! Models that compute the products of their encoder in a precision.

use burn::module::Module;
use finetune_ops::Precision;

use crate::{BaseModel, Encoder, MaskedLm, MultiTaskModel, SequenceClassifier};

/// A model on an encoder.
pub trait EncoderModel: Module {
    /// What it stands on.
    fn encoder(&self) -> &Encoder;

    /// The same model, on the encoder that `change` gives.
    fn map_encoder(self, change: impl FnOnce(Encoder) -> Encoder) -> Self;

    /// The same model, computing in a precision: see [`Encoder::with_precision`].
    fn with_precision(self, precision: Precision) -> Self {
        self.map_encoder(|encoder| encoder.with_precision(precision))
    }
}

macro_rules! on_the_encoder {
    ($($model:ty),*) => {
        $(impl EncoderModel for $model {
            fn encoder(&self) -> &Encoder {
                &self.encoder
            }

            fn map_encoder(self, change: impl FnOnce(Encoder) -> Encoder) -> Self {
                let encoder = change(self.encoder);
                Self { encoder, ..self }
            }
        })*
    };
}

on_the_encoder!(BaseModel, MaskedLm, MultiTaskModel, SequenceClassifier);
