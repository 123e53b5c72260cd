//! Why a policy bundle, or the facts it is to judge, was refused.

use std::io;

use thiserror::Error;

/// A refused bundle or configuration. Paths are relative to the policy folder.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder that can't be read.
    #[error("{path}: can't be read: {source}")]
    Read {
        /// What was to be read.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file that would be silently without effect.
    #[error(
        "{path}: not part of a policy bundle; expected schema.cedarschema, *.cedar in the folder or one level below, signers/*.toml, tests/*.json, *.md"
    )]
    Stray {
        /// The file or folder.
        path: String,
    },
    /// More than a bundle may hold.
    #[error("{path}: the bundle is larger than {limit}; remove what is not policy")]
    TooLarge {
        /// Where the limit was passed.
        path: String,
        /// The limit, for people.
        limit: String,
    },
    /// The schema is missing, or not a Cedar schema.
    #[error("{path}: {reason}")]
    Schema {
        /// The file, with a line where known.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The schema can't express what the host asks.
    #[error(
        "schema.cedarschema: does not fit what the host asks for `{asked}`: {reason}; take the declarations from the schema delivered with this version of zeropass"
    )]
    Unfit {
        /// The action or entity.
        asked: String,
        /// What Cedar found.
        reason: String,
    },
    /// A policy that is not Cedar.
    #[error("{path}: {reason}")]
    Syntax {
        /// The file, with a line where known.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A template; nothing would ever link it.
    #[error(
        "{path}: holds a template (`?principal` or `?resource`); write a policy with the entity itself"
    )]
    Template {
        /// The file.
        path: String,
    },
    /// A policy that audit could not name.
    #[error(
        "{path}: policy number {number} has no id; put @id(\"...\") before it, unique in the bundle"
    )]
    MissingId {
        /// The file.
        path: String,
        /// Its place in the file, from 1.
        number: usize,
    },
    /// An id that is no good name.
    #[error("{path}: policy id `{id}` is malformed; expected 1 to 100 of a-z, 0-9, `.`, `-`, `_`")]
    MalformedId {
        /// The file.
        path: String,
        /// The id.
        id: String,
    },
    /// Two policies that audit could not tell apart.
    #[error(
        "{path}: policy id `{id}` is used already in {first}; expected an id that is unique in the bundle"
    )]
    DuplicateId {
        /// The second file.
        path: String,
        /// The id.
        id: String,
        /// The first file.
        first: String,
    },
    /// A policy that strict validation against the schema refuses.
    #[error("{path}: policy `{policy}` fails strict validation: {reason}")]
    Invalid {
        /// The file, with a line where known.
        path: String,
        /// The policy's id.
        policy: String,
        /// What is wrong, and Cedar's hint.
        reason: String,
    },
    /// A golden test that asks nothing sensible.
    #[error("{path}: {reason}")]
    TestFile {
        /// The file.
        path: String,
        /// What is wrong, and what is expected.
        reason: String,
    },
    /// Golden tests that fail.
    #[error(transparent)]
    Golden(Box<Failure>),
    /// A signer that can't be used.
    #[error("{path}: {reason}")]
    Signer {
        /// The file.
        path: String,
        /// What is wrong, and what is expected.
        reason: String,
    },
    /// A relying party that the configuration can't mean.
    #[error("relying party `{id}`: {reason}")]
    RelyingParty {
        /// The id.
        id: String,
        /// What is wrong.
        reason: String,
    },
}

/// Failing golden tests; the first of them is described.
#[derive(Debug, Error)]
#[error(
    "{path}: golden test \"{test}\" fails for {request}: expected {expected}, got {got} ({failed} of {total} requests fail; `zeropass policy check` shows all)"
)]
pub struct Failure {
    /// The test file.
    pub path: String,
    /// The test's name.
    pub test: String,
    /// What was asked.
    pub request: String,
    /// The decision and policies that the test expects.
    pub expected: String,
    /// The decision and policies that came.
    pub got: String,
    /// How many requests fail.
    pub failed: usize,
    /// How many there are.
    pub total: usize,
}
