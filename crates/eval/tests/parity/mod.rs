//! Each folder holds a generator script, what it wrote, and the comparison.

mod classification;
mod statistics;
