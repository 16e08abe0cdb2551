//! Every layout that weights come in holds the same encoder, bit for bit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    BaseModel, Encoder, EncoderConfig, Family, LoadReport, ModelError, Parameter, ParameterKind,
    TensorNames, init_weights, load_base_model, load_classifier, load_encoder, load_masked_lm,
    parameters, save_base_model, save_encoder, save_masked_lm,
};

use crate::weights_file;

fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/formats", name]
        .iter()
        .collect()
}

fn load(name: &str) -> (Encoder, LoadReport) {
    let (encoder, _, report) = load_encoder(&folder(name), &Device::flex()).unwrap();
    (encoder, report)
}

/// The values of each parameter, named and laid out as in a file.
fn stored(encoder: &Encoder) -> BTreeMap<String, Vec<f32>> {
    struct Values {
        parameters: std::vec::IntoIter<Parameter>,
        values: BTreeMap<String, Vec<f32>>,
    }
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let parameter = self.parameters.next().unwrap();
            assert_eq!(parameter.id, param.id);
            let values = match parameter.kind {
                ParameterKind::LinearWeight => param.val().transpose(),
                _ => param.val(),
            };
            let name = TensorNames::of_encoder(Family::Bert).name(&parameter);
            self.values
                .insert(name, values.into_data().try_to_vec().unwrap());
        }
    }
    let mut values = Values {
        parameters: parameters(encoder).into_iter(),
        values: BTreeMap::new(),
    };
    encoder.visit(&mut values);
    values.values
}

fn check(encoder: &Encoder, element_type: &str) {
    let golden = Golden::read(&folder("expected.safetensors"));
    let values = stored(encoder);
    assert_eq!(values.len(), 21);
    for (name, values) in values {
        let expected = golden.floats(&format!("{element_type}.{name}")).0;
        let bits = |values: &[f32]| -> Vec<u32> { values.iter().map(|v| v.to_bits()).collect() };
        assert_eq!(bits(&values), bits(&expected), "{name}");
    }
}

#[test]
fn every_layout_and_element_type_loads_bit_for_bit() {
    let pooler: &[&str] = &["pooler.dense.bias", "pooler.dense.weight"];
    let classifier: &[&str] = &[
        "bert.pooler.dense.bias",
        "bert.pooler.dense.weight",
        "classifier.bias",
        "classifier.weight",
    ];
    let masked_lm: &[&str] = &[
        "cls.predictions.bias",
        "cls.predictions.decoder.bias",
        "cls.predictions.decoder.weight",
        "cls.predictions.transform.LayerNorm.bias",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.dense.bias",
        "cls.predictions.transform.dense.weight",
    ];
    let pre_training: &[&str] = &[
        "bert.pooler.dense.bias",
        "bert.pooler.dense.weight",
        "cls.predictions.bias",
        "cls.seq_relationship.weight",
    ];
    for (name, element_type, unused) in [
        ("single_f32", "f32", classifier),
        ("single_f16", "f16", classifier),
        ("single_bf16", "bf16", classifier),
        ("sharded", "f32", pooler),
        ("bin", "f32", masked_lm),
        ("bin_f16", "f16", classifier),
        ("bin_old", "f32", pre_training),
        ("bin_views_bf16", "bf16", pooler),
        ("sharded_bin", "f32", pooler),
    ] {
        let (encoder, report) = load(name);
        check(&encoder, element_type);
        assert_eq!(report.loaded.len(), 21, "{name}");
        assert!(report.newly_initialized.is_empty(), "{name}");
        assert_eq!(report.unexpected, unused, "{name}");
    }
}

#[test]
fn a_classifier_loads_from_a_pickle_as_from_safetensors() {
    let names = ["no", "yes"].map(String::from);
    for (name, new) in [
        ("bin_f16", &[][..]),
        ("sharded_bin", &["classifier.weight", "classifier.bias"]),
        (
            "bin",
            &[
                "bert.pooler.dense.weight",
                "bert.pooler.dense.bias",
                "classifier.weight",
                "classifier.bias",
            ],
        ),
    ] {
        let loaded = load_classifier(&folder(name), &names, 0, &Device::flex());
        assert_eq!(loaded.unwrap().2.newly_initialized, new, "{name}");
    }
}

#[test]
fn the_first_of_the_layouts_is_read() {
    let mixed = tempfile::tempdir().unwrap();
    let add = |name: &str, files: &[&str]| {
        for file in files {
            std::fs::copy(folder(name).join(file), mixed.path().join(file)).unwrap();
        }
    };
    let loads = |element_type| {
        let (encoder, ..) = load_encoder(mixed.path(), &Device::flex()).unwrap();
        check(&encoder, element_type);
    };
    // Last to first; f16 and bf16 tell the files apart.
    let shards = ["00001", "00002"].map(|shard| format!("pytorch_model-{shard}-of-00002.bin"));
    let index = "pytorch_model.bin.index.json";
    add(
        "sharded_bin",
        &["config.json", &shards[0], &shards[1], index],
    );
    loads("f32");
    add("bin_f16", &["pytorch_model.bin"]);
    loads("f16");
    let shards = ["00001", "00002"].map(|shard| format!("model-{shard}-of-00002.safetensors"));
    let index = "model.safetensors.index.json";
    add("sharded", &[&shards[0], &shards[1], index]);
    loads("f32");
    add("single_bf16", &["model.safetensors"]);
    loads("bf16");
}

#[test]
fn what_is_saved_is_tensor_for_tensor_the_same() {
    let (encoder, config, _) = load_encoder(&folder("sharded"), &Device::flex()).unwrap();
    let saved = tempfile::tempdir().unwrap();
    save_encoder(saved.path(), &encoder, &config).unwrap();
    let (again, _, report) = load_encoder(saved.path(), &Device::flex()).unwrap();
    assert_eq!((report.loaded.len(), report.unexpected.len()), (21, 0));
    check(&again, "f32");
}

/// A bare encoder with its pooler, as published: names and values.
#[test]
fn what_is_published_with_a_pooler_is_saved_with_it() {
    let device = Device::flex();
    for original in ["tiny_bert/encoder_checkpoint", "heads/checkpoint"] {
        let original = folder("../parity").join(original);
        let (model, config, report) = load_base_model(&original, &device).unwrap();
        assert!(model.pooler.is_some());
        assert!(
            report.newly_initialized.is_empty() && report.unexpected.is_empty(),
            "{report}"
        );
        let saved = tempfile::tempdir().unwrap();
        save_base_model(saved.path(), &model, &config).unwrap();
        let read = |folder: &Path| Golden::read(&folder.join("model.safetensors"));
        let (saved, original) = (read(saved.path()), read(&original));
        assert_eq!(saved.names(), original.names());
        for name in original.names() {
            assert_eq!(saved.floats(&name), original.floats(&name), "{name}");
        }
    }
    // From shards, and from a file with a head.
    for (name, pooler) in [("sharded", true), ("single_f32", true), ("bin", false)] {
        let (model, _, report) = load_base_model(&folder(name), &device).unwrap();
        assert_eq!(model.pooler.is_some(), pooler, "{name}");
        assert_eq!(report.loaded.len(), if pooler { 23 } else { 21 }, "{name}");
        check(&model.encoder, "f32");
    }
}

/// A configuration of another model does not describe what is saved.
#[test]
fn what_another_configuration_describes_is_not_saved() {
    let device = Device::flex();
    let (encoder, config, _) = load_encoder(&folder("sharded"), &device).unwrap();
    let (masked_lm, ..) = load_masked_lm(&folder("bin"), 0, &device).unwrap();
    let (base, ..) = load_base_model(&folder("sharded"), &device).unwrap();
    let saved = tempfile::tempdir().unwrap();
    let mut wrong = config.clone();
    let of_config = |edit: fn(&mut EncoderConfig)| {
        wrong.encoder = config.encoder.clone();
        edit(&mut wrong.encoder);
        for result in [
            save_encoder(saved.path(), &encoder, &wrong),
            save_base_model(saved.path(), &base, &wrong),
            save_masked_lm(saved.path(), &masked_lm, &wrong),
        ] {
            let error = result.unwrap_err();
            assert!(
                matches!(error, ModelError::InvalidConfig { .. }),
                "{error:?}"
            );
        }
    };
    let edits: [fn(&mut EncoderConfig); 4] = [
        |config| config.vocab_size += 1,
        |config| config.num_hidden_layers = 2,
        |config| config.num_hidden_layers = 0,
        |config| *config = EncoderConfig::base(Family::DistilBert),
    ];
    edits.into_iter().for_each(of_config);
    let nothing = std::fs::read_dir(saved.path()).unwrap().count();
    assert_eq!(nothing, 0);
    save_encoder(saved.path(), &encoder, &config).unwrap();
}

/// The names of a bare encoder's parameters, with whatever root their paths have.
#[test]
fn a_bare_encoder_s_parameters_have_the_names_of_the_file() {
    let config = EncoderConfig::base(Family::Roberta);
    let encoder = config.init(&Device::flex()).unwrap();
    let alone = BaseModel {
        encoder: encoder.clone(),
        pooler: None,
    };
    let names = TensorNames::of_encoder(Family::Roberta);
    let named = |listed: Vec<Parameter>| -> Vec<String> {
        listed
            .iter()
            .map(|parameter| names.name(parameter))
            .collect()
    };
    let of_encoder = named(parameters(&encoder));
    assert_eq!(of_encoder, named(parameters(&alone)));
    assert_eq!(of_encoder[0], "embeddings.word_embeddings.weight");
    let query = "encoder.layer.0.attention.self.query.weight".to_string();
    assert!(of_encoder.contains(&query));
}

/// The copy of the word embeddings in a file for masked language modeling is not worth a word;
/// what merely stands in its place is.
#[test]
fn a_decoder_is_unused_unless_it_repeats_the_word_embeddings() {
    let device = Device::flex();
    for family in Family::ALL {
        let config = EncoderConfig {
            vocab_size: 9,
            hidden_size: 4,
            num_hidden_layers: 0,
            num_attention_heads: 1,
            intermediate_size: 4,
            max_position_embeddings: 6,
            ..EncoderConfig::base(family)
        };
        let config = match family {
            Family::EuroBert => EncoderConfig {
                tie_word_embeddings: true,
                mlp_bias: true,
                decoder_bias: true,
                ..config
            },
            _ => config,
        };
        let model = init_weights(config.init_masked_lm(&device).unwrap(), 0.5, 1);
        let saved = tempfile::tempdir().unwrap();
        let described = finetune_model::CheckpointConfig::new(config);
        save_masked_lm(saved.path(), &model, &described).unwrap();
        let file = saved.path().join("model.safetensors");
        let original = weights_file::read(&file);
        let names = TensorNames::of_masked_lm(&described.encoder);
        let listed = parameters(&model);
        let name_of = |path: &str| {
            let parameter = listed.iter().find(|parameter| parameter.path == path);
            names.name(parameter.unwrap())
        };
        let words = name_of("encoder.embeddings.word_embeddings.weight");
        let bias = name_of("head.bias");
        let (decoder, decoder_bias) = match family {
            Family::Bert | Family::DebertaV2 | Family::NomicBert => (
                "cls.predictions.decoder.weight",
                "cls.predictions.decoder.bias",
            ),
            Family::DistilBert => ("vocab_projector.weight", ""),
            Family::Electra => ("generator_lm_head.weight", ""),
            Family::ModernBert => ("decoder.weight", ""),
            Family::Albert => ("predictions.decoder.weight", "predictions.decoder.bias"),
            Family::Gte => ("lm_head.decoder.weight", ""),
            Family::EuroBert => ("lm_head.weight", ""),
            _ => ("lm_head.decoder.weight", "lm_head.decoder.bias"),
        };
        let load = |copies: &[(&str, &str, f32)], without: &str| {
            let mut tensors = original.clone();
            for (name, copied, change) in copies {
                let (shape, mut values) = original[*copied].clone();
                values[3] += change;
                tensors.insert(name.to_string(), (shape, values));
            }
            tensors.remove(without);
            weights_file::write(&file, &tensors);
            load_masked_lm(saved.path(), 0, &device).unwrap()
        };
        let unused = |tensors: &[_]| load(tensors, "").2.unexpected;
        assert!(unused(&[(decoder, &words, 0.0)]).is_empty(), "{family}");
        assert_eq!(unused(&[(decoder, &words, 0.5)]), [decoder], "{family}");
        if decoder_bias.is_empty() {
            continue;
        }
        assert!(unused(&[(decoder_bias, &bias, 0.0)]).is_empty(), "{family}");
        assert_eq!(
            unused(&[(decoder_bias, &bias, 0.5)]),
            [decoder_bias],
            "{family}"
        );
        // The bias alone under its second name.
        let (model, _, report) = load(&[(decoder_bias, &bias, 0.5)], &bias);
        assert!(report.newly_initialized.is_empty(), "{family}: {report}");
        let bias = model.head.bias.as_ref().unwrap().val();
        let values: Vec<f32> = bias.into_data().try_to_vec().unwrap();
        assert_eq!(values[3], 0.5, "{family}");
    }
}

#[test]
fn what_an_index_forgets_is_in_its_shards_all_the_same() {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder("sharded")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let index = copy.path().join("model.safetensors.index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let forgets = |line: &&str| {
        line.contains("embeddings.LayerNorm.bias") || line.contains("pooler.dense.weight")
    };
    assert_eq!(text.lines().filter(forgets).count(), 2);
    let kept: Vec<_> = text.lines().filter(|line| !forgets(line)).collect();
    let text = kept.join("\n").replace(",\n  }", "\n  }");
    std::fs::write(&index, text).unwrap();
    let (encoder, _, report) = load_encoder(copy.path(), &Device::flex()).unwrap();
    check(&encoder, "f32");
    assert_eq!(
        report.unexpected,
        ["pooler.dense.bias", "pooler.dense.weight"]
    );
}
