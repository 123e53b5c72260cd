//! `zeropass:store/ceremonies`: put once, taken once, in time.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::Component;
use crate::bindings::exports::zeropass::store::ceremonies::{Ceremony, Guest, Kind};
use crate::bindings::exports::zeropass::store::types::Error;
use crate::memory::with;

impl Guest for Component {
    fn put(ceremony: Ceremony) -> Result<(), Error> {
        // A host's store keeps no challenge under 16 bytes; recordings of other servers
        // have such.
        with(|memory| {
            if memory
                .ceremonies
                .iter()
                .any(|(known, _)| known.id == ceremony.id)
            {
                return Err(Error::Exists);
            }
            memory.ceremonies.push((ceremony, false));
            Ok(())
        })
    }

    fn take(rp_id: String, id: String, kind: Kind) -> Result<Ceremony, Error> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        with(|memory| {
            let (ceremony, used) = memory
                .ceremonies
                .iter_mut()
                .find(|(known, _)| known.id == id && known.rp_id == rp_id && known.kind == kind)
                .ok_or(Error::NotFound)?;
            if *used {
                return Err(Error::Used);
            }
            if u128::from(ceremony.expires_at) <= now.as_millis() {
                return Err(Error::Expired);
            }
            *used = true;
            Ok(ceremony.clone())
        })
    }
}
