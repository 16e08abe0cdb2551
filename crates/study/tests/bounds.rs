//! Whatever number a study file has in whatever key, it is a study or an error, at once.

use std::time::{Duration, Instant};

use finetune_study::{MAX_TRIALS, Study, StudyConfig, override_settings};
use finetune_train::FineTuningConfig;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

use crate::toss::Toss;

/// A study file, with `#` for a number.
const STUDIES: [&str; 14] = [
    "seeds = #",
    "seeds = [#, 7]",
    "seeds = 3\nsampler_seed = #",
    "folds = #",
    "base.epochs = #",
    "base.weight = #",
    "comparison.alpha = #",
    "comparison.min_detectable_difference = #",
    "variants = [{ name = 'a', seeds = # }, { name = 'b', folds = # }]",
    "seeds = #\nfolds = #\nparameters = [{ path = 'weight', values = [0.25, 0.5] }]",
    "num_trials = #\nparameters = [{ path = 'weight', uniform = [0, #] }]",
    "num_trials = 3\nparameters = [{ path = 'weight', log_uniform = [#, #] }]",
    "num_trials = 3\nparameters = [{ path = 'epochs', int_uniform = [#, #] }]",
    "eval_split = 'validation'\n[halving]\nresource = 'epochs'\nmin_resource = #\nmax_resource = #\nfactor = #",
];

/// Numbers in TOML: those at the ends of ranges, and any.
fn number() -> impl Strategy<Value = String> {
    let edges = [
        "0",
        "1",
        "2",
        "-1",
        "9",
        "100",
        "10000",
        "10001",
        "65536",
        "4294967296",
        "4000000000",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "0.0",
        "-0.0",
        "1.5",
        "1e-320",
        "1e308",
        "-1e308",
        "nan",
        "inf",
        "-inf",
    ];
    prop_oneof![
        3 => select(edges.to_vec()).prop_map(str::to_string),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| format!("{number:e}")),
    ]
}

proptest! {
    #[test]
    fn any_number_in_any_key_is_a_study_or_an_error(
        study in select(STUDIES.to_vec()),
        numbers in prop::collection::vec(number(), 3),
    ) {
        let mut toml = format!("name = 'numbers'\n{study}");
        for number in numbers.iter().cycle().take(toml.matches('#').count()) {
            toml = toml.replacen('#', number, 1);
        }
        let began = Instant::now();
        let made = StudyConfig::from_toml(&toml).and_then(|config| Study::new(config, &Toss("penny")));
        if let Ok(study) = made {
            prop_assert!((1..=MAX_TRIALS).contains(&study.trials().len()), "{toml}");
        }
        prop_assert!(began.elapsed() < Duration::from_secs(10), "{toml}");
    }

    /// The settings of a run, too: each number of the defaults is replaced.
    #[test]
    fn any_number_in_any_setting_is_valid_or_named(at in any::<prop::sample::Index>(), number in number()) {
        let defaults = serde_json::to_value(FineTuningConfig::default()).unwrap();
        let mut paths = Vec::new();
        numbers_of(&defaults, String::new(), &mut paths);
        let path = at.get(&paths);
        let toml = format!("name = 'numbers'\nbase{path} = {number}");
        let began = Instant::now();
        if let Ok(config) = StudyConfig::from_toml(&toml) {
            let settings = override_settings(&FineTuningConfig::default(), &config.base, "base");
            let _ = settings.map(|settings| settings.validate());
        }
        prop_assert!(began.elapsed() < Duration::from_secs(10), "{toml}");
    }
}

/// Lists the paths of all numbers, each with a dot in front.
fn numbers_of(value: &Value, path: String, paths: &mut Vec<String>) {
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Number(_) => {
            paths.push(path);
            return;
        }
        _ => return,
    };
    let fields: &Map<String, Value> = fields;
    for (name, value) in fields {
        numbers_of(value, format!("{path}.{name}"), paths);
    }
}

#[test]
fn as_many_trials_as_allowed_are_resolved_in_no_time() {
    let toml = "name = 'many'\nnum_trials = 10000\n\
                parameters = [{ path = 'weight', uniform = [0, 1] }]";
    let began = Instant::now();
    let study = Study::new(StudyConfig::from_toml(toml).unwrap(), &Toss("penny")).unwrap();
    assert_eq!(study.trials().len(), MAX_TRIALS);
    assert!(began.elapsed() < Duration::from_secs(20));
}
