//! A calibration of a run's model: fitted, applied, saved and read again.

use burn::tensor::Device;
use finetune_data::{Dataset, EncodedDataset, Label, Splits, Target};
use finetune_eval::{EvalError, Targets};
use finetune_predict::{
    Calibration, PredictError, Prediction, Predictor, TextPreprocessing, evaluator, predict,
};
use finetune_train::{CalibrationConfig, EvaluationConfig, FineTuning, TrainDuration};

use crate::regression::checkpoint;
use crate::small_run::SmallRun;

/// The model of a run, and the rows that it was tested on.
fn trained(folder: &std::path::Path) -> (Predictor, Dataset) {
    let splits = checkpoint(&folder.join("start"));
    let test = splits.test.clone().unwrap();
    let mut config = SmallRun::fine_tuning(SmallRun::config());
    config.train.duration = TrainDuration::Epochs(6);
    let run = FineTuning::new(folder.join("start"), splits).config(config);
    let run = run
        .prepare()
        .unwrap()
        .run(&folder.join("run"), &mut ())
        .unwrap();
    (
        Predictor::load(&run.directory.model(), &Device::flex()).unwrap(),
        test,
    )
}

fn texts(rows: &Dataset) -> Vec<&str> {
    rows.examples
        .iter()
        .map(|example| example.text.as_str())
        .collect()
}

#[test]
fn it_keeps_the_classes_and_is_read_with_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let (predictor, rows) = trained(folder.path());
    let plain = predictor.predict(&texts(&rows)).unwrap();
    assert!(plain.iter().all(|answer| answer.is_sure().is_none()));

    let report = predictor.fit_calibration(&rows, Some(0.8)).unwrap();
    let fitted = report.calibration;
    assert_ne!(fitted.temperature, 1.0);
    assert!(report.after.log_loss < report.before.log_loss);
    let predictor = predictor.with_calibration(Some(fitted)).unwrap();
    let answers = predictor.predict(&texts(&rows)).unwrap();
    let mut covered = 0;
    for ((answer, plain), example) in answers.iter().zip(&plain).zip(&rows.examples) {
        assert_eq!(answer.label(), plain.label());
        let Prediction::SingleLabel {
            prediction_set: Some(set),
            ..
        } = answer
        else {
            panic!("{answer:?}");
        };
        let label = &rows.class_names()[example.label.class().unwrap()];
        covered += usize::from(set.contains(label));
        assert_eq!(answer.is_sure(), Some(set.len() == 1));
    }
    assert!(covered as f64 >= 0.8 * rows.len() as f64, "{covered}");

    let evaluator = evaluator(&rows.schema.target, &[], ["log_loss"]).unwrap();
    let log_loss =
        |predictor: &Predictor| predictor.evaluate_with(&rows, &evaluator).unwrap()["log_loss"];
    let calibrated = log_loss(&predictor);
    let scores = predictor.evaluate_with(&rows, &evaluator).unwrap();
    assert!(scores["prediction_set_coverage"] >= 0.8, "{scores:?}");
    // The outputs are divided by the temperature once, for all scores.
    let data = EncodedDataset::new(&rows, &SmallRun::new().tokenizer, predictor.encoding());
    let mut outputs = predict(predictor.model(), &data.unwrap(), 32.into())
        .unwrap()
        .predictions;
    for logit in outputs.logits.iter_mut().flatten() {
        *logit = (f64::from(*logit) / fitted.temperature) as f32;
    }
    let labels = rows.examples.iter().filter_map(|row| row.label.class());
    let targets = Targets::Classes(labels.collect());
    let mut expected = evaluator.evaluate(&outputs, &targets).unwrap();
    expected.extend(report.after.scores());
    assert_eq!(scores, expected);
    let saved = predictor.text_preprocessing();
    let uncalibrated = log_loss(&predictor.with_calibration(None).unwrap());
    assert!(calibrated < uncalibrated, "{calibrated} {uncalibrated}");

    let model = folder.path().join("run/model");
    saved.save(&model).unwrap();
    let again = Predictor::load(&model, &Device::flex()).unwrap();
    assert_eq!(again.predict(&texts(&rows)).unwrap(), answers);
}

#[test]
fn a_run_calibrates_on_its_validation_rows() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    let splits = checkpoint(&start);
    let held_out = splits.test.clone().unwrap();
    let splits = Splits {
        validation: splits.test.clone(),
        ..splits
    };
    let mut config = SmallRun::fine_tuning(SmallRun::config());
    config.calibration = Some(CalibrationConfig {
        coverage: Some(0.8),
    });
    let without = FineTuning::new(&start, splits.clone()).config(config.clone());
    let error = without.prepare().unwrap_err().to_string();
    assert!(
        error.starts_with("calibration is given without validation rows"),
        "{error}"
    );

    config.train.evaluation = Some(EvaluationConfig::default());
    let run = FineTuning::new(&start, splits).config(config);
    let run = run
        .prepare()
        .unwrap()
        .run(&folder.path().join("run"), &mut ())
        .unwrap();
    let report = run.report.test.as_ref().unwrap().calibrated.unwrap();
    assert_eq!(report.rows, held_out.len());
    assert_ne!(report.calibration.temperature, 1.0);
    let text = run.report.to_string();
    assert!(
        text.contains("Calibrated on the validation rows."),
        "{text}"
    );

    // The model answers with it, and it is what those rows give.
    let predictor = Predictor::load(&run.directory.model(), &Device::flex()).unwrap();
    assert_eq!(predictor.calibration(), Some(&report.calibration));
    let plain = predictor.with_calibration(None).unwrap();
    let again = plain.fit_calibration(&held_out, Some(0.8)).unwrap();
    assert!((again.calibration.temperature - report.calibration.temperature).abs() < 1e-6);
    assert_eq!(again.rows, report.rows);
}

#[test]
fn settings_and_rows_that_do_not_fit_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let (predictor, mut rows) = trained(folder.path());
    let error = predictor.fit_calibration(&rows, Some(1.0)).unwrap_err();
    assert_eq!(error.to_string(), "coverage is 1, expected in (0, 1)");
    let error = predictor.clone().with_calibration(Some(Calibration {
        temperature: 0.0,
        prediction_set: None,
    }));
    assert_eq!(
        error.unwrap_err().to_string(),
        "temperature is 0, expected above 0"
    );
    rows.schema.target = Target::Unlabeled;
    rows.examples
        .iter_mut()
        .for_each(|example| example.label = Label::Unlabeled);
    let error = predictor.fit_calibration(&rows, None).unwrap_err();
    assert!(
        matches!(error, PredictError::Eval(EvalError::InvalidSetting { .. })),
        "{error}"
    );

    let model = folder.path().join("run/model");
    let file = model.join("text_preprocessing.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let end = text.rfind('}').unwrap();
    let text = format!(
        "{},\"calibration\":{{\"temperature\":-1}}}}",
        text[..end].trim_end()
    );
    std::fs::write(&file, text).unwrap();
    assert!(TextPreprocessing::read(&model).unwrap().is_some());
    let error = Predictor::load(&model, &Device::flex()).unwrap_err();
    assert_eq!(error.to_string(), "temperature is -1, expected above 0");
}
