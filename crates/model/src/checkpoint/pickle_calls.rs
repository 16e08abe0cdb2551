//! Static check of the functions that a pickle calls.
//!
//! A pickle is a sequence of opcodes, each with an argument of known format
//! ([`pickletools`](https://github.com/python/cpython/blob/v3.13.0/Lib/pickletools.py)). Every
//! function and class that it uses is pushed by an opcode that names it. So it suffices to scan the
//! opcodes and to compare these names with those that weights need, as
//! [`torch.load`](https://github.com/pytorch/pytorch/blob/v2.9.0/torch/_weights_only_unpickler.py)
//! does with `weights_only=True`.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

/// Maximum length of a stored name; the allowed names are a tenth of it.
const LONGEST_NAME: usize = 1000;

/// Format of an opcode's argument.
enum Argument {
    /// Fixed number of bytes.
    Bytes(u64),
    /// Length in this many bytes, followed by as many bytes.
    Counted(usize),
    /// Text up to the end of the line.
    Line,
    /// Two lines: a module, and a name in it.
    Global,
}

/// Reads one pickle. Returns the first function or class that weights do not need, if any, and
/// stops there.
///
/// # Errors
/// - [`io::ErrorKind::InvalidData`] if an opcode is invalid or the pickle does not end.
/// - [`io::ErrorKind::UnexpectedEof`] if the pickle ends within an argument.
/// - Any error of the reader.
pub(super) fn foreign_call(pickle: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut names = Names::default();
    loop {
        let opcode = bytes(pickle)?.map(|[opcode]: [u8; 1]| opcode);
        let opcode = opcode.ok_or_else(|| damage("a pickle without an end".to_string()))?;
        let argument = argument(opcode)
            .ok_or_else(|| damage(format!("0x{opcode:02x} is no opcode of a pickle")))?;
        let argument = read(pickle, &argument)?;
        let global = match opcode {
            b'.' => return Ok(None),
            b'c' | b'i' => Some(argument),
            0x93 => match names.last_two() {
                Some([module, name]) => Some(vec![module, name]),
                None => return Ok(Some("what it has put together itself".to_string())),
            },
            0x82..=0x84 => return Ok(Some("an extension by its number".to_string())),
            _ => {
                names.follow(opcode, argument)?;
                continue;
            }
        };
        names.forget();
        if let Some([module, name]) = global.as_deref()
            && !is_of_weights(module, name)
        {
            return Ok(Some(format!("{module}.{name}")));
        }
    }
}

/// Names on top of the stack. `STACK_GLOBAL` takes module and name from there; picklers push both
/// immediately before it, as text or from the memo.
#[derive(Default)]
struct Names {
    /// Values pushed by the last two opcodes, if they are text.
    last: [Option<String>; 2],
    /// Memo entries; `None` if they are not text.
    memorized: HashMap<u64, Option<String>>,
}

impl Names {
    fn follow(&mut self, opcode: u8, argument: Vec<String>) -> io::Result<()> {
        let text = argument.into_iter().next();
        let number = || {
            let text = text.as_deref().unwrap_or_default();
            let number = text.trim().parse::<u64>();
            number.map_err(|_| damage(format!("{text:?} is no number of a pickle's memo")))
        };
        match opcode {
            b'X' | 0x8c | 0x8d => self.push(text),
            b'g' | b'h' | b'j' => {
                let memorized = self.memorized.get(&number()?).cloned().flatten();
                self.push(memorized);
            }
            b'p' | b'q' | b'r' => {
                self.memorized.insert(number()?, self.last[1].clone());
            }
            0x94 => {
                let next = self.memorized.len() as u64;
                self.memorized.insert(next, self.last[1].clone());
            }
            // Protocol version and frame length.
            0x80 | 0x95 => {}
            _ => self.forget(),
        }
        Ok(())
    }

    fn push(&mut self, text: Option<String>) {
        self.last = [self.last[1].take(), text];
    }

    fn forget(&mut self) {
        self.last = [None, None];
    }

    fn last_two(&mut self) -> Option<[String; 2]> {
        let [module, name] = std::mem::take(&mut self.last);
        Some([module?, name?])
    }
}

/// Opcodes in ASCII that have no argument.
const WITHOUT_ARGUMENT: &[u8] = b"(.012NQRabdelostu)]}";

fn argument(opcode: u8) -> Option<Argument> {
    Some(match opcode {
        _ if WITHOUT_ARGUMENT.contains(&opcode) => Argument::Bytes(0),
        0x81 | 0x85..=0x89 | 0x8f..=0x94 | 0x97 | 0x98 => Argument::Bytes(0),
        b'K' | b'h' | b'q' | 0x80 | 0x82 => Argument::Bytes(1),
        b'M' | 0x83 => Argument::Bytes(2),
        b'J' | b'j' | b'r' | 0x84 => Argument::Bytes(4),
        b'G' | 0x95 => Argument::Bytes(8),
        b'C' | b'U' | 0x8a | 0x8c => Argument::Counted(1),
        b'B' | b'T' | b'X' | 0x8b => Argument::Counted(4),
        0x8d | 0x8e | 0x96 => Argument::Counted(8),
        b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'g' | b'p' => Argument::Line,
        b'c' | b'i' => Argument::Global,
        _ => return None,
    })
}

/// Reads an argument as text: numbers in decimal; nothing if it is too long for a name.
fn read(pickle: &mut impl BufRead, argument: &Argument) -> io::Result<Vec<String>> {
    Ok(match argument {
        Argument::Bytes(length) => {
            let mut number = [0; 8];
            pickle.read_exact(&mut number[..*length as usize])?;
            vec![u64::from_le_bytes(number).to_string()]
        }
        Argument::Counted(width) => {
            let mut length = [0; 8];
            pickle.read_exact(&mut length[..*width])?;
            text(pickle, u64::from_le_bytes(length))?
                .into_iter()
                .collect()
        }
        Argument::Line => line(pickle)?.into_iter().collect(),
        Argument::Global => {
            let names = [line(pickle)?, line(pickle)?];
            names
                .map(|name| name.unwrap_or_else(|| "a name without end".to_string()))
                .into()
        }
    })
}

/// Reads `length` bytes without allocating by that number.
fn text(pickle: &mut impl BufRead, length: u64) -> io::Result<Option<String>> {
    let mut kept = Vec::new();
    let mut taken = pickle.take(length);
    taken
        .by_ref()
        .take(LONGEST_NAME as u64)
        .read_to_end(&mut kept)?;
    let skipped = io::copy(&mut taken, &mut io::sink())?;
    if kept.len() as u64 + skipped != length {
        let source = format!("a pickle ends within a text of {length} bytes");
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, source));
    }
    // Text that is not UTF-8 cannot be a name.
    Ok(String::from_utf8(kept).ok().filter(|_| skipped == 0))
}

fn line(pickle: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut kept = Vec::new();
    pickle
        .take(LONGEST_NAME as u64)
        .read_until(b'\n', &mut kept)?;
    let whole = kept.pop() == Some(b'\n');
    if !whole {
        pickle.skip_until(b'\n')?;
    }
    Ok(String::from_utf8(kept).ok().filter(|_| whole))
}

/// Reads `N` bytes; `None` at the end.
fn bytes<const N: usize>(pickle: &mut impl BufRead) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match pickle.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn damage(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Prefixes of typed storages and legacy tensor classes.
const TYPES: &str = "\
    BFloat16 Bool Byte Char ComplexDouble ComplexFloat Double Float Half Int Long QInt32 \
    QInt8 QUInt2x4 QUInt4x2 QUInt8 Short";

/// PyTorch's names of the element types.
const ELEMENT_TYPES: &str = "\
    bfloat16 bool complex128 complex32 complex64 float16 float32 float64 float8_e4m3fn \
    float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu int16 int32 int64 int8 qint8 \
    quint8 uint16 uint32 uint64 uint8";

/// Returns whether files of tensors and plain values use this function or class.
fn is_of_weights(module: &str, name: &str) -> bool {
    match module {
        "collections" => matches!(name, "OrderedDict" | "Counter"),
        "builtins" | "__builtin__" => matches!(name, "set" | "frozenset" | "bytearray" | "complex"),
        "_codecs" => name == "encode",
        "torch" => {
            matches!(name, "Size" | "Tensor" | "device" | "UntypedStorage")
                || is_in(ELEMENT_TYPES, name)
                || is_typed(name)
        }
        "torch.cuda" => is_typed(name),
        "torch.storage" => matches!(name, "TypedStorage" | "UntypedStorage"),
        "torch.nn.parameter" => name == "Parameter",
        "torch.serialization" => name == "_get_layout",
        "torch._tensor" => name == "_rebuild_from_type_v2",
        "torch._utils" => matches!(
            name,
            "_rebuild_tensor"
                | "_rebuild_tensor_v2"
                | "_rebuild_tensor_v3"
                | "_rebuild_parameter"
                | "_rebuild_parameter_with_state"
                | "_rebuild_sparse_tensor"
                | "_rebuild_qtensor"
                | "_rebuild_meta_tensor_no_storage"
                | "_rebuild_nested_tensor"
        ),
        _ => false,
    }
}

/// Returns whether a list of words contains a word.
fn is_in(words: &str, word: &str) -> bool {
    words.split(' ').any(|other| other == word)
}

fn is_typed(name: &str) -> bool {
    let element = name.strip_suffix("Storage").or(name.strip_suffix("Tensor"));
    element.is_some_and(|element| is_in(TYPES, element))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(mut pickle: &[u8]) -> Option<String> {
        let found = foreign_call(&mut pickle).unwrap();
        assert!(found.is_some() || pickle.is_empty(), "read to the end");
        found
    }

    #[test]
    fn plain_values_and_tensors_are_of_no_concern() {
        for pickle in [
            &b"N."[..],
            b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01M\x02\x00J\x03\x00\x00\x00u.",
            b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01.",
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nctorch\nFloatStorage\nQ0.",
            b"\x80\x02ctorch\nbfloat16\nctorch.cuda\nHalfTensor\n\x86.",
            b"(lp0\nI1\naL2L\naF1.5\naV\\u20ac\np1\naS'x'\na.",
            b"\x80\x03B\x02\x00\x00\x00abC\x01x\x8a\x02\x01\x02\x8b\x01\x00\x00\x00\x05.",
            b"\x80\x05\x96\x02\x00\x00\x00\x00\x00\x00\x00ab\x97\x98\x8f\x91.",
        ] {
            assert_eq!(call(pickle), None, "{pickle:?}");
        }
    }

    /// What Python 3.13 writes in protocol 4 for `OrderedDict(a={1}, b=OrderedDict())`.
    #[test]
    fn names_on_the_stack_are_followed() {
        let pickle =
            b"\x80\x04\x957\x00\x00\x00\x00\x00\x00\x00\x8c\x0bcollections\x94\x8c\x0bOrderedDict\
            \x94\x93\x94)R\x94(\x8c\x01a\x94\x8f\x94(K\x01\x90\x8c\x01b\x94h\x02)R\x94u.";
        assert_eq!(call(pickle), None);
        let system = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.";
        assert_eq!(call(system).as_deref(), Some("posix.system"));
        // The same from the memo, by the numbers of either notation.
        for (put, get) in [
            (&b"\x94"[..], &b"h\x00"[..]),
            (b"p0\n", b"g0\n"),
            (b"q\x00", b"j\x00\x00\x00\x00"),
        ] {
            let memorized = [
                b"\x80\x04\x8c\x05posix",
                put,
                b"0",
                get,
                b"\x8c\x06system\x93.",
            ];
            assert_eq!(call(&memorized.concat()).as_deref(), Some("posix.system"));
        }
    }

    #[test]
    fn names_that_are_put_together_are_refused() {
        for pickle in [
            // Other values, one name alone, a name that is not the uppermost value.
            &b"\x80\x04NN\x93."[..],
            b"\x80\x04\x8c\x05posix\x93.",
            b"\x80\x04\x8c\x05posix\x8c\x06systemN0\x93.",
            b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict2\x93.",
            // A memo that has none of them.
            b"\x80\x04h\x07h\x08\x93.",
            b"\x80\x04N\x94h\x00h\x00\x93.",
        ] {
            assert_eq!(
                call(pickle).as_deref(),
                Some("what it has put together itself")
            );
        }
    }

    #[test]
    fn whatever_else_is_named_is_found() {
        for (pickle, expected) in [
            (&b"cposix\nsystem\n."[..], "posix.system"),
            (b"(iposix\nsystem\n.", "posix.system"),
            (b"\x80\x02ctorch\nload\n.", "torch.load"),
            (
                b"\x80\x02ctorch._utils\n_import_dotted_name\n.",
                "torch._utils._import_dotted_name",
            ),
            (b"\x80\x02c__builtin__\neval\n.", "__builtin__.eval"),
            (b"\x80\x02ctorch\nhubStorage\n.", "torch.hubStorage"),
            (
                b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81}b.",
                "torch.nn.modules.linear.Linear",
            ),
            (b"\x80\x02\x82\x01.", "an extension by its number"),
            // Not quite a name of the list.
            (
                b"\x80\x02ccollections\nOrderedDict\r\n.",
                "collections.OrderedDict\r",
            ),
            (
                b"\x80\x02ccollections.OrderedDict\n\n.",
                "collections.OrderedDict.",
            ),
        ] {
            assert_eq!(call(pickle).as_deref(), Some(expected));
        }
        let endless = [b"c".to_vec(), vec![b'x'; 5000], b"\nsystem\n.".to_vec()].concat();
        assert_eq!(call(&endless).as_deref(), Some("a name without end.system"));
    }

    #[test]
    fn a_pickle_without_sense_or_end_is_damage() {
        for pickle in [
            &b""[..],
            b"\x80",
            b"\x80\x02}",
            b"\xff.",
            b"\x80\x02X\xff\xff\xff\xff.",
            b"\x80\x04\x8d\x00\x00\x00\x00\x00\x00\x00\x80.",
            b"pnumber\n.",
        ] {
            assert!(foreign_call(&mut &*pickle).is_err(), "{pickle:?}");
        }
    }
}
