use finetune_data::table::{TableFormat, open_rows};
use proptest::prelude::*;

proptest! {
    /// Bytes that only look like a table are an error or rows, never a panic.
    #[test]
    fn any_bytes_are_rows_or_an_error(
        bytes in prop::collection::vec(prop::sample::select(b"ab\",\t\n\r{}:1\xc3\xa9\0".to_vec()), 0..60),
        extension in prop::sample::select(vec!["csv", "tsv", "jsonl", "parquet"]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows").with_extension(extension);
        std::fs::write(&path, &bytes).unwrap();
        let mut format = TableFormat::from_path(&path).unwrap();
        if let TableFormat::Delimited(layout) = &mut format {
            layout.header = false;
        }
        if let Ok(rows) = open_rows(&path, format, &[0.into()]) {
            // Each row is a line at least.
            prop_assert!(rows.count() <= bytes.len());
        }
    }
}
