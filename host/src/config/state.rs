//! What a host keeps and reads on disk: `[store]`, `[policy]`, `[keys]`, `[cache]`,
//! and `[tokens]`, which are signed with one of the keys.

use std::path::PathBuf;
use std::time::Duration;

use super::format::Time;
use super::path::Location;
use super::postgres::{self, Postgres};
use super::section::Section;
use super::web::{ISSUER, Issuer};

/// The credential store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// The SQLite database; created when new. Its folder exists.
    Sqlite(PathBuf),
    /// A database in PostgreSQL, which `zeropass store migrate` has made ready.
    Postgres(Box<Postgres>),
}

/// The policy bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Holds the Cedar schema and policies.
    pub folder: PathBuf,
    /// Holds more signers of components than the policy folder.
    pub signers: Option<PathBuf>,
}

/// The keys that the host makes for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Token signing key, pseudonym key and cache key; created when new. To be
    /// kept like the store: without these keys sessions end and pseudonyms change.
    pub folder: PathBuf,
}

/// What can be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Compiled components; created when new, may be emptied at any time.
    pub folder: PathBuf,
}

/// Session tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The `iss` claim (RFC 7519 section 4.1.1).
    pub issuer: Issuer,
    /// From sign-in to the end of the session.
    pub session_lifetime: Duration,
    /// From one use of the session to the next.
    pub session_idle: Duration,
}

pub(super) fn read_store(section: &mut Section<'_>) -> Option<Store> {
    let sqlite = section.or("sqlite", r#""zeropass.db""#, Location::NewFile);
    let postgres = section.optional_section("postgres", postgres::read);
    Some(match postgres? {
        Some(postgres) => Store::Postgres(Box::new(postgres)),
        None => Store::Sqlite(sqlite?),
    })
}

pub(super) fn read_policy(section: &mut Section<'_>) -> Option<Policy> {
    let folder = section.or("folder", r#""policies""#, Location::Folder);
    let signers = section.optional("signers", Location::Folder);
    Some(Policy {
        folder: folder?,
        signers: signers?,
    })
}

pub(super) fn read_keys(section: &mut Section<'_>) -> Option<Keys> {
    let folder = section.or("folder", r#""keys""#, Location::NewFolder);
    Some(Keys { folder: folder? })
}

pub(super) fn read_cache(section: &mut Section<'_>) -> Option<Cache> {
    let folder = section.or("folder", r#""cache""#, Location::NewFolder);
    Some(Cache { folder: folder? })
}

pub(super) fn read_tokens(section: &mut Section<'_>) -> Option<Tokens> {
    let hour = Duration::from_secs(3600);
    let issuer = section.or("issuer", r#""https://zeropass.internal""#, ISSUER);
    let lifetime = Time(Duration::from_secs(60)..=90 * 24 * hour);
    let session_lifetime = section.or("session-lifetime", r#""12h""#, lifetime);
    let idle = Time(Duration::from_secs(60)..=90 * 24 * hour);
    let session_idle = section.or("session-idle", r#""15m""#, idle);
    Some(Tokens {
        issuer: issuer?,
        session_lifetime: session_lifetime?,
        session_idle: session_idle?,
    })
}
