//! What must hold for all batches.

use burn::tensor::{Device, Tensor, TensorData};
use finetune_data::Labels;
use finetune_train::{ClassWeights, Criterion, LossConfig, PosWeight};
use proptest::prelude::*;

const OUTPUTS: usize = 3;

/// Losses of classes over three outputs, and of scores over one.
fn losses(classes: &Labels, scores: &Labels) -> Vec<(Criterion, bool)> {
    let cross_entropy = |label_smoothing, class_weights| LossConfig::CrossEntropy {
        label_smoothing,
        class_weight: class_weights,
    };
    let binary = LossConfig::BinaryCrossEntropy {
        pos_weight: Some(PosWeight::Same(2.0)),
    };
    let given = ClassWeights::PerClass(vec![0.5, 1.0, 3.0]);
    let of_classes = [
        cross_entropy(0.0, ClassWeights::None),
        cross_entropy(0.1, given),
        binary,
    ];
    let of_scores = [
        LossConfig::Mae {},
        LossConfig::Mse {},
        LossConfig::Huber { delta: 0.5 },
    ];
    let of_classes = of_classes.map(|loss| (loss.init(classes, OUTPUTS).unwrap(), true));
    let of_scores = of_scores.map(|loss| (loss.init(scores, 1).unwrap(), false));
    of_classes.into_iter().chain(of_scores).collect()
}

fn on_device(loss: &Criterion, rows: &[Vec<f32>], labels: &Labels, divisor: f64) -> f64 {
    let outputs = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]);
    let outputs = Tensor::from_data(outputs, &Device::flex());
    let value = loss.loss(outputs, labels, divisor).unwrap();
    f64::from(value.into_scalar::<f32>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However the rows of a step are cut into micro-batches, they have one loss.
    #[test]
    fn micro_batches_sum_to_the_batch(
        rows in prop::collection::vec((prop::collection::vec(-4.0f32..4.0, OUTPUTS), 0..OUTPUTS), 2..9),
        cut in 1usize..8,
    ) {
        let cut = cut.min(rows.len() - 1);
        let (outputs, classes): (Vec<Vec<f32>>, Vec<usize>) = rows.into_iter().unzip();
        let single: Vec<Vec<f32>> = outputs.iter().map(|row| vec![row[0]]).collect();
        let scores: Vec<f32> = outputs.iter().map(|row| row[1]).collect();
        let part = |from, to| {
            (Labels::Classes(classes[from..to].to_vec()), Labels::Scores(scores[from..to].to_vec()))
        };
        let (all_classes, all_scores) = part(0, outputs.len());
        for (loss, of_classes) in losses(&all_classes, &all_scores) {
            let (rows, all) = match of_classes {
                true => (&outputs, &all_classes),
                false => (&single, &all_scores),
            };
            let divisor = loss.weight(all).unwrap();
            let (mut weights, mut sum) = (0.0, 0.0);
            for (from, to) in [(0, cut), (cut, rows.len())] {
                let (classes, scores) = part(from, to);
                let labels = if of_classes { classes } else { scores };
                weights += loss.weight(&labels).unwrap();
                sum += on_device(&loss, &rows[from..to], &labels, divisor);
            }
            prop_assert!((weights - divisor).abs() < 1e-9 * divisor);
            let whole = on_device(&loss, rows, all, divisor);
            prop_assert!((sum - whole).abs() <= 1e-6 * whole.max(1.0), "{:?}: {} {}", loss, sum, whole);
            let host = loss.mean(rows, all).unwrap();
            prop_assert!((host - whole).abs() <= 1e-6 * host.max(1.0), "{:?}: {} {}", loss, host, whole);
        }
    }
}
