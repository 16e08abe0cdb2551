//! Every layout that weights come in holds the same encoder, bit for bit.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    Encoder, Family, LoadReport, Parameter, ParameterKind, TensorNames, load_classifier,
    load_encoder, parameters, save_encoder,
};

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
            let mut parameter = self.parameters.next().unwrap();
            assert_eq!(parameter.id, param.id);
            parameter.path = format!("encoder.{}", parameter.path);
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
        assert!(report.initialised.is_empty(), "{name}");
        assert_eq!(report.unused, unused, "{name}");
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
        assert_eq!(loaded.unwrap().2.initialised, new, "{name}");
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
    assert_eq!((report.loaded.len(), report.unused.len()), (21, 0));
    check(&again, "f32");
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
    assert_eq!(report.unused, ["pooler.dense.bias", "pooler.dense.weight"]);
}
