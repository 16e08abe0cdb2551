//! Logistic regression on sparse rows, as scikit-learn's
//! [`LogisticRegression`](https://scikit-learn.org/1.9/modules/generated/sklearn.linear_model.LogisticRegression.html)
//! with its solver `lbfgs` has it.

mod config;
mod fit;
mod lbfgs;
mod line_search;
mod objective;
mod regression;
mod training_matrix;
mod vector;

pub use config::{ClassWeights, LogisticRegressionConfig};
pub use lbfgs::{Convergence, Ending};
pub use regression::LogisticRegression;
