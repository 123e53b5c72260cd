//! `tpm` (L3 section 8.3).

use passkey_manager::cbor::Value;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::kit::*;

const SAN: &[u64] = &[2, 5, 29, 17];

/// A TPM, its identity key, and what it certifies.
pub struct Tpm {
    pub version: &'static str,
    pub aik: TestKey,
    pub certificate: CertificateParams,
    pub magic: u32,
    pub kind: u16,
    pub extra_data: Option<Vec<u8>>,
    pub name: Option<Vec<u8>>,
    /// Instead of the credential's own key.
    pub area_of: Option<TestKey>,
    pub trailing_area: Vec<u8>,
    pub trailing_info: Vec<u8>,
    /// Instead of the identity key's own algorithm.
    pub stated: Option<i64>,
    pub forge: bool,
}

/// A directory name with manufacturer, model and version, or fewer of them.
pub fn tpm_names(manufacturer: &str, parts: usize) -> CustomExtension {
    tpm_names_as(manufacturer, parts, false, false)
}

/// The same, with all attributes in one set or each in its own, and in PrintableString or
/// in UTF8String.
pub fn tpm_names_as(
    manufacturer: &str,
    parts: usize,
    one_set: bool,
    printable: bool,
) -> CustomExtension {
    let string = if printable { 0x13 } else { 0x0c };
    let attributes = [(1, manufacturer), (2, "model"), (3, "id:00020000")]
        .into_iter()
        .take(parts)
        .map(|(last, text)| {
            der::sequence(&[
                der::tlv(&[6], &[0x67, 0x81, 0x05, 0x02, last]),
                der::tlv(&[string], text.as_bytes()),
            ])
        });
    let sets: Vec<_> = if one_set {
        vec![der::tlv(&[0x31], &attributes.collect::<Vec<_>>().concat())]
    } else {
        attributes.map(|one| der::tlv(&[0x31], &one)).collect()
    };
    let name = der::tlv(&[0xa4], &der::sequence(&sets));
    der::extension(SAN, true, der::sequence(&[name]))
}

/// An extended key usage of one purpose, whose identifier ends so: 3 is that of an
/// identity key.
pub fn extended_key_usage(last: u8) -> CustomExtension {
    let purpose = der::tlv(&[6], &[0x67, 0x81, 0x05, 0x08, last]);
    der::extension(&[2, 5, 29, 37], true, der::sequence(&[purpose]))
}

/// L3 section 8.3.1.
fn aik_certificate() -> CertificateParams {
    let mut params = leaf();
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![tpm_names("id:494E5443", 3), extended_key_usage(3)];
    params
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// TPMT_PUBLIC.
fn area(key: &TestKey) -> Vec<u8> {
    let null = [0, 0x10];
    let (kind, parameters) = match key.algorithm {
        -7 | -35 | -36 | -9 | -51 | -52 => {
            let (x, y) = key.point();
            let curve = match x.len() {
                32 => 3,
                48 => 4,
                _ => 5,
            };
            // Symmetric, scheme, curve, kdf.
            let parameters = [&null, &null, &[0, curve], &null, &sized(x)[..], &sized(y)].concat();
            (0x23, parameters)
        }
        _ => {
            let (n, _) = key.numbers();
            // RSASSA with SHA-256; the exponent in its default form.
            let scheme = [0, 0x14, 0, 0x0b];
            let parameters = [&null, &scheme[..], &[8, 0], &[0; 4], &sized(&n)].concat();
            (0x01, parameters)
        }
    };
    [
        &[0, kind, 0, 0x0b],
        &[0, 4, 0, 0][..],
        &sized(&[]),
        &parameters,
    ]
    .concat()
}

impl Tpm {
    pub fn new(aik: i32) -> Self {
        Tpm {
            version: "2.0",
            aik: TestKey::generate(aik),
            certificate: aik_certificate(),
            magic: 0xff54_4347,
            kind: 0x8017,
            extra_data: None,
            name: None,
            area_of: None,
            trailing_area: Vec::new(),
            trailing_info: Vec::new(),
            stated: None,
            forge: false,
        }
    }

    pub fn make(self) -> Box<MakeStatement> {
        let root = Authority::root(-257);
        Box::new(move |data, hash, key| {
            let message = [data, hash].concat();
            let digest = match self.aik.algorithm {
                -35 | -258 | -38 => Sha384::digest(message).to_vec(),
                -36 | -259 | -39 => Sha512::digest(message).to_vec(),
                RS1 => Sha1::digest(message).to_vec(),
                _ => Sha256::digest(message).to_vec(),
            };
            let mut area = area(self.area_of.as_ref().unwrap_or(key));
            area.extend(self.trailing_area);
            let name = [&[0, 0x0b], Sha256::digest(&area).as_slice()].concat();
            let mut info = [
                &self.magic.to_be_bytes()[..],
                &self.kind.to_be_bytes(),
                &sized(b"signer"),
                &sized(&self.extra_data.unwrap_or(digest)),
                &[0; 25],
                &sized(&self.name.unwrap_or(name)),
                &sized(b"qualified"),
            ]
            .concat();
            info.extend(self.trailing_info);
            let mut sig = self.aik.sign(&info);
            if self.forge {
                *sig.last_mut().unwrap() ^= 1;
            }
            let x5c = [root.issue(&self.certificate, &self.aik)];
            cbor_map(&[
                ("ver", Value::Text(self.version)),
                (
                    "alg",
                    Value::Integer(self.stated.unwrap_or(self.aik.algorithm.into())),
                ),
                ("x5c", cbor_array(&x5c)),
                ("sig", Value::Bytes(&sig)),
                ("certInfo", Value::Bytes(&info)),
                ("pubArea", Value::Bytes(&area)),
            ])
        })
    }
}
