//! Failed handshakes as stable codes, for audit records: of whoever accepts and of
//! whoever dials.
//!
//! The codes about certificates (`expired`, `unknown-ca`, `no-spiffe-id`, ...)
//! come from [`refusal_code`] and [`super::SvidError::code`].

use std::io;

use rustls::{AlertDescription, Error as TlsError, PeerIncompatible};

use super::verifier::{refusal_code, refusal_reason};

/// The code for a handshake that ended with `error`.
pub fn handshake_code(error: &io::Error) -> &'static str {
    match tls_error(error) {
        Some(tls) => tls_code(tls),
        None => "connection-lost",
    }
}

/// The same in words.
pub fn handshake_reason(error: &io::Error) -> String {
    match tls_error(error) {
        Some(tls) => refusal_reason(tls),
        None => error.to_string(),
    }
}

fn tls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref()
}

fn tls_code(error: &TlsError) -> &'static str {
    match error {
        TlsError::NoCertificatesPresented
        | TlsError::InvalidCertificate(_)
        | TlsError::InvalidCertRevocationList(_) => refusal_code(error),
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
        TlsError::AlertReceived(AlertDescription::ProtocolVersion) => "tls-version",
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
