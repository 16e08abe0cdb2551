//! The types of number that an array can have.

/// A number of fixed width without invalid bit patterns.
///
/// It cannot be implemented elsewhere: a file names its types by [`Number::NAME`].
pub trait Number: bytemuck::Pod + sealed::Sealed + Send + Sync + std::fmt::Debug {
    /// The name of the type in a file.
    const NAME: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($number:ty => $name:literal),+ $(,)?) => {$(
        impl sealed::Sealed for $number {}
        impl Number for $number {
            const NAME: &'static str = $name;
        }
    )+};
}

numbers! {
    u8 => "u8",
    u16 => "u16",
    u32 => "u32",
    u64 => "u64",
    half::f16 => "f16",
    f32 => "f32",
    f64 => "f64",
    [u32; 2] => "u32x2",
}
