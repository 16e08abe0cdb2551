//! Instructions for products of 8-bit integers, and how they want rows and weights.

use std::sync::OnceLock;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::tiles;

/// What a machine multiplies integers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instructions {
    /// Tiles of 16 by 64 values (Intel AMX).
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Tiles,
    /// Sums of four products in 512-bit vectors (AVX-512 VNNI).
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    /// The same in 256-bit vectors (AVX-VNNI).
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// Sums of two products of 16-bit integers in 512-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// The same in 256-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sums of four products in 128-bit vectors.
    #[cfg(target_arch = "aarch64")]
    NeonDot,
    /// What every machine has.
    Portable,
}

/// How values lie in a word of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Four 8-bit integers.
    Signed,
    /// Four, those of rows plus 128: the instructions want one side without sign.
    Unsigned,
    /// Two 16-bit integers.
    Pairs,
}

impl Layout {
    pub(super) fn value_bytes(self) -> usize {
        match self {
            Self::Signed | Self::Unsigned => 1,
            Self::Pairs => 2,
        }
    }

    pub(super) fn values_in_word(self) -> usize {
        4 / self.value_bytes()
    }
}

impl Instructions {
    /// The fastest that this machine has.
    pub(super) fn best() -> Self {
        static BEST: OnceLock<Instructions> = OnceLock::new();
        *BEST.get_or_init(|| Self::all()[0])
    }

    /// All that this machine has, the fastest first.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2");
            let avx512 =
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
            #[cfg(target_os = "linux")]
            if tiles::is_available() {
                all.push(Self::Tiles);
            }
            if avx512 && is_x86_feature_detected!("avx512vnni") {
                all.push(Self::Avx512Vnni);
            }
            if avx2 && is_x86_feature_detected!("avxvnni") {
                all.push(Self::AvxVnni);
            }
            if avx512 {
                all.push(Self::Avx512);
            }
            if avx2 {
                all.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("dotprod") {
            all.push(Self::NeonDot);
        }
        all.push(Self::Portable);
        all
    }

    pub(super) fn layout(self) -> Layout {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Tiles => Layout::Signed,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni | Self::AvxVnni => Layout::Unsigned,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Avx2 => Layout::Pairs,
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot => Layout::Signed,
            Self::Portable => Layout::Signed,
        }
    }

    /// Words of a row are padded to a multiple of it.
    pub(super) fn word_step(self) -> usize {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Tiles => 16,
            _ => 1,
        }
    }

    /// Words of a row of so many values.
    pub(super) fn words(self, values: usize) -> usize {
        let words = values.div_ceil(self.layout().values_in_word());
        words.next_multiple_of(self.word_step())
    }

    /// Rows that are multiplied at once.
    pub(super) fn rows(self) -> usize {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Tiles => 32,
            _ => 6,
        }
    }

    /// Outputs that are computed at once.
    pub(super) fn panel_width(self) -> usize {
        match self {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Tiles => 32,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni | Self::Avx512 => 32,
            _ => 16,
        }
    }

    /// Where the word of a row and a column of a panel lies.
    pub(super) fn place(self, word: usize, column: usize) -> usize {
        match self {
            // Blocks of 16 words by 16 columns.
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Tiles => (word / 16 * 2 + column / 16) * 256 + word % 16 * 16 + column % 16,
            _ => word * self.panel_width() + column,
        }
    }
}
