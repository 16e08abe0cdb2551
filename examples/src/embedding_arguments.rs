//! Command-line arguments of the training of embedding models.

use std::error::Error;

use clap::{Args, ValueEnum};
use finetune::data::{EmbeddingDataset, EmbeddingKind, EmbeddingSplits};
use finetune::model::{DenseConfig, TokenPooling};
use finetune::prelude::*;
use finetune::train::{
    EmbeddingDistance, EmbeddingLossConfig, EmbeddingTrainingConfig, EvaluationConfig,
    MatryoshkaConfig,
};

use crate::RunArguments;

/// Model and loss of an embedding run.
#[derive(Debug, Clone, Args)]
pub struct EmbeddingArguments {
    /// Training loss [default: multiple-negatives-ranking; with scores cosent, with labels
    /// online-contrastive]
    #[arg(long, value_enum, value_name = "LOSS")]
    loss: Option<Loss>,
    /// Factor of the cosines in multiple-negatives-ranking and cosent: 1 divided by the temperature
    /// [default: 20]
    #[arg(long, value_name = "FACTOR")]
    scale: Option<f64>,
    /// Margin of the triplet and contrastive losses [default: 5 and 0.5]
    #[arg(long, value_name = "DISTANCE")]
    margin: Option<f64>,
    /// Whether positives are to find their anchors, too, in multiple-negatives-ranking
    #[arg(long)]
    symmetric: bool,
    /// Pooling of the tokens [default: that of the model, or mean]
    #[arg(long, value_enum)]
    pooling: Option<Pooling>,
    /// Size of a dense layer with tanh on the pooled vector [default: as in the model]
    #[arg(long, value_name = "SIZE")]
    dense: Option<usize>,
    /// Whether embeddings are scaled to length 1 [default: as in the model]
    #[arg(long, value_name = "BOOL")]
    normalize: Option<bool>,
    /// Sizes to train the embeddings at, such as 64,32,16 (Matryoshka)
    #[arg(long, value_name = "SIZE,...", value_delimiter = ',')]
    matryoshka_dims: Vec<usize>,
    /// Texts whose activations are in memory at a time, for batches that would not fit: cached
    /// gradients [default: all of a batch]
    #[arg(long, value_name = "TEXTS")]
    mini_batch_size: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Loss {
    MultipleNegativesRanking,
    Triplet,
    TripletCosine,
    Cosent,
    CosineSimilarity,
    Contrastive,
    OnlineContrastive,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pooling {
    Mean,
    Cls,
    Max,
}

impl EmbeddingArguments {
    /// Returns the settings of a run on rows of this kind: the recipe, overridden by the `--config`
    /// file, then by the arguments.
    ///
    /// # Errors
    /// If the file cannot be read, or has an unknown setting or an invalid value.
    pub fn settings(
        &self,
        run: &RunArguments,
        kind: EmbeddingKind,
    ) -> Result<EmbeddingTrainingConfig, Box<dyn Error>> {
        let mut recipe = EmbeddingTrainingConfig::default();
        let of_examples = run.defaults();
        recipe.text = of_examples.text;
        recipe.train = TrainConfig {
            batch_size: BatchSize::Rows(32),
            sampling_strategy: recipe.train.sampling_strategy,
            evaluation: run.holds_out_validation().then(|| EvaluationConfig {
                metric_for_best_model: main_metric(kind).to_string(),
                ..EvaluationConfig::default()
            }),
            ..of_examples.train
        };
        let mut settings = run.run_settings_with(recipe)?;
        if self.loss.is_some() || self.scale.is_some() || self.margin.is_some() || self.symmetric {
            settings.loss = Some(self.loss_of(kind));
        }
        let model = &mut settings.model;
        model.pooling = self.pooling.map(Pooling::tokens).or(model.pooling);
        model.dense = self.dense.map(DenseConfig::new).or(model.dense);
        model.normalize = self.normalize.or(model.normalize);
        if !self.matryoshka_dims.is_empty() {
            settings.matryoshka = Some(MatryoshkaConfig::new(self.matryoshka_dims.clone()));
        }
        settings.mini_batch_size = self.mini_batch_size.or(settings.mini_batch_size);
        Ok(settings)
    }

    fn loss_of(&self, kind: EmbeddingKind) -> EmbeddingLossConfig {
        let default = match kind {
            EmbeddingKind::Positives => Loss::MultipleNegativesRanking,
            EmbeddingKind::Scores => Loss::Cosent,
            EmbeddingKind::Labels => Loss::OnlineContrastive,
        };
        let scale = self.scale.unwrap_or(20.0);
        let triplet = |distance| EmbeddingLossConfig::Triplet {
            distance,
            margin: self.margin.unwrap_or(5.0),
        };
        let (distance, margin) = (EmbeddingDistance::Cosine, self.margin.unwrap_or(0.5));
        match self.loss.unwrap_or(default) {
            Loss::MultipleNegativesRanking => EmbeddingLossConfig::MultipleNegativesRanking {
                scale,
                symmetric: self.symmetric,
            },
            Loss::Triplet => triplet(EmbeddingDistance::Euclidean),
            Loss::TripletCosine => triplet(EmbeddingDistance::Cosine),
            Loss::Cosent => EmbeddingLossConfig::CoSent { scale },
            Loss::CosineSimilarity => EmbeddingLossConfig::CosineSimilarity {},
            Loss::Contrastive => EmbeddingLossConfig::Contrastive { distance, margin },
            Loss::OnlineContrastive => EmbeddingLossConfig::OnlineContrastive { distance, margin },
        }
    }

    /// Applies `--max-train-samples` and `--max-test-samples`, then holds out `--validation-split`.
    ///
    /// # Errors
    /// [`DataError`] if the validation fraction leaves a split empty.
    pub fn subset(
        &self,
        run: &RunArguments,
        splits: EmbeddingSplits,
        seed: u64,
    ) -> Result<EmbeddingSplits, DataError> {
        let [train, test] = run.common.max_samples();
        let limited = |rows: EmbeddingDataset, limit: Option<usize>| match limit {
            Some(limit) => rows.subset(limit, seed),
            None => rows,
        };
        let mut splits = EmbeddingSplits {
            train: limited(splits.train, train),
            test: splits.test.map(|rows| limited(rows, test)),
            ..splits
        };
        if let Some(share) = run.validation_split {
            let [validation, train] = splits.train.hold_out(share, seed)?;
            (splits.validation, splits.train) = (Some(validation), train);
        }
        Ok(splits)
    }
}

impl Pooling {
    fn tokens(self) -> TokenPooling {
        match self {
            Self::Mean => TokenPooling::Mean,
            Self::Cls => TokenPooling::Cls,
            Self::Max => TokenPooling::Max,
        }
    }
}

/// Returns the metric that selects the best model.
fn main_metric(kind: EmbeddingKind) -> &'static str {
    match kind {
        EmbeddingKind::Positives => "ndcg@10",
        EmbeddingKind::Scores => "spearman",
        EmbeddingKind::Labels => "average_precision",
    }
}
