//! The crate as its users see it: one binary, one module per kind of evidence.

/// Settings, texts, labels and files that cannot be used.
#[cfg(test)]
mod bad_input;
/// The path from a data set to out-of-fold predictions.
#[cfg(test)]
mod cross_validation;
/// Equality with the reference implementation, on stored outputs of its own.
#[cfg(test)]
mod parity;
/// What must hold for any texts and labels whatsoever.
#[cfg(test)]
mod properties;
