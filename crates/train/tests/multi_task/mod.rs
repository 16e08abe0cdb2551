//! Several tasks in one run: policies against their formulas, and whole runs.

mod formulas;
pub(crate) mod quadratics;
mod score_bins;
pub(crate) mod whole_run;
