//! What every test, interval and adjustment must satisfy.

use finetune_eval::statistics::{
    Adjustment, Bootstrap, BootstrapMethod, Comparison, ComparisonConfig, Design, EffectSize,
    McNemar, PermutationTest, SampleSummary, ScoreGroup, TTest, TTestPower, Verdict, Wilcoxon,
    ZeroMethod, noncentral_t_cdf,
};
use proptest::prelude::*;

/// Scores with ties now and then.
fn score() -> impl Strategy<Value = f64> {
    prop_oneof![-1.0..1.0_f64, (-5..5_i32).prop_map(f64::from)]
}

fn sample() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(score(), 2..25)
}

fn pairs() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    prop::collection::vec((score(), score()), 2..25).prop_map(|pairs| pairs.into_iter().unzip())
}

fn designs() -> impl Strategy<Value = Design> {
    prop_oneof![Just(Design::Independent), Just(Design::Paired)]
}

fn is_probability(p: f64) -> bool {
    (0.0..=1.0).contains(&p)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn mean_of_rows(values: &[f64]) -> impl Fn(&[usize]) -> f64 + Sync {
    |rows| rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64
}

proptest! {
    #[test]
    fn t_tests_are_antisymmetric((first, second) in pairs(), design in designs()) {
        let test = TTest::of_design(design, &first, &second, 0.95);
        let swapped = TTest::of_design(design, &second, &first, 0.95);
        prop_assert_eq!(test.is_ok(), swapped.is_ok());
        if let (Ok(test), Ok(swapped)) = (test, swapped) {
            prop_assert!(is_probability(test.p_value));
            prop_assert!(test.interval.contains(test.difference));
            prop_assert_eq!(test.difference, -swapped.difference);
            prop_assert!((test.p_value - swapped.p_value).abs() < 1e-12);
            prop_assert_eq!(test.interval.lower, -swapped.interval.upper);
            // The interval and the test say the same, but for a tie.
            if (test.p_value - 0.05).abs() > 1e-9 {
                prop_assert_eq!(test.p_value < 0.05, !test.interval.contains(0.0));
            }
        }
    }

    #[test]
    fn a_higher_level_gives_a_wider_interval(values in sample(), level in 0.01..0.98_f64) {
        let interval = |level| SampleSummary::of(&values, level).unwrap().spread.unwrap().interval;
        let (narrow, wide) = (interval(level), interval(level + 0.01));
        prop_assert!(wide.lower <= narrow.lower && narrow.upper <= wide.upper);
        prop_assert!(narrow.contains(mean(&values)));
    }

    #[test]
    fn wilcoxon_is_symmetric((first, second) in pairs(), pratt: bool, continuity: bool) {
        let zeros = if pratt { ZeroMethod::Pratt } else { ZeroMethod::Wilcox };
        let test = Wilcoxon { zeros, correction: continuity, ..Wilcoxon::default() };
        let result = test.test(&first, &second).unwrap();
        let swapped = test.test(&second, &first).unwrap();
        prop_assert!(is_probability(result.p_value));
        prop_assert_eq!(result.positive_ranks, swapped.negative_ranks);
        prop_assert!((result.p_value - swapped.p_value).abs() < 1e-12);
    }

    #[test]
    fn mcnemar_is_symmetric(rows in prop::collection::vec((0..3_u8, 0..3_u8, 0..3_u8), 1..120)) {
        let labels: Vec<u8> = rows.iter().map(|row| row.0).collect();
        let first: Vec<u8> = rows.iter().map(|row| row.1).collect();
        let second: Vec<u8> = rows.iter().map(|row| row.2).collect();
        let counts = McNemar::count(&labels, &first, &second).unwrap();
        let swapped = McNemar::count(&labels, &second, &first).unwrap();
        let total = counts.both + counts.only_first + counts.only_second + counts.neither;
        prop_assert_eq!(total, rows.len() as u64);
        let test = counts.test().unwrap();
        prop_assert!(is_probability(test.p_value));
        prop_assert_eq!(test, swapped.test().unwrap());
    }

    #[test]
    fn adjusting_only_raises_and_keeps_the_order(
        p_values in prop::collection::vec(0.0..=1.0_f64, 1..40),
    ) {
        let holm = Adjustment::Holm.adjust(&p_values).unwrap();
        let discoveries = Adjustment::BenjaminiHochberg.adjust(&p_values).unwrap();
        prop_assert_eq!(&Adjustment::None.adjust(&p_values).unwrap(), &p_values);
        for adjusted in [&holm, &discoveries] {
            for (i, &p) in p_values.iter().enumerate() {
                prop_assert!(is_probability(adjusted[i]));
                // Dividing by a share of one rounds at most once.
                prop_assert!(adjusted[i] >= p * (1.0 - f64::EPSILON));
                for (j, &other) in p_values.iter().enumerate() {
                    prop_assert!(p > other || adjusted[i] <= adjusted[j]);
                }
            }
        }
        for (strict, lenient) in holm.iter().zip(&discoveries) {
            prop_assert!(*strict >= lenient * (1.0 - 1e-12));
        }
    }

    #[test]
    fn hedges_g_is_the_smaller_of_the_same_sign((first, second) in pairs(), design in designs()) {
        if let Ok(effect) = EffectSize::of(design, &first, &second) {
            prop_assert!(effect.hedges_g.abs() <= effect.cohens_d.abs());
            prop_assert!(effect.hedges_g * effect.cohens_d >= 0.0);
        }
    }

    #[test]
    fn the_noncentral_t_is_a_distribution_function(
        t in -40.0..40.0_f64, step in 0.0..5.0_f64, df in 0.5..500.0_f64, shift in -30.0..30.0_f64,
    ) {
        let probability = noncentral_t_cdf(t, df, shift);
        prop_assert!(is_probability(probability));
        prop_assert!(noncentral_t_cdf(t + step, df, shift) >= probability - 1e-10);
        prop_assert!(noncentral_t_cdf(t, df, shift + step) <= probability + 1e-10);
        prop_assert!((noncentral_t_cdf(-t, df, -shift) - (1.0 - probability)).abs() < 1e-10);
    }

    #[test]
    fn the_seeds_needed_are_just_enough(
        effect in 0.05..5.0_f64, power in 0.1..0.99_f64, alpha in 0.001..0.3_f64, design in designs(),
    ) {
        let test = TTestPower { design, alpha };
        let needed = test.required_seeds(effect, power).unwrap().unwrap();
        prop_assert!(test.power(effect, needed).unwrap() >= power);
        if needed > 2 {
            prop_assert!(test.power(effect, needed - 1).unwrap() < power);
        }
    }

    #[test]
    fn a_claim_is_never_made_without_its_test((first, second) in pairs(), design in designs()) {
        let config = ComparisonConfig { design, ..ComparisonConfig::default() };
        let comparison =
            Comparison::new(&ScoreGroup::new("a", first), &ScoreGroup::new("b", second), &config).unwrap();
        let text = comparison.to_string();
        let claims = text.contains("better") || text.contains("worse");
        prop_assert_eq!(claims, comparison.test.is_some_and(|test| test.p_value < 0.05));
        if comparison.verdict() == Verdict::Better {
            prop_assert!(comparison.difference > 0.0);
        }
        let json = serde_json::to_string(&comparison).unwrap();
        let read: Comparison = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read.verdict(), comparison.verdict());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn resampling_tests_are_symmetric((first, second) in pairs(), seed: u64) {
        let test = PermutationTest { n_resamples: 300, seed };
        let paired = test.paired(&first, &second, mean).unwrap();
        let swapped = test.paired(&second, &first, mean).unwrap();
        prop_assert_eq!(paired.p_value, swapped.p_value);
        prop_assert_eq!(paired.difference, -swapped.difference);
        prop_assert!(paired.p_value > 0.0 && paired.p_value <= 1.0);
        let independent = test.independent(&first, &second, mean).unwrap();
        prop_assert!(independent.p_value > 0.0 && independent.p_value <= 1.0);

        let bootstrap = Bootstrap {
            n_resamples: 200,
            seed,
            method: BootstrapMethod::Percentile,
            ..Bootstrap::default()
        };
        let (a, b) = (mean_of_rows(&first), mean_of_rows(&second));
        let result = bootstrap.paired(first.len(), &a, &b).unwrap();
        let swapped = bootstrap.paired(first.len(), &b, &a).unwrap();
        prop_assert_eq!(result.p_value, swapped.p_value);
        let (interval, mirrored) = (result.difference.interval, swapped.difference.interval);
        prop_assert!((interval.lower + mirrored.upper).abs() < 1e-12);
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads(
        (first, second) in pairs(), seed: u64, threads in 2..6_usize,
    ) {
        let run = || {
            let bootstrap = Bootstrap { n_resamples: 100, seed, ..Bootstrap::default() };
            let test = PermutationTest { n_resamples: 100, seed };
            (
                bootstrap.paired(first.len(), mean_of_rows(&first), mean_of_rows(&second)),
                test.paired(&first, &second, mean),
                test.independent(&first, &second, mean),
            )
        };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(run)
        };
        prop_assert_eq!(on(1), on(threads));
    }

    #[test]
    fn the_interval_holds_the_estimate_of_a_mean(values in sample(), seed: u64) {
        for method in [BootstrapMethod::Percentile, BootstrapMethod::Bca] {
            let bootstrap = Bootstrap { seed, confidence_level: 0.99, method, ..Bootstrap::default() };
            let result = bootstrap.interval(values.len(), mean_of_rows(&values)).unwrap();
            // Equal values: their mean in another order may differ in its last bits.
            let rounding = 1e-12;
            prop_assert!(result.interval.lower <= result.estimate + rounding);
            prop_assert!(result.interval.upper >= result.estimate - rounding);
        }
    }
}
