//! What tests and benches are told by environment variables: where the built things
//! are. A variable that is set already wins, so that a test can be pointed elsewhere.

use std::path::PathBuf;
use std::process::Command;

use crate::workspace::Workspace;

/// The W3C test vectors, in the checkout or beside it.
const VECTORS: [&str; 2] = [
    "tests/vectors/w3c-webauthn-l3.json",
    "../shared/vectors/w3c-webauthn-l3.json",
];

/// The variable that names them.
const VECTORS_VARIABLE: &str = "ZEROPASS_VECTORS";

/// The W3C test vectors, if there are any.
pub fn vectors(workspace: &Workspace) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VECTORS_VARIABLE) {
        return Some(named.into());
    }
    VECTORS
        .iter()
        .map(|file| workspace.root().join(file))
        .find(|file| file.is_file())
}

/// Sets the variables for binaries of the profile `dev` or `release`.
pub fn set(command: &mut Command, workspace: &Workspace, profile: &str) {
    let mut values = vec![
        ("ZEROPASS_COMPONENTS", workspace.components()),
        ("ZEROPASS_GUESTS", workspace.guests()),
        ("ZEROPASS_BINARIES", workspace.binaries(profile)),
    ];
    values.extend(vectors(workspace).map(|file| (VECTORS_VARIABLE, file)));
    for (name, value) in values {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
}
