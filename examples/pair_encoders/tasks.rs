//! Tasks of the study: heads, encoders and losses of sentiment, paraphrases and similarity.

use clap::ValueEnum;
use finetune::data::{AugmentationConfig, PairEncoding};
use finetune::model::{
    Activation, CosineSimilarityHeadConfig, HeadConfig, MlpConfig, PairFeatures, Pooling,
    ScoreRange,
};
use finetune::train::{ClassifierOverrides, LossConfig, TaskConfig};

/// Dropout probability of the heads, table 2 of the paper.
pub(crate) const DROPOUT: f64 = 0.3;

/// Width of the hidden layer for sentiment and of the layers before a cosine, which the paper does
/// not state.
const WIDTH: usize = 256;

/// Classes of similarity: (5 - 0) / 0.2, section 4.1 of the paper.
const SIMILARITY_CLASSES: usize = 25;

const SIMILARITY: ScoreRange = ScoreRange { min: 0.0, max: 5.0 };

/// Loss of the paraphrase task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ParaphraseLoss {
    /// Cosine embedding loss, for heads that are a cosine
    CosineEmbedding,
    /// Cross-entropy over the two classes
    CrossEntropy,
    /// Binary cross-entropy of one output
    Bce,
}

/// Loss of the similarity task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum SimilarityLoss {
    /// Mean absolute error (L1)
    Mae,
    /// Mean squared error (L2)
    #[default]
    Mse,
    /// Cross-entropy over 25 classes
    CrossEntropy,
}

/// Values in which the tasks of a variant can differ, besides their heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskSettings {
    /// Dropout probability of the heads.
    pub(crate) dropout: f64,
    /// Loss of the paraphrase task; `None` for that of the head.
    pub(crate) paraphrase_loss: Option<ParaphraseLoss>,
    /// Loss of the similarity task.
    pub(crate) similarity_loss: SimilarityLoss,
}

/// The settings of the paper.
impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            dropout: DROPOUT,
            paraphrase_loss: None,
            similarity_loss: SimilarityLoss::default(),
        }
    }
}

impl TaskSettings {
    /// Returns sentiment by two linear layers without an activation between them (equation 1).
    pub(crate) fn sentiment(self) -> TaskConfig {
        let head = MlpConfig {
            hidden_sizes: vec![WIDTH],
            activation: Activation::Linear,
            ..self.linear(None)
        };
        TaskConfig {
            model: model(HeadConfig::Mlp(head)),
            ..TaskConfig::new("sst")
        }
    }

    /// Returns paraphrases by a cosine (PARA1, equation 3).
    pub(crate) fn para1(self) -> TaskConfig {
        let task = apart("para", self.cosine(None));
        let loss = match self.paraphrase_loss {
            None | Some(ParaphraseLoss::CosineEmbedding) => {
                LossConfig::CosineEmbedding { margin: 0.0 }
            }
            Some(ParaphraseLoss::CrossEntropy | ParaphraseLoss::Bce) => binary_cross_entropy(),
        };
        one_output(task, loss)
    }

    /// Returns paraphrases by a linear layer on both texts (PARA2, equation 2).
    pub(crate) fn para2(self) -> TaskConfig {
        let head = self.linear(Some(PairFeatures::Concat));
        self.with_logits(apart("para", HeadConfig::Mlp(head)))
    }

    /// Returns paraphrases by a cross-encoder.
    pub(crate) fn para_as_one(self) -> TaskConfig {
        self.with_logits(as_one("para", self.linear(None)))
    }

    /// Returns similarity by a cosine (STS1, equation 3).
    pub(crate) fn sts1(self) -> TaskConfig {
        match self.similarity_loss {
            SimilarityLoss::CrossEntropy => self.sts2(),
            _ => self.with_error(apart("sts", self.cosine(Some(SIMILARITY)))),
        }
    }

    /// Returns similarity by a linear layer on both texts (STS2, equation 2).
    pub(crate) fn sts2(self) -> TaskConfig {
        let head = self.scoring(Some(PairFeatures::Concat));
        self.with_error(apart("sts", HeadConfig::Mlp(head)))
    }

    /// Returns similarity by a cross-encoder.
    pub(crate) fn sts_as_one(self) -> TaskConfig {
        self.with_error(as_one("sts", self.scoring(None)))
    }

    /// Returns similarity by a cosine, with copies of its training rows in which names and pronouns
    /// are exchanged (section 6.1).
    pub(crate) fn augmented_sts1(self) -> TaskConfig {
        TaskConfig {
            augmentation: Some(AugmentationConfig::default()),
            ..self.sts1()
        }
    }

    /// Returns a head with a linear layer on each text, then the cosine similarity.
    fn cosine(self, range: Option<ScoreRange>) -> HeadConfig {
        HeadConfig::Cosine(CosineSimilarityHeadConfig {
            projection: Some(WIDTH),
            dropout: self.dropout,
            range,
        })
    }

    /// Returns a linear head for one text, or for the concatenated embeddings of two.
    fn linear(self, pair_features: Option<PairFeatures>) -> MlpConfig {
        MlpConfig {
            pair_features,
            input_dropout: self.dropout,
            ..Default::default()
        }
    }

    /// Returns a linear head for a score, or for the classes of the score.
    fn scoring(self, pair_features: Option<PairFeatures>) -> MlpConfig {
        let head = self.linear(pair_features);
        match self.similarity_loss {
            SimilarityLoss::CrossEntropy => MlpConfig {
                range: Some(SIMILARITY),
                score_bins: Some(SIMILARITY_CLASSES),
                ..head
            },
            _ => head,
        }
    }

    /// Adds the loss of similarity.
    fn with_error(self, task: TaskConfig) -> TaskConfig {
        let loss = match self.similarity_loss {
            SimilarityLoss::Mae => LossConfig::Mae {},
            SimilarityLoss::Mse => LossConfig::Mse {},
            SimilarityLoss::CrossEntropy => LossConfig::default(),
        };
        TaskConfig {
            loss: Some(loss),
            ..task
        }
    }

    /// Adds the loss of paraphrases by a linear layer: over two logits, or of one.
    fn with_logits(self, task: TaskConfig) -> TaskConfig {
        match self.paraphrase_loss {
            Some(ParaphraseLoss::Bce) => one_output(task, binary_cross_entropy()),
            _ => task,
        }
    }
}

fn binary_cross_entropy() -> LossConfig {
    LossConfig::BinaryCrossEntropy { pos_weight: None }
}

fn one_output(task: TaskConfig, loss: LossConfig) -> TaskConfig {
    TaskConfig {
        model: ClassifierOverrides {
            single_logit: true,
            ..task.model
        },
        loss: Some(loss),
        ..task
    }
}

fn model(head: HeadConfig) -> ClassifierOverrides {
    ClassifierOverrides {
        pooling: Some(Pooling::cls()),
        head: Some(head),
        ..Default::default()
    }
}

fn apart(name: &str, head: HeadConfig) -> TaskConfig {
    TaskConfig {
        model: model(head),
        pair_encoding: PairEncoding::BiEncoder,
        ..TaskConfig::new(name)
    }
}

fn as_one(name: &str, head: MlpConfig) -> TaskConfig {
    TaskConfig {
        pair_encoding: PairEncoding::CrossEncoder,
        ..apart(name, HeadConfig::Mlp(head))
    }
}
