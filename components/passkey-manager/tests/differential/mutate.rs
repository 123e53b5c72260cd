//! Small changes of a response.

use passkey_manager::bindings::registration::Response;

use crate::random::{Random, change};

/// One to three changes in the attestation object or, less often, the client data.
pub fn response(response: &mut Response, random: &mut Random) {
    let bytes = if random.below(4) == 0 {
        &mut response.client_data_json
    } else {
        &mut response.attestation_object
    };
    for _ in 0..=random.below(3) {
        change(bytes, random);
    }
}
