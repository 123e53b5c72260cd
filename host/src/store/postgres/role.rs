//! The database roles of `roles.sql`, by duty.

use std::fmt;

/// Who a connection is in the database. No two duties share a role, and every role
/// logs in with a certificate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Changes the schema; no host has it.
    Migrator,
    /// Accounts and sessions.
    Accounts,
    /// Credentials and ceremonies.
    Credentials,
    /// Revisions and rollouts.
    Rollouts,
    /// Adds audit records, and nothing else.
    AuditWriter,
    /// Reads audit records, and nothing else.
    AuditReader,
}

// === impl Role ===

impl Role {
    /// The roles that a running host has.
    pub const RUNTIME: [Self; 5] = [
        Self::Accounts,
        Self::Credentials,
        Self::Rollouts,
        Self::AuditWriter,
        Self::AuditReader,
    ];

    /// The name in the database, and the common name of its certificate.
    pub fn name(self) -> &'static str {
        match self {
            Self::Migrator => "zeropass_migrator",
            Self::Accounts => "zeropass_accounts",
            Self::Credentials => "zeropass_credentials",
            Self::Rollouts => "zeropass_rollouts",
            Self::AuditWriter => "zeropass_audit_writer",
            Self::AuditReader => "zeropass_audit_reader",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
