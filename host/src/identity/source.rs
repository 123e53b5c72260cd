//! Where identity material comes from, and when there is new material.
//!
//! A [`Source`] answers with material that has been checked against itself, and
//! never with anything else: what can't be used is an error, and whoever asks
//! keeps what he has. [`FileSource`] looks at PEM files again and again;
//! [`super::workload_api`] listens to a SPIFFE agent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::Error as TlsError;
use thiserror::Error;

use super::error::MaterialError;
use super::lists::Lists;
use super::material::{Material, Trust, Unusable};
use super::parts::{MaterialFiles, Parts, Unread};
use super::spiffe::SpiffeId;
use crate::clock::Clock;

/// How often files are looked at.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Gives identity material, now and whenever it changes.
#[async_trait]
pub trait Source: Send + 'static {
    /// The first call answers with what there is. Each later one waits until
    /// there is something else. A call that is dropped loses nothing.
    ///
    /// # Errors
    /// [`SourceError`]: there is something new, but it can't be used.
    async fn next(&mut self) -> Result<Arc<Material>, SourceError>;
}

/// Why a source has no material.
#[derive(Debug, Error)]
pub enum SourceError {
    /// What was found can't be used; what was used before stays.
    #[error("{error}")]
    Material {
        /// Why.
        error: MaterialError,
        /// Whom it trusts, if only the own certificate or key is at fault, or lists that
        /// can't be read.
        trust: Option<Trust>,
    },
    /// The certificate is somebody else's.
    #[error(
        "the certificate is that of `{found}`; this component is `{expected}`: give it its own, or correct its id in [link]"
    )]
    Unexpected {
        /// Whose it is.
        found: SpiffeId,
        /// Whose it should be.
        expected: SpiffeId,
    },
    /// rustls makes nothing of it, which would be a defect.
    #[error("TLS can't be made of it: {0}")]
    Tls(#[from] TlsError),
    /// The issuer takes the identity back: it must not be used any more.
    #[error(
        "{endpoint}: the agent withdrew this workload's identity ({reason}); register the workload with it again"
    )]
    Withdrawn {
        /// The agent.
        endpoint: String,
        /// What it said.
        reason: String,
    },
    /// The issuer can't be asked.
    #[error(
        "{endpoint}: the agent gives no identity: {reason}; start it, or correct identity.workload-api"
    )]
    Unreachable {
        /// The agent.
        endpoint: String,
        /// What is known about it.
        reason: String,
    },
}

/// PEM files, looked at every [`LOOK_INTERVAL`].
///
/// Contents are compared, not dates: a swapped link, a replaced file and a
/// rewritten one are all seen. Files are replaced one after the other, so a set
/// that does not fit together is a fault only when the next look finds it again.
pub struct FileSource {
    files: MaterialFiles,
    clock: Arc<dyn Clock>,
    interval: Duration,
    last: Option<Seen>,
    /// The lists that were read last, which hold while there are no others.
    lists: Option<Lists>,
    /// A fault that the last look found for the first time.
    doubted: Option<Seen>,
    /// What was reported last is a fault.
    failed: bool,
}

/// What a look found, for comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Parts([u8; 32]),
    /// With what could be read all the same.
    Fault(String, Option<[u8; 32]>),
}

// === impl SourceError ===

impl SourceError {
    /// The stable code for audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Material { error, .. } => error.code(),
            Self::Unexpected { .. } => "identity-unexpected",
            Self::Tls(_) => "tls-unusable",
            Self::Withdrawn { .. } => "identity-withdrawn",
            Self::Unreachable { .. } => "agent-unreachable",
        }
    }
}

impl From<MaterialError> for SourceError {
    fn from(error: MaterialError) -> Self {
        Self::Material { error, trust: None }
    }
}

impl From<Unusable> for SourceError {
    fn from(Unusable { error, trust }: Unusable) -> Self {
        Self::Material { error, trust }
    }
}

// === impl FileSource ===

impl FileSource {
    /// These files, judged by the time of `clock`.
    pub fn new(files: MaterialFiles, clock: Arc<dyn Clock>) -> Self {
        Self {
            files,
            clock,
            interval: LOOK_INTERVAL,
            last: None,
            lists: None,
            doubted: None,
            failed: false,
        }
    }

    /// Looks as often as this, for tests.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    async fn look(&self) -> Result<Parts, Unread> {
        let (files, lists) = (self.files.clone(), self.lists.clone());
        match tokio::task::spawn_blocking(move || Parts::look(&files, lists)).await {
            Ok(found) => found,
            Err(error) => Err(Unread {
                error: MaterialError::Read {
                    file: self.files.certificate.clone(),
                    expected: "a certificate chain, leaf first",
                    source: std::io::Error::other(error),
                },
                trusted: None,
            }),
        }
    }

    /// What is to be reported about a look, if anything.
    fn weigh(
        &mut self,
        found: Result<Parts, Unread>,
    ) -> Option<Result<Arc<Material>, SourceError>> {
        let seen = Seen::of(&found);
        self.lists = match &found {
            Ok(parts) => Some(parts.crls.clone()),
            Err(unread) => unread.trusted.as_ref().map(|one| one.crls.clone()),
        }
        .or(self.lists.take());
        let known = self.last.as_ref() == Some(&seen);
        // A certificate that was not valid yet may be so by now.
        if known && !self.failed {
            self.doubted = None;
            return None;
        }
        let checked = found
            .map_err(Unusable::unread)
            .and_then(|parts| Material::weigh(parts, self.clock.now()))
            .map_err(SourceError::from);
        match checked {
            Ok(material) => {
                (self.last, self.doubted, self.failed) = (Some(seen), None, false);
                Some(Ok(Arc::new(material)))
            }
            Err(_) if known => None,
            Err(error) if self.last.is_none() || self.doubted.as_ref() == Some(&seen) => {
                (self.last, self.doubted, self.failed) = (Some(seen), None, true);
                Some(Err(error))
            }
            Err(_) => {
                self.doubted = Some(seen);
                None
            }
        }
    }
}

#[async_trait]
impl Source for FileSource {
    async fn next(&mut self) -> Result<Arc<Material>, SourceError> {
        if self.last.is_none() {
            let found = self.look().await;
            if let Some(answer) = self.weigh(found) {
                return answer;
            }
        }
        loop {
            tokio::time::sleep(self.interval).await;
            let found = self.look().await;
            if let Some(answer) = self.weigh(found) {
                return answer;
            }
        }
    }
}

// === impl Seen ===

impl Seen {
    fn of(found: &Result<Parts, Unread>) -> Self {
        match found {
            Ok(parts) => Self::Parts(parts.digest()),
            Err(Unread { error, trusted }) => Self::Fault(
                error.to_string(),
                trusted.as_ref().map(|trusted| trusted.digest()),
            ),
        }
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
