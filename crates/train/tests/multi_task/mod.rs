//! Several tasks in one run: policies against their formulas, and whole runs.

mod formulas;
mod quadratics;
mod whole_run;
