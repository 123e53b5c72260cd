use passkey_manager::bindings::Code;

use passkey_manager::cbor::Value;

use super::{Make, attested, attested_with, refused};
use crate::kit::*;

struct U2f {
    attesting: TestKey,
    certificates: usize,
    public_key_prefix: u8,
    forge: bool,
}

impl U2f {
    fn new() -> Self {
        U2f {
            attesting: TestKey::generate(-7),
            certificates: 1,
            public_key_prefix: 4,
            forge: false,
        }
    }

    fn make(self) -> Make {
        let root = Authority::root(-7);
        Box::new(move |data, hash, key| {
            // rpIdHash, then the credential id of 20 bytes after flags, counter,
            // AAGUID and length.
            let message = [
                &[0],
                &data[..32],
                hash,
                &data[55..75],
                &[self.public_key_prefix],
                &key.point_or_public().concat(),
            ]
            .concat();
            let mut sig = self.attesting.sign(&message);
            if self.forge {
                *sig.last_mut().unwrap() ^= 1;
            }
            let certificate = root.issue(&leaf(), &self.attesting);
            let x5c = vec![certificate; self.certificates];
            cbor_map(&[("sig", Value::Bytes(&sig)), ("x5c", cbor_array(&x5c))])
        })
    }
}

fn wrong(change: impl FnOnce(&mut U2f)) {
    let mut u2f = U2f::new();
    change(&mut u2f);
    refused("fido-u2f", u2f.make());
}

#[test]
fn security_key_is_attested() {
    attested("fido-u2f", U2f::new().make()).unwrap();
}

#[test]
fn wrong_statement_of_a_security_key_is_refused() {
    wrong(|u2f| u2f.forge = true);
    wrong(|u2f| u2f.public_key_prefix = 5);
    // Not exactly one certificate.
    wrong(|u2f| u2f.certificates = 0);
    wrong(|u2f| u2f.certificates = 2);
    // A certificate with a key of another kind.
    wrong(|u2f| u2f.attesting = TestKey::generate(-35));
    wrong(|u2f| u2f.attesting = TestKey::generate(-257));
}

#[test]
fn security_key_has_no_other_key_than_p_256() {
    for algorithm in [-35, -8, -257] {
        let host = MemoryHost::new();
        let key = TestKey::generate(algorithm);
        let attested = attested_with(&host, key, "fido-u2f", U2f::new().make());
        assert_eq!(code(attested), Code::AttestationInvalid);
    }
}
