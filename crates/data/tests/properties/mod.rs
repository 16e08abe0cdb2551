mod audit;
mod batches;
mod cleaning;
mod encoding;
mod next_sentence;
mod partition;
mod tables;
