//! The verdict on a peer's certificate: one rustls verifier for all rules.
//!
//! It guarantees, in this order: the chain ends at a configured root and every
//! certificate in it, the root included, is in date; where revocation lists are configured, every
//! certificate of the chain has a known status from a list of its issuer
//! ([`super::lists`]) that has not expired; the leaf is an X.509-SVID ([`super::svid`]); its trust domain is
//! one of those allowed. A client certificate is always required.
//!
//! All allowed trust domains share the roots: a host that federates with a
//! domain it trusts less must not put that domain's root here.
//!
//! rustls carries our own reasons through the handshake as
//! `CertificateError::Other` around a [`PeerError`].

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, OtherError,
    RootCertStore, SignatureScheme,
};
use thiserror::Error;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

use super::crypto::{last_moment, provider, unix_time};
use super::lists::{Lists, ListsError, sets};
use super::roots::Roots;
use super::spiffe::{SpiffeId, TrustDomain};
use super::svid::{SvidError, parse_svid};
use crate::clock::Timestamp;

/// Verifies the certificates of peers; mandatory on every listener.
#[derive(Debug)]
pub struct SvidVerifier {
    roots: Roots,
    lists: Vec<Lists>,
    /// By all roots, whatever the time is.
    all: Chains,
    /// By those that are in their time, where not all are.
    living: Mutex<Option<Living>>,
    trust_domains: Arc<[TrustDomain]>,
    ends: Vec<Timestamp>,
}

/// Which roots are in their time, and the verdict by them; none where there are none.
type Living = (Vec<bool>, Option<Arc<Chains>>);

/// What webpki says about a chain.
#[derive(Debug)]
struct Chains {
    chain: Arc<dyn ClientCertVerifier>,
    /// The same with other lists, of authorities that share a name.
    others: Vec<Arc<dyn ClientCertVerifier>>,
}

/// Why a certificate with a valid chain was refused all the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeerError {
    /// It breaks the X.509-SVID profile.
    #[error(transparent)]
    Svid(#[from] SvidError),
    /// It comes from a trust domain that is not allowed.
    #[error("`{0}` is of a trust domain that is not allowed here")]
    TrustDomain(SpiffeId),
    /// It is not the one that this end expects.
    #[error("`{found}` is at the other end; only `{expected}` may be")]
    Unexpected {
        /// Who it is.
        found: SpiffeId,
        /// Who it should be.
        expected: SpiffeId,
    },
}

// === impl SvidVerifier ===

impl SvidVerifier {
    /// A verifier for these roots, revocation lists and trust domains.
    ///
    /// Without revocation lists, revocation is not checked; with any, every
    /// certificate of a chain needs a current one.
    ///
    /// # Errors
    /// No roots, a revocation list that can't be read, or several lists of one issuer of
    /// which nothing tells which one holds.
    pub fn new(
        roots: Roots,
        crls: impl IntoIterator<Item = CertificateRevocationListDer<'static>>,
        trust_domains: Arc<[TrustDomain]>,
    ) -> Result<Self, ListsError> {
        let lists = sets(&roots.store(), crls.into_iter().collect())?;
        let ends = lists.iter().flatten().filter_map(next_update);
        Ok(Self {
            all: Chains::new(&roots.store(), &lists)?,
            living: Mutex::new(None),
            ends: ends.chain(roots.ends()).collect(),
            roots,
            lists,
            trust_domains,
        })
    }

    /// The verdict on a chain, leaf first, as of `now`.
    ///
    /// # Errors
    /// Why it is refused; [`refusal_code`] has the code.
    pub fn judge(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<(), TlsError> {
        let (leaf, intermediates) = chain
            .split_first()
            .ok_or(TlsError::NoCertificatesPresented)?;
        self.verify_client_cert(leaf, intermediates, unix_time(now))
            .map(|_| ())
    }

    /// When the next of the roots and revocation lists ends, from `now` on, milliseconds
    /// since the Unix epoch; none where none will. Every verdict after it is a refusal of
    /// those who rest on that root, or whom that list speaks about.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends.iter().copied().filter(|end| *end >= now).min()
    }

    /// The verdict by all roots, and then by those that are in their time.
    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let verified = self.all.verify(end_entity, intermediates, now)?;
        let moment = now.as_secs().saturating_mul(1000);
        let living = self.roots.living(moment);
        if living.iter().all(|one| *one) {
            return Ok(verified);
        }
        let late = || self.roots.out_of_time(moment);
        let chains = self.living(living)?.ok_or_else(late)?;
        match chains.verify(end_entity, intermediates, now) {
            Err(error) if is_of_issuer(&error) => Err(late()),
            verdict => verdict,
        }
    }

    /// What judges by these roots alone; none where there are none.
    fn living(&self, marked: Vec<bool>) -> Result<Option<Arc<Chains>>, TlsError> {
        let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, chains)) = &*living
            && *known == marked
        {
            return Ok(chains.clone());
        }
        let chains = match marked.contains(&true) {
            false => None,
            true => {
                let roots = Arc::new(self.roots.only(&marked));
                let chains = Chains::new(&roots, &self.lists);
                // They could be used together with the other roots.
                Some(Arc::new(
                    chains.map_err(|error| TlsError::General(error.to_string()))?,
                ))
            }
        };
        *living = Some((marked, chains.clone()));
        Ok(chains)
    }

    fn check_profile(&self, leaf: &CertificateDer<'_>) -> Result<(), PeerError> {
        let svid = parse_svid(leaf)?;
        if self.trust_domains.contains(svid.id.trust_domain()) {
            Ok(())
        } else {
            Err(PeerError::TrustDomain(svid.id))
        }
    }
}

// === impl Chains ===

impl Chains {
    fn new(roots: &Arc<RootCertStore>, lists: &[Lists]) -> Result<Self, VerifierBuilderError> {
        let chain = |set: &Lists| {
            // webpki's own defaults check the whole chain and take an unknown
            // status for an error, but would let an expired list pass.
            WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider())
                .with_crls(set.iter().cloned())
                .enforce_revocation_expiration()
                .build()
        };
        let mut chains = lists.iter().map(chain);
        let first = chains.next().ok_or(VerifierBuilderError::NoRootAnchors)?;
        Ok(Self {
            chain: first?,
            others: chains.collect::<Result<_, _>>()?,
        })
    }

    /// The verdict with one list of each issuer's name; with others where that is not the
    /// list of the chain's own issuer.
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let mut verdict = self
            .chain
            .verify_client_cert(end_entity, intermediates, now);
        for other in &self.others {
            if verdict.is_ok() {
                break;
            }
            let another = other.verify_client_cert(end_entity, intermediates, now);
            // Of two refusals the one that does not rest on another issuer's list.
            if another.is_ok() || verdict.as_ref().is_err_and(is_of_signature) {
                verdict = another;
            }
        }
        verdict
    }
}

impl ClientCertVerifier for SvidVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.all.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        match self.verify_chain(end_entity, intermediates, now) {
            Ok(verified) => {
                self.check_profile(end_entity)?;
                Ok(verified)
            }
            // webpki refuses a CA as a leaf, among others, without a reason of
            // its own in rustls; the profile can often say what is wrong.
            Err(TlsError::InvalidCertificate(CertificateError::Other(other))) => {
                parse_svid(end_entity).map_err(PeerError::from)?;
                Err(TlsError::InvalidCertificate(CertificateError::Other(other)))
            }
            Err(error) => Err(error),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        // TLS 1.2 is not compiled in; if it ever is, it still ends here.
        Err(TlsError::General("TLS 1.2 is not served".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.all
            .chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.all.chain.supported_verify_schemes()
    }
}

// === impl PeerError ===

impl PeerError {
    /// The stable code for audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Svid(error) => error.code(),
            Self::TrustDomain(_) => "trust-domain",
            Self::Unexpected { .. } => "peer-unexpected",
        }
    }
}

impl From<PeerError> for TlsError {
    fn from(error: PeerError) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
    }
}

/// Whether a signature of the chain or of a list was another's.
fn is_of_signature(error: &TlsError) -> bool {
    matches!(
        error,
        TlsError::InvalidCertRevocationList(_)
            | TlsError::InvalidCertificate(CertificateError::BadSignature)
    )
}

/// Whether no root in force has issued the chain.
fn is_of_issuer(error: &TlsError) -> bool {
    matches!(
        error,
        TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature
        )
    )
}

/// The last moment at which webpki takes a revocation list (RFC 5280 section 5.1.2.5).
fn next_update(list: &CertificateRevocationListDer<'static>) -> Option<Timestamp> {
    let (_, list) = CertificateRevocationList::from_der(list).ok()?;
    last_moment(list.next_update()?.timestamp())
}

/// The stable code of a verdict by [`SvidVerifier`], for audit records.
pub fn refusal_code(error: &TlsError) -> &'static str {
    match error {
        TlsError::NoCertificatesPresented => "no-certificate",
        TlsError::InvalidCertificate(error) => certificate_code(error),
        TlsError::InvalidCertRevocationList(_) => "revocation-unknown",
        _ => "invalid-certificate",
    }
}

/// The same in words: reasons that are not of rustls in their own.
pub fn refusal_reason(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(CertificateError::Other(OtherError(reason))) => {
            reason.to_string()
        }
        _ => error.to_string(),
    }
}

fn certificate_code(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "not-yet-valid"
        }
        CertificateError::Revoked => "revoked",
        CertificateError::UnknownIssuer => "unknown-ca",
        CertificateError::UnknownRevocationStatus => "revocation-unknown",
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => "revocation-expired",
        CertificateError::BadSignature => "bad-signature",
        CertificateError::BadEncoding => "malformed-certificate",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "extended-key-usage"
        }
        CertificateError::Other(OtherError(reason)) => reason
            .downcast_ref::<PeerError>()
            .map_or("invalid-certificate", PeerError::code),
        _ => "invalid-certificate",
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
