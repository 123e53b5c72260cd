//! The verdict on a peer that is known by its id: an SVID, and the expected one.
//!
//! A component's link knows who must be at the other end, and so does an operator's
//! command. [`PinnedVerifier`] asks
//! everything that [`SvidVerifier`] asks of any peer, and then that the SPIFFE id is
//! one of those expected. It serves both ends of a connection: a server's name or
//! address proves nothing here, its SPIFFE id does.
//!
//! The chain of a server is judged as that of a client: the X.509-SVID profile
//! demands both purposes of a leaf that names any, and revocation lists are
//! consulted alike.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error as TlsError, SignatureScheme};

use super::spiffe::SpiffeId;
use super::svid::parse_svid;
use super::verifier::{PeerError, SvidVerifier};

/// Verifies the one who must be at the other end, whichever side began.
#[derive(Debug)]
pub struct PinnedVerifier {
    svids: Arc<SvidVerifier>,
    expected: SpiffeId,
}

// === impl PinnedVerifier ===

impl PinnedVerifier {
    /// Takes peers that `svids` takes and that are `expected`.
    pub fn new(svids: Arc<SvidVerifier>, expected: SpiffeId) -> Arc<Self> {
        Arc::new(Self { svids, expected })
    }

    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let verified = self.svids.verify_client_cert(leaf, intermediates, now)?;
        let found = parse_svid(leaf).map_err(PeerError::from)?.id;
        if found == self.expected {
            return Ok(verified);
        }
        tracing::warn!(peer = %found, expected = %self.expected, "another workload at the other end");
        Err(PeerError::Unexpected {
            found,
            expected: self.expected.clone(),
        }
        .into())
    }
}

impl ClientCertVerifier for PinnedVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.svids.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        self.check(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.svids
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.svids
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.svids.supported_verify_schemes()
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.check(end_entity, intermediates, now)
            .map(|_| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.svids
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.svids
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.svids.supported_verify_schemes()
    }
}
