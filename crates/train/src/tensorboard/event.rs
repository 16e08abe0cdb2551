//! Encoding of events: [TFRecord](https://www.tensorflow.org/tutorials/load_data/tfrecord) records
//! of
//! [`Event`](https://github.com/tensorflow/tensorflow/blob/v2.18.0/tensorflow/core/util/event.proto)
//! protocol buffers, as far as scalars need them.

use super::crc32c::masked_crc32c;

/// Content of the first record of every file.
const FILE_VERSION: &str = "brain.Event:2";

/// Event with its time and step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Event<'a> {
    /// Seconds since 1970.
    pub(super) wall_time: f64,
    pub(super) step: u64,
    pub(super) content: Content<'a>,
}

/// Content of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Content<'a> {
    /// Start of the file.
    FileVersion,
    /// Start of a session: earlier events of this step and later ones are discarded.
    SessionStart,
    /// Values by tag.
    Scalars(&'a [(&'a str, f64)]),
}

impl Event<'_> {
    /// Encodes the event as a record: length, checksum of the length, data, checksum of the data.
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
        // In protocol buffers, a missing field means 0.
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

/// Protocol buffer message: fields, each preceded by its number and [wire
/// type](https://protobuf.dev/programming-guides/encoding/#structure).
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

    /// Appends a varint: seven bits per byte, lowest first; the highest bit is set if more follow.
    fn push_varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
