//! Sign-ins.

use passkey_manager::authentication;
use passkey_manager::bindings::authentication::Response;
use passkey_manager::bindings::credentials::Credential;
use passkey_manager::bindings::{Rejection, Subject};
use sha2::{Digest as _, Sha256};

use crate::kit::*;
use crate::random::{Random, change};
use crate::{Counts, library, memory, mutations};

/// What the counter was before.
const COUNTER: u32 = 5;

/// A sign-in that both sides accept.
struct Whole {
    host: MemoryHost,
    stored: Credential,
    authenticator: Authenticator,
    challenge: Vec<u8>,
    ceremony: String,
    response: Response,
}

// === impl Whole ===

impl Whole {
    /// With a name, or as whoever the authenticator says.
    fn new(algorithm: i32, subject: Subject) -> Self {
        let host = MemoryHost::new();
        host.profile.borrow_mut().algorithms = vec![-7, -35, -257];
        let authenticator = Authenticator::with_key(TestKey::generate(algorithm));
        register_with(&host, &authenticator, |create| create.sign_count = COUNTER).unwrap();
        let options = begin_sign_in(&host, subject);
        let mut get = authenticator.get(&options);
        get.sign_count = COUNTER + 1;
        Whole {
            stored: host.only(),
            host,
            challenge: options.challenge,
            ceremony: options.ceremony,
            response: get.response(),
            authenticator,
        }
    }

    /// This component's verdict.
    fn ours(&self, response: Response) -> Result<(), Rejection> {
        for (_, used) in self.host.ceremonies.borrow_mut().values_mut() {
            *used = false;
        }
        *self.host.credentials.borrow_mut() = vec![self.stored.clone()];
        self.host.calls.borrow_mut().clear();
        self.host.warnings.borrow_mut().clear();
        authentication::finish(&self.host, RP, &self.ceremony, response).map(|_| ())
    }

    fn theirs(&self, response: &Response) -> Result<(), String> {
        let (key, id) = (&self.authenticator.key, &self.stored.id);
        library::authentication(&self.challenge, key, id, COUNTER, response)
    }

    /// One to three changes in one part of the answer. What is signed is often signed
    /// again, so that the signature does not hide what else is wrong.
    fn mutate(&self, response: &mut Response, random: &mut Random) {
        let bytes = match random.below(16) {
            0..6 => &mut response.client_data_json,
            6..12 => &mut response.authenticator_data,
            12..14 => &mut response.signature,
            14 => &mut response.raw_id,
            _ => response.user_handle.as_mut().unwrap(),
        };
        for _ in 0..=random.below(3) {
            change(bytes, random);
        }
        if random.below(8) == 0 {
            response.id = passkey_manager::base64url::encode(&response.raw_id);
        }
        if random.below(4) != 0 {
            let hash = Sha256::digest(&response.client_data_json);
            let message = [response.authenticator_data.as_slice(), &hash].concat();
            let mut signature = self.authenticator.key.sign(&message);
            // A mutated signature stays what it is.
            if response.signature == self.response.signature {
                std::mem::swap(&mut response.signature, &mut signature);
            }
        }
    }
}

#[test]
fn every_difference_between_sign_ins_is_of_a_named_kind() {
    memory::bound();
    let named = || Subject::Account(ALICE.to_owned());
    let whole = [
        Whole::new(-7, named()),
        Whole::new(-7, Subject::Anyone),
        Whole::new(-35, named()),
        Whole::new(-257, named()),
        Whole::new(-257, Subject::Anyone),
    ];
    for one in &whole {
        one.ours(one.response.clone()).unwrap();
        one.theirs(&one.response).unwrap();
    }
    let mut random = Random::new();
    let mut counts = Counts::default();
    for _ in 0..mutations() {
        let one = &whole[random.below(whole.len())];
        let mut response = one.response.clone();
        one.mutate(&mut response, &mut random);
        let ours = one.ours(response.clone());
        let theirs = one.theirs(&response);
        counts.add("", &ours, &theirs, || {
            format!(
                "{}\n{:02x?}",
                String::from_utf8_lossy(&response.client_data_json),
                response.authenticator_data,
            )
        });
    }
    counts.finish();
}
