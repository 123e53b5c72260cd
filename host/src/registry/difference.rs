//! Where a component and this host don't fit, item by item, in the words that a
//! person wants to read.

use std::fmt;

/// One thing that keeps a component from serving here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It imports what this host does not have.
    Unknown {
        /// The interface or function.
        item: String,
    },
    /// It imports what policy does not grant.
    NotGranted {
        /// The interface.
        item: String,
        /// The component's name.
        component: String,
        /// Whether this host could grant it at all.
        offered: bool,
    },
    /// It calls a function in another form than this host has.
    OtherForm {
        /// The function.
        item: String,
        /// As the component calls it.
        signature: String,
    },
    /// It lacks a function that somebody calls.
    NotExported {
        /// The function.
        item: String,
        /// Who calls it: another component with its version, or `this host`.
        caller: String,
        /// Whether the revision before had it.
        before: bool,
    },
    /// It exports a function in another form than the revision before.
    Changed {
        /// The function.
        item: String,
        /// As it is now.
        now: String,
        /// As it was.
        before: String,
    },
    /// What the engine found, where nothing above says it better.
    Unfit(String),
}

// === impl Difference ===

impl Difference {
    /// A stable code for audit records and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "import-unknown",
            Self::NotGranted { .. } => "import-not-granted",
            Self::OtherForm { .. } => "import-form",
            Self::NotExported { .. } => "export-missing",
            Self::Changed { .. } => "export-changed",
            Self::Unfit(_) => "world-mismatch",
        }
    }

    /// Whether a change of policy alone would mend it.
    pub fn is_grantable(&self) -> bool {
        matches!(self, Self::NotGranted { offered: true, .. })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { item } => write!(f, "needs {item}, which this host does not have"),
            Self::NotGranted {
                item,
                component,
                offered,
            } => {
                write!(
                    f,
                    "asks for {item}, which policy does not grant to {component}"
                )?;
                if *offered {
                    return Ok(());
                }
                f.write_str(" and this host does not have")
            }
            Self::OtherForm { item, signature } => write!(
                f,
                "calls {item} as {signature}, which is not the form that this host has"
            ),
            Self::NotExported {
                item,
                caller,
                before: true,
            } => write!(f, "no longer exports {item}, which {caller} calls"),
            Self::NotExported { item, caller, .. } => {
                write!(f, "does not export {item}, which {caller} calls")
            }
            Self::Changed { item, now, before } => {
                write!(f, "exports {item} as {now}, which was {before}")
            }
            Self::Unfit(reason) => write!(f, "does not fit its world: {reason}"),
        }
    }
}

/// All of them, one after another.
pub(super) fn listed(differences: &[Difference]) -> String {
    differences
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// The code of the worst: what no policy can mend comes first.
pub(super) fn code(differences: &[Difference]) -> &'static str {
    differences
        .iter()
        .find(|one| !matches!(one, Difference::NotGranted { .. }))
        .or(differences.first())
        .map_or("world-mismatch", Difference::code)
}
