mod audit;
mod batches;
mod cleaning;
mod encoding;
mod partition;
mod tables;
