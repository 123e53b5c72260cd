//! `apple` (L3 section 8.8).

use sha2::{Digest as _, Sha256};

use crate::kit::*;

const NONCE: &[u64] = &[1, 2, 840, 113635, 100, 8, 2];

/// What the extension holds, from the nonce that it should hold.
pub type AppleExtension = fn(&[u8]) -> Vec<u8>;

/// A statement whose nonce is written by `extension`, about `other` instead of the
/// credential's key if there is one.
pub fn apple(
    extension: AppleExtension,
    other: Option<TestKey>,
    root: Authority,
) -> Box<MakeStatement> {
    Box::new(move |data, hash, key| {
        let nonce = Sha256::digest([data, hash].concat());
        let mut certificate = leaf();
        let extension = der::extension(NONCE, false, extension(&nonce));
        certificate.custom_extensions.push(extension);
        let x5c = [root.issue(&certificate, other.as_ref().unwrap_or(key))];
        cbor_map(&[("x5c", cbor_array(&x5c))])
    })
}

/// As the section has it.
pub fn apple_nonce(nonce: &[u8]) -> Vec<u8> {
    der::sequence(&[der::tlv(&[0xa1], &der::octets(nonce))])
}
