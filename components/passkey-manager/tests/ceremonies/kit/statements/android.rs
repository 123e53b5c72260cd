//! `android-key` (L3 section 8.4).

use passkey_manager::cbor::Value;

use crate::kit::*;

const KEY_DESCRIPTION: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];

/// A key store of an Android device.
pub struct Android {
    pub software: Vec<u8>,
    pub hardware: Vec<u8>,
    pub challenge: Option<Vec<u8>>,
    pub forge: bool,
    pub describe: bool,
    pub other: Option<TestKey>,
}

pub fn purpose(numbers: &[u8]) -> Vec<u8> {
    let numbers: Vec<_> = numbers.iter().map(|number| der::integer(*number)).collect();
    der::tlv(&[0xa1], &der::tlv(&[0x31], &numbers.concat()))
}

/// [702]
pub fn origin(number: u8) -> Vec<u8> {
    der::tlv(&[0xbf, 0x85, 0x3e], &der::integer(number))
}

/// [600]
pub fn all_applications() -> Vec<u8> {
    der::tlv(&[0xbf, 0x84, 0x58], &[5, 0])
}

impl Android {
    pub fn new() -> Self {
        Android {
            software: Vec::new(),
            hardware: [purpose(&[2]), origin(0)].concat(),
            challenge: None,
            forge: false,
            describe: true,
            other: None,
        }
    }

    pub fn make(self) -> Box<MakeStatement> {
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
