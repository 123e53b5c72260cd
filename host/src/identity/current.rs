//! The identity in force: one value that a source renews and that everybody reads.
//!
//! [`keep`] carries what a [`Source`] gives into the [`Identity`] and into the TLS of
//! listeners and links. An own certificate that can't be used leaves the old one in
//! force and raises an alarm, but the roots and lists beside it hold for peers: a list
//! that names the host itself must not shield those whom it names too. What can't be
//! read at all changes nothing but raises the alarm; an identity that is withdrawn ends
//! everything that rests on it, until there is one again.

use std::sync::Arc;

use tokio::sync::watch;

use super::material::{Material, Trust};
use super::source::{Source, SourceError};
use super::tls::{Current, Tls};
use crate::clock::Timestamp;

/// The identity in force. Clones share it.
///
/// Whoever depends on it may ask for it at any moment, and wait for changes.
#[derive(Debug, Clone)]
pub struct Identity(watch::Sender<Option<Arc<Material>>>);

/// What became of a change, for the alarm and the audit log.
#[derive(Debug)]
pub enum Change {
    /// New material is in force.
    Renewed(Arc<Material>),
    /// What was offered can't be used.
    Refused {
        /// Why.
        error: SourceError,
        /// Peers are judged by the roots and lists that came with it; otherwise nothing
        /// has changed.
        judged: bool,
    },
    /// There is no identity any more.
    Withdrawn(SourceError),
}

// === impl Identity ===

impl Identity {
    /// An identity that begins with this material.
    pub fn new(material: Arc<Material>) -> Self {
        Self(watch::Sender::new(Some(material)))
    }

    /// The material of this moment; none after the identity was withdrawn.
    pub fn material(&self) -> Option<Arc<Material>> {
        self.0.borrow().clone()
    }

    /// Whether there is an identity at this moment whose certificate has not ended.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        let material = self.0.borrow();
        material
            .as_ref()
            .is_some_and(|material| now <= material.svid().not_after)
    }

    /// Tells of changes.
    pub fn changes(&self) -> watch::Receiver<Option<Arc<Material>>> {
        self.0.subscribe()
    }

    fn replace(&self, material: Option<Arc<Material>>) {
        self.0.send_replace(material);
    }
}

/// Follow `source` for ever: put what it gives into `identity` and, made by `tls_of`,
/// into `tls`, and tell of each change.
pub async fn keep<C, F: Future<Output = ()>>(
    mut source: Box<dyn Source>,
    identity: Identity,
    tls: Current<C>,
    tls_of: impl Fn(&Material) -> Result<Arc<Tls<C>>, SourceError>,
    told: impl Fn(Change) -> F,
) {
    let put = |material: Arc<Material>, config| {
        // Who waits for the change may then count on the listeners.
        tls.publish(config);
        identity.replace(Some(material));
    };
    // The certificate in force, with other roots and lists.
    let judge_by = |trust: &Trust| {
        let Some(old) = identity.material() else {
            return false;
        };
        let material = old.trusting(trust.clone());
        let made = tls_of(&material);
        made.map(|config| put(Arc::new(material), config)).is_ok()
    };
    loop {
        let change = match source.next().await {
            Ok(material) => match tls_of(&material) {
                Ok(config) => {
                    put(Arc::clone(&material), config);
                    Change::Renewed(material)
                }
                Err(error) => Change::Refused {
                    judged: judge_by(material.trust()),
                    error,
                },
            },
            Err(error @ SourceError::Withdrawn { .. }) => {
                tls.withdraw();
                identity.replace(None);
                Change::Withdrawn(error)
            }
            Err(error) => {
                let trust = match &error {
                    SourceError::Material { trust, .. } => trust.as_ref(),
                    _ => None,
                };
                Change::Refused {
                    judged: trust.is_some_and(judge_by),
                    error,
                }
            }
        };
        told(change).await;
    }
}
