//! How refusals and failures of the host look to a component.

use super::bindings::passkeys::{Code, Rejection};
use super::bindings::{relying_party, signatures, store as wit, tokens};
use super::state::CallState;
use crate::policy::Denied;
use crate::store;

// Interfaces that hold nothing but types still have a marker trait.
impl wit::Host for CallState {}
impl super::bindings::passkeys::Host for CallState {}

impl From<Denied> for wit::Error {
    fn from(_: Denied) -> Self {
        Self::NotPermitted
    }
}

impl From<Denied> for relying_party::Error {
    fn from(_: Denied) -> Self {
        Self::NotPermitted
    }
}

impl From<Denied> for signatures::Error {
    fn from(_: Denied) -> Self {
        Self::NotPermitted
    }
}

impl From<Denied> for tokens::Error {
    fn from(_: Denied) -> Self {
        Self::NotPermitted
    }
}

impl From<Denied> for Rejection {
    fn from(_: Denied) -> Self {
        Self {
            code: Code::NotPermitted,
            detail: "policy does not allow this call".into(),
            remedy: None,
        }
    }
}

impl From<store::Error> for wit::Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::NotFound,
            store::Error::Exists => Self::Exists,
            store::Error::Expired => Self::Expired,
            store::Error::Used => Self::Used,
            store::Error::Conflict => Self::Conflict,
            store::Error::Last => Self::Last,
            store::Error::Locked => Self::Locked,
            store::Error::Malformed(_) => Self::Malformed,
            store::Error::NotPermitted => Self::NotPermitted,
            _ => Self::Busy,
        }
    }
}
