//! Tests of two samples, summaries, effect sizes and adjusted p-values.

use finetune_eval::EvalError;
use finetune_eval::statistics::{
    Adjustment, EffectSize, McNemar, NullDistribution, SampleSummary, TTest, Wilcoxon, ZeroMethod,
};
use serde::Deserialize;

use super::{Ends, Tested, assert_close, assert_close_relative, cases, samples};

#[derive(Debug, Deserialize)]
struct TTestCase {
    #[serde(flatten)]
    tested: Tested,
    /// None where SciPy gives NaN.
    p_value: Option<f64>,
    #[serde(default)]
    difference: f64,
    #[serde(default)]
    statistic: f64,
    #[serde(default)]
    degrees_of_freedom: f64,
    #[serde(default)]
    intervals: Vec<Ends>,
}

#[test]
fn t_tests_are_equal() {
    let samples = samples();
    let mut undefined = 0;
    for case in cases::<TTestCase>("t_tests", 30) {
        let (first, second) = &samples[&case.tested.sample];
        let name = format!("{:?}", case.tested);
        let Some(p_value) = case.p_value else {
            let result = TTest::of_design(case.tested.design, first, second, 0.95);
            assert!(
                matches!(result, Err(EvalError::Undefined { .. })),
                "{name}: {result:?}"
            );
            undefined += 1;
            continue;
        };
        for (level, low, high) in case.intervals {
            let test = TTest::of_design(case.tested.design, first, second, level).unwrap();
            assert_close(&name, test.difference, case.difference);
            assert_close(&name, test.statistic, case.statistic);
            assert_close(&name, test.degrees_of_freedom, case.degrees_of_freedom);
            assert_close_relative(&name, test.p_value, p_value);
            assert_close(&name, test.interval.lower, low);
            assert_close(&name, test.interval.upper, high);
        }
    }
    assert_eq!(undefined, 1, "the equal samples, paired");
}

#[derive(Debug, Deserialize)]
struct SummaryCase {
    sample: String,
    mean: f64,
    standard_deviation: f64,
    standard_error: f64,
    intervals: Vec<Ends>,
}

#[test]
fn summaries_are_equal() {
    let samples = samples();
    for case in cases::<SummaryCase>("summaries", 15) {
        let (values, _) = &samples[&case.sample];
        for (level, low, high) in case.intervals {
            let summary = SampleSummary::of(values, level).unwrap();
            let spread = summary.spread.unwrap();
            assert_close(&case.sample, summary.mean, case.mean);
            assert_close(
                &case.sample,
                spread.standard_deviation,
                case.standard_deviation,
            );
            assert_close(&case.sample, spread.standard_error, case.standard_error);
            assert_close(&case.sample, spread.interval.lower, low);
            assert_close(&case.sample, spread.interval.upper, high);
        }
    }
}

#[derive(Debug, Deserialize)]
struct EffectCase {
    #[serde(flatten)]
    tested: Tested,
    cohens_d: f64,
    hedges_g: f64,
}

#[test]
fn effect_sizes_are_equal() {
    let samples = samples();
    for case in cases::<EffectCase>("effect_sizes", 30) {
        let (first, second) = &samples[&case.tested.sample];
        let effect = EffectSize::of(case.tested.design, first, second).unwrap();
        let name = format!("{:?}", case.tested);
        assert_close(&name, effect.cohens_d, case.cohens_d);
        assert_close(&name, effect.hedges_g, case.hedges_g);
    }
}

#[derive(Debug, Deserialize)]
struct WilcoxonCase {
    sample: String,
    zeros: ZeroMethod,
    distribution: NullDistribution,
    continuity: bool,
    statistic: f64,
    p_value: f64,
    z: Option<f64>,
}

#[test]
fn wilcoxon_tests_are_equal() {
    let samples = samples();
    for case in cases::<WilcoxonCase>("wilcoxon", 100) {
        let name = format!("{case:?}");
        let (first, second) = &samples[&case.sample];
        let test = Wilcoxon {
            zeros: case.zeros,
            distribution: case.distribution,
            correction: case.continuity,
        };
        let test = test.test(first, second).unwrap();
        assert_close(&name, test.statistic, case.statistic);
        assert_close_relative(&name, test.p_value, case.p_value);
        if let Some(z) = case.z {
            assert_close(&name, test.z.unwrap(), z);
        }
    }
}

#[derive(Debug, Deserialize)]
struct McNemarCase {
    only_first: u64,
    only_second: u64,
    exact: (f64, f64),
    chi_square: Option<(f64, f64)>,
}

#[test]
fn mcnemar_tests_are_equal() {
    for case in cases::<McNemarCase>("mcnemar", 10) {
        let name = format!("{case:?}");
        let counts = McNemar {
            both: 7,
            only_first: case.only_first,
            only_second: case.only_second,
            neither: 2,
        };
        let exact = counts.exact();
        assert_close(&name, exact.statistic, case.exact.0);
        assert_close_relative(&name, exact.p_value, case.exact.1);
        match case.chi_square {
            Some((statistic, p_value)) => {
                let test = counts.chi_square().unwrap();
                assert_close(&name, test.statistic, statistic);
                assert_close_relative(&name, test.p_value, p_value);
            }
            None => assert!(matches!(
                counts.chi_square(),
                Err(EvalError::Undefined { .. })
            )),
        }
    }
}

#[derive(Debug, Deserialize)]
struct AdjustmentCase {
    p_values: Vec<f64>,
    holm: Vec<f64>,
    benjamini_hochberg: Vec<f64>,
}

#[test]
fn adjusted_p_values_are_equal() {
    for case in cases::<AdjustmentCase>("adjustments", 7) {
        for (adjustment, expected) in [
            (Adjustment::Holm, &case.holm),
            (Adjustment::BenjaminiHochberg, &case.benjamini_hochberg),
        ] {
            let adjusted = adjustment.adjust(&case.p_values).unwrap();
            assert_eq!(adjusted.len(), expected.len());
            for (&got, &expected) in adjusted.iter().zip(expected) {
                assert_close_relative(&format!("{adjustment:?}"), got, expected);
            }
        }
    }
}
