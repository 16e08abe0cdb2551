//! Fingerprint of the part of a model below a cut.

use burn::tensor::TensorData;
use finetune_ops::Precision;
use sha2::{Digest, Sha256};

use super::Cut;
use crate::SequenceClassifier;
use crate::parameters::{Parameter, for_each};

impl SequenceClassifier {
    /// Returns a hash of everything the activations at a cut depend on besides the texts: the
    /// configuration, the precision and every parameter below the cut. The hash has 64 hexadecimal
    /// digits.
    pub fn fingerprint_below(&self, cut: Cut) -> String {
        let config = self.config();
        let mut hash = Sha256::new();
        hash.update(format!("{cut:?} {:?}", config.encoder));
        // Without a precision in the hash, older caches stay valid.
        if self.encoder.precision() != Precision::F32 {
            hash.update(self.encoder.precision().to_string());
        }
        if cut == Cut::Pooled {
            hash.update(format!("{:?}", config.pooling));
        }
        let mut add = |parameter: Parameter, data: TensorData| {
            hash.update(format!("{} {:?}", parameter.path, parameter.shape));
            hash.update(data.as_bytes());
        };
        for_each(&self.encoder.embeddings, &mut add);
        let layers = self.stages_below(cut) - 1;
        for layer in &self.encoder.layers[..layers] {
            for_each(layer, &mut add);
        }
        let digest = hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
