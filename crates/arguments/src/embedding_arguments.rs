//! Command-line arguments of the training of embedding models.

use clap::{Args, ValueEnum};
use finetune::data::{EmbeddingColumns, EmbeddingKind};
use finetune::model::{DenseConfig, TokenPooling};
use finetune::prelude::*;
use finetune::train::{
    EmbeddingDistance, EmbeddingLossConfig, EmbeddingTrainingConfig, MatryoshkaConfig,
};

use crate::error::ArgumentsError;
use crate::run_arguments::RunArguments;
use crate::table_arguments::ColumnList;

/// Columns of the texts of an embedding dataset.
#[derive(Debug, Clone, Default, Args)]
pub struct EmbeddingColumnArguments {
    /// Column with the first text [default: anchor]
    #[arg(long, value_name = "NAME")]
    anchor_column: Option<String>,
    /// Column with the second text [default: positive]
    #[arg(long, value_name = "NAME")]
    positive_column: Option<String>,
    /// Columns with texts that do not belong to the first, or one column of lists of them
    #[arg(long, value_name = "NAME,...")]
    negative_columns: Vec<ColumnList>,
    /// Column with the score of a pair
    #[arg(long, value_name = "NAME", conflicts_with_all = ["label_column", "negative_columns"])]
    score_column: Option<String>,
}

impl EmbeddingColumnArguments {
    /// Returns whether any column is given.
    pub fn any_given(&self) -> bool {
        self.anchor_column.is_some() || self.positive_column.is_some()
    }

    /// Returns the columns; `default` are the names of the first and the second text if they are not
    /// given, `label` is the column with 1 for pairs that belong together and 0 for others.
    ///
    /// # Errors
    /// [`ArgumentsError::Usage`] if there are labels and negatives, or a range without scores.
    pub fn columns(
        &self,
        default: [&str; 2],
        label: Option<&str>,
        score_range: Option<[f64; 2]>,
    ) -> Result<EmbeddingColumns, ArgumentsError> {
        if label.is_some() && !self.negative_columns.is_empty() {
            let problem = "--negative-columns are for rows without --label-column";
            return Err(ArgumentsError::usage(problem));
        }
        if score_range.is_some() && self.score_column.is_none() {
            return Err(ArgumentsError::usage("--score-range needs --score-column"));
        }
        let column = |given: &Option<String>| given.as_deref().map(Into::into);
        let [anchor, positive] = default;
        Ok(EmbeddingColumns {
            anchor: column(&self.anchor_column).unwrap_or(anchor.into()),
            positive: column(&self.positive_column).unwrap_or(positive.into()),
            negatives: ColumnList::columns(&self.negative_columns),
            score: column(&self.score_column),
            score_range,
            label: label.map(Into::into),
            ..EmbeddingColumns::default()
        })
    }
}

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
    /// See [`RunArguments::settings_with`].
    pub fn settings(
        &self,
        run: &RunArguments,
        kind: EmbeddingKind,
        has_validation_file: bool,
    ) -> Result<EmbeddingTrainingConfig, ArgumentsError> {
        let mut recipe = EmbeddingTrainingConfig::default();
        let defaults = run.defaults();
        recipe.text = defaults.text;
        recipe.train = TrainConfig {
            batch_size: BatchSize::Rows(32),
            sampling_strategy: recipe.train.sampling_strategy,
            evaluation: run.evaluation(main_metric(kind), has_validation_file),
            ..defaults.train
        };
        run.settings_changed(recipe, |settings| self.change(settings, kind))
    }

    fn change(&self, settings: &mut EmbeddingTrainingConfig, kind: EmbeddingKind) {
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
