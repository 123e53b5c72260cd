//! `[relying-party.decoy]`: what answers about unknown names look like.

use super::format::{Count, List, Parsed};
use super::section::Section;

/// The form of decoys, as passkeys of the relying party's people have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoy {
    /// Bytes of a credential id, 16 to 1023 (WebAuthn L3 section 6.5.1).
    pub id_length: u32,
    /// WebAuthn L3 section 5.8.4, in the order in which they are told.
    pub transports: Vec<String>,
}

const TRANSPORT: Parsed<String> = Parsed {
    expected: "a transport such as \"hybrid\", \"internal\" or \"usb\"",
    parse: |text| {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        let right = !text.is_empty() && text.len() <= 32 && text.bytes().all(letters);
        right.then(|| text.to_owned()).ok_or_else(String::new)
    },
};

pub(super) fn read(section: &mut Section<'_>) -> Option<Decoy> {
    let id_length = section.required("id-length", Count(16..=1023));
    let transports = List {
        of: TRANSPORT,
        least: 0,
    };
    let transports = section.required("transports", transports);
    Some(Decoy {
        id_length: id_length?,
        transports: transports?,
    })
}
