//! Selection of the instruction set of a kernel.
//!
//! A kernel is a plain loop. [`vectorized!`] compiles it for each instruction set, with its vector
//! width, and selects one at run time.

/// How a kernel computes `a · b + c`.
pub(super) trait Arithmetic {
    fn mul_add(a: f32, b: f32, c: f32) -> f32;
}

/// With one rounding, where there is an instruction for it.
pub(super) struct Fused;

/// With two roundings: without the instruction, one rounding is a slow call.
pub(super) struct Separate;

impl Arithmetic for Fused {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

impl Arithmetic for Separate {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

/// What the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instructions {
    /// The 512-bit vectors of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// The 256-bit vectors of x86-64, with multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every 64-bit ARM has.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// What every machine of the target has.
    Portable,
}

/// The best that this machine has.
#[inline]
pub(super) fn instructions() -> Instructions {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if avx2 && avx512 {
            return Instructions::Avx512;
        }
        if avx2 {
            return Instructions::Avx2;
        }
    }
    #[cfg(target_arch = "aarch64")]
    if cfg!(target_feature = "neon") {
        return Instructions::Neon;
    }
    Instructions::Portable
}

/// Defines a function that runs its body with the best instructions that the machine has. The body
/// is generic over its [`Arithmetic`].
macro_rules! vectorized {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$arithmetic:ident>(
            $($argument:ident: $type:ty),* $(,)?
        ) $(-> $output:ty)? $body:block
    ) => {
        $(#[$attribute])*
        #[allow(unsafe_code, reason = "calls what is compiled for an instruction set")]
        #[allow(clippy::too_many_arguments)]
        $visibility fn $name($($argument: $type),*) $(-> $output)? {
            use $crate::native::instructions::{
                Arithmetic, Fused, Instructions, Separate, instructions,
            };

            #[inline(always)]
            fn body<$arithmetic: Arithmetic>($($argument: $type),*) $(-> $output)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($argument: $type),*) $(-> $output)? {
                body::<Fused>($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) $(-> $output)? {
                body::<Fused>($($argument),*)
            }

            match instructions() {
                // SAFETY: the machine has the instructions.
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: the machine has the instructions.
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx2 => unsafe { avx2($($argument),*) },
                #[cfg(target_arch = "aarch64")]
                Instructions::Neon => body::<Fused>($($argument),*),
                Instructions::Portable => body::<Separate>($($argument),*),
            }
        }
    };
}

pub(super) use vectorized;
