//! Losses and their gradients against PyTorch's, from `losses/generate.py`, on the device and on
//! the host.

use burn::tensor::{Tensor, TensorData};
use finetune_data::Labels;
use finetune_train::LossConfig;
use serde::Deserialize;

use crate::device::device_and_slack;

/// How far a number may be, as a share of it.
const TOLERANCE: f64 = 1e-5;
/// A gradient that is next to nothing is a difference of two numbers near a row's share of 1.
const ROUNDING: f64 = 2e-8;

#[derive(Deserialize)]
struct Case {
    loss: LossConfig,
    outputs: Vec<Vec<f32>>,
    classes: Option<Vec<usize>>,
    sets: Option<Vec<Vec<usize>>>,
    scores: Option<Vec<f32>>,
    divisor: f64,
    mean: f64,
    gradient: Vec<Vec<f64>>,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("losses/expected.json")).unwrap();
    assert_eq!(cases.len(), 38);
    cases
}

impl Case {
    fn labels(&self) -> Labels {
        match (&self.classes, &self.sets, &self.scores) {
            (Some(classes), None, None) => Labels::Classes(classes.clone()),
            (None, Some(sets), None) => Labels::MultiLabel(sets.clone()),
            (None, None, Some(scores)) => Labels::Scores(scores.clone()),
            _ => panic!("one kind of labels"),
        }
    }
}

#[test]
fn losses_and_gradients_equal_pytorch() {
    let (device, slack) = device_and_slack();
    let device = device.autodiff();
    for case in cases() {
        let (labels, width) = (case.labels(), case.outputs[0].len());
        let loss = case.loss.init(&labels, width).unwrap();
        let divisor = loss.weight(&labels).unwrap();
        let share = (divisor - case.divisor).abs() / case.divisor;
        assert!(share < 1e-12, "{:?}: {divisor}", case.loss);

        let outputs = TensorData::new(case.outputs.concat(), [case.outputs.len(), width]);
        let outputs = Tensor::<2>::from_data(outputs, &device).require_grad();
        let value = loss.loss(outputs.clone(), &labels, divisor).unwrap();
        let gradients = value.backward();
        let value = f64::from(value.into_scalar::<f32>());
        let distance = (value - case.mean).abs();
        assert!(
            distance <= slack * TOLERANCE * case.mean,
            "{:?}: {value}, expected {}",
            case.loss,
            case.mean
        );
        let gradient = outputs.grad(&gradients).unwrap().into_data();
        let expected = case.gradient.concat();
        for (at, (got, expected)) in gradient.iter::<f64>().zip(expected).enumerate() {
            assert!(
                (got - expected).abs() <= slack * (TOLERANCE * expected.abs() + ROUNDING),
                "{:?}: slope {at} is {got}, expected {expected}",
                case.loss
            );
        }
    }
}

#[test]
fn means_on_the_host_equal_pytorch() {
    for case in cases() {
        let labels = case.labels();
        let loss = case.loss.init(&labels, case.outputs[0].len()).unwrap();
        let mean = loss.mean(&case.outputs, &labels).unwrap();
        assert!(
            // The outputs are 32-bit here and 64-bit there.
            (mean - case.mean).abs() <= 1e-7 * case.mean,
            "{:?}: {mean}, expected {}",
            case.loss,
            case.mean
        );
    }
}
