//! Conditional random fields against brute force, from `crf/generate.py`.

use burn::module::Param;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use finetune_model::{Crf, PackedTagTargets, Transitions};
use finetune_ops::Upload;
use serde::Deserialize;

use super::{device_and_tolerance, host};

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    lengths: Vec<usize>,
    emissions: Vec<Vec<f32>>,
    labels: Vec<usize>,
    start: Vec<f32>,
    end: Vec<f32>,
    transitions: Vec<Vec<f32>>,
    first: Vec<bool>,
    last: Vec<bool>,
    between: Vec<Vec<bool>>,
    log_likelihood: Vec<f64>,
    best: Vec<usize>,
    marginals: Vec<Vec<f64>>,
    grad_emissions: Vec<Vec<f64>>,
    grad_start: Vec<f64>,
    grad_end: Vec<f64>,
    grad_transitions: Vec<Vec<f64>>,
}

fn matrix(rows: &[Vec<f32>], device: &Device) -> Tensor<2> {
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(rows.concat(), shape), device)
}

impl Case {
    fn crf(&self, device: &Device) -> Crf {
        let allowed = Transitions::new(self.classes, |before, after| match (before, after) {
            (None, Some(class)) => self.first[class],
            (Some(class), None) => self.last[class],
            (Some(before), Some(after)) => self.between[before][after],
            (None, None) => true,
        });
        let vector = |values: &[f32]| Param::from_tensor(Tensor::from_floats(values, device));
        let mut crf = Crf::new(allowed, device);
        crf.start_transitions = vector(&self.start);
        crf.end_transitions = vector(&self.end);
        crf.transitions = Param::from_tensor(matrix(&self.transitions, device));
        crf
    }

    /// The emissions and labels of each sentence.
    fn sentences(&self) -> Vec<(Vec<f32>, &[usize])> {
        let offsets = self.offsets();
        let sentences = offsets.windows(2).map(|ends| {
            let tokens = ends[0]..ends[1];
            (
                self.emissions[tokens.clone()].concat(),
                &self.labels[tokens],
            )
        });
        sentences.collect()
    }

    fn offsets(&self) -> Vec<usize> {
        let ends = self.lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        std::iter::once(0).chain(ends).collect()
    }
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("crf/expected.json")).unwrap();
    assert_eq!(cases.len(), 5);
    cases
}

/// Compares values relative to the largest one.
fn assert_near(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected
        .iter()
        .fold(1.0, |scale: f64, value| scale.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        let distance = (f64::from(*found) - expected).abs() / scale;
        assert!(
            distance <= tolerance,
            "{what}: {found}, expected {expected}: {distance:e}"
        );
    }
}

#[test]
fn likelihoods_and_gradients_are_those_of_all_sequences() {
    let (device, tolerance) = device_and_tolerance();
    // 1e-6 on a CPU.
    let tolerance = tolerance / 10.0;
    let autodiff = device.autodiff();
    for case in cases() {
        let crf = case.crf(&autodiff);
        let emissions = matrix(&case.emissions, &autodiff).require_grad();
        let mut upload = Upload::default();
        let packed = PackedTagTargets::new(&crf, &case.labels, &case.offsets(), &mut upload);
        let targets = packed.unwrap().unpack(&upload.send(&autodiff));
        let loss = crf.negative_log_likelihood(emissions.clone(), &targets);
        let expected = -case.log_likelihood.iter().sum::<f64>();
        assert_near(&case.name, &host(loss.clone()), &[expected], tolerance);

        let gradients = loss.backward();
        let of = |parameter: &Param<Tensor<1>>, gradients: &Gradients| {
            host(parameter.val().grad(gradients).unwrap())
        };
        let between = match crf.transitions.val().grad(&gradients) {
            Some(gradient) => host(gradient),
            // Without neighbors.
            None => vec![0.0; case.classes * case.classes],
        };
        for (what, found, expected) in [
            (
                "emissions",
                host(emissions.grad(&gradients).unwrap()),
                case.grad_emissions.concat(),
            ),
            (
                "start",
                of(&crf.start_transitions, &gradients),
                case.grad_start.clone(),
            ),
            (
                "end",
                of(&crf.end_transitions, &gradients),
                case.grad_end.clone(),
            ),
            ("transitions", between, case.grad_transitions.concat()),
        ] {
            let what = format!("{}, gradient of {what}", case.name);
            assert_near(&what, &found, &expected, tolerance);
        }
    }
}

#[test]
fn decoding_finds_the_best_sequence_and_the_marginals() {
    for case in cases() {
        let weights = case.crf(&device_and_tolerance().0).weights();
        let (mut best, mut marginals) = (Vec::new(), Vec::new());
        for ((emissions, labels), expected) in
            case.sentences().into_iter().zip(&case.log_likelihood)
        {
            let found = weights.log_likelihood(&emissions, labels);
            let error = (found - expected).abs() / expected.abs().max(1.0);
            assert!(error < 1e-9, "{}: {found}, expected {expected}", case.name);
            best.extend(weights.viterbi(&emissions));
            marginals.extend(weights.marginals(&emissions));
        }
        assert_eq!(best, case.best, "{}", case.name);
        let pairs = marginals.concat().into_iter().zip(case.marginals.concat());
        for (found, expected) in pairs {
            assert!(
                (found - expected).abs() < 1e-9,
                "{}: {found}, {expected}",
                case.name
            );
        }
    }
}
