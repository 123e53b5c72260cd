//! The highest number of a BLOB that was ever in use, kept in a file so that an older
//! BLOB is refused after a restart too.
//!
//! The file has one line: the number, and a seal over it with a key of the host's. It is
//! replaced whole or not at all, and never by a lower number. A file that is not there is
//! a first start; one whose seal is wrong was not written by this host, and is refused.
//! Who may write in its folder can take it away, and with it the host's memory: the
//! folder is the host's own.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::MetadataError;

/// Longer than any line that is written.
const MAX_LENGTH: u64 = 256;

/// The number, and where it is kept.
#[derive(Debug)]
pub struct Remembered {
    file: PathBuf,
    key: hmac::Key,
    number: Option<u64>,
}

// === impl Remembered ===

impl Remembered {
    /// Read the file. `key` seals it; the same key must be given at each start.
    ///
    /// # Errors
    /// [`MetadataError::Memory`] when it can't be read, [`MetadataError::MemorySeal`] when
    /// it is not what the host wrote.
    pub fn open(file: PathBuf, key: &[u8; 32]) -> Result<Self, MetadataError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let number = match read(&file) {
            Ok(line) => Some(unsealed(&line, &key).ok_or(MetadataError::MemorySeal(file.clone()))?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(MetadataError::Memory { file, source }),
        };
        Ok(Self { file, key, number })
    }

    /// Whether a BLOB of this number may be used.
    ///
    /// # Errors
    /// [`MetadataError::Older`].
    pub fn admit(&self, offered: u64) -> Result<(), MetadataError> {
        match self.number {
            Some(held) if offered < held => Err(MetadataError::Older { held, offered }),
            _ => Ok(()),
        }
    }

    /// Keep the number of a BLOB that is taken into use. When this returns it is on disk.
    ///
    /// # Errors
    /// [`MetadataError::Memory`]; what was kept before stays.
    pub fn keep(&mut self, number: u64) -> Result<(), MetadataError> {
        if self.number.is_some_and(|held| number <= held) {
            return Ok(());
        }
        let seal = hmac::sign(&self.key, &sealed_bytes(&number.to_string()));
        let line = format!("{number} {}\n", URL_SAFE_NO_PAD.encode(seal));
        write(&self.file, &line).map_err(|source| MetadataError::Memory {
            file: self.file.clone(),
            source,
        })?;
        self.number = Some(number);
        Ok(())
    }
}

/// Bytes that nothing else is sealed as.
fn sealed_bytes(number: &str) -> Vec<u8> {
    format!("zeropass FIDO metadata no {number}").into_bytes()
}

fn unsealed(line: &str, key: &hmac::Key) -> Option<u64> {
    let (number, seal) = line.strip_suffix('\n')?.split_once(' ')?;
    let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
    hmac::verify(key, &sealed_bytes(number), &seal).ok()?;
    number.parse().ok()
}

fn read(file: &Path) -> std::io::Result<String> {
    if std::fs::metadata(file)?.len() > MAX_LENGTH {
        return Ok(String::new());
    }
    let bytes = std::fs::read(file)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Beside it first, then renamed: whoever looks sees one line or the other.
fn write(file: &Path, line: &str) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(line.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn older(memory: &Remembered, offered: u64) -> bool {
        matches!(
            memory.admit(offered),
            Err(MetadataError::Older { held: 8, .. })
        )
    }

    #[test]
    fn number_is_kept_and_never_falls() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        let mut memory = Remembered::open(file.clone(), &KEY).unwrap();
        memory.admit(0).unwrap();
        for number in [5, 8, 6] {
            memory.keep(number).unwrap();
        }
        for memory in [memory, Remembered::open(file, &KEY).unwrap()] {
            assert!(older(&memory, 7));
            memory.admit(8).unwrap();
            memory.admit(9).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn file_that_the_host_did_not_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        let mut memory = Remembered::open(file.clone(), &KEY).unwrap();
        memory.keep(8).unwrap();
        let good = std::fs::read_to_string(&file).unwrap();
        let refused = |key: &[u8; 32]| {
            let opened = Remembered::open(file.clone(), key);
            matches!(opened, Err(MetadataError::MemorySeal(_)))
        };
        for bad in [
            good.replace("8 ", "7 "),
            good.replace("8 ", "+8 "),
            good.replace("8 ", "08 "),
            good.replace("8 ", ""),
            good.trim().to_owned(),
            "8".to_owned(),
            String::new(),
            " ".repeat(300),
        ] {
            std::fs::write(&file, &bad).unwrap();
            assert!(refused(&KEY), "{bad:?}");
        }
        std::fs::write(&file, &good).unwrap();
        assert!(refused(&[8; 32]), "another host's");
        assert!(!refused(&KEY));
    }

    #[test]
    fn folder_that_is_not_there_is_an_error_and_nothing_is_kept() {
        let file = PathBuf::from("/nonexistent/folder/number");
        let mut memory = Remembered::open(file, &KEY).unwrap();
        let refused = memory.keep(8).unwrap_err();
        assert_eq!(refused.code(), "memory");
        memory.admit(1).unwrap();
    }
}
