//! Translation of parameter paths to Hugging Face tensor names.

use super::tensor_parts::{TensorPart, parts_of};
use super::tensor_tables::{Layout, Table};
use crate::classifier::SequenceClassifierConfig;
use crate::encoder::EncoderConfig;
use crate::family::Family;
use crate::parameters::{Parameter, ParameterKind};

/// Names of a model's parameters in a Hugging Face checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct TensorNames {
    family: Family,
    head: Table,
    tied: Table,
    prefix: &'static str,
    /// Prefix of the paths of a bare encoder, whose paths lack it.
    root: &'static str,
    /// Whether names are those of the modules in transformers, where its files have others.
    of_modules: bool,
}

impl TensorNames {
    /// Returns the names in a checkpoint of a bare encoder, for an [`Encoder`](crate::Encoder) or a
    /// [`BaseModel`](crate::BaseModel).
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, TensorNames, parameters};
    ///
    /// let config = EncoderConfig::default();
    /// let encoder = config.init(&Device::flex())?;
    /// let names = TensorNames::of_encoder(config.family);
    /// let first = &parameters(&encoder)[0];
    /// assert_eq!(first.path, "embeddings.word_embeddings.weight");
    /// assert_eq!(names.name(first), "embeddings.word_embeddings.weight");
    /// let last = parameters(&encoder).pop();
    /// let last = last.map(|parameter| names.name(&parameter));
    /// assert_eq!(last.as_deref(), Some("encoder.layer.11.output.LayerNorm.bias"));
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn of_encoder(family: Family) -> Self {
        Self {
            family,
            head: &[],
            tied: &[],
            prefix: "",
            root: "encoder.",
            of_modules: false,
        }
    }

    /// Returns the names of the modules in transformers, which PEFT's files have.
    pub(crate) fn of_modules(self) -> Self {
        Self {
            of_modules: true,
            ..self
        }
    }

    /// Returns the names that are written, then others that are read.
    fn layouts(&self) -> impl Iterator<Item = Layout> {
        let (files, modules) = (Some(self.family.layout()), self.family.other_layout());
        let both = match self.of_modules {
            true => [modules, files],
            false => [files, modules],
        };
        both.into_iter().flatten()
    }

    /// Returns the names in a checkpoint of a classifier. A head without a class in transformers
    /// keeps its paths as names.
    pub fn of_classifier(config: &SequenceClassifierConfig) -> Self {
        let family = config.encoder.family;
        let head = match config.is_of_the_family() {
            true => family.classifier_table(),
            false => &[],
        };
        Self {
            head,
            prefix: family.prefix(),
            root: "",
            ..Self::of_encoder(family)
        }
    }

    /// Returns the names in a checkpoint of a token classifier.
    pub fn of_token_classifier(family: Family) -> Self {
        Self {
            head: family.token_table(),
            prefix: family.prefix(),
            root: "",
            ..Self::of_encoder(family)
        }
    }

    /// Returns the names in a checkpoint for masked language modeling, or for both pre-training
    /// tasks.
    pub fn of_masked_lm(encoder: &EncoderConfig) -> Self {
        let (family, legacy) = (encoder.family, encoder.legacy);
        Self {
            head: family.masked_lm_table(legacy),
            tied: family.tied_names(legacy),
            prefix: family.prefix(),
            root: "",
            ..Self::of_encoder(family)
        }
    }

    /// Returns the name of a parameter in a file that current transformers writes; the first, if several
    /// tensors make up the parameter. See [`Self::parts`].
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, Family, TensorNames, parameters};
    ///
    /// let config = EncoderConfig::base(Family::DistilBert);
    /// let model = config.init_masked_lm(&Device::flex())?;
    /// let names = TensorNames::of_masked_lm(&config);
    /// let first = &parameters(&model)[0];
    /// assert_eq!(first.path, "encoder.embeddings.word_embeddings.weight");
    /// assert_eq!(names.name(first), "distilbert.embeddings.word_embeddings.weight");
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn name(&self, parameter: &Parameter) -> String {
        self.parts(parameter).swap_remove(0).name
    }

    /// Returns the tensors, or parts of tensors, that make up a parameter in a file that current
    /// transformers writes.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, Family, RowBlock, TensorNames, parameters};
    ///
    /// let config = EncoderConfig { num_hidden_layers: 1, ..EncoderConfig::base(Family::ModernBert) };
    /// let names = TensorNames::of_encoder(config.family);
    /// let encoder = parameters(&config.init(&Device::flex())?);
    /// let key = encoder.iter().find(|found| found.path == "layers.0.attention.key.weight");
    /// let parts = key.map(|key| names.parts(key)).unwrap_or_default();
    /// assert_eq!(parts.len(), 1);
    /// assert_eq!(parts[0].name, "layers.0.attn.Wqkv.weight");
    /// assert_eq!(parts[0].block, RowBlock { index: 1, count: 3 });
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn parts(&self, parameter: &Parameter) -> Vec<TensorPart> {
        let layout = self.layouts().next();
        let layout = layout.unwrap_or_else(|| self.family.layout());
        self.parts_with(parameter, layout, self.prefix)
    }

    /// Returns the name of the word embeddings without the family's prefix, and the prefix.
    pub(super) fn word_embeddings(&self) -> (String, &'static str) {
        let path = "encoder.embeddings.word_embeddings.weight".to_string();
        let name = translated(path, self.family.layout().table);
        (name, self.family.prefix())
    }

    /// Returns the path of a parameter in a model with a head.
    fn full_path(&self, parameter: &Parameter) -> String {
        // The pooler of a next-sentence head is the encoder's.
        let path = parameter.path.strip_prefix("next_sentence.");
        let path = path.filter(|path| path.starts_with("pooler."));
        let path = path.unwrap_or(&parameter.path);
        match path.split_once('.') {
            Some(("encoder" | "pooler", _)) => path.to_string(),
            _ => format!("{}{path}", self.root),
        }
    }

    fn parts_with(&self, parameter: &Parameter, layout: Layout, prefix: &str) -> Vec<TensorPart> {
        let path = self.full_path(parameter);
        let of_encoder =
            path.starts_with("encoder.") || path.starts_with("pooler.") && self.family.has_pooler();
        let (table, parts) = match of_encoder {
            true => (layout.table, parts_of(&path, layout.parts)),
            false => (self.head, parts_of(&path, &[])),
        };
        let named = parts.into_iter().map(|part| {
            let name = translated(part.name, table);
            // burn's names of the two parameters of layer normalization are replaced.
            let name = match parameter.kind {
                ParameterKind::NormWeight => with_last(&name, "weight"),
                ParameterKind::NormBias => with_last(&name, "bias"),
                _ => name,
            };
            let name = match of_encoder {
                true => format!("{prefix}{name}"),
                false => name,
            };
            TensorPart { name, ..part }
        });
        named.collect()
    }

    /// Returns all ways in which a file may have a parameter, most likely first: with or without the
    /// family's prefix; with `gamma` and `beta` for layer normalization, as in files converted from
    /// TensorFlow; in other words of transformers; finally as tensors that duplicate it.
    pub(crate) fn alternatives(&self, parameter: &Parameter) -> Vec<Vec<TensorPart>> {
        let old = match parameter.kind {
            ParameterKind::NormWeight => Some("gamma"),
            ParameterKind::NormBias => Some("beta"),
            _ => None,
        };
        let mut all = Vec::new();
        for layout in self.layouts() {
            let prefixes = [self.prefix, self.family.prefix(), ""].into_iter();
            for prefix in prefixes.chain(layout.prefixes.iter().copied()) {
                let parts = self.parts_with(parameter, layout, prefix);
                let with_old = |old| {
                    let parts = parts.iter().map(|part| TensorPart {
                        name: with_last(&part.name, old),
                        ..part.clone()
                    });
                    parts.collect()
                };
                let in_old_words = old.map(with_old);
                all.push(parts);
                all.extend(in_old_words);
            }
        }
        let tied = self.tied.iter().filter(|(_, path)| *path == parameter.path);
        all.extend(tied.map(|(name, _)| parts_of(name, &[])));
        all
    }

    /// Returns all names that a parameter may have in a file, in the order of [`Self::alternatives`].
    pub(crate) fn candidates(&self, parameter: &Parameter) -> Vec<String> {
        let all = self.alternatives(parameter).into_iter();
        all.flatten().map(|part| part.name).collect()
    }

    /// Returns whether a tensor contains the position ids, which are not a parameter.
    pub(super) fn is_constant(&self, name: &str) -> bool {
        name.ends_with("embeddings.position_ids")
    }

    /// Returns the path of the parameter that a tensor duplicates.
    pub(super) fn copied_path(&self, name: &str) -> Option<&'static str> {
        let mut tied = self.tied.iter();
        tied.find_map(|(copy, path)| (*copy == name).then_some(*path))
    }
}

/// Replaces the parts of a path by those of the name.
fn translated(path: String, table: Table) -> String {
    let replaced = |name: String, (ours, theirs): &(&str, &str)| name.replacen(ours, theirs, 1);
    table.iter().fold(path, replaced)
}

/// Replaces the part of the name after the last dot.
fn with_last(name: &str, last: &str) -> String {
    match name.rsplit_once('.') {
        Some((rest, _)) => format!("{rest}.{last}"),
        None => last.to_string(),
    }
}
