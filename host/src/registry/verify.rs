//! Whether a component file is what somebody trusted says it is.
//!
//! Everything is checked before a byte of the file is compiled, in this order:
//! there is a signature, of the right form, by a key that policy knows and has not
//! revoked, over these very bytes; the statement in it is about this file and this
//! component, its signer may sign that component, and it is not from the future.
//! The first that fails ends it; there is no second chance and no other way in.

use aws_lc_rs::digest;
use minisign::PublicKey;

use super::grants::interface_id;
use super::signature::{self, Signature, SignedComponent};
use super::statement::Statement;
use crate::clock::{Timestamp, rfc3339};
use crate::hex::hex;
use crate::policy::{Signers, key_id};

/// How far a signer's clock may be ahead of the host's, milliseconds.
const SKEW: Timestamp = 5 * 60 * 1000;

/// A file that is what its signer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What the signer says, all of it true.
    pub statement: Statement,
    /// The signer's id in policy.
    pub signer: String,
    /// The id of the signer's key, as minisign prints it.
    pub key_id: String,
}

/// Why a file is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// There is no signature.
    #[error(
        "it is not signed; sign it with `zeropass component sign FILE --key KEY --name NAME --version VERSION`"
    )]
    Unsigned,
    /// What should be a signature is none.
    #[error("its signature is malformed: {0}")]
    Malformed(String),
    /// Policy knows no such key.
    #[error(
        "it is signed with the key {0}, which policy does not know; if the key is to be trusted, add its public key to the signers of the policy"
    )]
    UnknownSigner(String),
    /// Policy has revoked the key.
    #[error(
        "it is signed by `{signer}` (key {key_id}), whose key is revoked; sign it with another key"
    )]
    RevokedSigner {
        /// The signer.
        signer: String,
        /// Its key.
        key_id: String,
    },
    /// The bytes or the comment are not those that were signed.
    #[error(
        "its signature is not valid: the file or the signature was changed after `{signer}` signed it; fetch both again"
    )]
    Invalid {
        /// The signer whose key is named.
        signer: String,
    },
    /// The signature is good, but its comment says nothing about a component.
    #[error("its signature carries no statement: {0}")]
    NoStatement(String),
    /// The signer may not sign this component.
    #[error("it is signed by `{signer}`, who may sign {} only", .may.join(", "))]
    SignerNotAllowed {
        /// The signer.
        signer: String,
        /// What it may sign.
        may: Vec<String>,
    },
    /// The statement is about another component.
    #[error("it is signed as {signed}; this is the place of {wanted}")]
    Name {
        /// The name in the statement.
        signed: String,
        /// The name that was wanted.
        wanted: String,
    },
    /// The statement is about another file.
    #[error(
        "its statement is about a file with sha256 {stated}, but this one has {actual}; sign this file anew"
    )]
    Digest {
        /// The digest in the statement.
        stated: String,
        /// The file's own.
        actual: String,
    },
    /// It was built for a world that this host does not run.
    #[error("it is built for the world {stated}; this host runs components of {wanted}")]
    World {
        /// The world in the statement.
        stated: String,
        /// The world that the host runs under this name.
        wanted: String,
    },
    /// The statement is from the future.
    #[error(
        "it says it was signed at {stated}, and it is {now}; set the clock that is wrong, and sign again if it was the signer's"
    )]
    Future {
        /// The time in the statement.
        stated: String,
        /// The host's time.
        now: String,
    },
}

// === impl Distrust ===

impl Distrust {
    /// A stable code for audit records and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "component-unsigned",
            Self::Malformed(_) => "signature-malformed",
            Self::UnknownSigner(_) => "signer-unknown",
            Self::RevokedSigner { .. } => "signer-revoked",
            Self::Invalid { .. } => "signature-invalid",
            Self::NoStatement(_) => "statement-malformed",
            Self::SignerNotAllowed { .. } => "signer-not-allowed",
            Self::Name { .. } => "name-mismatch",
            Self::Digest { .. } => "digest-mismatch",
            Self::World { .. } => "world-unknown",
            Self::Future { .. } => "statement-from-future",
        }
    }
}

/// SHA-256 of a file, lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Verify that `component` is a revision of `name`, signed by one of `signers`.
///
/// # Errors
/// [`Distrust`].
pub fn verify(
    name: &str,
    component: &SignedComponent,
    signers: &Signers,
    now: Timestamp,
) -> Result<Verified, Distrust> {
    let wasm = &component.wasm;
    let actual = || sha256(wasm);
    trusted(
        name,
        &component.minisig,
        signers,
        now,
        actual,
        |signature, key| signature.is_of(key, wasm),
    )
}

/// Verify what a signature states of a revision of `name`, without the file: that one
/// of `signers` says so. Whether there is such a file, and who runs it, it can't tell.
///
/// # Errors
/// [`Distrust`].
pub fn verify_statement(
    name: &str,
    minisig: &str,
    signers: &Signers,
    now: Timestamp,
) -> Result<Verified, Distrust> {
    let stated = signature::stated(minisig)
        .map(|statement| statement.digest)
        .unwrap_or_default();
    trusted(name, minisig, signers, now, || stated, Signature::vouches)
}

/// All checks, where `actual` is the file's digest and `authentic` tells whether a key
/// made a signature.
fn trusted(
    name: &str,
    minisig: &str,
    signers: &Signers,
    now: Timestamp,
    actual: impl FnOnce() -> String,
    authentic: impl FnOnce(&Signature, &PublicKey) -> bool,
) -> Result<Verified, Distrust> {
    if minisig.trim().is_empty() {
        return Err(Distrust::Unsigned);
    }
    let signature =
        Signature::parse(minisig).map_err(|error| Distrust::Malformed(error.to_string()))?;
    let key_id = key_id(signature.key_id());
    let Some(signer) = signers.find(signature.key_id()) else {
        return Err(Distrust::UnknownSigner(key_id));
    };
    if signer.revoked {
        return Err(Distrust::RevokedSigner {
            signer: signer.id.clone(),
            key_id,
        });
    }
    if !authentic(&signature, &signer.key) {
        return Err(Distrust::Invalid {
            signer: signer.id.clone(),
        });
    }
    let statement = Statement::parse(signature.comment())
        .map_err(|error| Distrust::NoStatement(error.to_string()))?;
    if !signer.names.contains(&statement.name) {
        return Err(Distrust::SignerNotAllowed {
            signer: signer.id.clone(),
            may: signer.names.clone(),
        });
    }
    if statement.name != name {
        return Err(Distrust::Name {
            signed: statement.name,
            wanted: name.to_owned(),
        });
    }
    let actual = actual();
    if statement.digest != actual {
        return Err(Distrust::Digest {
            stated: statement.digest,
            actual,
        });
    }
    let wanted = interface_id(&Statement::default_world(name));
    if interface_id(&statement.world) != wanted {
        return Err(Distrust::World {
            stated: statement.world,
            wanted,
        });
    }
    if statement.time > now.saturating_add(SKEW) {
        return Err(Distrust::Future {
            stated: rfc3339(statement.time),
            now: rfc3339(now),
        });
    }
    Ok(Verified {
        statement,
        signer: signer.id.clone(),
        key_id,
    })
}
