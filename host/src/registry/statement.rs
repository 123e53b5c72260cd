//! What a signer says about a component file: one line, in the trusted comment of
//! a minisign signature.
//!
//! ```text
//! zeropass-component name=auth-service version=1.3.0 sha256=9f86... world=zeropass:components/auth-service@1.0.0 time=2026-11-20T09:30:00Z
//! ```
//!
//! Five fields, each once, in any order, so that the line can also be written by
//! hand and signed with the stock tool (`minisign -S -t '...'`). A statement that
//! exists is well formed; whether it is true of a file is for `verify` to say.

use std::fmt;

use semver::Version;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::clock::{Timestamp, rfc3339};

/// The first word of a statement.
const KIND: &str = "zeropass-component";
/// The longest name and world, bytes.
const MAX_FIELD: usize = 200;

/// A signed claim: this file is this version of this component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The component's name: `auth-service` or `passkey-manager`.
    pub name: String,
    /// Its version (semver.org 2.0.0); build metadata is not allowed, because it
    /// has no order.
    pub version: Version,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub digest: String,
    /// The WIT world that it was built for, `zeropass:components/auth-service@1.0.0`.
    pub world: String,
    /// When it was signed, milliseconds since the Unix epoch, whole seconds.
    pub time: Timestamp,
}

/// A line that is no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; expected `{KIND} name=... version=1.2.3 sha256=<64 hexadecimal digits> world=zeropass:components/...@1.0.0 time=2026-01-31T12:00:00Z`"
)]
pub struct StatementError(String);

// === impl Statement ===

impl Statement {
    /// The world of a component that says nothing else.
    pub fn default_world(name: &str) -> String {
        format!("zeropass:components/{name}@1.0.0")
    }

    /// Whether this was said later than `other` or, in the same second, of no lower a
    /// version.
    pub fn supersedes(&self, other: &Self) -> bool {
        (self.time, &self.version) >= (other.time, &other.version)
    }

    /// Read a trusted comment.
    ///
    /// # Errors
    /// It is of another kind, or a field is missing, unknown, twice there or
    /// malformed.
    pub fn parse(line: &str) -> Result<Self, StatementError> {
        let mut words = line.split(' ');
        if words.next() != Some(KIND) {
            return Err(StatementError("the comment is no statement".into()));
        }
        let (mut name, mut version, mut digest, mut world, mut time) =
            (None, None, None, None, None);
        for word in words {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| StatementError(format!("`{}` is no field", shown(word))))?;
            let (slot, well_formed): (&mut Option<&str>, bool) = match key {
                "name" => (&mut name, is_name(value)),
                "version" => (&mut version, true),
                "sha256" => (&mut digest, is_digest(value)),
                "world" => (&mut world, is_world(value)),
                "time" => (&mut time, true),
                _ => return Err(StatementError(format!("unknown field `{}`", shown(key)))),
            };
            if !well_formed {
                return Err(malformed(key, value));
            }
            if slot.replace(value).is_some() {
                return Err(StatementError(format!("{key} is there twice")));
            }
        }
        let missing = |key: &str| StatementError(format!("{key} is missing"));
        let version = version.ok_or_else(|| missing("version"))?;
        let time = time.ok_or_else(|| missing("time"))?;
        Ok(Self {
            name: name.ok_or_else(|| missing("name"))?.to_owned(),
            version: parse_version(version).ok_or_else(|| malformed("version", version))?,
            digest: digest.ok_or_else(|| missing("sha256"))?.to_owned(),
            world: world.ok_or_else(|| missing("world"))?.to_owned(),
            time: parse_time(time).ok_or_else(|| malformed("time", time))?,
        })
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{KIND} name={} version={} sha256={} world={} time={}",
            self.name,
            self.version,
            self.digest,
            self.world,
            rfc3339(self.time)
        )
    }
}

// === helpers ===

/// A version as statements carry it.
pub fn parse_version(text: &str) -> Option<Version> {
    let version = Version::parse(text).ok()?;
    (version.build.is_empty() && text.len() <= MAX_FIELD).then_some(version)
}

/// Whether this can be the name of a component: a lower-case WIT name.
pub fn is_name(text: &str) -> bool {
    text.len() <= MAX_FIELD
        && text.split('-').all(|word| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Timestamp::try_from(time.unix_timestamp())
        .ok()?
        .checked_mul(1000)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `package:name/world@version` in printable characters; which worlds a host runs
/// is its own matter.
fn is_world(text: &str) -> bool {
    let parts = text.split_once('/').map(|(package, world)| {
        package.contains(':') && world.split_once('@').is_some_and(|(_, v)| !v.is_empty())
    });
    text.len() <= MAX_FIELD && parts == Some(true) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn malformed(key: &str, value: &str) -> StatementError {
    StatementError(format!("{key} `{}` is malformed", shown(value)))
}

/// The comment is not trusted yet when it is read: no control characters, no
/// length.
fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .map(|one| if one.is_control() { '?' } else { one })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "zeropass-component name=auth-service version=1.3.0-rc.1 \
        sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef \
        world=zeropass:components/auth-service@1.0.0 time=2026-11-20T09:30:00Z";

    #[test]
    fn statement_reads_what_it_writes() {
        let statement = Statement::parse(LINE).unwrap();
        assert_eq!(statement.name, "auth-service");
        assert_eq!(statement.version.to_string(), "1.3.0-rc.1");
        assert_eq!(statement.time, 1_795_167_000_000);
        assert_eq!(statement.to_string(), LINE);
        assert_eq!(Statement::parse(&statement.to_string()), Ok(statement));
    }

    #[test]
    fn fields_may_stand_in_any_order_and_times_in_any_zone() {
        let line = LINE.replace("09:30:00Z", "10:30:00+01:00");
        let mut words: Vec<&str> = line.split(' ').collect();
        words.get_mut(1..).unwrap().reverse();
        assert_eq!(Statement::parse(&words.join(" ")), Statement::parse(LINE));
    }

    #[test]
    fn what_is_no_statement_is_refused_with_its_reason() {
        for (from, to, reason) in [
            ("zeropass-component ", "timestamp:1 ", "no statement"),
            ("name=auth-service ", "", "name is missing"),
            ("name=auth-service", "name=Auth", "name `Auth` is malformed"),
            ("name=auth-service", "name=auth--service", "is malformed"),
            ("version=1.3.0-rc.1", "version=1.3", "version `1.3`"),
            ("version=1.3.0-rc.1", "version=1.3.0+a", "version `1.3.0+a`"),
            ("sha256=01", "sha256=0", "sha256 `0"),
            ("sha256=01", "sha256=0A", "sha256 `0A"),
            ("world=zeropass:components/", "world=", "world `auth"),
            ("time=2026", "time=yesterday", "time `yesterday"),
            ("time=2026-11-20", "time=1026-11-20", "is malformed"),
            (
                " time=",
                " time=2026-11-20T09:30:00Z time=",
                "time is there twice",
            ),
            (" time=", " colour=red time=", "unknown field `colour`"),
            (" time=", "  time=", "`` is no field"),
        ] {
            let line = LINE.replacen(from, to, 1);
            let error = Statement::parse(&line).unwrap_err().to_string();
            assert!(error.contains(reason), "{line}: {error}");
            assert!(
                error.contains("expected `zeropass-component name="),
                "{error}"
            );
        }
    }
}
