//! Relations that hold whatever the predictions are.

mod classification;
mod report;
mod statistics;
