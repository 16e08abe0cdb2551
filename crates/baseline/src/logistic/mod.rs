//! Logistic regression on sparse rows, equivalent to scikit-learn's
//! [`LogisticRegression`](https://scikit-learn.org/1.9/modules/generated/sklearn.linear_model.LogisticRegression.html)
//! with the solver `lbfgs`.

mod config;
mod fit;
mod lbfgs;
mod line_search;
mod objective;
mod reductions;
mod regression;
mod training_matrix;

pub use config::{ClassWeights, LogisticRegressionConfig};
pub use lbfgs::{Convergence, StopReason};
pub use regression::LogisticRegression;
pub(crate) use regression::outputs_of;
