//! Which revocation list speaks about whom.
//!
//! webpki asks the first list with an issuer's name and no other, whoever signed it.
//! So what is put before it has one list of a name in each set: of several that one
//! root has signed, the newest (RFC 5280 section 5.2.3); of several roots of one name, as
//! an authority has them that changed its key, a set for each. What can't be told apart is
//! refused: a list that is passed over in silence would let those in whom it names.
//!
//! A chain may be taken if one of the sets allows it, for a list counts only where its
//! signature is that of the chain's own issuer.

use rustls::pki_types::{CertificateRevocationListDer, TrustAnchor};
use rustls::server::VerifierBuilderError;
use rustls::{CertRevocationListError, RootCertStore};
use thiserror::Error;
use x509_parser::der_parser::asn1_rs::BitString;
use x509_parser::der_parser::oid;
use x509_parser::prelude::{AlgorithmIdentifier, CertificateRevocationList, FromDer as _};

use super::crypto::provider;

/// Sets of lists at the most; each is one more question where a peer is refused.
const SETS: usize = 16;

/// Revocation lists as webpki takes them.
pub type Lists = Vec<CertificateRevocationListDer<'static>>;

/// Why revocation lists can't be used.
#[derive(Debug, Error)]
pub enum ListsError {
    /// rustls makes nothing of them, or of the roots beside them.
    #[error("revocation lists can't be used: {0}; expected v2 CRLs with a next update")]
    Unusable(#[from] VerifierBuilderError),
    /// Several lists are of one issuer, and nothing says which of them holds.
    #[error(
        "several revocation lists are of `{issuer}`, and neither a root's signature nor their numbers tell which of them holds: leave only the one in force"
    )]
    Ambiguous {
        /// The issuer's name.
        issuer: String,
    },
}

/// A list, and what tells it from others.
struct Seen {
    der: CertificateRevocationListDer<'static>,
    /// The issuer's name, to be shown.
    name: String,
    issuer: Vec<u8>,
    /// Of which certificates of its issuer it speaks; none for all (RFC 5280 section 5.2.5).
    scope: Option<Vec<u8>>,
    age: Age,
}

/// Its number, length first, then its date.
type Age = (usize, Vec<u8>, i64);

/// The sets in each of which an issuer's name stands once; one at least, which is empty
/// where there are no lists.
pub(super) fn sets(roots: &RootCertStore, lists: Lists) -> Result<Vec<Lists>, ListsError> {
    let mut groups: Vec<Vec<Seen>> = Vec::new();
    for list in lists {
        let seen = Seen::read(list)?;
        let alike = |group: &&mut Vec<Seen>| group.first().is_some_and(|one| one.is_like(&seen));
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(seen),
            None => groups.push(vec![seen]),
        }
    }
    // A list about everybody beside one about some: both speak about these.
    let firsts = || groups.iter().filter_map(|group| group.first());
    for whole in firsts().filter(|one| one.scope.is_none()) {
        if firsts().any(|one| one.issuer == whole.issuer && one.scope.is_some()) {
            return Err(whole.ambiguous());
        }
    }
    let mut sets = vec![Lists::new()];
    for group in groups {
        let Some(name) = group.first().map(|one| one.name.clone()) else {
            continue;
        };
        let mut more = Vec::new();
        for list in holding(roots, group)? {
            for set in &sets {
                let mut set = set.clone();
                set.push(list.clone());
                more.push(set);
            }
        }
        if more.len() > SETS {
            return Err(ListsError::Ambiguous { issuer: name });
        }
        sets = more;
    }
    Ok(sets)
}

/// Of lists of one name those that hold: one of each key.
fn holding(roots: &RootCertStore, group: Vec<Seen>) -> Result<Lists, ListsError> {
    if let [_] = group.as_slice() {
        return Ok(group.into_iter().map(|one| one.der).collect());
    }
    let keys: Vec<_> = roots.roots.iter().filter_map(key_of).collect();
    let mut newest: Vec<(&[u8], Seen)> = Vec::new();
    for one in group {
        let key = keys.iter().find(|key| is_signed_with(key, &one.der));
        let key = key.ok_or_else(|| one.ambiguous())?.as_slice();
        match newest.iter_mut().find(|(of, _)| *of == key) {
            None => newest.push((key, one)),
            Some((_, other)) if other.der == one.der => {}
            Some((_, other)) if other.age == one.age => return Err(one.ambiguous()),
            Some((_, other)) if other.age < one.age => *other = one,
            Some(_) => {}
        }
    }
    Ok(newest.into_iter().map(|(_, one)| one.der).collect())
}

/// The public key alone, without its algorithm.
fn key_of(root: &TrustAnchor<'_>) -> Option<Vec<u8>> {
    let (rest, _) = AlgorithmIdentifier::from_der(&root.subject_public_key_info).ok()?;
    let (_, key) = BitString::from_der(rest).ok()?;
    Some(key.data.to_vec())
}

/// Whether the list was signed with this public key, by any algorithm: webpki judges the
/// signature itself before it believes the list.
pub(super) fn is_signed_with(key: &[u8], list: &CertificateRevocationListDer<'_>) -> bool {
    let Ok((_, list)) = CertificateRevocationList::from_der(list) else {
        return false;
    };
    let (message, signature) = (list.tbs_cert_list.as_ref(), &list.signature_value.data);
    let provider = provider();
    let mut algorithms = provider.signature_verification_algorithms.all.iter();
    algorithms.any(|one| one.verify_signature(key, message, signature).is_ok())
}

// === impl ListsError ===

impl ListsError {
    /// The stable code for audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unusable(_) => "revocation-unusable",
            Self::Ambiguous { .. } => "revocation-ambiguous",
        }
    }
}

// === impl Seen ===

impl Seen {
    fn read(der: CertificateRevocationListDer<'static>) -> Result<Self, ListsError> {
        let (_, list) = CertificateRevocationList::from_der(&der)
            .map_err(|_| VerifierBuilderError::InvalidCrl(CertRevocationListError::ParseError))?;
        let number = list.crl_number().map(|number| number.to_bytes_be());
        let number = number.unwrap_or_default();
        let points = oid!(2.5.29.28);
        let scope = list.extensions().iter().find(|one| one.oid == points);
        Ok(Self {
            name: list.issuer().to_string(),
            issuer: list.issuer().as_raw().to_vec(),
            scope: scope.map(|one| one.value.to_vec()),
            age: (number.len(), number, list.last_update().timestamp()),
            der: der.clone(),
        })
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.issuer, &self.scope) == (&other.issuer, &other.scope)
    }

    fn ambiguous(&self) -> ListsError {
        ListsError::Ambiguous {
            issuer: self.name.clone(),
        }
    }
}
