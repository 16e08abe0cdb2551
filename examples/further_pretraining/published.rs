//! Published accuracies of the classifiers.

use clap::ValueEnum;

use super::mix::Mix;

/// Dataset of the classifier.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum DataSet {
    Imdb,
    YelpPolarity,
    AmazonReviewsFull,
}

/// Published pre-training steps (table 4); those of table 5 are the last.
pub(crate) const STEPS: [usize; 4] = [0, 5000, 10_000, 20_000];

/// Published datasets to pre-train on (table 5), sorted.
pub(crate) const CORPORA: [&str; 3] = ["amazon_reviews_full", "imdb", "yelp_polarity"];

impl DataSet {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Imdb => "imdb",
            Self::YelpPolarity => "yelp_polarity",
            Self::AmazonReviewsFull => "amazon_reviews_full",
        }
    }

    /// Returns the published test accuracies after [`STEPS`] on the dataset itself (table 4).
    pub(crate) fn after_steps(self) -> [f64; 4] {
        match self {
            Self::Imdb => [0.8578, 0.93264, 0.93464, 0.93404],
            Self::YelpPolarity => [0.90694737, 0.95660526, 0.97392105, 0.97507895],
            Self::AmazonReviewsFull => [0.505830769, 0.626369231, 0.635492308, 0.646123077],
        }
    }

    /// Returns the published test accuracies by datasets to pre-train on (table 5).
    pub(crate) fn after_mixes(self) -> [(String, f64); 6] {
        let [none, yelp, amazon, imdb, others, all] = match self {
            Self::YelpPolarity => [
                0.906289474,
                0.973921053,
                0.957789474,
                0.930631579,
                0.950105263,
                0.975394737,
            ],
            Self::AmazonReviewsFull => [
                0.507292308,
                0.583553846,
                0.637030769,
                0.541938462,
                0.583692308,
                0.625107692,
            ],
            Self::Imdb => [0.8578, 0.92456, 0.9404, 0.93404, 0.937, 0.94276],
        };
        let one = |name: &str| Mix::One(name.to_string());
        [
            (Mix::None, none),
            (one("yelp_polarity"), yelp),
            (one("amazon_reviews_full"), amazon),
            (one("imdb"), imdb),
            (Mix::AllExcept(self.name().to_string()), others),
            (Mix::All, all),
        ]
        .map(|(mix, accuracy)| (mix.label(), accuracy))
    }
}
