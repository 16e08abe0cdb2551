//! `finetune compare`: paired tests of the predictions of two runs on the same test rows.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use clap::Args;
use finetune::eval::statistics::{
    Bootstrap, McNemar, McNemarMethod, McNemarTest, PairedBootstrap, Wilcoxon, WilcoxonTest,
    p_value_text,
};
use finetune::eval::{EntityMode, EvalError, entities};
use finetune_arguments::{ArgumentsError, say};
use serde::Serialize;
use serde_json::json;

use crate::predictions::{Rows, RunPredictions, recorded_tasks};

/// Runs to compare.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// Run directory
    #[arg(value_name = "RUN")]
    first: PathBuf,
    /// Run directory with predictions on the same test rows
    #[arg(value_name = "RUN")]
    second: PathBuf,
    /// Task of runs on several tasks [default: all that both have]
    ///
    /// A run on one task can be compared with a task of another run.
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Confidence level of the intervals, between 0 and 1
    #[arg(long, value_name = "LEVEL", default_value_t = 0.95)]
    level: f64,
    /// Number of bootstrap resamples
    #[arg(long, value_name = "N", default_value_t = 9_999)]
    resamples: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Comparison of two runs; differences are first minus second.
#[derive(Debug, Serialize)]
struct Comparison {
    /// Task of runs on several tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    first: String,
    second: String,
    rows: usize,
    /// Scores of both with the interval of the difference, by name.
    scores: Vec<(&'static str, PairedBootstrap)>,
    /// Test of the rows that only one of them has right.
    #[serde(skip_serializing_if = "Option::is_none")]
    mcnemar: Option<(McNemar, McNemarTest)>,
    /// Test of the absolute errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    wilcoxon: Option<WilcoxonTest>,
}

impl CompareArguments {
    /// Compares the runs and prints the tests.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let tasks = self.tasks()?;
        if tasks.is_empty() {
            return self.print(&self.compare(None)?);
        }
        let compared = tasks.iter().map(|task| self.compare(Some(task)));
        let compared: Vec<Comparison> = compared.collect::<Result<_, _>>()?;
        match (&compared[..], self.json) {
            ([only], _) => self.print(only),
            (all, true) => Ok(say(&json!({"tasks": all}).to_string())?),
            (all, false) => {
                let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
                Ok(say(&texts.join("\n\n"))?)
            }
        }
    }

    /// Returns the tasks to compare; none for runs on one task.
    fn tasks(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let first = recorded_tasks(&self.first)?;
        let second = recorded_tasks(&self.second)?;
        let of_both: Vec<String> = match (&first[..], &second[..]) {
            ([], tasks) | (tasks, []) => tasks.to_vec(),
            _ => first
                .iter()
                .filter(|task| second.contains(task))
                .cloned()
                .collect(),
        };
        let names = of_both.join(", ");
        let problem = match &self.task {
            Some(task) if of_both.contains(task) => return Ok(vec![task.clone()]),
            Some(task) if of_both.is_empty() => {
                format!("--task {task} is for runs on several tasks, with one in common")
            }
            Some(task) => format!("there is no task {task} to compare, but {names}"),
            None if first.is_empty() != second.is_empty() => {
                format!("--task NAME is missing: one of the runs has the tasks {names}")
            }
            None if of_both.is_empty() && !first.is_empty() => {
                "the runs have no task in common".to_string()
            }
            None => return Ok(of_both),
        };
        Err(ArgumentsError::usage(problem).into())
    }

    fn compare(&self, task: Option<&str>) -> Result<Comparison, Box<dyn Error>> {
        let first = RunPredictions::read(&self.first, task)?;
        let second = RunPredictions::read(&self.second, task)?;
        first
            .check_same_rows(&second)
            .map_err(ArgumentsError::usage)?;
        let bootstrap = Bootstrap {
            n_resamples: self.resamples,
            confidence_level: self.level,
            ..Bootstrap::default()
        };
        Ok(Comparison {
            task: task.map(str::to_owned),
            ..Comparison::new(&first, &second, &bootstrap)?
        })
    }

    fn print(&self, comparison: &Comparison) -> Result<(), Box<dyn Error>> {
        let text = match self.json {
            true => serde_json::to_string(comparison)?,
            false => comparison.to_string(),
        };
        Ok(say(&text)?)
    }
}

impl Comparison {
    fn new(
        first: &RunPredictions,
        second: &RunPredictions,
        bootstrap: &Bootstrap,
    ) -> Result<Self, EvalError> {
        let mut comparison = Self {
            task: None,
            first: first.name.clone(),
            second: second.name.clone(),
            rows: first.rows.len(),
            scores: Vec::new(),
            mcnemar: None,
            wilcoxon: None,
        };
        match (&first.rows, &second.rows) {
            (Rows::Classes(first), Rows::Classes(second)) => {
                comparison.add_classes(first, second, bootstrap)?;
            }
            (Rows::Scores(first), Rows::Scores(second)) => {
                comparison.add_scores(first, second, bootstrap)?;
            }
            (Rows::Tags(first), Rows::Tags(second)) => {
                comparison.add_tags(first, second, bootstrap)?;
            }
            // Rows with other labels are not the same.
            _ => {}
        }
        Ok(comparison)
    }

    fn add(
        &mut self,
        name: &'static str,
        bootstrap: &Bootstrap,
        first: impl Fn(&[usize]) -> f64 + Sync,
        second: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Result<(), EvalError> {
        let compared = bootstrap.paired(self.rows, first, second)?;
        self.scores.push((name, compared));
        Ok(())
    }

    /// Compares classes, or sets of classes, which are right as a whole.
    fn add_classes<T: PartialEq + Sync>(
        &mut self,
        first: &[[T; 2]],
        second: &[[T; 2]],
        bootstrap: &Bootstrap,
    ) -> Result<(), EvalError> {
        let hits = |rows: &[[T; 2]]| -> Vec<bool> {
            rows.iter().map(|[label, found]| label == found).collect()
        };
        let (first, second) = (hits(first), hits(second));
        let share = |hits: &[bool], rows: &[usize]| {
            let right = rows.iter().filter(|row| hits[**row]).count();
            right as f64 / rows.len() as f64
        };
        let of = |rows: &[usize]| share(&first, rows);
        self.add("accuracy", bootstrap, of, |rows| share(&second, rows))?;
        let all_right = vec![true; first.len()];
        let counts = McNemar::count(&all_right, &first, &second)?;
        self.mcnemar = Some((counts, counts.test()?));
        Ok(())
    }

    fn add_scores(
        &mut self,
        first: &[[f64; 2]],
        second: &[[f64; 2]],
        bootstrap: &Bootstrap,
    ) -> Result<(), EvalError> {
        let errors = |rows: &[[f64; 2]]| -> Vec<f64> {
            let errors = rows.iter().map(|[label, found]| (found - label).abs());
            errors.collect()
        };
        let (first, second) = (errors(first), errors(second));
        let mean = |errors: &[f64], rows: &[usize]| {
            let sum: f64 = rows.iter().map(|row| errors[*row]).sum();
            sum / rows.len() as f64
        };
        let of = |rows: &[usize]| mean(&first, rows);
        let name = "mean absolute error";
        self.add(name, bootstrap, of, |rows| mean(&second, rows))?;
        // Undefined if all errors are the same in both.
        self.wilcoxon = Wilcoxon::default().test(&first, &second).ok();
        Ok(())
    }

    /// Compares tags; sentences are resampled as a whole, since their words depend on one another.
    fn add_tags(
        &mut self,
        first: &[[Vec<String>; 2]],
        second: &[[Vec<String>; 2]],
        bootstrap: &Bootstrap,
    ) -> Result<(), EvalError> {
        let counts = |rows: &[[Vec<String>; 2]]| -> Result<Vec<TagCounts>, EvalError> {
            rows.iter().map(TagCounts::of).collect()
        };
        let (first, second) = (counts(first)?, counts(second)?);
        let has_entities = first.iter().any(|sentence| sentence.entities > 0);
        if has_entities {
            let of = |rows: &[usize]| TagCounts::sum(&first, rows).entity_f1();
            let other = |rows: &[usize]| TagCounts::sum(&second, rows).entity_f1();
            self.add("entity f1", bootstrap, of, other)?;
        }
        let of = |rows: &[usize]| TagCounts::sum(&first, rows).accuracy();
        let other = |rows: &[usize]| TagCounts::sum(&second, rows).accuracy();
        self.add("accuracy of words", bootstrap, of, other)
    }
}

/// Words and entities of sentences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct TagCounts {
    words: usize,
    right_words: usize,
    entities: usize,
    found: usize,
    right: usize,
}

impl TagCounts {
    fn of([labels, found]: &[Vec<String>; 2]) -> Result<Self, EvalError> {
        let right_words = labels.iter().zip(found).filter(|(a, b)| a == b).count();
        let words = labels.len();
        let (labels, found) = (
            entities(labels, EntityMode::Lenient)?,
            entities(found, EntityMode::Lenient)?,
        );
        Ok(Self {
            words,
            right_words,
            entities: labels.len(),
            found: found.len(),
            right: found.iter().filter(|one| labels.contains(one)).count(),
        })
    }

    fn sum(sentences: &[Self], rows: &[usize]) -> Self {
        let mut all = Self::default();
        for row in rows {
            let one = &sentences[*row];
            all.words += one.words;
            all.right_words += one.right_words;
            all.entities += one.entities;
            all.found += one.found;
            all.right += one.right;
        }
        all
    }

    fn accuracy(self) -> f64 {
        self.right_words as f64 / self.words.max(1) as f64
    }

    /// Harmonic mean of precision and recall; 0 without entities, as in seqeval.
    fn entity_f1(self) -> f64 {
        2.0 * self.right as f64 / (self.entities + self.found).max(1) as f64
    }
}

/// Formats the comparison, such as `accuracy 0.9700 and 0.9500, difference 0.0200, …`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = (&self.first, &self.second);
        if let Some(task) = &self.task {
            write!(f, "Task {task}: ")?;
        }
        write!(f, "{first} and {second} on {} test rows", self.rows)?;
        for (name, compared) in &self.scores {
            let (ours, theirs) = (compared.first, compared.second);
            let (difference, p) = (compared.difference, p_value_text(compared.p_value));
            write!(
                f,
                "\n{name}: {ours:.4} and {theirs:.4}, difference {:.4}, {}, {p} (paired bootstrap)",
                difference.estimate, difference.interval,
            )?;
        }
        if let Some((counts, test)) = &self.mcnemar {
            let method = match test.method {
                McNemarMethod::Exact => "exact",
                McNemarMethod::ChiSquare => "chi-square",
            };
            let p = p_value_text(test.p_value);
            write!(
                f,
                "\nright: both {}, only the first {}, only the second {}, neither {}; {p} \
                 (McNemar, {method})",
                counts.both, counts.only_first, counts.only_second, counts.neither,
            )?;
        }
        if let Some(test) = &self.wilcoxon {
            write!(
                f,
                "\nabsolute errors: {} (Wilcoxon)",
                p_value_text(test.p_value)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(rows: usize) -> Comparison {
        Comparison {
            task: None,
            first: "a".to_string(),
            second: "b".to_string(),
            rows,
            scores: Vec::new(),
            mcnemar: None,
            wilcoxon: None,
        }
    }

    #[test]
    fn classes_by_hand() {
        // Of 20 rows, the first has 18 right, the second 12, all of them among those of the first.
        let rows = |right: usize| -> Vec<[usize; 2]> {
            (0..20).map(|row| [0, usize::from(row >= right)]).collect()
        };
        let mut comparison = empty(20);
        let bootstrap = Bootstrap {
            n_resamples: 999,
            ..Bootstrap::default()
        };
        comparison
            .add_classes(&rows(18), &rows(12), &bootstrap)
            .unwrap();
        let (name, accuracy) = &comparison.scores[0];
        assert_eq!(
            (*name, accuracy.first, accuracy.second),
            ("accuracy", 0.9, 0.6)
        );
        assert!((accuracy.difference.estimate - 0.3).abs() < 1e-12);
        let (counts, test) = comparison.mcnemar.unwrap();
        assert_eq!((counts.only_first, counts.only_second), (6, 0));
        // Two sides of 1 in 2^6.
        assert!((test.p_value - 2.0 / 64.0).abs() < 1e-12);
        let text = comparison.to_string();
        assert!(text.contains("only the first 6"), "{text}");
    }

    #[test]
    fn tags_by_hand() {
        let tags = |text: &str| text.split(' ').map(str::to_string).collect();
        let counts = TagCounts::of(&[tags("B-PER I-PER O B-LOC"), tags("B-PER I-PER O O")]);
        let counts = counts.unwrap();
        assert_eq!((counts.entities, counts.found, counts.right), (2, 1, 1));
        assert_eq!((counts.accuracy(), counts.entity_f1()), (0.75, 2.0 / 3.0));
        let twice = TagCounts::sum(&[counts], &[0, 0]);
        assert_eq!((twice.words, twice.right_words), (8, 6));
        assert_eq!(twice.entity_f1(), counts.entity_f1());
        assert_eq!(TagCounts::default().entity_f1(), 0.0);
    }
}
