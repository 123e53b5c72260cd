//! Identity from a SPIFFE agent, by the Workload API (SPIFFE Workload API, section 5.2).
//!
//! The agent streams this workload's certificate, key and roots, and sends them anew
//! before they end. What it sends is checked like any other material. An agent that
//! is gone changes nothing: what it gave stays in use to its end, and it is
//! called again and again. An agent that denies permission takes the identity
//! back, and the host serves nobody until it is given again.
//!
//! One agent may give several identities: the host's own is the first, as the standard
//! has it, and each component's is the one with its SPIFFE id.
//!
//! Revocation lists come from files here too, for agents hardly ever send any. Files that
//! can't be read raise the alarm and hold up nothing that the agent says: the lists that
//! were read before stay.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use spiffe::x509_source::{X509Source, X509SourceUpdates};

use super::error::MaterialError;
use super::lists::Lists;
use super::material::Material;
use super::parts::{MaterialFiles, Parts, revocation_lists};
use super::source::{LOOK_INTERVAL, Source, SourceError};
use super::spiffe::{SpiffeId, TrustDomain};
use crate::clock::Clock;

/// How long the first answer of an agent may take.
const FIRST_ANSWER: Duration = Duration::from_secs(15);

/// Between two calls of an agent that is gone: the first and the longest pause.
const CALL_AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// An agent's socket, with revocation lists from files.
pub struct WorkloadApiSource {
    socket: PathBuf,
    /// Which of the identities that the agent gives; none for its first.
    id: Option<SpiffeId>,
    crls: Vec<PathBuf>,
    trust_domain: TrustDomain,
    clock: Arc<dyn Clock>,
    agent: Option<(X509Source, X509SourceUpdates)>,
    last: Option<Seen>,
    /// The lists that were read last.
    lists: Option<Lists>,
    /// Why the files of lists can't be read, as it was reported.
    unread: Option<String>,
    /// What was reported last is a fault.
    failed: bool,
}

/// What the agent said last, for comparing.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Parts([u8; 32]),
    Fault(String),
}

// === impl WorkloadApiSource ===

impl WorkloadApiSource {
    /// The agent that listens at `socket`; peers are those of `trust_domain`.
    pub fn new(
        socket: PathBuf,
        crls: Vec<PathBuf>,
        trust_domain: TrustDomain,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            socket,
            id: None,
            crls,
            trust_domain,
            clock,
            agent: None,
            last: None,
            lists: None,
            unread: None,
            failed: false,
        }
    }

    /// Only the identity with this id. An agent that gives others and not this one has
    /// withdrawn it.
    #[must_use]
    pub fn of(mut self, id: SpiffeId) -> Self {
        self.id = Some(id);
        self
    }

    fn endpoint(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    async fn call(&self) -> Result<(X509Source, X509SourceUpdates), SourceError> {
        let (soon, late) = CALL_AGAIN;
        let source = X509Source::builder()
            .endpoint(self.endpoint())
            .reconnect_backoff(soon, late)
            .initial_sync_timeout(FIRST_ANSWER)
            .build()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let updates = source.updated();
        Ok((source, updates))
    }

    /// What the agent says at this moment, beside these lists.
    fn look(&self, source: &X509Source, crls: Lists) -> Result<Parts, SourceError> {
        let state = source.state();
        if let Some(reason) = state.withdrawal() {
            return Err(SourceError::Withdrawn {
                endpoint: self.endpoint(),
                reason: reason.to_string(),
            });
        }
        let context = state.context().map_err(|error| self.unreachable(&error))?;
        let svid = match &self.id {
            None => state.svid().map_err(|error| self.unreachable(&error))?,
            Some(id) => {
                let mut given = context.svids().iter();
                let found = given.find(|one| one.spiffe_id().to_string() == id.as_str());
                Arc::clone(found.ok_or_else(|| SourceError::Withdrawn {
                    endpoint: self.endpoint(),
                    reason: format!("it gives no `{id}`"),
                })?)
            }
        };
        let domain = spiffe::TrustDomain::new(self.trust_domain.as_str())
            .map_err(|error| self.unreachable(&error))?;
        let bundle = context
            .bundle_set()
            .get(&domain)
            .ok_or_else(|| self.unreachable(&format!("it knows no roots of {domain}")))?;
        let der = |one: &spiffe::Certificate| CertificateDer::from(one.as_bytes().to_vec());
        let key = PrivatePkcs8KeyDer::from(svid.private_key().as_bytes().to_vec());
        Ok(Parts {
            files: names(&self.socket, &self.crls, &self.trust_domain),
            chain: svid.cert_chain().iter().map(der).collect(),
            key: PrivateKeyDer::Pkcs8(key),
            roots: bundle.authorities().iter().map(der).collect(),
            crls,
        })
    }

    /// The lists that hold: those in the files, or where these can't be read the last that
    /// could.
    ///
    /// # Errors
    /// The files can't be read, for the first time since they could; or there were none
    /// before.
    async fn lists(&mut self) -> Result<Lists, MaterialError> {
        let error = match self.read_lists().await {
            Ok(lists) => {
                // Where they are mended, that is said too.
                self.failed |= self.unread.take().is_some();
                self.lists = Some(lists.clone());
                return Ok(lists);
            }
            Err(error) => error,
        };
        let fault = error.to_string();
        match &self.lists {
            Some(lists) if self.unread.as_ref() == Some(&fault) => Ok(lists.clone()),
            lists => {
                self.unread = lists.is_some().then_some(fault);
                Err(error)
            }
        }
    }

    async fn read_lists(&self) -> Result<Lists, MaterialError> {
        let files = self.crls.clone();
        match tokio::task::spawn_blocking(move || revocation_lists(&files)).await {
            Ok(lists) => lists,
            Err(error) => Err(MaterialError::Read {
                file: self.crls.first().cloned().unwrap_or_default(),
                expected: "one or more certificate revocation lists",
                source: std::io::Error::other(error),
            }),
        }
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> SourceError {
        SourceError::Unreachable {
            endpoint: self.endpoint(),
            reason: error.to_string(),
        }
    }
}

#[async_trait]
impl Source for WorkloadApiSource {
    async fn next(&mut self) -> Result<Arc<Material>, SourceError> {
        loop {
            let agent = match self.agent.take() {
                Some((source, mut updates)) => {
                    // Files of revocation lists announce nothing: they are looked at.
                    let changed = tokio::time::timeout(LOOK_INTERVAL, updates.changed()).await;
                    match changed {
                        // It never ends by itself; should it, it is called anew.
                        Ok(Err(_)) => self.call().await?,
                        Ok(Ok(_)) | Err(_) => (source, updates),
                    }
                }
                None => self.call().await?,
            };
            let (source, _) = self.agent.insert(agent);
            let source = source.clone();
            let found = match self.lists().await {
                Ok(lists) => self.look(&source, lists),
                Err(error) => {
                    if self.unread.is_some() {
                        // The next look goes on with the old ones.
                        return Err(error.into());
                    }
                    Err(error.into())
                }
            };
            let seen = Seen::of(&found);
            let known = self.last.as_ref() == Some(&seen);
            // A certificate that was not valid yet may be so by now.
            if known && !self.failed {
                continue;
            }
            let checked = found.and_then(|parts| Ok(Material::weigh(parts, self.clock.now())?));
            self.failed = checked.is_err();
            if known && self.failed {
                continue;
            }
            self.last = Some(seen);
            return checked.map(Arc::new);
        }
    }
}

// === impl Seen ===

impl Seen {
    fn of(found: &Result<Parts, SourceError>) -> Self {
        match found {
            Ok(parts) => Self::Parts(parts.digest()),
            Err(error) => Self::Fault(error.to_string()),
        }
    }
}

/// The agent stands for the places where a file would be named.
fn names(socket: &Path, crls: &[PathBuf], trust_domain: &TrustDomain) -> MaterialFiles {
    MaterialFiles {
        certificate: socket.to_owned(),
        key: socket.to_owned(),
        roots: socket.to_owned(),
        crls: crls.to_vec(),
        trust_domains: vec![trust_domain.clone()],
    }
}
