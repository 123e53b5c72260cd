//! From one revision to the next.

use super::admitted::Admitted;
use super::refusal::Refusal;
use super::verify::Verified;
use crate::audit::ComponentIdentity;

/// A version goes up, and names one file only.
pub(super) fn step(
    verified: Option<&Verified>,
    identity: &ComponentIdentity,
    against: &Admitted,
) -> Result<(), Refusal> {
    let (Some(offered), Some(active)) = (verified, &against.verified) else {
        return Ok(());
    };
    let (offered, active) = (&offered.statement.version, &active.statement.version);
    if offered < active {
        return Err(Refusal::Older {
            offered: offered.to_string(),
            active: active.to_string(),
        });
    }
    if offered == active && identity.digest != against.identity.digest {
        return Err(Refusal::Reused {
            version: offered.to_string(),
            active: against.identity.digest.clone(),
        });
    }
    Ok(())
}
