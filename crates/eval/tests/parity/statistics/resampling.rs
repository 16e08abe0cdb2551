//! Bootstrap intervals of given resamples, and exact randomization tests.

use finetune_eval::statistics::{Bootstrap, BootstrapMethod, Design, PermutationTest};
use serde::Deserialize;

use super::{Pair, Tested, assert_close, assert_close_relative, cases, samples};

#[derive(Debug, Deserialize)]
struct BootstrapCase {
    sample: String,
    metric: MetricKind,
    resamples: Vec<Vec<usize>>,
    standard_error: f64,
    /// Method, level, low, high.
    intervals: Vec<(BootstrapMethod, f64, f64, f64)>,
}

/// The metrics of `generate.py`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MetricKind {
    Ratio,
    Mean,
    Difference,
}

impl MetricKind {
    fn of(self, (first, second): &Pair, rows: &[usize]) -> f64 {
        let of_rows = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
        let (mut first, second) = (of_rows(first), of_rows(second));
        match self {
            Self::Ratio => {
                let center = mean(&second);
                let squares: Vec<f64> = second.iter().map(|b| (b - center).powi(2)).collect();
                mean(&first) / (1.0 + mean(&squares).sqrt())
            }
            Self::Mean => mean(&first),
            Self::Difference => {
                first.sort_by(f64::total_cmp);
                let (lower, upper) = ((first.len() - 1) / 2, first.len() / 2);
                (first[lower] + first[upper]) / 2.0 - mean(&second)
            }
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn bootstrap_intervals_of_equal_resamples_are_equal() {
    let samples = samples();
    for case in cases::<BootstrapCase>("bootstraps", 9) {
        let pair = &samples[&case.sample];
        for (method, level, low, high) in case.intervals {
            let name = format!("{} {:?} {method:?} {level}", case.sample, case.metric);
            let bootstrap = Bootstrap {
                method,
                confidence_level: level,
                ..Bootstrap::default()
            };
            let result = bootstrap
                .interval_of_resamples(pair.0.len(), &case.resamples, |rows| {
                    case.metric.of(pair, rows)
                })
                .unwrap();
            assert_close(&name, result.standard_error, case.standard_error);
            assert_close(&name, result.interval.lower, low);
            assert_close(&name, result.interval.upper, high);
        }
    }
}

#[derive(Debug, Deserialize)]
struct RandomizationCase {
    #[serde(flatten)]
    tested: Tested,
    p_value: f64,
}

#[test]
fn exact_randomization_tests_are_equal() {
    let samples = samples();
    let test = PermutationTest {
        n_resamples: 100_000,
        seed: 0,
    };
    for case in cases::<RandomizationCase>("randomizations", 12) {
        let (first, second) = &samples[&case.tested.sample];
        let result = match case.tested.design {
            Design::Independent => test.independent(first, second, mean),
            Design::Paired => test.paired(first, second, mean),
        }
        .unwrap();
        assert!(result.exact);
        assert_close_relative(&format!("{:?}", case.tested), result.p_value, case.p_value);
    }
}
