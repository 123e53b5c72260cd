//! Paths, made absolute from the folder of the configuration file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::at::At;
use super::format::Format;
use super::reader::Files;

/// What a path must lead to when the configuration is loaded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Location {
    /// A readable file; the text says of what.
    File(&'static str),
    /// A folder that exists.
    Folder,
    /// A folder that the host may create.
    NewFolder,
    /// A file that the host may create, in a folder that exists.
    NewFile,
}

// === impl Location ===

impl Location {
    fn check(self, path: &Path) -> Result<(), String> {
        match self {
            // Opening tells more than a look at the metadata: it needs the permission too.
            Self::File(_) => match File::open(path).and_then(|file| file.metadata()) {
                Ok(metadata) if metadata.is_file() => Ok(()),
                Ok(_) => Err("that is not a file".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Self::Folder => match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => Ok(()),
                Ok(_) => Err("that is not a folder".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Self::NewFolder => match fs::metadata(path) {
                Ok(metadata) if !metadata.is_dir() => Err("that is not a folder".to_owned()),
                _ => Ok(()),
            },
            Self::NewFile => match path.parent().map(fs::metadata) {
                _ if path.is_dir() => Err("that is a folder".to_owned()),
                Some(Err(error)) => Err(format!("its folder: {error}")),
                Some(Ok(metadata)) if !metadata.is_dir() => {
                    Err("its folder is not a folder".to_owned())
                }
                _ => Ok(()),
            },
        }
    }
}

impl Format for Location {
    type Value = PathBuf;

    fn expected(&self) -> String {
        match self {
            Self::File(what) => format!("the path of {what}"),
            Self::Folder => "the path of a folder that exists".to_owned(),
            Self::NewFolder => "the path of a folder, which may be new".to_owned(),
            Self::NewFile => {
                "the path of a file, which may be new, in a folder that exists".to_owned()
            }
        }
    }

    fn read(&self, at: &At<'_>) -> Option<PathBuf> {
        let text = at.value().as_str().filter(|text| !text.is_empty());
        let Some(text) = text.filter(|text| !text.contains("-----BEGIN")) else {
            return at.refuse(&self.expected(), None);
        };
        let path = at.folder().join(text);
        if at.files() == Files::Checked
            && let Err(because) = self.check(&path)
        {
            let because = format!("{}: {because}", path.display());
            return at.refuse(&self.expected(), Some(because));
        }
        Some(path)
    }
}
