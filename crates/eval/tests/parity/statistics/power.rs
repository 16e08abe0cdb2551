//! The noncentral t distribution, power, and the number of seeds.

use finetune_eval::statistics::{Design, TTestPower, noncentral_t_cdf};
use serde::Deserialize;

use super::{assert_close, cases};

#[test]
fn noncentral_t_probabilities_are_equal() {
    for (t, degrees_of_freedom, shift, expected) in
        cases::<(f64, f64, f64, f64)>("noncentral_t", 400)
    {
        let got = noncentral_t_cdf(t, degrees_of_freedom, shift);
        assert_close(&format!("{t} {degrees_of_freedom} {shift}"), got, expected);
    }
}

#[derive(Debug, Deserialize)]
struct PowerCase {
    effect_size: f64,
    seeds: usize,
    alpha: f64,
    /// None where statsmodels gives NaN.
    independent: Option<f64>,
    paired: Option<f64>,
}

#[test]
fn powers_are_equal() {
    let mut compared = 0;
    for case in cases::<PowerCase>("powers", 100) {
        let name = format!("{case:?}");
        let test = |design| TTestPower {
            design,
            alpha: case.alpha,
        };
        let (effect, seeds) = (case.effect_size, case.seeds);
        let independent = test(Design::Independent);
        for (got, expected) in [
            (independent.power(effect, seeds), case.independent),
            (test(Design::Paired).power(effect, seeds), case.paired),
        ] {
            let got = got.unwrap();
            match expected {
                Some(expected) => assert_close(&name, got, expected),
                None => assert!((0.0..=1.0).contains(&got), "{name}"),
            }
            compared += usize::from(expected.is_some());
        }
    }
    assert!(compared > 190, "{compared}");
}

#[derive(Debug, Deserialize)]
struct SeedsCase {
    effect_size: f64,
    power: f64,
    alpha: f64,
    /// Not whole: the size at which the power is exact.
    independent: f64,
    paired: f64,
}

#[test]
fn numbers_of_seeds_are_the_next_whole_ones() {
    for case in cases::<SeedsCase>("required_seeds", 30) {
        let name = format!("{case:?}");
        for (design, expected) in [
            (Design::Independent, case.independent),
            (Design::Paired, case.paired),
        ] {
            let test = TTestPower {
                design,
                alpha: case.alpha,
            };
            let needed = test
                .required_seeds(case.effect_size, case.power)
                .unwrap()
                .unwrap();
            assert_eq!(needed as f64, expected.ceil().max(2.0), "{name}");
            assert!(test.power(case.effect_size, needed).unwrap() >= case.power);
        }
    }
}
