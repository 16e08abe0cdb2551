//! The layers of a run's model that become 8-bit integers: chosen, reported, saved and applied.

use burn::tensor::Device;
use finetune_data::Splits;
use finetune_ops::Precision;
use finetune_predict::{Predictor, PredictorConfig, TextPreprocessing};
use finetune_train::{EvaluationConfig, FineTuning, QuantizationConfig};

use crate::regression::checkpoint;
use crate::small_run::SmallRun;

#[test]
fn a_run_chooses_the_layers_in_8_bit_integers_on_its_validation_rows() {
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    let splits = checkpoint(&start);
    let splits = Splits {
        validation: splits.test.clone(),
        ..splits
    };
    let mut config = SmallRun::fine_tuning(SmallRun::config());
    config.train.evaluation = Some(EvaluationConfig::default());
    config.quantization = Some(QuantizationConfig {
        max_loss: 0.0,
        ..QuantizationConfig::default()
    });
    let run = FineTuning::new(&start, splits.clone()).config(config);
    let run = run
        .prepare()
        .unwrap()
        .run(&folder.path().join("run"), &mut ())
        .unwrap();
    // The test rows are the validation rows here.
    let report = run.report.test.as_ref().unwrap().int8.clone().unwrap();
    assert_eq!(report.rows, splits.test.as_ref().unwrap().len());
    assert!(report.loss() <= 0.0, "{report}");
    assert!(report.change_of_outputs > 0.0, "{report}");
    let text = run.report.to_string();
    assert!(text.contains("linear layers in 8-bit integers"), "{text}");

    let saved = TextPreprocessing::read(&run.directory.model())
        .unwrap()
        .unwrap();
    assert_eq!(saved.int8, Some(report.config()));
    let config = PredictorConfig {
        precision: Precision::Int8,
        ..PredictorConfig::default()
    };
    let model = run.directory.model();
    let int8 = Predictor::load_with(&model, config, &Device::flex()).unwrap();
    let scores = int8.evaluate(splits.test.as_ref().unwrap(), &[]).unwrap();
    assert!((scores["accuracy"] - report.after).abs() < 1e-12);
    let error = int8
        .fit_int8(splits.test.as_ref().unwrap(), 0.0)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "precision is int8, expected f32, bf16 or f16, to be compared with"
    );
}
