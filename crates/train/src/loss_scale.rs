//! Dynamic loss scaling for half precision, as in
//! [`torch.amp.GradScaler`](https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling).
//!
//! The loss is multiplied by a power of two before the backward pass, and the gradients are divided
//! by it afterwards. This is exact, except that small gradients no longer underflow. If the
//! gradients overflow, the step is skipped and the scale is halved; after 2000 steps without an
//! overflow it is doubled.

use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

/// Steps without an overflow after which the scale is doubled.
const PATIENCE: u32 = 2000;

/// Loss scale and the number of steps since it changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct LossScale {
    factor: f64,
    steps_since_change: u32,
}

impl LossScale {
    /// Returns the initial scale of 65536 for f16, and `None` for precisions with the range of f32.
    pub(crate) fn new(precision: Precision) -> Option<Self> {
        (precision == Precision::F16).then_some(Self {
            factor: 65536.0,
            steps_since_change: 0,
        })
    }

    pub(crate) fn factor(self) -> f64 {
        self.factor
    }

    /// Records a step with finite gradients.
    pub(crate) fn went_well(&mut self) {
        self.steps_since_change += 1;
        if self.steps_since_change == PATIENCE {
            self.factor *= 2.0;
            self.steps_since_change = 0;
        }
    }

    /// Records a step with NaN or infinite gradients; returns whether the halved scale is at least
    /// 1.
    pub(crate) fn overflowed(&mut self) -> bool {
        self.factor /= 2.0;
        self.steps_since_change = 0;
        self.factor >= 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_half_precision_needs_one() {
        assert_eq!(LossScale::new(Precision::F32), None);
        assert_eq!(LossScale::new(Precision::Bf16), None);
        assert!(LossScale::new(Precision::F16).is_some());
    }

    #[test]
    fn it_follows_the_gradients() {
        let mut scale = LossScale::new(Precision::F16).unwrap();
        assert!(scale.overflowed());
        assert_eq!(scale.factor(), 32768.0);
        for _ in 0..PATIENCE {
            scale.went_well();
        }
        assert_eq!(scale.factor(), 65536.0);
        assert_eq!((0..17).filter(|_| scale.overflowed()).count(), 16);
    }
}
