//! A loss over classes, on scores in bins.

use std::sync::Arc;

use burn::tensor::Tensor;
use finetune_eval::Targets;
use finetune_model::ScoreBins;

use super::labels::scores;
use super::{DeviceLoss, Loss};
use crate::error::TrainError;

const NAME: &str = "score bins";

/// Loss over classes on the bins of the scores.
#[derive(Debug)]
pub(super) struct BinnedLoss {
    pub(super) loss: Arc<dyn Loss>,
    pub(super) bins: ScoreBins,
}

/// Returns the bin of each score as its class.
///
/// # Errors
/// - [`TrainError::InvalidLabel`] if the targets are not scores in the range of the bins; it names
///   the first one.
pub(super) fn binned(bins: ScoreBins, targets: &Targets) -> Result<Targets, TrainError> {
    let range = bins.range();
    let bin = |score: f32| bins.bin(f64::from(score));
    let expected = format!("a score from {} to {}", range.min, range.max);
    let scores = scores(targets, |score| bin(score).is_some(), NAME, &expected)?;
    Ok(Targets::Classes(
        scores.iter().filter_map(|score| bin(*score)).collect(),
    ))
}

impl Loss for BinnedLoss {
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        self.loss.per_row(logits, &binned(self.bins, targets)?)
    }

    fn row_weights(&self, targets: &Targets) -> Result<Option<Vec<f64>>, TrainError> {
        self.loss.row_weights(&binned(self.bins, targets)?)
    }

    fn sum(
        &self,
        logits: Tensor<2>,
        targets: &Targets,
        divisor: f64,
    ) -> Result<Tensor<1>, TrainError> {
        let targets = binned(self.bins, targets)?;
        self.loss.sum(logits, &targets, divisor)
    }

    fn on_device(&self) -> Option<Box<dyn DeviceLoss + '_>> {
        let loss = self.loss.on_device()?;
        let bins = self.bins;
        Some(Box::new(BinnedOnDevice { loss, bins }))
    }

    fn check(&self, targets: &Targets, outputs: usize) -> Result<(), TrainError> {
        let targets = binned(self.bins, targets)?;
        if let Targets::Classes(classes) = &targets
            && classes.iter().all(|class| Some(class) == classes.first())
        {
            let range = self.bins.range();
            let found = format!(
                "{} from {} to {}, with all training scores in one",
                self.bins.count(),
                range.min,
                range.max
            );
            let expected = "bins that separate the training scores";
            return Err(TrainError::setting("head.score_bins", found, expected));
        }
        self.loss.check(&targets, outputs)
    }

    fn name(&self) -> String {
        self.loss.name()
    }
}

/// Loss over classes on the bins, with its targets on the device.
struct BinnedOnDevice<'a> {
    loss: Box<dyn DeviceLoss + 'a>,
    bins: ScoreBins,
}

impl DeviceLoss for BinnedOnDevice<'_> {
    fn values(&self, targets: &Targets, divisor: f64) -> Result<Vec<f32>, TrainError> {
        self.loss.values(&binned(self.bins, targets)?, divisor)
    }

    fn per_row(&self, logits: Tensor<2>, values: Tensor<1>) -> Tensor<1> {
        self.loss.per_row(logits, values)
    }

    fn sum(&self, logits: Tensor<2>, values: Tensor<1>, divisor: f64) -> Tensor<1> {
        self.loss.sum(logits, values, divisor)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use finetune_data::Labels;
    use finetune_model::ScoreRange;

    use crate::loss::LossConfig;
    use crate::parts::Parts;

    use super::*;

    fn bins() -> Option<ScoreBins> {
        let range = ScoreRange { min: 0.0, max: 5.0 };
        Some(ScoreBins::new(range, 5).unwrap())
    }

    fn init(config: &LossConfig, labels: &Labels) -> Result<super::super::Criterion, TrainError> {
        config.init_with_bins(&Parts::default(), labels, 5, bins())
    }

    /// The same as the cross entropy of the classes 0, 4 and 2.
    #[test]
    fn scores_are_trained_as_the_classes_of_their_bins() {
        let scores = Labels::Scores(vec![0.5, 5.0, 2.0]);
        let classes = Labels::Classes(vec![0, 4, 2]);
        let config = LossConfig::default();
        let of_scores = init(&config, &scores).unwrap();
        let of_classes = config.init(&classes, 5).unwrap();
        let logits = [
            [1.0, 0.0, 2.0, 0.5, 0.0],
            [0.0; 5],
            [3.0, -1.0, 0.5, 0.0, 1.0],
        ];
        let rows: Vec<Vec<f32>> = logits.iter().map(|row| row.to_vec()).collect();
        let mean = of_scores.mean(&rows, &scores).unwrap();
        assert_eq!(mean, of_classes.mean(&rows, &classes).unwrap());
        let logits = Tensor::<2>::from_data(logits, &Device::flex());
        let sum = |criterion: &super::super::Criterion, labels| {
            let loss = criterion.loss(logits.clone(), labels, 3.0).unwrap();
            loss.into_scalar::<f32>()
        };
        assert_eq!(sum(&of_scores, &scores), sum(&of_classes, &classes));
        assert_eq!(of_scores.weight(&scores).unwrap(), 3.0);
    }

    #[test]
    fn labels_that_are_no_scores_of_the_bins_are_refused() {
        let config = LossConfig::default();
        for (labels, message) in [
            (
                Labels::Classes(vec![0, 1]),
                "label class 0 of row 0: the score bins loss expects a score from 0 to 5",
            ),
            (
                Labels::Scores(vec![1.0, 5.5]),
                "label score 5.5 of row 1: the score bins loss expects a score from 0 to 5",
            ),
            (
                Labels::Scores(vec![1.0, 1.9, 1.25]),
                "head.score_bins is 5 from 0 to 5, with all training scores in one, expected bins \
                 that separate the training scores",
            ),
        ] {
            let error = init(&config, &labels).unwrap_err().to_string();
            assert_eq!(error, message);
        }
    }
}
