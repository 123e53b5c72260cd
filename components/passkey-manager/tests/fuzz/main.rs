//! The bodies of the fuzz targets on a stable compiler: mutations of whole inputs from
//! a fixed seed, a bounded number of them.
//!
//! `ZEROPASS_FUZZ_SEEDS` names a folder for the whole inputs, where `cargo fuzz` can
//! start from them; `ZEROPASS_FUZZ_ROUNDS` is another number of mutations.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

#[path = "../../fuzz/bodies.rs"]
mod bodies;
#[path = "../ceremonies/kit/mod.rs"]
#[allow(dead_code, unused_imports)]
mod kit;
#[path = "../differential/random.rs"]
mod random;

use passkey_manager::cbor::Value;

use kit::*;
use random::Random;

/// Mutations of each target.
const ROUNDS: usize = 20_000;

fn rounds() -> usize {
    let given = std::env::var("ZEROPASS_FUZZ_ROUNDS").ok();
    given.map_or(ROUNDS, |given| given.parse().unwrap())
}

/// Run `body` on every seed and on its mutations, which pile up for a while.
fn run(target: &str, seeds: &[Vec<u8>], body: fn(&[u8])) {
    if let Some(folder) = std::env::var_os("ZEROPASS_FUZZ_SEEDS") {
        let folder = std::path::Path::new(&folder).join(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (index, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index}")), seed).unwrap();
        }
    }
    let mut random = Random::new();
    for seed in seeds {
        body(seed);
        for end in 0..seed.len() {
            body(&seed[..end]);
        }
    }
    for _ in 0..rounds() {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            random::change(&mut bytes, &mut random);
        }
        body(&bytes);
    }
}

/// Attestation objects of every algorithm and every format.
fn objects() -> Vec<Vec<u8>> {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    let made = |key: i32, format, statement| {
        let mut create = Authenticator::with_key(TestKey::generate(key)).create(&options);
        create.format = format;
        create.statement = statement;
        create.response().attestation_object
    };
    let mut objects: Vec<_> = ALL
        .iter()
        .map(|key| made(*key, "packed", Statement::PackedSelf))
        .collect();
    objects.push(made(-7, "none", Statement::Empty));
    objects.push(made(-7, "packed", certified(true)));
    objects.push(made(-7, "fido-u2f", certified(false)));
    let own = |statement| Statement::Made(statement);
    let apple_statement = || apple(apple_nonce, None, Authority::root(-7));
    objects.push(made(-7, "apple", own(apple_statement())));
    let mut key_store = Android::new();
    key_store.software = [purpose(&[2]), origin(0)].concat();
    objects.push(made(-7, "android-key", own(key_store.make())));
    for (key, aik) in [(-7, -257), (-257, -257), (-35, -7)] {
        objects.push(made(key, "tpm", own(Tpm::new(aik).make())));
    }
    let parts = [
        ("apple", apple_statement()),
        ("android-key", Android::new().make()),
        ("tpm", Tpm::new(-257).make()),
    ];
    objects.push(made(-7, "compound", compound(parts)));
    objects
}

fn compound<const N: usize>(parts: [(&'static str, Box<MakeStatement>); N]) -> Statement {
    Statement::Made(Box::new(move |data, hash, key| {
        compound_of(&parts.map(|(format, make)| (format, make(data, hash, key))))
    }))
}

/// A statement with certificates: of `packed`, or of `fido-u2f`, which takes one alone and
/// names no algorithm.
fn certified(packed: bool) -> Statement {
    let (root, attesting) = (Authority::root(-7), TestKey::generate(-7));
    Statement::Made(Box::new(move |data, hash, _| {
        let sig = attesting.sign(&[data, hash].concat());
        let mut x5c = vec![root.issue(&packed_leaf(), &attesting)];
        if packed {
            x5c.push(root.der.clone());
        }
        let mut members = vec![("sig", Value::Bytes(&sig)), ("x5c", cbor_array(&x5c))];
        if packed {
            members.push(("alg", Value::Integer(-7)));
        }
        cbor_map(&members)
    }))
}

#[test]
fn client_data_is_parsed_without_harm() {
    let seeds = [
        &br#"{"type":"webauthn.create","challenge":"AAAAAAAAAAAAAAAAAAAAAA","origin":"https://login.example.com","crossOrigin":false}"#[..],
        br#"{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAA","origin":"https://login.example.com","crossOrigin":true,"topOrigin":"https://example.com","tokenBinding":{"status":"supported"},"x":[1,{"y":null}]}"#,
    ]
    .map(<[u8]>::to_vec);
    run("client_data", &seeds, bodies::client_data);
}

#[test]
fn authenticator_data_is_parsed_without_harm() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    let seeds: Vec<_> = ALL
        .iter()
        .map(|key| Authenticator::with_key(TestKey::generate(*key)).create(&options))
        .map(|mut create| {
            create.flags |= ED;
            create.extensions = cbor_map(&[("credProtect", Value::Integer(2))]);
            create.authenticator_data()
        })
        .collect();
    run("authenticator_data", &seeds, bodies::authenticator_data);
}

#[test]
fn cose_keys_are_parsed_without_harm() {
    let seeds: Vec<_> = ALL
        .iter()
        .map(|key| TestKey::generate(*key).cose())
        .collect();
    run("cose_key", &seeds, bodies::cose_key);
}

#[test]
fn attestation_objects_are_verified_without_harm() {
    let objects = objects();
    for whole in &objects {
        // Or else their mutations end before what they are there for.
        bodies::register(whole).unwrap();
    }
    run("attestation_object", &objects, bodies::attestation_object);
}
