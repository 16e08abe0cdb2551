//! Damaged safetensors files.

use std::path::Path;

use super::{assert_corrupted, load};

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

#[test]
fn a_header_that_promises_too_much() {
    for claim in [1 << 60, u64::MAX, 100_000_001, 57] {
        let error = load("single_f32", |folder| {
            let bytes = [&u64::to_le_bytes(claim)[..], &[b' '; 56]].concat();
            std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
        });
        let reason = format!("the header claims {claim} bytes, expected at most 56");
        assert_corrupted(&error, "model.safetensors", &reason);
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
        // Two tensors of which one begins within the other.
        (
            concat!(
                r#"{"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#,
                r#""w":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#
            )
            .to_string(),
            "invalid offset for tensor `w`",
        ),
    ] {
        let error = load("single_f32", |folder| {
            let path = folder.join("model.safetensors");
            std::fs::write(path, safetensors(&header, &[0; 4])).unwrap();
        });
        assert_corrupted(&error, "model.safetensors", reason);
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
    assert_corrupted(&error, "model.safetensors", "invalid offset for tensor");
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
        "tensor bert.embeddings.word_embeddings.weight holds i32, expected f64, f32, f16 or bf16"
    );
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
