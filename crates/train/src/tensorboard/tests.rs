use super::crc32c::masked_crc32c;
use super::*;
use crate::callback::StepRecord;
use crate::evaluation::EvaluationRecord;
use finetune_eval::Scores;

/// The fields of a message: number, and the bytes of the value.
fn fields(mut message: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let length = match key & 7 {
            0 => {
                fields.push((key >> 3, varint(&mut message).to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            2 => varint(&mut message) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = message.split_at(length);
        fields.push((key >> 3, value.to_vec()));
        message = rest;
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let length = 1 + bytes.iter().take_while(|byte| **byte > 0x7f).count();
    let (value, rest) = bytes.split_at(length);
    *bytes = rest;
    let bits = value.iter().zip(0..);
    bits.fold(0, |value, (byte, at)| {
        value | u64::from(byte & 0x7f) << (7 * at)
    })
}

/// The data of each record, once its checksums hold.
fn records(mut file: &[u8]) -> Vec<Vec<u8>> {
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let mut records = Vec::new();
    while !file.is_empty() {
        let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        assert_eq!(number(&file[8..12]), masked_crc32c(&file[..8]));
        let (data, end) = (&file[12..12 + length], 16 + length);
        assert_eq!(number(&file[12 + length..end]), masked_crc32c(data));
        records.push(data.to_vec());
        file = &file[end..];
    }
    records
}

/// Steps and the scalars of each.
fn scalars(path: &Path) -> Vec<(u64, Vec<(String, f32)>)> {
    let mut all = Vec::new();
    for record in records(&fs::read(path).unwrap()) {
        let (mut step, mut scalars) = (0, Vec::new());
        for (field, bytes) in fields(&record) {
            match field {
                2 => step = u64::from_le_bytes(bytes.try_into().unwrap()),
                5 => scalars.extend(fields(&bytes).into_iter().map(|(_, value)| {
                    let value = fields(&value);
                    let tag = String::from_utf8(value[0].1.clone()).unwrap();
                    let bits = value[1].1.as_slice().try_into().unwrap();
                    (tag, f32::from_le_bytes(bits))
                })),
                _ => {}
            }
        }
        if !scalars.is_empty() {
            all.push((step, scalars));
        }
    }
    all
}

fn step(step: u64) -> Event {
    Event::StepEnd(StepRecord {
        step,
        epoch: 1,
        loss: 0.5,
        learning_rate: 2e-5,
        grad_norm: 3.0,
    })
}

#[test]
fn the_steps_of_a_run_can_be_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut board = TensorBoardCallback::create(&directory.path().join("new/directory")).unwrap();
    for number in [1, 2, 300] {
        board.on_event(&step(number)).unwrap();
    }
    let evaluation = EvaluationRecord {
        step: 300,
        epoch: 1,
        scores: Scores::from(
            [("accuracy", 0.75), ("loss", 0.25)].map(|(name, score)| (name.to_string(), score)),
        ),
        ..Default::default()
    };
    board.on_event(&Event::Evaluate(evaluation)).unwrap();

    let found = scalars(board.path());
    let steps: Vec<u64> = found.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [1, 2, 300, 300]);
    let tags = ["train/loss", "train/learning_rate", "train/grad_norm"];
    let values = tags.map(String::from).into_iter().zip([0.5, 2e-5, 3.0]);
    assert_eq!(found[2].1, values.collect::<Vec<_>>());
    let scores = [("eval/accuracy", 0.75), ("eval/loss", 0.25)];
    assert_eq!(
        found[3].1,
        scores.map(|(tag, value)| (tag.to_string(), value))
    );
    let name = board.path().file_name().unwrap().to_string_lossy();
    assert!(name.contains("tfevents"), "{name}");
}

#[test]
fn a_resumed_run_takes_back_what_comes_again() {
    let directory = tempfile::tempdir().unwrap();
    let first = TensorBoardCallback::create(directory.path()).unwrap();
    let mut second = TensorBoardCallback::create(directory.path()).unwrap();
    let started = Event::PhaseBegin {
        phase: Phase::Training,
        length: 20,
        done: 7,
    };
    second.on_event(&started).unwrap();
    assert_ne!(first.path(), second.path());
    let records = records(&fs::read(second.path()).unwrap());
    assert_eq!(records.len(), 2);
    let session = fields(&records[1]);
    assert_eq!(session[1], (2, 8u64.to_le_bytes().to_vec()));
    // `SessionLog.START`.
    assert_eq!(session[2], (7, vec![8, 1]));
}

const FILE_VERSION: &str = "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e\
    743a32338d2fe9";
const SCALARS: &str = "3700000000000000e7e8ca590900001040fc54d94110ac022a290a110a0a747261696e2f\
    6c6f7373150000003f0a140a0d6576616c2f6163637572616379156666663fbb876fcd";
const SESSION_START: &str = "0f000000000000006d532b090900001040fc54d94110083a020801ed76c781";

/// The bytes are those of `RecordWriter` and `Event` in Python's `tensorboard` 2.21.0.
#[test]
fn records_are_those_of_tensorboards_own_writer() {
    let event = |step, content| event::Event {
        wall_time: 1_700_000_000.25,
        step,
        content,
    };
    let scalars = [("train/loss", 0.5), ("eval/accuracy", 0.9)];
    for (event, expected) in [
        (event(0, Content::FileVersion), FILE_VERSION),
        (event(300, Content::Scalars(&scalars)), SCALARS),
        (event(8, Content::SessionStart), SESSION_START),
    ] {
        let record: String = event
            .record()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(record, expected);
    }
}
