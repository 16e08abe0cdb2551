//! Element types of arrays.

/// Element type of an array: fixed width, no invalid bit patterns.
///
/// This trait is sealed, because files identify element types by [`Element::NAME`].
pub trait Element: bytemuck::Pod + sealed::Sealed + Send + Sync + std::fmt::Debug {
    /// Name of the type in a file.
    const NAME: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($number:ty => $name:literal),+ $(,)?) => {$(
        impl sealed::Sealed for $number {}
        impl Element for $number {
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
