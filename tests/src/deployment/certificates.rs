//! Client certificates, proper and odd, and the TLS configurations that show them.

use std::sync::{Arc, Once};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use zeropass::clock::{Clock as _, SystemClock, Timestamp};
use zeropass::identity::pki::{Ca, IssueRequest};

use super::TRUST_DOMAIN;

/// A certificate and its key.
#[derive(Clone)]
pub struct Certificate {
    pem: String,
    key: String,
}

/// The SPIFFE id of a workload of every deployment.
pub fn spiffe_id(workload: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}/workload/{workload}")
}

/// Asks for a proper certificate of this workload; change fields to get an odd one
/// from [`Deployment::issue`](super::Deployment::issue).
pub fn workload(name: &str) -> IssueRequest {
    IssueRequest::workload(&spiffe_id(name), now())
}

/// Asks for a proper certificate of a SPIFFE path of every deployment's trust domain.
pub fn of_path(path: &str) -> IssueRequest {
    IssueRequest::workload(&format!("spiffe://{TRUST_DOMAIN}{path}"), now())
}

/// Asks for a proper certificate of this component.
pub fn component(name: &str) -> IssueRequest {
    IssueRequest::workload(&format!("spiffe://{TRUST_DOMAIN}/component/{name}"), now())
}

/// A day, in milliseconds.
pub const DAY: Timestamp = 24 * 60 * 60 * 1000;

/// A revocation list of `ca` over these certificates, good for a day.
pub fn revocation_list(ca: &Ca, revoked: &[&Certificate]) -> String {
    let serials: Vec<_> = revoked.iter().map(|one| one.serial()).collect();
    ca.revocation_list(&serials, now() - 60_000, now() + DAY)
        .expect("a revocation list can be made")
}

/// Now, in milliseconds since the Unix epoch.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// TLS as a client with this certificate, or none, speaks it: 1.3 only, and the
/// server verified by the deployment's CA.
pub(super) fn client_config(ca: &Ca, certificate: Option<&Certificate>) -> ClientConfig {
    client_config_of(&[ca], certificate)
}

/// The same with a server verified by any of these CAs.
pub(super) fn client_config_of(cas: &[&Ca], certificate: Option<&Certificate>) -> ClientConfig {
    let roots = cas.iter().map(|ca| ca.certificate().clone());
    client_config_by(roots, certificate)
}

/// The same with a server verified by these roots.
pub(super) fn client_config_by(
    authorities: impl IntoIterator<Item = CertificateDer<'static>>,
    certificate: Option<&Certificate>,
) -> ClientConfig {
    install_provider();
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).expect("the CA is a trust anchor");
    }
    let builder = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(Arc::new(roots));
    match certificate {
        Some(certificate) => builder
            .with_client_auth_cert(certificate.chain(), certificate.private_key())
            .expect("the key belongs to the certificate"),
        None => builder.with_no_client_auth(),
    }
}

/// aws-lc-rs for everything in this process that asks rustls for its default.
pub fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else's choice of a provider would do as well.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

// === impl Certificate ===

impl Certificate {
    /// A certificate of `ca` that says what the request says.
    ///
    /// # Panics
    /// It can't be issued.
    pub fn of(ca: &Ca, request: &IssueRequest) -> Self {
        let issued = ca.issue(request).expect("a certificate can be issued");
        Self::new(issued.certificate, issued.key)
    }

    /// From PEM.
    pub fn new(pem: String, key: String) -> Self {
        Self { pem, key }
    }

    /// The certificate in PEM form.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The private key in PEM form.
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// The certificate and those that follow it in the PEM text, in DER form.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.pem.as_bytes())
            .collect::<Result<_, _>>()
            .expect("certificates in PEM form")
    }

    /// The serial number, as revocation lists name it.
    pub fn serial(&self) -> Vec<u8> {
        let svid = zeropass::identity::parse_svid(&self.der());
        svid.expect("a proper certificate").serial
    }

    /// The certificate in DER form.
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate in PEM form")
    }

    /// SHA-256 over the DER form in base64url, as `x5t#S256` (RFC 8705 section 3.1).
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &self.der()))
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key in PEM form")
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}
