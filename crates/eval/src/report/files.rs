//! Files of a report.

use std::fs;
use std::path::{Path, PathBuf};

use finetune_storage::write_atomically;

use super::Report;
use crate::EvalError;

impl Report {
    /// Writes `report.html`, `report.md` and `report.json` into a directory, which is created if it
    /// does not exist. Each file is written atomically and replaces an older one.
    ///
    /// # Errors
    ///
    /// - [`EvalError::Write`] if a file or the directory cannot be written; it names the path.
    pub fn write(&self, folder: &Path) -> Result<(), EvalError> {
        self.write_as(folder, "report")
    }

    /// Writes the three files under another name, such as beside another `report.json`.
    ///
    /// # Errors
    ///
    /// - The errors of [`write`](Self::write).
    pub fn write_as(&self, folder: &Path, name: &str) -> Result<(), EvalError> {
        fs::create_dir_all(folder).map_err(failed(folder))?;
        for (extension, content) in [
            ("json", self.to_json()),
            ("md", self.to_markdown()),
            ("html", self.to_html()),
        ] {
            let path = folder.join(format!("{name}.{extension}"));
            write_atomically(&path, content.as_bytes()).map_err(failed(&path))?;
        }
        Ok(())
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> EvalError {
    let path = PathBuf::from(path);
    |error| EvalError::Write {
        path,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_files_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("runs/1");
        let report = Report::new("Run 1", "");
        report.write(&folder).unwrap();
        Report::new("Run 1, again", "").write(&folder).unwrap();
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["report.html", "report.json", "report.md"]);
        let json = fs::read_to_string(folder.join("report.json")).unwrap();
        let read: Report = serde_json::from_str(&json).unwrap();
        assert_eq!(read.title, "Run 1, again");
    }

    #[test]
    fn the_file_at_fault_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::write(&taken, "").unwrap();
        let error = Report::default().write(&taken).unwrap_err();
        assert!(matches!(error, EvalError::Write { path, .. } if path == taken));
    }
}
