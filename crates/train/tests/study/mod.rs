//! Studies: from a file to trials, from a folder to tables, through kills and failures.

mod comparing;
mod fine_tuning;
mod growing;
mod halving;
mod hyperqueue;
mod killed;
mod planning;
mod running;
mod toss;
