//! Vectors of 32-bit lanes: each is a sum, a word of a row or a word of a weight.

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// A vector of the machine.
///
/// # Safety
/// The methods are called where the machine has the instructions, and with pointers to as many lanes.
#[allow(unsafe_code, reason = "instructions of a machine")]
pub(super) trait Lanes: Copy {
    /// Number of lanes.
    const WIDTH: usize;

    /// The same word in all lanes.
    unsafe fn of(word: u32) -> Self;

    unsafe fn load(words: *const u32) -> Self;

    /// Adds to each sum the products of the values in a word of a row and one of a weight.
    unsafe fn add_products(self, row: Self, weight: Self) -> Self;

    unsafe fn store(self, sums: *mut i32);
}

/// Lanes that the compiler maps to vectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable([u32; 8]);

#[allow(unsafe_code, reason = "instructions of a machine")]
impl Lanes for Portable {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn of(word: u32) -> Self {
        Self([word; 8])
    }

    #[inline(always)]
    unsafe fn load(words: *const u32) -> Self {
        // SAFETY: there are as many words, as the caller says.
        Self(unsafe { words.cast::<[u32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn add_products(self, row: Self, weight: Self) -> Self {
        let Self(mut sums) = self;
        for ((sum, row), weight) in sums.iter_mut().zip(row.0).zip(weight.0) {
            for (row, weight) in row.to_le_bytes().into_iter().zip(weight.to_le_bytes()) {
                let product = i32::from(row as i8) * i32::from(weight as i8);
                *sum = sum.wrapping_add(product as u32);
            }
        }
        Self(sums)
    }

    #[inline(always)]
    unsafe fn store(self, sums: *mut i32) {
        // SAFETY: there is room for as many, as the caller says.
        unsafe { sums.cast::<[u32; 8]>().write_unaligned(self.0) };
    }
}

/// Defines lanes of a vector of x86-64.
macro_rules! x86_lanes {
    ($(#[$doc:meta])* $name:ident: $vector:ty, $width:literal, $of:ident, $load:ident, $store:ident,
        |$sums:ident, $row:ident, $weight:ident| $products:expr) => {
        $(#[$doc])*
        #[cfg(target_arch = "x86_64")]
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $name($vector);

        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "instructions of a machine")]
        impl Lanes for $name {
            const WIDTH: usize = $width;

            #[inline(always)]
            unsafe fn of(word: u32) -> Self {
                // SAFETY: the machine has the instructions, as the caller says.
                Self(unsafe { $of(word as i32) })
            }

            #[inline(always)]
            unsafe fn load(words: *const u32) -> Self {
                // SAFETY: as above; there are as many words.
                Self(unsafe { $load(words.cast()) })
            }

            #[inline(always)]
            unsafe fn add_products(self, row: Self, weight: Self) -> Self {
                let ($sums, $row, $weight) = (self.0, row.0, weight.0);
                // SAFETY: as above.
                Self(unsafe { $products })
            }

            #[inline(always)]
            unsafe fn store(self, sums: *mut i32) {
                // SAFETY: as above; there is room for as many.
                unsafe { $store(sums.cast(), self.0) };
            }
        }
    };
}

x86_lanes! {
    /// 256 bits, two products a lane.
    Avx2: __m256i, 8, _mm256_set1_epi32, _mm256_loadu_si256, _mm256_storeu_si256,
    |sums, row, weight| _mm256_add_epi32(sums, _mm256_madd_epi16(row, weight))
}

x86_lanes! {
    /// 256 bits, four products a lane.
    AvxVnni: __m256i, 8, _mm256_set1_epi32, _mm256_loadu_si256, _mm256_storeu_si256,
    |sums, row, weight| _mm256_dpbusd_avx_epi32(sums, row, weight)
}

x86_lanes! {
    /// 512 bits, two products a lane.
    Avx512: __m512i, 16, _mm512_set1_epi32, _mm512_loadu_si512, _mm512_storeu_si512,
    |sums, row, weight| _mm512_add_epi32(sums, _mm512_madd_epi16(row, weight))
}

x86_lanes! {
    /// 512 bits, four products a lane.
    Avx512Vnni: __m512i, 16, _mm512_set1_epi32, _mm512_loadu_si512, _mm512_storeu_si512,
    |sums, row, weight| _mm512_dpbusd_epi32(sums, row, weight)
}

/// Two vectors of 128 bits, four products a lane.
#[cfg(target_arch = "aarch64")]
#[derive(Debug, Clone, Copy)]
pub(super) struct NeonDot(int32x4_t, int32x4_t);

#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code, reason = "instructions of a machine")]
impl Lanes for NeonDot {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn of(word: u32) -> Self {
        // SAFETY: every machine of the target has it.
        let word = unsafe { vdupq_n_s32(word as i32) };
        Self(word, word)
    }

    #[inline(always)]
    unsafe fn load(words: *const u32) -> Self {
        let words = words.cast();
        // SAFETY: as above; there are as many words.
        unsafe { Self(vld1q_s32(words), vld1q_s32(words.add(4))) }
    }

    #[inline(always)]
    unsafe fn add_products(self, row: Self, weight: Self) -> Self {
        let dot = |mut sums: int32x4_t, row: int32x4_t, weight: int32x4_t| {
            // SAFETY: the machine has the instruction, as the caller says.
            unsafe {
                std::arch::asm!(
                    ".arch_extension dotprod",
                    "sdot {sums:v}.4s, {row:v}.16b, {weight:v}.16b",
                    sums = inout(vreg) sums,
                    row = in(vreg) row,
                    weight = in(vreg) weight,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            sums
        };
        Self(dot(self.0, row.0, weight.0), dot(self.1, row.1, weight.1))
    }

    #[inline(always)]
    unsafe fn store(self, sums: *mut i32) {
        // SAFETY: as above; there is room for as many.
        unsafe {
            vst1q_s32(sums, self.0);
            vst1q_s32(sums.add(4), self.1);
        }
    }
}
