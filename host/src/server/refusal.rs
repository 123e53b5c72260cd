//! Refused handshakes as stable codes, for audit records and metrics.
//!
//! The codes about certificates (`expired`, `unknown-ca`, `no-spiffe-id`, ...)
//! come from [`crate::identity::verifier::refusal_code`] and
//! [`crate::identity::SvidError::code`]; those here are about all that can go
//! wrong before or around them.

use std::io;

use rustls::{Error as TlsError, PeerIncompatible};

/// The handshake took longer than `handshake_timeout`.
pub const HANDSHAKE_TIMEOUT: &str = "handshake-timeout";

/// The handshake was the oldest of `max_handshakes` when another one began.
pub const HANDSHAKE_DISPLACED: &str = "handshake-displaced";

/// There were `max_connections` connections already.
pub const TOO_MANY_CONNECTIONS: &str = "too-many-connections";

/// The peer had `identity_connections` connections already.
pub const TOO_MANY_FOR_IDENTITY: &str = "too-many-connections-of-identity";

/// The code for a handshake that ended with `error`.
pub fn handshake_code(error: &io::Error) -> &'static str {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<TlsError>());
    match tls {
        Some(tls) => tls_code(tls),
        None => "connection-lost",
    }
}

fn tls_code(error: &TlsError) -> &'static str {
    match error {
        TlsError::NoCertificatesPresented
        | TlsError::InvalidCertificate(_)
        | TlsError::InvalidCertRevocationList(_) => crate::identity::verifier::refusal_code(error),
        TlsError::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => "tls-version",
        TlsError::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon) => "key-exchange",
        TlsError::PeerIncompatible(_) => "tls-incompatible",
        TlsError::NoApplicationProtocol => "no-protocol",
        TlsError::AlertReceived(_) => "peer-alert",
        TlsError::InvalidMessage(_)
        | TlsError::InappropriateMessage { .. }
        | TlsError::InappropriateHandshakeMessage { .. }
        | TlsError::PeerMisbehaved(_)
        | TlsError::PeerSentOversizedRecord
        | TlsError::DecryptError => "malformed-handshake",
        _ => "handshake-failed",
    }
}
