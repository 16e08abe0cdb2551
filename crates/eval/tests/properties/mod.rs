//! Relations that hold whatever the predictions are.

mod classification;
mod probabilities;
mod regression;
mod report;
mod statistics;
