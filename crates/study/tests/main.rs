//! Studies: from a file to trials, from a folder to tables, through kills and failures.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise"
)]

mod bounds;
mod checkpoints;
mod comparing;
mod figures;
mod fine_tuning;
mod growing;
mod halving;
mod hyperqueue;
mod killed;
mod multi_task;
mod own_parts;
mod planning;
mod running;
mod small_run;
mod toss;
