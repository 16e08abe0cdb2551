//! `finetune calibrate`: probabilities that mean what they say, fitted on held-out rows.

use std::error::Error;

use clap::Args;
use finetune::prelude::*;

use crate::held_out_rows::HeldOutArguments;

/// Model and held-out rows.
#[derive(Debug, Args)]
pub(crate) struct CalibrateArguments {
    #[command(flatten)]
    held_out: HeldOutArguments,
    /// Coverage of the prediction sets, such as 0.9
    ///
    /// It is the share of texts whose class is to be in their set. Without it, there are no sets.
    #[arg(long, value_name = "SHARE")]
    coverage: Option<f64>,
}

impl CalibrateArguments {
    /// Fits the calibration, prints its scores on the rows and saves it beside the model.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let predictor = self.held_out.predictor(Precision::F32)?;
        let rows = self.held_out.rows(&predictor)?;
        let report = predictor.fit_calibration(&rows, self.coverage)?;
        let predictor = predictor.with_calibration(Some(report.calibration))?;
        let applied_by = "predict, evaluate and serve apply it";
        self.held_out.save(&predictor, &report, applied_by)
    }
}
