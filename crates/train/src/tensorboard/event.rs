//! Events as bytes: a record of
//! [TFRecord](https://www.tensorflow.org/tutorials/load_data/tfrecord) around an
//! [`Event`](https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/core/util/event.proto)
//! in protocol buffers. Of both, this is the part that scalars need.

use super::crc32c::masked_crc32c;

/// What stands in the first record of every file.
const FILE_VERSION: &str = "brain.Event:2";

/// Something at a time, at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Event<'a> {
    /// Seconds since 1970.
    pub(super) wall_time: f64,
    pub(super) step: u64,
    pub(super) content: Content<'a>,
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Content<'a> {
    /// The file begins.
    FileVersion,
    /// A program begins to write; what another wrote of this step and later ones no longer counts.
    SessionStart,
    /// Values by their tags.
    Scalars(&'a [(&'a str, f64)]),
}

impl Event<'_> {
    /// The event as a record of a file: length, its checksum, data, their checksum.
    pub(super) fn record(&self) -> Vec<u8> {
        let data = self.message();
        let length = (data.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked_crc32c(&length).to_le_bytes());
        record.extend(&data);
        record.extend(masked_crc32c(&data).to_le_bytes());
        record
    }

    fn message(&self) -> Vec<u8> {
        let mut event = Message::default();
        event.fixed64(1, self.wall_time.to_bits());
        // A 0 is what a missing field means, and is not written.
        if self.step > 0 {
            event.varint(2, self.step);
        }
        match self.content {
            Content::FileVersion => event.bytes(3, FILE_VERSION.as_bytes()),
            Content::Scalars(scalars) => event.bytes(5, &summary(scalars)),
            Content::SessionStart => {
                let mut log = Message::default();
                log.varint(1, 1);
                event.bytes(7, &log.0);
            }
        }
        event.0
    }
}

fn summary(scalars: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, scalar) in scalars {
        let mut value = Message::default();
        value.bytes(1, tag.as_bytes());
        value.fixed32(2, (*scalar as f32).to_bits());
        summary.bytes(1, &value.0);
    }
    summary.0
}

/// A message of protocol buffers, field after field, each behind its number and
/// [wire type](https://protobuf.dev/programming-guides/encoding/#structure).
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, field: u64, value: u64) {
        self.push_varint(field << 3);
        self.push_varint(value);
    }

    fn fixed64(&mut self, field: u64, bits: u64) {
        self.push_varint(field << 3 | 1);
        self.0.extend(bits.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.push_varint(field << 3 | 2);
        self.push_varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn fixed32(&mut self, field: u64, bits: u32) {
        self.push_varint(field << 3 | 5);
        self.0.extend(bits.to_le_bytes());
    }

    /// Seven bits a byte, the lowest first; the highest bit says that more follow.
    fn push_varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
