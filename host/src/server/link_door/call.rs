//! A call that has arrived: on whose behalf, by which revision, for how long.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::LinkDoor;
use super::refused::{Refused, not_admitted};
use crate::audit::{Actor, ComponentIdentity, Origin, Outcome, Record, Trail};
use crate::capabilities::{CallContext, Caller, Routes};
use crate::identity::SpiffeId;
use crate::link::wire::envelope::{Answer, Call, Component, Request};
use crate::link::wire::{self, Function};
use crate::policy::action::Action;
use crate::registry::NotAdmitted;
use crate::runtime::Deadline;

/// The longest id of a request that is repeated in records.
const MAX_REQUEST_ID: usize = 64;
/// The longest digest or version of a component that is repeated in records.
const MAX_REVISION: usize = 128;
/// Relying parties of one request.
const MAX_RELYING_PARTIES: usize = 1_024;

/// A call whose body is there and whose function is known.
pub(super) struct Incall<'a> {
    pub door: &'a LinkDoor,
    pub address: SocketAddr,
    pub trail: &'a Trail,
    pub body: &'a [u8],
}

impl Incall<'_> {
    /// Arguments, and the context of a call of the component that calls, on behalf of
    /// the request that it names.
    pub(super) fn read<F: Function>(&self) -> Result<(CallContext, F::Arguments), Refused> {
        let call: Call<F::Arguments> = wire::decode(self.body)
            .map_err(|error| Refused(StatusCode::BAD_REQUEST, "malformed", error.to_string()))?;
        let Request {
            id,
            workload,
            thumbprint,
            place,
            relying_parties,
        } = call.request;
        let revision = [&call.component.digest, &call.component.revision];
        let thumbprint = match thumbprint {
            Some(bytes) => bytes.0.try_into().ok(),
            None => Some([0; 32]),
        };
        let (Some(thumbprint), Ok(_), true) = (
            thumbprint,
            SpiffeId::parse(&workload),
            id.len() <= MAX_REQUEST_ID
                && revision.iter().all(|text| text.len() <= MAX_REVISION)
                && relying_parties.len() <= MAX_RELYING_PARTIES,
        ) else {
            return Err(Refused(
                StatusCode::BAD_REQUEST,
                "malformed",
                "request or component is not of the documented form".into(),
            ));
        };
        let served = self.door.services.gate.served(&workload);
        // The same for all calls of the request, whichever host they come from. A caller
        // of before knows no place.
        let routes = match place {
            Some(place) => Routes::at(place),
            None => Routes::of(&workload, &id),
        };
        let origin = Arc::new(Origin {
            request_id: id,
            workload: workload.clone(),
            // What this host saw, not what it was told.
            address: self.address.to_string(),
        });
        let component = self.revision::<F>(call.component, &origin)?;
        let context = CallContext {
            actor: Actor {
                origin,
                component: Some(component),
            },
            caller: Arc::new(Caller {
                workload,
                thumbprint,
                relying_parties: relying_parties
                    .into_iter()
                    .filter(|id| served.contains(id))
                    .collect(),
            }),
            routes,
            trail: self.trail.clone(),
            deadline: Deadline::within(Duration::from_millis(call.deadline))
                .or_within(self.door.limits.deadline),
            attempt: None,
            services: Arc::clone(&self.door.services),
        };
        Ok((context, call.arguments))
    }

    /// The revision that calls, if it may.
    fn revision<F: Function>(
        &self,
        claimed: Component,
        origin: &Arc<Origin>,
    ) -> Result<Arc<ComponentIdentity>, Refused> {
        let Component {
            digest, revision, ..
        } = claimed;
        let Some(callers) = &self.door.callers else {
            return Ok(Arc::new(ComponentIdentity {
                // What the certificate says, not what the caller says.
                name: self.door.caller.1.to_owned(),
                digest,
                revision,
            }));
        };
        let refused = match callers.admitted(&digest, &revision) {
            Ok(identity) => return Ok(identity),
            Err(refused) => refused,
        };
        self.trail.push(Record {
            time: self.door.services.clock.now(),
            actor: Actor {
                origin: Arc::clone(origin),
                component: Some(Arc::new(ComponentIdentity {
                    name: self.door.caller.1.to_owned(),
                    digest,
                    revision,
                })),
            },
            action: F::NAME,
            relying_party: "-".into(),
            target: "link".into(),
            outcome: Outcome::Failed(refused.code()),
            policies: Arc::from([]),
        });
        Err(match refused {
            NotAdmitted::Unknown => Refused(
                StatusCode::PRECONDITION_REQUIRED,
                wire::REVISION_UNKNOWN,
                refused.to_string(),
            ),
            NotAdmitted::Distrusted(distrust) => not_admitted(&distrust),
        })
    }
}

/// What a function said, as a body.
pub(super) fn said<F: Function>(result: Result<F::Answer, F::Error>) -> Bytes {
    wire::encode(&match result {
        Ok(answer) => Answer::Ok(answer),
        Err(error) => Answer::Error(error),
    })
}

/// Whether `F` is the function of this name.
pub(super) fn is<F: Action>(function: &str) -> bool {
    F::NAME == function
}
