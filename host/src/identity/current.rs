//! The identity in force: one value that a source renews and that everybody reads.
//!
//! [`keep`] carries what a [`Source`] gives into the [`Identity`] and into the TLS of
//! listeners. Unusable material changes nothing but raises an alarm; an identity
//! that is withdrawn ends everything that rests on it, until there is one again.

use std::sync::Arc;

use rustls::Error as TlsError;
use tokio::sync::watch;

use super::material::Material;
use super::source::{Source, SourceError};
use super::tls::{CurrentTls, ServerTls};
use crate::clock::Timestamp;

/// The identity in force. Clones share it.
///
/// Link clients and others that dial take the present material for each new
/// connection, and may wait for changes.
#[derive(Debug, Clone)]
pub struct Identity(watch::Sender<Option<Arc<Material>>>);

/// What became of a change, for the alarm and the audit log.
#[derive(Debug)]
pub enum Change {
    /// New material is in force.
    Renewed(Arc<Material>),
    /// What was offered can't be used; the old stays.
    Refused(SourceError),
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
pub async fn keep<F: Future<Output = ()>>(
    mut source: Box<dyn Source>,
    identity: Identity,
    tls: CurrentTls,
    tls_of: impl Fn(&Material) -> Result<Arc<ServerTls>, TlsError>,
    told: impl Fn(Change) -> F,
) {
    loop {
        match source.next().await {
            Ok(material) => match tls_of(&material) {
                Ok(config) => {
                    // Who waits for the change may then count on the listeners.
                    tls.publish(config);
                    identity.replace(Some(Arc::clone(&material)));
                    told(Change::Renewed(material)).await;
                }
                Err(error) => tracing::error!(%error, "TLS can't be made of the new material"),
            },
            Err(error @ SourceError::Withdrawn { .. }) => {
                tls.withdraw();
                identity.replace(None);
                told(Change::Withdrawn(error)).await;
            }
            Err(error) => told(Change::Refused(error)).await,
        }
    }
}
