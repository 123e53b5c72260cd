//! Registrations.

use passkey_manager::bindings::Rejection;
use passkey_manager::bindings::registration::Response;
use passkey_manager::cbor::Value;
use passkey_manager::registration;

use crate::kit::*;
use crate::random::{Random, change};
use crate::{Counts, kinds, library, memory, mutations};

/// A ceremony that is right.
struct Whole {
    name: &'static str,
    format: &'static str,
    host: MemoryHost,
    challenge: Vec<u8>,
    ceremony: String,
    response: Response,
}

impl Whole {
    fn new(name: &'static str, key: TestKey, format: &'static str, statement: Statement) -> Self {
        let host = MemoryHost::new();
        host.profile.borrow_mut().algorithms = vec![-7, -35, -36, -257];
        let options = begin_registration(&host);
        let mut create = Authenticator::with_key(key).create(&options);
        create.format = format;
        create.statement = statement;
        Whole {
            name,
            format,
            host,
            challenge: options.challenge,
            ceremony: options.ceremony,
            response: create.response(),
        }
    }

    /// This component's verdict.
    fn ours(&self, response: Response) -> Result<(), Rejection> {
        for (_, used) in self.host.ceremonies.borrow_mut().values_mut() {
            *used = false;
        }
        self.host.credentials.borrow_mut().clear();
        self.host.calls.borrow_mut().clear();
        registration::finish(&self.host, RP, &self.ceremony, response, None).map(|_| ())
    }
}

fn whole() -> Vec<Whole> {
    let key = TestKey::generate;
    vec![
        Whole::new("none, ES256", key(-7), "none", Statement::Empty),
        Whole::new("none, ES384", key(-35), "none", Statement::Empty),
        Whole::new("none, RS256", key(-257), "none", Statement::Empty),
        Whole::new("self, ES256", key(-7), "packed", Statement::PackedSelf),
        Whole::new("self, RS256", key(-257), "packed", Statement::PackedSelf),
        Whole::new("packed", key(-7), "packed", Statement::Made(packed())),
        Whole::new("fido-u2f", key(-7), "fido-u2f", Statement::Made(fido_u2f())),
        apple_device("apple, ES256", -7),
        apple_device("apple, ES384", -35),
        android_device("android-key, ES256", -7),
        android_device("android-key, ES384", -35),
        tpm_device("tpm, ES256", -7, -7),
        tpm_device("tpm, RS256", -257, -257),
        tpm_device("tpm, RS256 by RS1", -257, RS1),
    ]
}

fn apple_device(name: &'static str, algorithm: i32) -> Whole {
    let made = apple(apple_nonce, None, Authority::root(-35));
    let key = TestKey::generate(algorithm);
    Whole::new(name, key, "apple", Statement::Made(made))
}

fn android_device(name: &'static str, algorithm: i32) -> Whole {
    let made = Android::new().make();
    let key = TestKey::generate(algorithm);
    Whole::new(name, key, "android-key", Statement::Made(made))
}

/// With a passkey and an identity key of these algorithms.
fn tpm_device(name: &'static str, algorithm: i32, aik: i32) -> Whole {
    let made = Tpm::new(aik).make();
    let key = TestKey::generate(algorithm);
    Whole::new(name, key, kinds::TPM, Statement::Made(made))
}

fn packed() -> Box<MakeStatement> {
    let (root, attesting) = (Authority::root(-7), TestKey::generate(-7));
    Box::new(move |data, hash, _| {
        let sig = attesting.sign(&[data, hash].concat());
        let x5c = [root.issue(&packed_leaf(), &attesting)];
        cbor_map(&[
            ("alg", Value::Integer(-7)),
            ("sig", Value::Bytes(&sig)),
            ("x5c", cbor_array(&x5c)),
        ])
    })
}

fn fido_u2f() -> Box<MakeStatement> {
    let (root, attesting) = (Authority::root(-7), TestKey::generate(-7));
    Box::new(move |data, hash, key| {
        let (x, y) = key.point();
        let message = [&[0], &data[..32], hash, &data[55..75], &[4], x, y].concat();
        let sig = attesting.sign(&message);
        let x5c = [root.issue(&leaf(), &attesting)];
        cbor_map(&[("sig", Value::Bytes(&sig)), ("x5c", cbor_array(&x5c))])
    })
}

/// One to three changes in the attestation object or, less often, the client data.
fn mutate(response: &mut Response, random: &mut Random) {
    let bytes = if random.below(4) == 0 {
        &mut response.client_data_json
    } else {
        &mut response.attestation_object
    };
    for _ in 0..=random.below(3) {
        change(bytes, random);
    }
}

#[test]
fn every_difference_between_registrations_is_of_a_named_kind() {
    memory::bound();
    let whole = whole();
    for one in &whole {
        assert!(one.ours(one.response.clone()).is_ok(), "{}", one.name);
        let theirs = library::registration(&one.challenge, &one.response);
        // What it can't verify, it must at least not take for anything else.
        assert_eq!(
            theirs.is_ok(),
            one.format != kinds::TPM,
            "{}: {theirs:?}",
            one.name
        );
    }
    let mut random = Random::new();
    let mut counts = Counts::default();
    for _ in 0..mutations() {
        let one = &whole[random.below(whole.len())];
        let mut response = one.response.clone();
        mutate(&mut response, &mut random);
        let ours = one.ours(response.clone());
        let theirs = library::registration(&one.challenge, &response);
        counts.add(one.format, &ours, &theirs, || {
            format!(
                "{}\n{}\n{:02x?}",
                one.name,
                String::from_utf8_lossy(&response.client_data_json),
                response.attestation_object,
            )
        });
    }
    counts.finish();
}
