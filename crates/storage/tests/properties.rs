use finetune_storage::{ArrayFile, ArrayFileWriter};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_in_any_pieces_is_read(
        first in prop::collection::vec(any::<u32>(), 0..5000),
        second in prop::collection::vec(any::<u8>(), 0..300),
        third in prop::collection::vec(any::<[u32; 2]>(), 0..300),
        piece in 1usize..700,
        start in 0usize..5000,
        length in 0usize..5000,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.arrays");
        let mut writer = ArrayFileWriter::create(&path).unwrap();
        let (a, b, c) = (
            writer.array::<u32>("a").unwrap(),
            writer.array::<u8>("b").unwrap(),
            writer.array::<[u32; 2]>("c").unwrap(),
        );
        let pieces = first.chunks(piece).count().max(second.len()).max(third.len());
        for index in 0..pieces {
            writer.write(&a, first.chunks(piece).nth(index).unwrap_or_default()).unwrap();
            writer.write(&c, third.get(index..=index).unwrap_or_default()).unwrap();
            writer.write(&b, second.get(index..=index).unwrap_or_default()).unwrap();
        }
        writer.finish(piece).unwrap();

        let file = ArrayFile::open(&path).unwrap();
        prop_assert_eq!(file.metadata::<usize>().unwrap(), piece);
        let a = file.array::<u32>("a").unwrap();
        prop_assert_eq!(a.all().unwrap(), &first);
        let (b, c) = (file.array::<u8>("b").unwrap(), file.array::<[u32; 2]>("c").unwrap());
        prop_assert_eq!(b.all().unwrap(), &second);
        prop_assert_eq!(c.all().unwrap(), &third);
        let range = start..start + length;
        match first.get(range.clone()) {
            Some(expected) => prop_assert_eq!(a.get(range).unwrap(), expected),
            None => prop_assert!(a.get(range).is_err()),
        }
    }
}
