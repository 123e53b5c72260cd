//! The sources of the components at one moment, and what has changed between two.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::build;

/// At the top of the checkout: versions, features and profiles of everything.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "Cargo.lock"];

/// Time and length of each source file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, (SystemTime, u64)>);

/// What has changed between two snapshots.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Saved {
    /// The components that are to be built.
    pub(super) components: BTreeSet<&'static str>,
    /// One of the files, from the top of the checkout: the one that was saved last.
    pub(super) file: PathBuf,
    /// When that was.
    pub(super) when: SystemTime,
}

// === impl Snapshot ===

impl Snapshot {
    /// The sources of all components in the checkout `root`, and the interfaces.
    pub(super) fn of(root: &Path) -> Result<Self> {
        let mut found = BTreeMap::new();
        for folder in ["components", "wit"] {
            gather(root, &root.join(folder), &mut found)?;
        }
        for file in MANIFESTS {
            // One that is not there has not changed.
            if let Ok(about) = fs::metadata(root.join(file)) {
                let when = about.modified().with_context(|| file.to_owned())?;
                found.insert(file.into(), (when, about.len()));
            }
        }
        Ok(Self(found))
    }

    /// What is new, gone or otherwise in `now`.
    pub(super) fn since(&self, now: &Self) -> Option<Saved> {
        let gone = self.0.keys().filter(|file| !now.0.contains_key(*file));
        let new = now
            .0
            .iter()
            .filter(|(file, at)| self.0.get(*file) != Some(at));
        let changed: Vec<(&PathBuf, SystemTime)> = new
            .map(|(file, (when, _))| (file, *when))
            // Nobody knows when a file was taken away; it was just now.
            .chain(gone.map(|file| (file, SystemTime::now())))
            .collect();
        let (file, when) = changed.iter().max_by_key(|(_, when)| *when)?;
        let components = build::COMPONENTS
            .into_iter()
            .filter(|name| changed.iter().any(|(file, _)| concerns(file, name)))
            .collect();
        Some(Saved {
            components,
            file: file.to_path_buf(),
            when: *when,
        })
    }
}

/// Whether a component is built from this file: its own, an interface, or what says which
/// libraries all are built from.
fn concerns(file: &Path, name: &str) -> bool {
    MANIFESTS.iter().any(|manifest| file == Path::new(manifest))
        || file.starts_with("wit")
        || file.starts_with(Path::new("components").join(name))
}

/// Tests and hidden files make no other component.
fn gather(
    root: &Path,
    folder: &Path,
    found: &mut BTreeMap<PathBuf, (SystemTime, u64)>,
) -> Result<()> {
    let shown = || folder.display().to_string();
    let entries = match fs::read_dir(folder) {
        // Taken away since it was listed.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(shown)?,
    };
    for entry in entries {
        let entry = entry.with_context(shown)?;
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if hidden || name == "target" || name == "tests" || name == "fuzz" {
            continue;
        }
        let path = entry.path();
        // An editor may have taken its file away since.
        let Ok(about) = fs::metadata(&path) else {
            continue;
        };
        if about.is_dir() {
            gather(root, &path, found)?;
        } else {
            let file = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            let when = about.modified().with_context(shown)?;
            found.insert(file, (when, about.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn checkout() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in [
            "components/auth-service/src/lib.rs",
            "components/auth-service/tests/api.rs",
            "components/passkey-manager/src/lib.rs",
            "wit/passkeys/passkeys.wit",
        ] {
            write(root.path(), file, "one");
        }
        root
    }

    fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// The components that `change` has to be followed by.
    fn after(change: impl FnOnce(&Path)) -> Vec<&'static str> {
        let root = checkout();
        let before = Snapshot::of(root.path()).unwrap();
        change(root.path());
        let saved = before.since(&Snapshot::of(root.path()).unwrap());
        saved.map_or_else(Vec::new, |saved| saved.components.into_iter().collect())
    }

    #[test]
    fn saved_source_is_noticed_with_its_component_alone() {
        let saved = |file: &'static str| after(|root| write(root, file, "two, longer"));
        assert_eq!(
            saved("components/auth-service/src/lib.rs"),
            ["auth-service"]
        );
        assert_eq!(
            saved("components/passkey-manager/src/new/file.rs"),
            ["passkey-manager"]
        );
        assert_eq!(
            saved("wit/passkeys/passkeys.wit"),
            ["auth-service", "passkey-manager"]
        );
        for file in MANIFESTS {
            assert_eq!(saved(file), ["auth-service", "passkey-manager"], "{file}");
        }
        let file = "components/auth-service/src/lib.rs";
        let gone = after(|root| fs::remove_file(root.join(file)).unwrap());
        assert_eq!(gone, ["auth-service"]);
    }

    #[test]
    fn tests_hidden_files_and_reading_change_nothing() {
        for file in [
            "components/auth-service/tests/api.rs",
            "components/auth-service/src/.lib.rs.swp",
            "components/auth-service/target/x",
            "docs/new.md",
        ] {
            assert!(after(|root| write(root, file, "two, longer")).is_empty());
        }
        assert!(after(|root| drop(fs::read(root.join("wit/passkeys/passkeys.wit")))).is_empty());
    }

    #[test]
    fn file_that_was_saved_last_is_named() {
        let root = checkout();
        let before = Snapshot::of(root.path()).unwrap();
        let file = "components/auth-service/src/lib.rs";
        write(root.path(), file, "two, longer");
        let later = SystemTime::now() + Duration::from_secs(5);
        let opened = fs::File::options().write(true).open(root.path().join(file));
        opened.unwrap().set_modified(later).unwrap();
        write(root.path(), "wit/passkeys/passkeys.wit", "two, longer");
        let saved = before.since(&Snapshot::of(root.path()).unwrap()).unwrap();
        assert_eq!((saved.file.as_path(), saved.when), (Path::new(file), later));
    }
}
