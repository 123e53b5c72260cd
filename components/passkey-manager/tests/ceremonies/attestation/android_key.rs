use passkey_manager::cbor::Value;

use super::{Make, attested, refused};
use crate::kit::*;

const KEY_DESCRIPTION: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];

struct Android {
    software: Vec<u8>,
    hardware: Vec<u8>,
    challenge: Option<Vec<u8>>,
    forge: bool,
    describe: bool,
    other: Option<TestKey>,
}

fn purpose(numbers: &[u8]) -> Vec<u8> {
    let numbers: Vec<_> = numbers.iter().map(|number| der::integer(*number)).collect();
    der::tlv(&[0xa1], &der::tlv(&[0x31], &numbers.concat()))
}

/// [702]
fn origin(number: u8) -> Vec<u8> {
    der::tlv(&[0xbf, 0x85, 0x3e], &der::integer(number))
}

/// [600]
fn all_applications() -> Vec<u8> {
    der::tlv(&[0xbf, 0x84, 0x58], &[5, 0])
}

impl Android {
    fn new() -> Self {
        Android {
            software: Vec::new(),
            hardware: [purpose(&[2]), origin(0)].concat(),
            challenge: None,
            forge: false,
            describe: true,
            other: None,
        }
    }

    fn make(self) -> Make {
        let root = Authority::root(-7);
        Box::new(move |data, hash, key| {
            let key = self.other.as_ref().unwrap_or(key);
            let mut sig = key.sign(&[data, hash].concat());
            if self.forge {
                *sig.last_mut().unwrap() ^= 1;
            }
            let challenge = self.challenge.as_deref().unwrap_or(hash);
            let description = der::sequence(&[
                der::integer(4),
                der::tlv(&[10], &[1]),
                der::integer(41),
                der::tlv(&[10], &[1]),
                der::octets(challenge),
                der::octets(&[]),
                der::tlv(&[0x30], &self.software),
                der::tlv(&[0x30], &self.hardware),
            ]);
            let mut certificate = leaf();
            if self.describe {
                let extension = der::extension(KEY_DESCRIPTION, false, description);
                certificate.custom_extensions.push(extension);
            }
            let x5c = [root.issue(&certificate, key)];
            cbor_map(&[
                ("alg", Value::Integer(key.algorithm.into())),
                ("sig", Value::Bytes(&sig)),
                ("x5c", cbor_array(&x5c)),
            ])
        })
    }
}

fn wrong(change: impl FnOnce(&mut Android)) {
    let mut android = Android::new();
    change(&mut android);
    refused("android-key", android.make());
}

#[test]
fn android_device_is_attested() {
    attested("android-key", Android::new().make()).unwrap();
    let mut software = Android::new();
    software.software = std::mem::take(&mut software.hardware);
    attested("android-key", software.make()).unwrap();
    let mut both = Android::new();
    both.hardware = [
        purpose(&[2, 3]),
        der::tlv(&[0xa2], &der::integer(3)),
        origin(0),
    ]
    .concat();
    attested("android-key", both.make()).unwrap();
}

#[test]
fn forged_signature_is_refused() {
    wrong(|android| android.forge = true);
}

#[test]
fn certificate_about_another_key_is_refused() {
    wrong(|android| android.other = Some(TestKey::generate(-7)));
}

#[test]
fn challenge_of_another_ceremony_is_refused() {
    wrong(|android| android.challenge = Some(vec![0; 32]));
    wrong(|android| android.challenge = Some(Vec::new()));
}

#[test]
fn certificate_without_a_key_description_is_refused() {
    wrong(|android| android.describe = false);
}

#[test]
fn key_for_all_applications_is_refused() {
    wrong(|android| android.software = all_applications());
    wrong(|android| android.hardware = all_applications());
}

#[test]
fn imported_key_is_refused() {
    wrong(|android| android.hardware = [purpose(&[2]), origin(2)].concat());
    wrong(|android| android.software = origin(1));
}

#[test]
fn key_for_another_purpose_is_refused() {
    for numbers in [&[0, 1][..], &[3], &[], &[2, 0]] {
        wrong(|android| android.hardware = purpose(numbers));
    }
}

#[test]
fn malformed_list_is_refused() {
    wrong(|android| android.hardware = vec![0xbf, 0x85]);
    wrong(|android| android.hardware = der::tlv(&[0xbf, 0x85, 0x3e], &[1]));
}
