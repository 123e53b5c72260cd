//! The one source of cryptography for TLS.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::UnixTime;

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

/// A timestamp in milliseconds as webpki wants it.
pub(super) fn unix_time(now: crate::clock::Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(now))
}
