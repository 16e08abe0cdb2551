//! How surprised a language model is.

use crate::checks::finite;
use crate::exact_sum::ExactSum;
use crate::{EvalError, MetricKind, Scored};

/// The perplexity of a language model, from sums of negative log-likelihoods.
///
/// The exponential of the mean over all tokens, not a mean of the batches' perplexities, nor the
/// exponential of a mean of batch means: batches with few tokens would weigh as much as full ones.
///
/// ```
/// use finetune_eval::Perplexity;
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let mut perplexity = Perplexity::new();
/// perplexity.add(3.0 * 8.0_f64.ln(), 3)?; // three tokens, each one of eight
/// perplexity.add(2.0_f64.ln(), 1)?;
/// assert!((perplexity.value()? - 8.0_f64.powf(0.75) * 2.0_f64.powf(0.25)).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Perplexity {
    sum: ExactSum,
    tokens: u64,
    batches: u64,
}

impl Perplexity {
    /// No tokens yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a batch: the negative log-likelihoods of its tokens, in nats, added up.
    ///
    /// # Errors
    ///
    /// [`EvalError::NotFinite`] for a sum that is NaN or infinite; the position in it is the number
    /// of batches added before. Nothing is added then.
    pub fn add(&mut self, summed_loss: f64, tokens: u64) -> Result<(), EvalError> {
        let what = || "summed negative log-likelihood of a batch".into();
        self.sum.add(finite(self.batches, summed_loss, what)?);
        self.tokens += tokens;
        self.batches += 1;
        Ok(())
    }

    /// Adds the batches of another.
    pub fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.tokens += other.tokens;
        self.batches += other.batches;
    }

    /// Number of tokens.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The mean negative log-likelihood of a token, in nats.
    ///
    /// # Errors
    ///
    /// [`EvalError::NoRows`] without tokens.
    pub fn mean_loss(&self) -> Result<f64, EvalError> {
        match self.tokens {
            0 => Err(EvalError::NoRows),
            tokens => Ok(self.sum.value() / tokens as f64),
        }
    }

    /// The perplexity, at least 1 for likelihoods that are probabilities; infinite for a mean loss
    /// above 709.
    ///
    /// # Errors
    ///
    /// [`EvalError::NoRows`] without tokens.
    pub fn value(&self) -> Result<f64, EvalError> {
        Ok(self.mean_loss()?.exp())
    }
}

impl Scored for Perplexity {
    fn rows(&self) -> u64 {
        self.tokens
    }

    fn score(&self, metric: MetricKind) -> Result<f64, EvalError> {
        match metric {
            MetricKind::Loss => self.mean_loss(),
            MetricKind::Perplexity => self.value(),
            other => Err(other.needs_other_input()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, MetricInput};

    #[test]
    fn the_order_of_batches_changes_no_digit() {
        let batches: Vec<(f64, u64)> = (1..40).map(|k| (0.1 * k as f64, k)).collect();
        let add = |batches: &mut dyn Iterator<Item = &(f64, u64)>| {
            let mut perplexity = Perplexity::new();
            batches.for_each(|(loss, tokens)| perplexity.add(*loss, *tokens).unwrap());
            perplexity
        };
        let whole = add(&mut batches.iter());
        assert_eq!(whole.value(), add(&mut batches.iter().rev()).value());
        let mut merged = add(&mut batches[20..].iter());
        merged.merge(&add(&mut batches[..20].iter()));
        assert_eq!(merged.value(), whole.value());
        assert_eq!(merged.tokens(), 780);
    }

    #[test]
    fn bad_input_says_where() {
        let mut perplexity = Perplexity::new();
        assert_eq!(perplexity.value(), Err(EvalError::NoRows));
        perplexity.add(1.0, 1).unwrap();
        assert_eq!(
            perplexity.add(f64::NAN, 1).unwrap_err().to_string(),
            "row 1: the summed negative log-likelihood of a batch is NaN, not a finite number"
        );
        assert_eq!(perplexity.value(), Ok(1_f64.exp()));
    }

    #[test]
    fn every_metric_of_losses_is_there_and_no_other() {
        let mut perplexity = Perplexity::new();
        perplexity.add(1.0, 1).unwrap();
        for &metric in MetricKind::ALL {
            let of_losses = metric.input() == MetricInput::Losses;
            assert_eq!(perplexity.score(metric).is_ok(), of_losses, "{metric}");
        }
    }
}
