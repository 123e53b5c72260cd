//! Files of zeropass, by their places in its library.

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../../tests/src/fido.rs"]
pub mod fido;
#[path = "../../src/metadata/mod.rs"]
pub mod metadata;

/// Of identity only where cryptography comes from.
pub mod identity {
    /// TLS.
    pub mod tls {
        use std::sync::Arc;

        use rustls::crypto::{CryptoProvider, aws_lc_rs};

        /// Verifies the signatures that the host's own provider verifies.
        pub fn provider() -> Arc<CryptoProvider> {
            Arc::new(aws_lc_rs::default_provider())
        }
    }
}
