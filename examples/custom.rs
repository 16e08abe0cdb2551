//! Head, loss, metric, callback and dataset of your own, through the ordinary run: resume, report
//! and prediction included.
//!
//!     cargo run --release --example custom -- [RUN_DIR [--resume]]
//!
//! `examples/project` is a Cargo project outside the workspace with this same file as its program.

use std::error::Error;

use finetune::burn;
use finetune::burn::module::Module;
use finetune::burn::nn::{Linear, LinearConfig};
use finetune::burn::tensor::activation::{log_softmax, sigmoid};
use finetune::burn::tensor::{Device, Int, Tensor};
use finetune::prelude::*;
use finetune::train::EpochRecord;

/// Attention over the tokens with a gate ([Ilse et al. 2018](https://arxiv.org/abs/1802.04712)).
#[derive(Module, Debug)]
struct GatedHead {
    query: Linear,
    gate: Linear,
    score: Linear,
    output: Linear,
}

impl GatedHead {
    fn new(size: HeadSize, device: &Device) -> Self {
        let linear = |to| LinearConfig::new(size.hidden_size, to).init(device);
        let (query, gate, score) = (
            linear(size.hidden_size),
            linear(size.hidden_size),
            linear(1),
        );
        Self {
            query,
            gate,
            score,
            output: linear(size.num_labels),
        }
    }
}

impl Head for GatedHead {
    fn forward(&self, input: HeadInput) -> Tensor<2> {
        let hidden = input.hidden_states();
        let gate = sigmoid(self.gate.forward(hidden.rows()));
        let scores = self
            .score
            .forward(self.query.forward(hidden.rows()).tanh() * gate);
        self.output
            .forward(input.dropout.apply(hidden.weighted_mean(scores), 0.1, 0))
    }
}

/// Cross-entropy that counts hard rows more ([Lin et al. 2017](https://arxiv.org/abs/1708.02002)).
#[derive(Debug)]
struct Focal {
    gamma: f64,
}

impl Loss for Focal {
    fn per_row(&self, logits: Tensor<2>, targets: &Targets) -> Result<Tensor<1>, TrainError> {
        let labels: Vec<i64> = targets
            .classes()?
            .iter()
            .map(|label| *label as i64)
            .collect();
        let labels = Tensor::<1, Int>::from_data(labels.as_slice(), &logits.device());
        let log_p = log_softmax(logits, 1)
            .gather(1, labels.unsqueeze_dim(1))
            .squeeze_dim::<1>(1);
        Ok(-log_p
            .clone()
            .exp()
            .neg()
            .add_scalar(1.0)
            .powf_scalar(self.gamma)
            * log_p)
    }
}

/// Mean cost of an error; a complaint (class 0) that is not seen costs five times as much.
#[derive(Debug)]
struct Cost;

impl Metric for Cost {
    fn name(&self) -> String {
        "cost".to_string()
    }

    fn better(&self) -> Better {
        Better::Lower
    }

    fn compute(&self, predictions: &Predictions, targets: &Targets) -> Result<f64, EvalError> {
        let (labels, found) = (targets.classes()?, predictions.classes());
        let wrong = labels
            .iter()
            .zip(found)
            .filter(|(label, found)| **label != *found);
        let costs = wrong.map(|(label, _)| if *label == 0 { 5.0 } else { 1.0 });
        Ok(costs.sum::<f64>() / labels.len() as f64)
    }
}

/// Stops the run when the training loss of an epoch is low.
struct StopWhenLow(f64);

impl Callback for StopWhenLow {
    fn on_epoch_end(
        &mut self,
        epoch: &EpochRecord,
        _: &TrainContext<'_>,
    ) -> Result<Control, TrainError> {
        match epoch.loss < self.0 {
            true => Ok(Control::stop()),
            false => Ok(Control::CONTINUE),
        }
    }
}

/// Messages to a shop, made from parts: a text and the name of its class.
fn messages(things: &[&str]) -> Dataset {
    let forms = [
        ("complaint", "The THING arrived broken"),
        ("complaint", "I want my money back for the THING"),
        ("order", "I would like to buy a THING"),
        ("order", "Please send me one more THING"),
        ("question", "How large is the THING?"),
        ("question", "Does the THING come in blue?"),
    ];
    let of_thing = |thing| forms.map(|(class, text)| (text.replace("THING", thing), class));
    things.iter().flat_map(|thing| of_thing(thing)).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let run_dir = arguments.first().map_or("runs/custom", String::as_str);
    let train = messages(&[
        "lamp", "chair", "kettle", "coat", "table", "radio", "carpet",
    ]);
    let run = Splits::train_test(train, messages(&["bicycle", "pillow", "mirror"]));

    let run = FineTuning::new("examples/mini_encoder", run)
        .head(GatedHead::new)
        .loss(Focal { gamma: 2.0 })
        .metric(Cost)
        .callback(StopWhenLow(0.02))
        .epochs(30)
        .batch_size(8)
        .learning_rate(1e-3);
    let run = match arguments.last().is_some_and(|last| last == "--resume") {
        true => run.resume(run_dir)?,
        false => run.run(run_dir)?,
    };
    println!(
        "{run}\nCost of an error: {:.3}",
        run.test_score("cost").unwrap_or(f64::NAN)
    );

    let parts = Parts::default().with_head(GatedHead::new);
    let (model, config) = (run.directory.model(), PredictorConfig::default());
    let predictor = Predictor::load_custom(&model, config, &parts, &Device::flex())?;
    for answer in predictor.predict(&["My new bicycle is broken", "Is the pillow soft?"])? {
        println!("{:?}", answer.probabilities().first());
    }
    Ok(())
}
