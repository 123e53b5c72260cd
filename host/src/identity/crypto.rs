//! The one source of cryptography for TLS.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::UnixTime;
use x509_parser::prelude::X509Certificate;

use crate::clock::Timestamp;

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        // Written out, so that no feature of a dependency changes the order.
        kx_groups: vec![
            kx_group::X25519MLKEM768,
            kx_group::X25519,
            kx_group::SECP256R1,
            kx_group::SECP384R1,
        ],
        ..default_provider()
    })
});

static HYBRID_PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        kx_groups: vec![kx_group::X25519MLKEM768],
        ..default_provider()
    })
});

/// Which key exchanges a listener accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyExchange {
    /// X25519MLKEM768 where the peer can, else X25519 or a NIST curve.
    #[default]
    Hybrid,
    /// X25519MLKEM768 or nothing: what is recorded today stays secret from a
    /// quantum computer of tomorrow.
    HybridOnly,
}

/// What TLS is made with here.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

pub(super) fn provider_for(key_exchange: KeyExchange) -> Arc<CryptoProvider> {
    match key_exchange {
        KeyExchange::Hybrid => provider(),
        KeyExchange::HybridOnly => Arc::clone(&HYBRID_PROVIDER),
    }
}

/// First and last moment of a certificate. webpki counts seconds: all of the last one is
/// good.
pub(super) fn validity(certificate: &X509Certificate<'_>) -> (Timestamp, Timestamp) {
    let validity = certificate.validity();
    let first = u64::try_from(validity.not_before.timestamp()).unwrap_or_default();
    (
        first.saturating_mul(1000),
        last_moment(validity.not_after.timestamp()).unwrap_or_default(),
    )
}

/// The last millisecond of a second since the Unix epoch; none of one before it.
pub(super) fn last_moment(second: i64) -> Option<Timestamp> {
    let second = u64::try_from(second).ok()?;
    Some(second.checked_mul(1000)?.saturating_add(999))
}

/// A timestamp in milliseconds as webpki wants it.
pub(super) fn unix_time(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(now))
}
