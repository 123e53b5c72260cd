//! The names of WIT interfaces, as policy compares them.
//!
//! A component's import carries a full version (`zeropass:store/accounts@1.0.0`,
//! `wasi:clocks/wall-clock@0.2.6`). Policy grants a compatibility track: the part
//! of the version that semantic versioning keeps compatible (`@1`, `@0.2`).

use std::fmt;

use thiserror::Error;

/// A WIT interface on its compatibility track.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Interface {
    id: String,
    package: String,
}

/// A text that names no versioned interface.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not an interface id; expected namespace:package/interface@version, for example `zeropass:store/accounts@1`"
)]
pub struct InterfaceError(pub String);

// === impl Interface ===

impl Interface {
    /// Read an import's name, with a full version or with the track alone.
    ///
    /// # Errors
    /// When a part is missing, or the version is not one to three numbers.
    pub fn parse(text: &str) -> Result<Self, InterfaceError> {
        Self::read(text).ok_or_else(|| InterfaceError(text.chars().take(200).collect()))
    }

    /// `zeropass:store/accounts@1`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `zeropass:store@1`.
    pub fn package(&self) -> &str {
        &self.package
    }

    fn read(text: &str) -> Option<Self> {
        let (path, version) = text.split_once('@')?;
        let (package, interface) = path.split_once('/')?;
        let (namespace, name) = package.split_once(':')?;
        if ![namespace, name, interface].into_iter().all(is_label) {
            return None;
        }
        let track = track(version)?;
        Some(Self {
            id: format!("{path}@{track}"),
            package: format!("{package}@{track}"),
        })
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// A kebab-case name of the component model; capitals occur in acronyms.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `1.4.2` is compatible with all of `1`, `0.2.6` with `0.2`, `0.0.3` with itself
/// only. A pre-release is compatible with nothing, so it has no track.
fn track(version: &str) -> Option<&str> {
    let numbers: Vec<&str> = version.split('.').collect();
    if numbers.len() > 3 || !numbers.iter().copied().all(is_number) {
        return None;
    }
    let significant = numbers.iter().position(|number| *number != "0")?;
    let length = numbers
        .iter()
        .take(significant + 1)
        .map(|number| number.len() + 1)
        .sum::<usize>();
    version.get(..length - 1)
}

fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_versions_fall_on_their_compatibility_track() {
        for (text, id, package) in [
            (
                "zeropass:store/accounts@1.0.0",
                "zeropass:store/accounts@1",
                "zeropass:store@1",
            ),
            (
                "zeropass:store/accounts@1",
                "zeropass:store/accounts@1",
                "zeropass:store@1",
            ),
            (
                "wasi:clocks/wall-clock@0.2.6",
                "wasi:clocks/wall-clock@0.2",
                "wasi:clocks@0.2",
            ),
            (
                "wasi:clocks/wall-clock@0.2",
                "wasi:clocks/wall-clock@0.2",
                "wasi:clocks@0.2",
            ),
            ("a:b/c@0.0.3", "a:b/c@0.0.3", "a:b@0.0.3"),
            ("a:b/c@10.20.30", "a:b/c@10", "a:b@10"),
        ] {
            let interface = Interface::parse(text).unwrap();
            assert_eq!(
                (interface.id(), interface.package()),
                (id, package),
                "{text}"
            );
        }
    }

    #[test]
    fn what_names_no_versioned_interface_is_refused() {
        for text in [
            "",
            "accounts",
            "zeropass:store",
            "zeropass:store/accounts",
            "zeropass:store/accounts@",
            "zeropass:store/accounts@x",
            "zeropass:store/accounts@1.0.0-rc1",
            "zeropass:store/accounts@0",
            "zeropass:store/accounts@01",
            "zeropass:store/accounts@1.0.0.0",
            "zeropass:/accounts@1",
            ":store/accounts@1",
            "zeropass:store/@1",
            "zeropass:store/acc ounts@1",
            "a:b/c/d@1",
            "a:b/c@1@2",
        ] {
            assert_eq!(
                Interface::parse(text),
                Err(InterfaceError(text.into())),
                "{text}"
            );
        }
    }
}
