//! A file that a command makes: there when the command was done, and not there when it was
//! refused or failed, so that it can be given again. What a killed command leaves is incomplete.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// It goes unless it is kept.
pub(super) struct NewFile {
    path: PathBuf,
    file: File,
    kept: bool,
}

// === impl NewFile ===

impl NewFile {
    /// Make it, empty and its owner's alone. One that is there is left as it is.
    ///
    /// # Errors
    /// There is a file, or none can be made.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(path);
        Ok(Self {
            path: path.to_owned(),
            file: opened.with_context(|| path.display().to_string())?,
            kept: false,
        })
    }

    /// To write into it.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// All of it is there, and stays.
    ///
    /// # Errors
    /// Its medium does not take it.
    pub(super) fn keep(mut self) -> std::io::Result<()> {
        self.file.sync_all()?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn file_stays_only_when_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut failed = NewFile::create(&path).unwrap();
        failed.file().write_all(b"half").unwrap();
        assert!(path.exists());
        drop(failed);
        assert!(!path.exists());
        let mut done = NewFile::create(&path).unwrap();
        done.file().write_all(b"whole").unwrap();
        done.keep().unwrap();
        assert!(NewFile::create(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }
}
