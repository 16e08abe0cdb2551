//! `finetune quantize`: which linear layers become 8-bit integers, chosen on held-out rows.

use std::error::Error;

use clap::Args;
use finetune::prelude::*;

use crate::held_out_rows::HeldOutArguments;

/// Model, held-out rows and what may be lost.
#[derive(Debug, Args)]
pub(crate) struct QuantizeArguments {
    #[command(flatten)]
    held_out: HeldOutArguments,
    /// How much accuracy, F1 or correlation may fall
    ///
    /// All linear layers become 8-bit integers, unless more than this is lost. Then those that change the
    /// outputs the most stay in floats, as few as it takes.
    #[arg(long, value_name = "LOSS", default_value_t = 0.004)]
    max_loss: f64,
    /// Precision of layers in floats: f32, bf16 or f16
    #[arg(long, value_name = "TYPE", default_value_t)]
    keep_precision: Precision,
}

impl QuantizeArguments {
    /// Chooses the layers, prints what they cost on the rows and saves the choice beside the model.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let predictor = self.held_out.predictor(self.keep_precision)?;
        let rows = self.held_out.rows(&predictor)?;
        let report = predictor.fit_int8(&rows, self.max_loss)?;
        let predictor = predictor.with_int8(Some(report.config()));
        let applied_by = "predict, evaluate and serve apply it with --precision int8";
        self.held_out.save(&predictor, &report, applied_by)
    }
}
