//! What identities may ask of all hosts of a front tier together, counted in this host's store.
//!
//! The front host asks for itself, not for a component: no policy is asked and no record is
//! left. That it may ask at all, the handshake has shown.

use bytes::Bytes;
use http::StatusCode;

use super::refused::Refused;
use crate::identity::SpiffeId;
use crate::link::wire::envelope::Answer;
use crate::link::wire::rates::{TakeCells, Taken};
use crate::link::wire::store::Error;
use crate::link::wire::{self, Wire};
use crate::store::Store;

/// Bytes of a question: an id and a few numbers.
pub(super) const MAX: usize = 4 * 1024;

/// Answer a question.
pub(super) async fn answer(store: &dyn Store, body: &[u8]) -> Result<Bytes, Refused> {
    let malformed = |detail: String| Refused(StatusCode::BAD_REQUEST, "malformed", detail);
    let taking: TakeCells = wire::decode(body).map_err(|error| malformed(error.to_string()))?;
    if SpiffeId::parse(&taking.identity).is_err() {
        return Err(malformed("identity is no SPIFFE id".into()));
    }
    let limit = taking.limit();
    let taken = store.take_cells(taking.identity, limit, taking.cells).await;
    let answer: Answer<Taken, Error> = match taken {
        Ok(taken) => Answer::Ok(Wire::of(taken)),
        Err(error) => Answer::Error(Wire::of(error)),
    };
    Ok(wire::encode(&answer))
}
