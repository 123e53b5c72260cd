//! Where built components are, and where their compiled code is shared.

use std::path::{Path, PathBuf};

/// A built component: `auth_service` or `passkey_manager`.
///
/// Looked for in the folder that `ZEROPASS_COMPONENTS` names, by default the target
/// folder's `wasm32-wasip2/component`.
///
/// # Panics
/// It has not been built; the message says how to.
pub fn component_file(name: &str) -> PathBuf {
    built(
        &components_folder(),
        name,
        "cargo build --target wasm32-wasip2 --profile component -p auth-service -p passkey-manager",
    )
}

/// A built hostile guest, by the name of its file in `tests/guests/examples`.
///
/// Looked for in the folder that `ZEROPASS_GUESTS` names, by default the target
/// folder's `wasm32-wasip2/component/examples`.
///
/// # Panics
/// It has not been built; the message says how to.
pub fn guest_file(name: &str) -> PathBuf {
    let folder = folder_of("ZEROPASS_GUESTS").unwrap_or_else(|| profile_folder().join("examples"));
    built(
        &folder,
        name,
        "cargo build --target wasm32-wasip2 --profile component -p guests --examples",
    )
}

/// A built program of the workspace, such as `zeropass`.
///
/// Looked for in the folder that `ZEROPASS_BINARIES` names, by default the target
/// folder's `debug`.
///
/// # Panics
/// It has not been built; the message says how to.
pub fn binary_file(name: &str) -> PathBuf {
    let folder = folder_of("ZEROPASS_BINARIES").unwrap_or_else(|| target_folder().join("debug"));
    let file = folder.join(name);
    assert!(
        file.is_file(),
        "{} is missing; build it with: cargo build --workspace --exclude guests --bin {name}",
        file.display()
    );
    file
}

/// Where all deployments of this target folder keep compiled components and the
/// key under which they trust them.
pub(super) fn shared_folder() -> PathBuf {
    target_folder().join("tmp").join("deployments")
}

/// The policies that the repository delivers.
pub(super) fn policies() -> PathBuf {
    workspace().join("policies")
}

/// A copy of those, to be changed by a test.
///
/// # Panics
/// It can't be made.
pub fn copied_policies() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    copy_folder(&policies(), copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry of a folder");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&to).expect("a folder can be made");
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).expect("a file can be copied");
        }
    }
}

fn components_folder() -> PathBuf {
    folder_of("ZEROPASS_COMPONENTS").unwrap_or_else(profile_folder)
}

fn profile_folder() -> PathBuf {
    target_folder().join("wasm32-wasip2").join("component")
}

fn target_folder() -> PathBuf {
    folder_of("CARGO_TARGET_DIR").unwrap_or_else(|| workspace().join("target"))
}

fn folder_of(variable: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os(variable)?);
    // Cargo runs tests in their package's folder, and people name folders as seen
    // from the workspace.
    Some(workspace().join(folder))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
        .to_owned()
}

fn built(folder: &Path, name: &str, mend: &str) -> PathBuf {
    let file = folder.join(format!("{name}.wasm"));
    assert!(
        file.is_file(),
        "{} is missing; build it with: {mend}",
        file.display()
    );
    file
}
