//! Pickles that are no weights, among them such as would run code.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use finetune_model::{ModelError, load_encoder};

use super::{assert_corrupted, copy_of, load};

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
            assert_calls_system(&error, &format!("{kind:?} in {layout}"));
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

fn assert_calls_system(error: &ModelError, what: &str) {
    let message = error.to_string();
    let expected = "pytorch_model.bin: the pickle calls posix.system,";
    assert!(message.contains(expected), "{what}: {message}");
}

/// The pickle of a file of `formats`.
fn pickle_of(name: &str) -> Vec<u8> {
    let folder = super::copy_of(name);
    let file = std::fs::File::open(folder.path().join("pytorch_model.bin")).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let names = archive.file_names().map(|name| name.unwrap().into_owned());
    let pickle = names.collect::<Vec<_>>();
    let pickle = pickle
        .iter()
        .find(|name| name.ends_with("data.pkl"))
        .unwrap();
    let mut bytes = Vec::new();
    let mut entry = archive.by_name(pickle).unwrap();
    entry.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A call in a complete state dict, where nothing of it stays in the result.
#[test]
fn a_call_is_found_wherever_it_stands() {
    let whole = pickle_of("bin");
    let (start, rest) = whole.split_at(2);
    assert_eq!(start, b"\x80\x02");
    let (dict, stop) = whole.split_at(whole.len() - 1);
    assert_eq!(stop, b".");
    let call = b"cposix\nsystem\nX\x01\x00\x00\x00:\x85R";
    let key = b"X\x01\x00\x00\x00w";
    let tensor = pickled_tensor("w", "FloatStorage", 1, &[1], &[1]);
    let hooks = b"ccollections\nOrderedDict\n)R";
    let place = tensor
        .windows(hooks.len())
        .position(|bytes| bytes == hooks)
        .unwrap();
    let (before, after) = (&tensor[..place], &tensor[place + hooks.len()..]);
    for (what, pickle) in [
        ("in front, thrown away", [start, call, b"0", rest].concat()),
        (
            "memorized",
            [start, call, b"r\x00\x00\x01\x000", rest].concat(),
        ),
        (
            "overwritten",
            [dict, key, call, b"s", key, b"Ns", stop].concat(),
        ),
        (
            "as state that is no dict",
            [dict, call, b"b", stop].concat(),
        ),
        (
            "in an argument that is not used",
            [before, call, after].concat(),
        ),
        ("in a key", [dict, call, b"Ns", stop].concat()),
    ] {
        let bytes = archive(&pickle);
        let error = load("bin", |folder| {
            std::fs::write(folder.join("pytorch_model.bin"), bytes).unwrap();
        });
        assert_calls_system(&error, what);
    }
}

/// `torch.save(model)` keeps the classes of the model: to load it is to run them.
#[test]
fn a_pickled_module() {
    let module =
        b"\x80\x02c__main__\nNet\n)\x81}(X\x08\x00\x00\x00trainingNX\x0b\x00\x00\x00_parameters}\
        X\x08\x00\x00\x00_buffers}X\x08\x00\x00\x00_modules}ub.";
    let error = load("bin", |folder| {
        std::fs::write(folder.join("pytorch_model.bin"), archive(module)).unwrap();
    });
    let message = error.to_string();
    assert!(
        message.contains("the pickle calls __main__.Net,"),
        "{message}"
    );
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
        assert_corrupted(&error, "pytorch_model.bin", reason);
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
        assert_corrupted(&error, "pytorch_model.bin", "");
    }
}

#[test]
fn a_pickled_tensor_larger_than_its_file() {
    // 2^40 values that are all the first of a storage of one: no file bounds such a view.
    let pickle = pickled_tensor("w", "FloatStorage", 1, &[1 << 40], &[0]);
    let error = load("bin", |folder| {
        std::fs::write(folder.join("pytorch_model.bin"), archive(&pickle)).unwrap();
    });
    assert_corrupted(&error, "pytorch_model.bin", "above the");
}

#[test]
fn a_pickled_tensor_of_integers() {
    let name = "embeddings.word_embeddings.weight";
    let error = load("bin", |folder| {
        let pickle = pickled_tensor(name, "LongStorage", 160, &[20, 8], &[8, 1]);
        std::fs::write(folder.join("pytorch_model.bin"), archive(&pickle)).unwrap();
    });
    assert_eq!(
        error.to_string().split_once(": ").unwrap().1,
        format!("tensor {name} holds i64, expected f64, f32, f16 or bf16")
    );
}

/// Values of all parameters, bit by bit.
#[derive(Default)]
struct Bits(Vec<u32>);

impl ModuleVisitor for Bits {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values: Vec<f32> = param.val().into_data().try_to_vec().unwrap();
        self.0.extend(values.into_iter().map(f32::to_bits));
    }
}

#[test]
fn a_changed_bit_in_an_archive_is_noticed_or_without_effect() {
    let bits = |folder: &Path| {
        let (encoder, ..) = load_encoder(folder, &Device::flex())?;
        let mut bits = Bits::default();
        encoder.visit(&mut bits);
        Ok::<_, ModelError>(bits.0)
    };
    let folder = copy_of("bin");
    let path = folder.path().join("pytorch_model.bin");
    let (whole, expected) = (std::fs::read(&path).unwrap(), bits(folder.path()).unwrap());
    let mut noticed = 0;
    for place in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        match bits(folder.path()) {
            Ok(found) => assert!(found == expected, "byte {place}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 10, "{noticed}");
}
