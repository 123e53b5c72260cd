use passkey_manager::bindings::Code;
use passkey_manager::cbor::Value;
use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{Make, attested, attested_with, refused};
use crate::kit::*;

const SAN: &[u64] = &[2, 5, 29, 17];

struct Tpm {
    version: &'static str,
    aik: TestKey,
    certificate: CertificateParams,
    magic: u32,
    kind: u16,
    extra_data: Option<Vec<u8>>,
    name: Option<Vec<u8>>,
    /// Instead of the credential's own key.
    area_of: Option<TestKey>,
    trailing_area: Vec<u8>,
    trailing_info: Vec<u8>,
    /// Instead of the identity key's own algorithm.
    stated: Option<i64>,
    forge: bool,
}

/// A directory name with manufacturer, model and version.
fn names(manufacturer: &str, parts: usize) -> rcgen::CustomExtension {
    let attributes: Vec<_> = [(1, manufacturer), (2, "model"), (3, "id:00020000")]
        .into_iter()
        .take(parts)
        .map(|(last, text)| {
            let attribute = der::sequence(&[
                der::tlv(&[6], &[0x67, 0x81, 0x05, 0x02, last]),
                der::tlv(&[0x0c], text.as_bytes()),
            ]);
            der::tlv(&[0x31], &attribute)
        })
        .collect();
    let name = der::tlv(&[0xa4], &der::sequence(&attributes));
    der::extension(SAN, true, der::sequence(&[name]))
}

fn aik_certificate() -> CertificateParams {
    let mut params = leaf();
    params.distinguished_name = DistinguishedName::new();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![2, 23, 133, 8, 3])];
    params.custom_extensions = vec![names("id:494E5443", 3)];
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
    fn new(aik: i32) -> Self {
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

    fn make(self) -> Make {
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

fn wrong(change: impl FnOnce(&mut Tpm)) {
    let mut tpm = Tpm::new(-7);
    change(&mut tpm);
    refused("tpm", tpm.make());
}

#[test]
fn tpm_is_attested_with_every_key() {
    for aik in [-7, -35, -36, -257, -258, -259, -37, -38, -39, RS1] {
        attested("tpm", Tpm::new(aik).make()).unwrap();
    }
    for algorithm in [-7, -35, -36, -9, -51, -52, -257, -37] {
        let host = MemoryHost::new();
        let key = TestKey::generate(algorithm);
        attested_with(&host, key, "tpm", Tpm::new(-257).make()).unwrap();
    }
}

/// SHA-1 is for what a TPM signs, never for what a passkey does.
#[test]
fn old_tpm_signs_with_sha_1_and_its_passkeys_do_not() {
    wrong(|tpm| {
        tpm.aik = TestKey::generate(RS1);
        tpm.forge = true;
    });
    // Of another key than RSA it is no algorithm.
    wrong(|tpm| tpm.stated = Some(RS1.into()));
    let host = MemoryHost::new();
    let key = TestKey::generate(RS1);
    let attested = attested_with(&host, key, "tpm", Tpm::new(RS1).make());
    assert_eq!(code(attested), Code::AlgorithmNotAllowed);
}

#[test]
fn identity_key_must_hash_what_it_signs() {
    wrong(|tpm| tpm.aik = TestKey::generate(-8));
}

#[test]
fn other_version_is_refused() {
    wrong(|tpm| tpm.version = "1.2");
}

#[test]
fn certification_must_be_a_tpm_s() {
    wrong(|tpm| tpm.magic = 0xff54_4348);
    wrong(|tpm| tpm.kind = 0x8018);
    wrong(|tpm| tpm.trailing_info = vec![0]);
}

#[test]
fn certification_of_another_ceremony_is_refused() {
    wrong(|tpm| tpm.extra_data = Some(vec![0; 32]));
    wrong(|tpm| tpm.extra_data = Some(Vec::new()));
}

#[test]
fn certification_of_another_key_is_refused() {
    wrong(|tpm| tpm.name = Some([&[0, 0x0b][..], &[0; 32]].concat()));
    wrong(|tpm| tpm.area_of = Some(TestKey::generate(-7)));
    wrong(|tpm| tpm.area_of = Some(TestKey::generate(-35)));
    wrong(|tpm| tpm.area_of = Some(TestKey::generate(-257)));
    wrong(|tpm| tpm.trailing_area = vec![0]);
}

#[test]
fn forged_signature_is_refused() {
    wrong(|tpm| tpm.forge = true);
}

#[test]
fn certificate_must_be_one_of_an_identity_key() {
    wrong(|tpm| {
        tpm.certificate.distinguished_name = leaf().distinguished_name;
    });
    wrong(|tpm| tpm.certificate.custom_extensions.clear());
    wrong(|tpm| tpm.certificate.custom_extensions = vec![names("id:494E5443", 2)]);
    wrong(|tpm| tpm.certificate.custom_extensions = vec![names("Intel", 3)]);
    wrong(|tpm| tpm.certificate.extended_key_usages.clear());
    wrong(|tpm| {
        tpm.certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    wrong(|tpm| tpm.certificate.is_ca = IsCa::NoCa);
    wrong(|tpm| {
        tpm.certificate.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    wrong(|tpm| {
        tpm.certificate.custom_extensions.push(der::extension(
            &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4],
            false,
            der::octets(&[8; 16]),
        ));
    });
}
