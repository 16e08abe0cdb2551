//! The crate as its users see it: one binary, one module per kind of evidence.

/// Equality with the reference implementations, on stored outputs of their own.
#[cfg(test)]
mod parity;
/// What is in a picture, and what makes none.
#[cfg(feature = "plots")]
#[cfg(test)]
mod plots;
/// What must hold for any predictions whatsoever.
#[cfg(test)]
mod properties;
