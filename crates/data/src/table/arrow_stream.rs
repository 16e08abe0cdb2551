//! Reader of Arrow files: the stream format, which the `datasets` library saves, and the file format
//! (Feather), which is a stream with a signature before it and an index after it.
//!
//! Sizes in the file are checked before memory is allocated for them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::{Message, RecordBatch as BatchHeader, root_as_message};
use arrow_schema::Schema;

use super::RequestedColumns;
use super::batches::{BatchRows, BytesOfRows, Selection, contained};
use crate::error::DataError;
use crate::progress::{Counted, Progress};

/// Signature of the file format, padded to eight bytes.
const SIGNATURE: &[u8; 8] = b"ARROW1\0\0";
/// More padding after the signature.
const PADDING: &[u8; 8] = &[0; 8];
/// Marker before the length of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Size in bytes that a compressed buffer may have in memory, whatever its size in the file.
const SMALL_BUFFER: u64 = 16 << 20;
/// Maximum compression of a larger buffer.
const MOST_COMPRESSED: u64 = 1 << 16;

/// Opens the rows of an Arrow file.
pub(super) fn open(
    path: &Path,
    columns: RequestedColumns<'_>,
    progress: &Progress,
) -> Result<BatchRows, DataError> {
    contained(path, || {
        let messages = Messages::open(path, progress)?;
        let schema = messages.schema()?;
        let selection = Selection::new(path, &schema, columns)?;
        // The bytes are counted when they are read.
        let bytes = BytesOfRows::default();
        Ok(BatchRows::new(
            path,
            Box::new(messages),
            selection,
            false,
            bytes,
        ))
    })
}

/// Returns the schema of an Arrow file with its metadata.
pub(super) fn schema(path: &Path) -> Result<Arc<Schema>, DataError> {
    contained(path, || {
        Messages::open(path, &Progress::default())?.schema()
    })
}

/// Record batches of a stream of messages.
struct Messages {
    path: PathBuf,
    source: BufReader<Counted<File>>,
    /// Number of bytes of the file after the last message read.
    left: u64,
    decoder: StreamDecoder,
}

impl Messages {
    /// Opens a file and reads its first message, the schema.
    fn open(path: &Path, progress: &Progress) -> Result<Self, DataError> {
        let failed = |source| DataError::io(path, source);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        if metadata.len() == 0 {
            return Err(DataError::empty_file(path));
        }
        let mut messages = Self {
            path: path.to_path_buf(),
            source: BufReader::new(Counted::new(file, progress)),
            left: metadata.len(),
            decoder: StreamDecoder::new(),
        };
        let mut first = messages.bytes(SIGNATURE.len() as u64)?;
        // Writers align the stream after the signature to 8 or 64 bytes.
        while first == SIGNATURE || first == PADDING {
            first = messages.bytes(SIGNATURE.len() as u64)?;
        }
        match messages.message(&first)? {
            Some(message) => messages.decode(message)?,
            None => return Err(messages.corrupted("a file without a schema")),
        };
        Ok(messages)
    }

    fn schema(&self) -> Result<Arc<Schema>, DataError> {
        let schema = self.decoder.schema();
        schema.ok_or_else(|| self.corrupted("a file without a schema"))
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, DataError> {
        // A stream without a mark of its end was written by a program that was interrupted between
        // two messages, or that leaves the mark out, as the format allows.
        while self.left > 0 {
            let beginning = self.bytes(8)?;
            let Some(message) = self.message(&beginning)? else {
                return Ok(None);
            };
            if let Some(batch) = self.decode(message)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Reads the message that begins with these eight bytes; `None` for the mark of the end.
    fn message(&mut self, beginning: &[u8]) -> Result<Option<Vec<u8>>, DataError> {
        // Before version 0.15, messages began with their length.
        let (length, rest) = match beginning.strip_prefix(&CONTINUATION) {
            Some(length) => (length, &[][..]),
            None => beginning.split_at(4),
        };
        let length = length
            .first_chunk()
            .map(|&length| u32::from_le_bytes(length));
        let length = u64::from(length.unwrap_or(0));
        if length == 0 {
            return Ok(None);
        }
        let after = length.checked_sub(rest.len() as u64);
        let after = after.filter(|_| i32::try_from(length).is_ok());
        let after = after.ok_or_else(|| self.corrupted("the length of a message"))?;
        let header = [rest, &self.bytes(after)?].concat();
        let parsed = root_as_message(&header);
        let parsed = parsed.map_err(|source| self.corrupted(&format!("a message: {source}")))?;
        let body = u64::try_from(parsed.bodyLength()).ok();
        let body = body.ok_or_else(|| self.corrupted("the length of a message"))?;
        let body = self.bytes(body)?;
        if !are_plausible(parsed, &body) {
            return Err(self.corrupted("the place or the size of a buffer"));
        }
        let length = &length.to_le_bytes()[..CONTINUATION.len()];
        // The decoder takes up a message when it sees that of the next one begin.
        Ok(Some([length, &header, &body, &CONTINUATION].concat()))
    }

    fn decode(&mut self, message: Vec<u8>) -> Result<Option<RecordBatch>, DataError> {
        let (mut message, mut found) = (Buffer::from_vec(message), None);
        while !message.is_empty() {
            let batch = self.decoder.decode(&mut message);
            found = batch
                .map_err(|source| DataError::library(&self.path, source))?
                .or(found);
        }
        Ok(found)
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, DataError> {
        self.left = match self.left.checked_sub(length) {
            Some(left) => left,
            None => return Err(self.corrupted("the length of a message, or the file was cut off")),
        };
        let mut bytes = vec![0; length as usize];
        let read = self.source.read_exact(&mut bytes);
        read.map_err(|source| DataError::io(&self.path, source))?;
        Ok(bytes)
    }

    fn corrupted(&self, what: &str) -> DataError {
        let problem = format!("the file is corrupted or no Arrow file: {what}");
        DataError::file(&self.path, problem)
    }
}

impl Iterator for Messages {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

/// Returns whether the buffers of a message are in its body, and the sizes in memory of compressed
/// ones are possible.
fn are_plausible(message: Message<'_>, body: &[u8]) -> bool {
    let dictionary = message.header_as_dictionary_batch();
    let batch: Option<BatchHeader<'_>> = message
        .header_as_record_batch()
        .or_else(|| dictionary.and_then(|dictionary| dictionary.data()));
    let Some(batch) = batch else {
        return true;
    };
    let is_compressed = batch.compression().is_some();
    let mut buffers = batch.buffers().into_iter().flatten();
    buffers.all(|buffer| {
        let start = usize::try_from(buffer.offset()).ok();
        let length = usize::try_from(buffer.length()).ok();
        let end = start
            .zip(length)
            .and_then(|(start, length)| start.checked_add(length));
        let data = start.zip(end).and_then(|(start, end)| body.get(start..end));
        data.is_some_and(|data| !is_compressed || data.is_empty() || has_plausible_size(data))
    })
}

/// Returns whether a compressed buffer, which begins with its size in memory, can have that size. -1
/// means that the rest is not compressed.
fn has_plausible_size(data: &[u8]) -> bool {
    let size = data.first_chunk().map(|&size| i64::from_le_bytes(size));
    let most = (data.len() as u64)
        .saturating_mul(MOST_COMPRESSED)
        .saturating_add(SMALL_BUFFER);
    size.is_some_and(|size| size == -1 || u64::try_from(size).is_ok_and(|size| size <= most))
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array, ListArray, StringArray};
    use arrow_ipc::CompressionType;
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

    use super::*;
    use crate::table::{RequestedColumns, Row, TableFormat, open_counted};

    fn batch(first: i64) -> RecordBatch {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(["a", "b"]));
        let labels: ArrayRef = Arc::new(Int64Array::from_iter_values([first, first + 1]));
        RecordBatch::try_from_iter([("text", texts), ("label", labels)]).unwrap()
    }

    fn stream() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &batch(0).schema()).unwrap();
        writer.write(&batch(0)).unwrap();
        writer.write(&batch(2)).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn file(compression: CompressionType) -> Vec<u8> {
        let mut bytes = Vec::new();
        let options = IpcWriteOptions::default().try_with_compression(Some(compression));
        let schema = batch(0).schema();
        let mut writer =
            FileWriter::try_new_with_options(&mut bytes, &schema, options.unwrap()).unwrap();
        writer.write(&batch(0)).unwrap();
        writer.write(&batch(2)).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn read(bytes: &[u8], progress: &Progress) -> Result<Vec<Row>, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.arrow");
        std::fs::write(&path, bytes).unwrap();
        let columns = ["label".into(), "text".into()];
        let columns = RequestedColumns::values(&columns);
        open_counted(&path, TableFormat::Arrow, columns, progress)?.collect()
    }

    #[test]
    fn streams_and_files_have_the_same_rows() {
        let (lz4, zstd) = (CompressionType::LZ4_FRAME, CompressionType::ZSTD);
        for bytes in [stream(), file(lz4), file(zstd)] {
            let progress = Progress::default();
            let rows = read(&bytes, &progress).unwrap();
            let labels: Vec<&str> = rows.iter().map(|row| row.fields[0].as_str()).collect();
            assert_eq!(labels, ["0", "1", "2", "3"]);
            assert_eq!((rows[3].number, rows[3].fields[1].as_str()), (4, "b"));
            assert!(progress.read() > 0);
        }
    }

    #[test]
    fn lists_are_read_from_a_column_that_may_hold_them() {
        let rows = read_lists(&lists()).unwrap();
        let fields: Vec<&str> = rows.iter().map(|row| row.fields[0].as_str()).collect();
        assert_eq!(fields, ["0\x002\x00", "", "1\x00"]);
        let whole = lists();
        for place in 0..whole.len() {
            for bits in [0xff, 0x01] {
                let mut bytes = whole.clone();
                bytes[place] ^= bits;
                let _ = read_lists(&bytes);
            }
        }
    }

    fn lists() -> Vec<u8> {
        let lists = [vec![Some(0), Some(2)], vec![], vec![Some(1)]].map(Some);
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists));
        let batch = RecordBatch::try_from_iter([("label", lists)]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn read_lists(bytes: &[u8]) -> Result<Vec<Row>, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.arrow");
        std::fs::write(&path, bytes).unwrap();
        let columns = ["label".into()];
        let columns = RequestedColumns {
            columns: &columns,
            lists: &[0],
        };
        open_counted(&path, TableFormat::Arrow, columns, &Progress::default())?.collect()
    }

    #[test]
    fn a_corrupted_file_is_an_error_or_other_rows() {
        for whole in [stream(), file(CompressionType::LZ4_FRAME)] {
            for place in 0..whole.len() {
                for bits in [0xff, 0x80, 0x01] {
                    let mut bytes = whole.clone();
                    bytes[place] ^= bits;
                    let _ = read(&bytes, &Progress::default());
                }
            }
        }
        let whole = stream();
        for length in [1, 7, 8, 100, whole.len() / 2] {
            assert!(
                read(&whole[..length], &Progress::default()).is_err(),
                "{length}"
            );
        }
        assert!(read(b"text,label\na,b\n", &Progress::default()).is_err());
    }
}
