//! Scaling the loss, so that gradients do not vanish in half precision, as
//! [`torch.amp.GradScaler`](https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling) does.
//!
//! The loss is multiplied by a power of two before the backward pass, and the gradients are divided
//! by it after, which changes no bit but of those that would have vanished. A step whose gradients
//! overflow moves nothing and halves the factor; after many steps without one it is doubled.

use finetune_ops::Precision;
use serde::{Deserialize, Serialize};

/// Steps without an overflow after which the factor is doubled.
const PATIENCE: u32 = 2000;

/// What the loss is multiplied by, and how long that has gone well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct LossScale {
    factor: f64,
    steps_since_change: u32,
}

impl LossScale {
    /// Nothing in precisions whose range is that of 32-bit floats.
    pub(crate) fn new(precision: Precision) -> Option<Self> {
        (precision == Precision::F16).then_some(Self {
            factor: 65536.0,
            steps_since_change: 0,
        })
    }

    pub(crate) fn factor(self) -> f64 {
        self.factor
    }

    /// After a step whose gradients are finite numbers.
    pub(crate) fn went_well(&mut self) {
        self.steps_since_change += 1;
        if self.steps_since_change == PATIENCE {
            self.factor *= 2.0;
            self.steps_since_change = 0;
        }
    }

    /// After a step whose gradients are not; says whether a smaller factor may help.
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
