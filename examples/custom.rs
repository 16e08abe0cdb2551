//! Head, loss, metric, callback and dataset of your own, with resume, report and prediction.
//!
//!     cargo run --release --example custom -- [RUN_DIR [--resume]]

#![allow(clippy::print_stdout)]

use std::error::Error;

use finetune::burn::nn::{Linear, LinearConfig};
use finetune::burn::tensor::{Device, Tensor, activation::sigmoid};
use finetune::burn::{self, module::Module};
use finetune::prelude::*;
use finetune::train::target_log_probabilities;

/// Gated attention pooling over the tokens.
#[derive(Module, Debug)]
struct GatedHead {
    query: Linear,
    gate: Linear,
    output: Linear,
}

impl GatedHead {
    fn new(size: HeadSize, device: &Device) -> Self {
        let linear = |to| LinearConfig::new(size.hidden_size, to).init(device);
        Self {
            query: linear(1),
            gate: linear(1),
            output: linear(size.num_labels),
        }
    }
}

impl Head for GatedHead {
    fn forward(&self, input: HeadInput) -> Tensor<2> {
        let hidden = input.hidden_states();
        let gate = sigmoid(self.gate.forward(hidden.rows()));
        let text = hidden.weighted_mean(self.query.forward(hidden.rows()) * gate);
        self.output.forward(input.dropout.apply(text, 0.1, 0))
    }
}

/// Focal loss: cross-entropy that weights hard rows more ([Lin et al.
/// 2017](https://arxiv.org/abs/1708.02002)).
#[derive(Debug)]
struct Focal(f64);

impl Loss for Focal {
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        let log_p = target_log_probabilities(logits, targets)?;
        let rest = log_p.clone().exp().neg().add_scalar(1.0);
        Ok(-rest.powf_scalar(self.0) * log_p)
    }
}

/// Mean cost per row: 5 for a missed complaint (class 0), 1 for any other error.
#[derive(Debug)]
struct Cost;

impl Metric for Cost {
    fn better(&self) -> Better {
        Better::Lower
    }

    fn compute(&self, predictions: &Predictions, targets: &Targets) -> Result<f64, EvalError> {
        let rows = targets.classes()?.iter().zip(predictions.classes());
        let wrong = rows.filter(|(label, found)| *label != found);
        let costs = wrong.map(|(label, _)| [5.0, 1.0, 1.0][*label]);
        Ok(costs.sum::<f64>() / predictions.len() as f64)
    }
}

/// Callback that stops the run when the loss of a step is below the threshold.
struct StopWhenLow(f32);

impl Callback for StopWhenLow {
    fn on_step_end(&mut self, step: &StepContext<'_>) -> Result<Control, TrainError> {
        let low = step.loss().is_some_and(|loss| loss < self.0);
        Ok(if low {
            Control::stop()
        } else {
            Control::CONTINUE
        })
    }
}

/// Creates a dataset of messages to a shop. Any iterator of texts with class names, or of
/// `Example`s, can be a dataset.
fn messages(things: &[&str]) -> Dataset {
    let of_thing = |thing: &&str| {
        [
            (format!("The {thing} arrived broken"), "complaint"),
            (format!("I would like to buy a {thing}"), "order"),
            (format!("How large is the {thing}?"), "question"),
        ]
    };
    things.iter().flat_map(of_thing).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    // Paths of any system, Unicode or not.
    let mut arguments = std::env::args_os().skip(1);
    let run_dir = arguments.next().unwrap_or_else(|| "runs/custom".into());
    if run_dir.to_string_lossy().starts_with('-') {
        return Err("usage: custom [RUN_DIR [--resume]]".into());
    }
    let train = messages(&["lamp", "chair", "kettle", "coat", "table", "radio", "rug"]);
    let splits = Splits::train_test(train, messages(&["bicycle", "pillow", "mirror"]));

    let run = FineTuning::new("examples/mini_encoder", splits).head(GatedHead::new);
    let run = run
        .loss(Focal(2.0))
        .metric(Cost)
        .callback(StopWhenLow(0.02));
    let run = run.epochs(30).learning_rate(1e-3).max_length(32);
    let run = match arguments.next() {
        Some(argument) if argument == "--resume" => run.resume(run_dir)?,
        _ => run.run(run_dir)?,
    };
    println!("{run}\nMean cost: {:?}", run.test_score("cost"));

    let parts = Parts::default().with_head(GatedHead::new);
    let (model, config) = (run.directory.model(), PredictorConfig::default());
    let predictor = Predictor::load_custom(&model, config, parts.head.as_ref(), &Device::flex())?;
    println!("{:?}", predictor.predict(&["My bicycle arrived broken"])?);
    Ok(())
}
