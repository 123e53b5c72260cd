//! Where a ceremony may take place (WebAuthn L3 sections 13.4.9, 7.1 steps 9 to
//! 11 and 7.2 steps 12 to 14).
//!
//! Origins are compared byte by byte with the configured ones: no port or
//! subdomain is forgiven, and nothing is normalised.

use crate::bindings::relying_party::Profile;
use crate::bindings::{Code, Rejection};
use crate::rejection::reject;

/// Check the origin, and what the client says of frames.
///
/// # Errors
/// `origin-mismatch`.
pub fn check(
    origin: &str,
    cross_origin: bool,
    top_origin: Option<&str>,
    profile: &Profile,
) -> Result<(), Rejection> {
    if !profile.origins.iter().any(|allowed| allowed == origin) {
        return Err(mismatch(format!(
            "origin {origin:?} is not one of the relying party's origins {:?}",
            profile.origins
        )));
    }
    if cross_origin && !profile.allow_cross_origin {
        return Err(mismatch(
            "the ceremony took place in a cross-origin frame, which this relying party does not allow",
        ));
    }
    let Some(top_origin) = top_origin else {
        return Ok(());
    };
    // A browser sends topOrigin only along with crossOrigin (section 5.8.1).
    if !cross_origin {
        return Err(mismatch("topOrigin is given without crossOrigin"));
    }
    if !profile
        .top_origins
        .iter()
        .any(|allowed| allowed == top_origin)
    {
        return Err(mismatch(format!(
            "topOrigin {top_origin:?} is not one of the relying party's top origins {:?}",
            profile.top_origins
        )));
    }
    Ok(())
}

fn mismatch(detail: impl Into<String>) -> Rejection {
    reject(Code::OriginMismatch, detail)
}
