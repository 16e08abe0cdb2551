//! Decoding by a conditional random field, on the host in 64 bits.

/// Scores of a [`Crf`](super::Crf) on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct CrfWeights {
    start: Vec<f64>,
    end: Vec<f64>,
    /// `[C, C]`, by the class before and the class after.
    between: Vec<f64>,
}

impl CrfWeights {
    pub(super) fn new(start: Vec<f64>, end: Vec<f64>, between: Vec<f64>) -> Self {
        Self {
            start,
            end,
            between,
        }
    }

    fn classes(&self) -> usize {
        self.start.len()
    }

    /// Returns the most likely classes of a sequence, by the Viterbi algorithm; of equals, those with
    /// the first class.
    ///
    /// # Shapes
    /// - `emissions`: `[N, C]`, the logits of the tokens
    /// - output: `[N]`
    pub fn viterbi(&self, emissions: &[f32]) -> Vec<usize> {
        let classes = self.classes();
        let mut rows = emissions.chunks_exact(classes);
        let Some(first) = rows.next() else {
            return Vec::new();
        };
        let mut scores = self.begin(first);
        let mut from: Vec<Vec<usize>> = Vec::new();
        for row in rows {
            let best = (0..classes)
                .map(|after| best_of(classes, |before| scores[before] + self.pair(before, after)));
            let best: Vec<(usize, f64)> = best.collect();
            scores = best
                .iter()
                .zip(row)
                .map(|((_, score), emission)| score + f64::from(*emission))
                .collect();
            from.push(best.into_iter().map(|(before, _)| before).collect());
        }
        let (mut class, _) = best_of(classes, |class| scores[class] + self.end[class]);
        let mut path = vec![class];
        for before in from.iter().rev() {
            class = before[class];
            path.push(class);
        }
        path.reverse();
        path
    }

    /// Returns the logarithm of the probability of the classes of a sequence.
    ///
    /// # Shapes
    /// - `emissions`: `[N, C]`
    /// - `labels`: `[N]`, each below `C`
    pub fn log_likelihood(&self, emissions: &[f32], labels: &[usize]) -> f64 {
        let classes = self.classes();
        let rows = emissions.chunks_exact(classes);
        let tokens = rows.zip(labels).map(|(row, label)| f64::from(row[*label]));
        let pairs = labels.windows(2).map(|pair| self.pair(pair[0], pair[1]));
        let ends = match labels {
            [] => return 0.0,
            [first, .., last] => self.start[*first] + self.end[*last],
            [only] => self.start[*only] + self.end[*only],
        };
        let score = tokens.sum::<f64>() + pairs.sum::<f64>() + ends;
        let forward = self.forward(emissions);
        score - self.partition(&forward)
    }

    /// Returns the probability of each class of each token given the whole sequence, by the
    /// forward-backward algorithm. Those of a token sum to 1.
    ///
    /// # Shapes
    /// - `emissions`: `[N, C]`
    /// - output: `[N]` rows of `C` values
    pub fn marginals(&self, emissions: &[f32]) -> Vec<Vec<f64>> {
        let forward = self.forward(emissions);
        if forward.is_empty() {
            return Vec::new();
        }
        let all = self.partition(&forward);
        let classes = self.classes();
        let rows: Vec<&[f32]> = emissions.chunks_exact(classes).collect();
        let mut backward = vec![self.end.clone()];
        for row in rows.iter().skip(1).rev() {
            let later = &backward[backward.len() - 1];
            let earlier =
                (0..classes).map(|before| {
                    log_sum_exp((0..classes).map(|after| {
                        self.pair(before, after) + f64::from(row[after]) + later[after]
                    }))
                });
            let earlier: Vec<f64> = earlier.collect();
            backward.push(earlier);
        }
        backward.reverse();
        let row = |(forward, backward): (&Vec<f64>, &Vec<f64>)| {
            let scores = forward.iter().zip(backward);
            scores
                .map(|(forward, backward)| (forward + backward - all).exp())
                .collect()
        };
        forward.iter().zip(&backward).map(row).collect()
    }

    /// Returns the logarithm of the summed scores up to each token, by its class.
    fn forward(&self, emissions: &[f32]) -> Vec<Vec<f64>> {
        let classes = self.classes();
        let mut rows = emissions.chunks_exact(classes);
        let mut forward: Vec<Vec<f64>> =
            rows.next().map(|row| self.begin(row)).into_iter().collect();
        for row in rows {
            let before = &forward[forward.len() - 1];
            let next = row.iter().enumerate().map(|(after, emission)| {
                let scores = before.iter().enumerate();
                let scores = scores.map(|(class, score)| score + self.pair(class, after));
                log_sum_exp(scores) + f64::from(*emission)
            });
            let next: Vec<f64> = next.collect();
            forward.push(next);
        }
        forward
    }

    fn partition(&self, forward: &[Vec<f64>]) -> f64 {
        let last = forward.last().into_iter().flatten();
        log_sum_exp(last.zip(&self.end).map(|(score, end)| score + end))
    }

    fn begin(&self, row: &[f32]) -> Vec<f64> {
        let scores = self.start.iter().zip(row);
        scores
            .map(|(start, emission)| start + f64::from(*emission))
            .collect()
    }

    fn pair(&self, before: usize, after: usize) -> f64 {
        self.between[before * self.classes() + after]
    }
}

/// Returns the first of the best classes, and its score.
fn best_of(classes: usize, score: impl Fn(usize) -> f64) -> (usize, f64) {
    (1..classes).fold((0, score(0)), |best, class| {
        let score = score(class);
        if score > best.1 { (class, score) } else { best }
    })
}

fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    values
        .map(|value| (value - largest).exp())
        .sum::<f64>()
        .ln()
        + largest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> CrfWeights {
        let between = vec![0.5, -0.25, 0.0, 1.0, -1.0, 0.75, -0.5, 0.25, 0.1];
        CrfWeights::new(vec![0.2, -0.3, 0.0], vec![0.0, 0.4, -0.1], between)
    }

    const EMISSIONS: [f32; 9] = [0.1, 0.9, -0.2, 1.5, 1.0, 0.0, -0.7, 0.3, 0.2];

    /// All sequences of three classes.
    fn all() -> impl Iterator<Item = [usize; 3]> {
        (0..27).map(|number| [number / 9, number / 3 % 3, number % 3])
    }

    #[test]
    fn probabilities_of_all_sequences_sum_to_one() {
        let probability = |path: &[usize; 3]| weights().log_likelihood(&EMISSIONS, path).exp();
        let sum: f64 = all().map(|path| probability(&path)).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        let best = all().max_by(|a, b| probability(a).total_cmp(&probability(b)));
        assert_eq!(weights().viterbi(&EMISSIONS), best.unwrap());
        let marginals = weights().marginals(&EMISSIONS);
        for (token, row) in marginals.iter().enumerate() {
            for (class, marginal) in row.iter().enumerate() {
                let with = all().filter(|path| path[token] == class);
                let sum: f64 = with.map(|path| probability(&path)).sum();
                assert!((sum - marginal).abs() < 1e-12, "{token}, {class}");
            }
        }
    }

    #[test]
    fn a_sequence_without_tokens_is_certain() {
        assert_eq!(weights().viterbi(&[]), [0; 0]);
        assert_eq!(weights().log_likelihood(&[], &[]), 0.0);
        assert!(weights().marginals(&[]).is_empty());
    }
}
