//! Which relying party a request is for.
//!
//! The caller's certificate decides which ones it may be; `rpId` only chooses
//! among those. One that the caller may not act for and one that does not
//! exist get the same answer.

use crate::{
    host::{Identity, ServedParty},
    problem::{Problem, malformed},
};

/// Choose among the caller's relying parties.
pub fn choose<'a>(caller: &'a Identity, rp_id: Option<&str>) -> Result<&'a ServedParty, Problem> {
    match (rp_id, caller.relying_parties.as_slice()) {
        (_, []) => Err(Problem::not_permitted(
            "rpId: policy lets this workload act for no relying party",
        )),
        (Some(rp_id), parties) => parties
            .iter()
            .find(|party| party.id == rp_id)
            .ok_or_else(|| {
                Problem::not_permitted("rpId: policy does not let this workload act for it")
            }),
        (None, [party]) => Ok(party),
        (None, _) => Err(malformed(
            "rpId: missing, and this workload acts for several relying parties",
        )),
    }
}
