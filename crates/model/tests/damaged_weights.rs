//! Weights that must be refused, each with an error that names the file and what is wrong with it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::Device;
use finetune_model::{ModelError, load_classifier, load_encoder};

/// Loads a copy of the checkpoint `name` after `damage` has been at it.
fn load(name: &str, damage: impl FnOnce(&Path)) -> ModelError {
    let original = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/formats")
        .join(name);
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(original).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    damage(folder.path());
    load_encoder(folder.path(), &Device::flex()).unwrap_err()
}

/// A safetensors file of this header and these elements.
fn safetensors(header: &str, elements: &[u8]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), elements].concat()
}

/// Edits the header of a safetensors file and leaves the elements alone.
fn edit_header(path: &Path, edit: impl FnOnce(String) -> String) {
    let bytes = std::fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
    std::fs::write(path, safetensors(&edit(header), &bytes[8 + length..])).unwrap();
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// That the error says which file is damaged, and what `reason` says of it.
fn assert_damaged(error: &ModelError, file: &str, reason: &str) {
    let ModelError::DamagedWeights { path, .. } = error else {
        panic!("{error:?}")
    };
    assert!(path.ends_with(file), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn no_weights_at_all() {
    let error = load("single_f32", |folder| {
        std::fs::remove_file(folder.join("model.safetensors")).unwrap();
    });
    assert!(matches!(error, ModelError::NoWeights { .. }), "{error:?}");
    assert!(
        error.to_string().contains("pytorch_model.bin.index.json"),
        "{error}"
    );
}

#[test]
fn a_folder_in_the_place_of_a_file() {
    for (name, file) in [
        ("single_f32", "model.safetensors"),
        ("sharded", "model.safetensors.index.json"),
        ("sharded", "model-00002-of-00002.safetensors"),
        ("bin", "pytorch_model.bin"),
        ("sharded_bin", "pytorch_model-00001-of-00002.bin"),
    ] {
        let error = load(name, |folder| {
            std::fs::remove_file(folder.join(file)).unwrap();
            std::fs::create_dir(folder.join(file)).unwrap();
        });
        let ModelError::Io { path, source } = &error else {
            panic!("{error:?}")
        };
        assert!(path.ends_with(file), "{error}");
        assert_eq!(source.kind(), std::io::ErrorKind::IsADirectory);
    }
}

#[test]
fn empty_and_truncated_files() {
    for (name, file) in [
        ("single_f32", "model.safetensors"),
        ("sharded", "model-00001-of-00002.safetensors"),
        ("bin", "pytorch_model.bin"),
        ("bin_old", "pytorch_model.bin"),
        ("sharded_bin", "pytorch_model-00002-of-00002.bin"),
    ] {
        for share in [0, 1, 10, 50, 90, 99] {
            let error = load(name, |folder| {
                let path = folder.join(file);
                let bytes = std::fs::read(&path).unwrap();
                std::fs::write(path, &bytes[..bytes.len() * share / 100]).unwrap();
            });
            assert_damaged(&error, file, "");
        }
    }
}

#[test]
fn a_header_that_promises_too_much() {
    for claim in [1 << 60, u64::MAX, 100_000_001, 57] {
        let error = load("single_f32", |folder| {
            let bytes = [&u64::to_le_bytes(claim)[..], &[b' '; 56]].concat();
            std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
        });
        let reason = format!("the header claims {claim} bytes, expected at most 56");
        assert_damaged(&error, "model.safetensors", &reason);
    }
}

#[test]
fn a_header_that_is_no_list_of_tensors() {
    let tensor = |shape: &str, offsets: &str| {
        format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    for (header, reason) in [
        ("not json".to_string(), "no list of tensors"),
        ("{".to_string(), "no list of tensors"),
        ("[1, 2]".to_string(), "no list of tensors"),
        (r#"{"w": {"dtype": "F99"}}"#.to_string(), "F99"),
        // 2^62 values in four bytes; more values than can be counted.
        (
            tensor("[4611686018427387904]", "[0,4]"),
            "no list of tensors",
        ),
        (
            tensor("[4294967296,4294967296]", "[0,4]"),
            "no list of tensors",
        ),
        // Beyond the end, and back to front.
        (tensor("[2]", "[0,8]"), "expected"),
        (tensor("[1]", "[4,0]"), "`w`"),
        // Two tensors in the same place.
        (
            concat!(
                r#"{"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#,
                r#""w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
            )
            .to_string(),
            "invalid offset for tensor `w`",
        ),
    ] {
        let error = load("single_f32", |folder| {
            let path = folder.join("model.safetensors");
            std::fs::write(path, safetensors(&header, &[0; 4])).unwrap();
        });
        assert_damaged(&error, "model.safetensors", reason);
    }
}

#[test]
fn overlapping_tensors_in_a_whole_checkpoint() {
    let error = load("single_f32", |folder| {
        edit_header(&folder.join("model.safetensors"), |header| {
            let from = header.find("\"data_offsets\":[32,").unwrap();
            format!(
                "{}\"data_offsets\":[28,{}",
                &header[..from],
                &header[from + 19..]
            )
        });
    });
    assert_damaged(&error, "model.safetensors", "invalid offset for tensor");
}

#[test]
fn a_tensor_of_integers() {
    let error = load("single_f32", |folder| {
        // Same width, same length: only the type in the header changes.
        edit_header(&folder.join("model.safetensors"), |header| {
            let name = "\"bert.embeddings.word_embeddings.weight\":{\"dtype\":\"";
            assert!(header.contains(name), "{header}");
            header.replace(&format!("{name}F32"), &format!("{name}I32"))
        });
    });
    assert_eq!(
        error.to_string().split_once(": ").unwrap().1,
        "tensor bert.embeddings.word_embeddings.weight holds i32, expected f32, f16 or bf16"
    );
    let name = "embeddings.word_embeddings.weight";
    let error = load("bin", |folder| {
        let pickle = pickled_tensor(name, "LongStorage", 160, &[20, 8], &[8, 1]);
        std::fs::write(folder.join("pytorch_model.bin"), archive(&pickle)).unwrap();
    });
    assert_eq!(
        error.to_string().split_once(": ").unwrap().1,
        format!("tensor {name} holds i64, expected f32, f16 or bf16")
    );
}

#[test]
fn a_tensor_of_the_wrong_shape() {
    for (name, file) in [
        ("single_f16", "model.safetensors"),
        ("sharded", "model-00002-of-00002.safetensors"),
        ("bin_views_bf16", "pytorch_model.bin"),
    ] {
        let error = load(name, |folder| {
            let config = folder.join("config.json");
            replace(
                &config,
                "\"intermediate_size\": 12",
                "\"intermediate_size\": 16",
            );
        });
        let ModelError::TensorShape {
            path,
            tensor,
            expected,
            found,
        } = &error
        else {
            panic!("{error:?}")
        };
        assert!(path.ends_with(file), "{error}");
        assert!(
            tensor.ends_with("encoder.layer.0.intermediate.dense.weight"),
            "{error}"
        );
        assert_eq!((&expected[..], &found[..]), (&[16, 8][..], &[12, 8][..]));
    }
}

#[test]
fn a_tensor_with_what_is_no_number() {
    // The first tensor of the file is the first of the header, in each element type.
    for (name, bits, found) in [
        ("single_f32", &[0x00, 0x00, 0xc0, 0x7f][..], "NaN"),
        ("single_f32", &[0x00, 0x00, 0x80, 0xff], "-inf"),
        ("single_f16", &[0x00, 0x7c], "inf"),
        ("single_bf16", &[0xc0, 0x7f], "NaN"),
    ] {
        let error = load(name, |folder| {
            let path = folder.join("model.safetensors");
            let mut bytes = std::fs::read(&path).unwrap();
            let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let third = 8 + header + 2 * bits.len();
            bytes[third..third + bits.len()].copy_from_slice(bits);
            std::fs::write(path, bytes).unwrap();
        });
        assert_eq!(
            error.to_string().split_once(": ").unwrap().1,
            format!(
                "tensor bert.embeddings.LayerNorm.bias has {found} at 2, expected finite values"
            )
        );
    }
}

#[test]
fn an_index_that_cannot_be_followed() {
    let index = "model.safetensors.index.json";
    let shard = "model-00002-of-00002.safetensors";
    let edited =
        |from: &str, to: &str| load("sharded", |folder| replace(&folder.join(index), from, to));

    for text in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"weight_map": ["a"]}"#,
        r#"{"weight_map": {"a": 1}}"#,
    ] {
        let error = load("sharded", |folder| {
            std::fs::write(folder.join(index), text).unwrap()
        });
        assert!(
            matches!(&error, ModelError::IndexSyntax { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(index), "{error}");
    }

    let error = load("sharded", |folder| {
        std::fs::remove_file(folder.join(shard)).unwrap()
    });
    assert!(
        matches!(&error, ModelError::MissingShard { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(shard), "{error}");

    for climbing in ["../x.safetensors", "/etc/passwd", "a/b.safetensors", ".."] {
        let error = edited(shard, climbing);
        let ModelError::ShardPath { path, shard } = &error else {
            panic!("{error:?}")
        };
        assert!(path.ends_with(index) && shard == climbing, "{error}");
    }

    let error = edited(
        "\"embeddings.LayerNorm.bias\"",
        "\"embeddings.LayerNorm.beta\"",
    );
    let ModelError::NotInShard { tensor, shard, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(tensor, "embeddings.LayerNorm.beta");
    assert_eq!(shard, "model-00001-of-00002.safetensors");
}

#[test]
fn a_shard_outside_the_folder_is_not_even_opened() {
    let outside = tempfile::tempdir().unwrap();
    let (inside, shard) = (
        outside.path().join("inside"),
        "model-00002-of-00002.safetensors",
    );
    std::fs::create_dir(&inside).unwrap();
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/sharded");
    for entry in std::fs::read_dir(original).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), inside.join(entry.file_name())).unwrap();
    }
    // A good shard, in the folder above.
    std::fs::rename(inside.join(shard), outside.path().join(shard)).unwrap();
    replace(
        &inside.join("model.safetensors.index.json"),
        shard,
        &format!("../{shard}"),
    );
    let error = load_encoder(&inside, &Device::flex()).unwrap_err();
    assert!(matches!(error, ModelError::ShardPath { .. }), "{error:?}");
}

/// A pickle that, when Python loads it, makes the file `marker`: protocol 2 for `os.system`, with
/// the result kept in a state dict, alone at the root, or thrown away.
fn running_pickle(marker: &Path, kind: Kind) -> Vec<u8> {
    let command = format!("echo > {}", marker.display());
    let mut call = b"cposix\nsystem\nX".to_vec();
    call.extend((command.len() as u32).to_le_bytes());
    call.extend(command.as_bytes());
    call.extend(b"\x85R");
    let (before, after): (&[u8], &[u8]) = match kind {
        Kind::InDict => (b"}X\x01\x00\x00\x00w", b"s"),
        Kind::AtRoot => (b"", b""),
        Kind::ThrownAway => (b"}", b"0"),
    };
    [b"\x80\x02", before, &call, after, b"."].concat()
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    InDict,
    AtRoot,
    ThrownAway,
}

/// The zip archive of `torch.save` around a pickle.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [("archive/data.pkl", pickle), ("archive/version", b"3\n")] {
        archive.start_file(name, stored).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A state dict in a pickle with one tensor, whose elements are nowhere.
fn pickled_tensor(
    name: &str,
    storage: &str,
    length: i64,
    shape: &[i64],
    stride: &[i64],
) -> Vec<u8> {
    let text = |text: &str| {
        [
            b"X",
            &(text.len() as u32).to_le_bytes()[..],
            text.as_bytes(),
        ]
        .concat()
    };
    let number = |number: i64| [b"\x8a\x08", &number.to_le_bytes()[..]].concat();
    let tuple = |numbers: &[i64]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|n| number(*n)).collect();
        [b"(", &numbers[..], b"t"].concat()
    };
    [
        b"\x80\x02}",
        &text(name)[..],
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        format!("ctorch\n{storage}\n").as_bytes(),
        &text("0"),
        &text("cpu"),
        &number(length),
        b"tQK\x00",
        &tuple(shape),
        &tuple(stride),
        b"\x89ccollections\nOrderedDict\n)RtRs.",
    ]
    .concat()
}

fn in_old_stream(pickle: &[u8]) -> Vec<u8> {
    let start = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
    let system = b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.";
    [&start[..], system, pickle, b"\x80\x02]."].concat()
}

#[test]
fn a_pickle_that_would_run_code() {
    let outside = tempfile::tempdir().unwrap();
    let marker = outside.path().join("marker");
    for kind in [Kind::InDict, Kind::AtRoot, Kind::ThrownAway] {
        let pickle = running_pickle(&marker, kind);
        for (layout, bytes) in [
            ("bare pickle", pickle.clone()),
            ("zip", archive(&pickle)),
            ("old stream", in_old_stream(&pickle)),
        ] {
            let error = load("bin", |folder| {
                std::fs::write(folder.join("pytorch_model.bin"), bytes).unwrap();
            });
            assert!(!marker.exists(), "{kind:?} in {layout}");
            match (kind, &error) {
                (Kind::ThrownAway, ModelError::MissingTensor { .. }) => {}
                (_, ModelError::PickledCall { path, found }) => {
                    assert!(path.ends_with("pytorch_model.bin"), "{error}");
                    assert_eq!(found, "posix.system");
                }
                _ => panic!("{kind:?} in {layout}: {error:?}"),
            }
        }
        // The pickle is a real one: Python, where there is one, does run it.
        let file = outside.path().join("pickle");
        std::fs::write(&file, &pickle).unwrap();
        let program = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))";
        let python = Command::new("python3")
            .args(["-c", program])
            .arg(&file)
            .status();
        if cfg!(target_os = "linux") && python.is_ok_and(|status| status.success()) {
            assert!(marker.exists(), "{kind:?}");
            std::fs::remove_file(&marker).unwrap();
        }
    }
}

#[test]
fn pickles_that_are_no_state_dict() {
    for (pickle, reason) in [
        (&b"\x80\x02K\x01."[..], "Expected a dictionary"),
        (b"\x80\x02]q\x00.", "Expected a dictionary"),
        (b"\x80\x02}", "pickle"),
        (b"\x80\x09}.", "protocol"),
        (b"\x80\x02h\x00.", "memo"),
        (b"\x80\x02\x85.", "underflow"),
        // A string of 2^32 - 1 bytes, and one of 2^63.
        (b"\x80\x02X\xff\xff\xff\xff.", "pickle"),
        (b"\x80\x04\x8d\x00\x00\x00\x00\x00\x00\x00\x80.", "pickle"),
    ] {
        let error = load("bin", |folder| {
            std::fs::write(folder.join("pytorch_model.bin"), archive(pickle)).unwrap();
        });
        assert_damaged(&error, "pytorch_model.bin", reason);
    }
    for bytes in [
        &b"GIF89a"[..],
        b"PK\x03\x04",
        &[0; 1000],
        b"\x80",
        &[0xff; 600],
    ] {
        let error = load("bin", |folder| {
            std::fs::write(folder.join("pytorch_model.bin"), bytes).unwrap();
        });
        assert_damaged(&error, "pytorch_model.bin", "");
    }
}

#[test]
fn a_pickled_tensor_larger_than_its_file() {
    // 2^40 values that are all the first of a storage of one: no file bounds such a view.
    let pickle = pickled_tensor("w", "FloatStorage", 1, &[1 << 40], &[0]);
    let error = load("bin", |folder| {
        std::fs::write(folder.join("pytorch_model.bin"), archive(&pickle)).unwrap();
    });
    assert_damaged(&error, "pytorch_model.bin", "above the");
}

#[test]
fn one_damaged_byte_never_panics() {
    let mut refused = 0;
    for (name, file) in [
        ("single_f32", "model.safetensors"),
        ("sharded", "model.safetensors.index.json"),
        ("bin", "pytorch_model.bin"),
        ("bin_old", "pytorch_model.bin"),
    ] {
        let original = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/formats")
            .join(name);
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&original).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let path: PathBuf = folder.path().join(file);
        let bytes = std::fs::read(&path).unwrap();
        for place in (0..bytes.len()).step_by(41) {
            let mut damaged = bytes.clone();
            damaged[place] = damaged[place].wrapping_add(1 + (place % 255) as u8);
            std::fs::write(&path, damaged).unwrap();
            let names = ["no", "yes"].map(String::from);
            refused +=
                usize::from(load_classifier(folder.path(), &names, 0, &Device::flex()).is_err());
        }
    }
    assert!(refused > 200, "{refused}");
}
