use passkey_manager::bindings::Code;
use passkey_manager::cbor::Value;
use rcgen::{CertificateParams, DnType, IsCa};

use super::{Make, attested, attested_with, refused};
use crate::kit::*;

const AAGUID: &[u64] = &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];

/// A statement by a certificate of the maker.
struct Packed {
    algorithm: i64,
    attesting: TestKey,
    certificate: CertificateParams,
    forge: bool,
    omit: &'static str,
    extra: Vec<(&'static str, Value<'static>)>,
}

impl Packed {
    fn new(algorithm: i32) -> Self {
        Packed {
            algorithm: algorithm.into(),
            attesting: TestKey::generate(algorithm),
            certificate: packed_leaf(),
            forge: false,
            omit: "",
            extra: Vec::new(),
        }
    }

    fn make(self) -> Make {
        let root = Authority::root(-7);
        Box::new(move |data, hash, _| {
            let mut sig = self.attesting.sign(&[data, hash].concat());
            if self.forge {
                *sig.last_mut().unwrap() ^= 1;
            }
            let x5c = [root.issue(&self.certificate, &self.attesting)];
            let mut members = vec![
                ("alg", Value::Integer(self.algorithm)),
                ("sig", Value::Bytes(&sig)),
                ("x5c", cbor_array(&x5c)),
            ];
            members.retain(|(name, _)| *name != self.omit);
            members.extend(self.extra);
            cbor_map(&members)
        })
    }
}

/// One that is refused after `change`.
fn wrong(change: impl FnOnce(&mut Packed)) {
    let mut packed = Packed::new(-7);
    change(&mut packed);
    refused("packed", packed.make());
}

fn without(kind: &DnType) -> CertificateParams {
    let mut params = packed_leaf();
    assert!(params.distinguished_name.remove(kind.clone()));
    params
}

#[test]
fn every_algorithm_attests_itself_and_signs_in() {
    for algorithm in ALL {
        let host = MemoryHost::new();
        host.profile.borrow_mut().algorithms = ALL.to_vec();
        let authenticator = Authenticator::with_key(TestKey::generate(*algorithm));
        register_with(&host, &authenticator, |create| {
            create.format = "packed";
            create.statement = Statement::PackedSelf;
        })
        .unwrap();
        assert_eq!(host.only().algorithm, *algorithm);
        sign_in_with(&host, &authenticator, |_| {}).unwrap();
        let forged = sign_in_with(&host, &authenticator, |get| get.forge = true);
        assert_eq!(code(forged), Code::SignatureInvalid, "{algorithm}");
    }
}

#[test]
fn every_algorithm_registers_without_attestation() {
    for algorithm in ALL {
        let host = MemoryHost::new();
        host.profile.borrow_mut().algorithms = ALL.to_vec();
        let authenticator = Authenticator::with_key(TestKey::generate(*algorithm));
        register(&host, &authenticator);
    }
}

#[test]
fn large_rsa_keys_register_and_sign_in() {
    use aws_lc_rs::rsa::KeySize;
    for size in [KeySize::Rsa3072, KeySize::Rsa4096] {
        let host = MemoryHost::new();
        let authenticator = Authenticator::with_key(TestKey::rsa(-257, size));
        register(&host, &authenticator);
        sign_in_with(&host, &authenticator, |_| {}).unwrap();
    }
}

#[test]
fn self_attestation_states_the_credential_s_algorithm() {
    // ES256 over the right bytes, under the name of ES384.
    refused(
        "packed",
        Box::new(|data, hash, key| {
            let sig = key.sign(&[data, hash].concat());
            cbor_map(&[("alg", Value::Integer(-35)), ("sig", Value::Bytes(&sig))])
        }),
    );
}

#[test]
fn self_attestation_is_over_this_ceremony() {
    refused(
        "packed",
        Box::new(|data, _, key| {
            let sig = key.sign(&[data, &[0; 32]].concat());
            cbor_map(&[("alg", Value::Integer(-7)), ("sig", Value::Bytes(&sig))])
        }),
    );
}

#[test]
fn certificate_of_every_algorithm_attests() {
    for algorithm in [-7, -35, -36, -8, -257, -258, -259, -37, -38, -39] {
        attested("packed", Packed::new(algorithm).make()).unwrap();
    }
}

#[test]
fn credential_of_every_algorithm_is_attested() {
    for algorithm in ALL {
        let host = MemoryHost::new();
        let key = TestKey::generate(*algorithm);
        attested_with(&host, key, "packed", Packed::new(-7).make()).unwrap();
        assert_eq!(host.only().attestation_format, "packed");
    }
}

#[test]
fn aaguid_in_the_certificate_matches() {
    let mut packed = Packed::new(-7);
    let aaguid = der::extension(AAGUID, false, der::octets(&[7; 16]));
    packed.certificate.custom_extensions.push(aaguid);
    attested("packed", packed.make()).unwrap();
}

#[test]
fn extension_that_holds_no_der_is_left_alone() {
    let mut packed = Packed::new(-7);
    let oid = &[1, 3, 6, 1, 4, 1, 41482, 2];
    let text = der::extension(oid, false, b"1.3.6.1.4.1.41482.1.1".to_vec());
    packed.certificate.custom_extensions.push(text);
    attested("packed", packed.make()).unwrap();
}

#[test]
fn aaguid_of_another_model_in_the_certificate_is_refused() {
    for aaguid in [
        der::extension(AAGUID, false, der::octets(&[8; 16])),
        der::extension(AAGUID, true, der::octets(&[7; 16])),
        der::extension(AAGUID, false, vec![7; 16]),
        der::extension(AAGUID, false, der::octets(&[7; 15])),
    ] {
        wrong(|packed| packed.certificate.custom_extensions.push(aaguid));
    }
}

#[test]
fn forged_signature_is_refused() {
    wrong(|packed| packed.forge = true);
}

#[test]
fn algorithm_of_another_kind_of_key_is_refused() {
    for algorithm in [-35, -36, -8, -257, -48, -65_535, -1_256_384, i64::MIN] {
        wrong(|packed| packed.algorithm = algorithm);
    }
    // RSA, but with another hash or padding than it signed with.
    for algorithm in [-37, -258, -65_535] {
        let mut packed = Packed::new(-257);
        packed.algorithm = algorithm;
        refused("packed", packed.make());
    }
}

#[test]
fn statement_without_a_member_or_with_a_foreign_one_is_refused() {
    for member in ["alg", "sig"] {
        wrong(|packed| packed.omit = member);
    }
    // Without x5c it would be self attestation by another key.
    wrong(|packed| packed.omit = "x5c");
    wrong(|packed| packed.extra = vec![("ecdaaKeyId", Value::Bytes(&[1]))]);
    for x5c in [
        Value::Array(Vec::new()),
        Value::Bytes(&[1]),
        Value::Array(vec![Value::Bytes(&[1])]),
        Value::Array(vec![Value::Null]),
    ] {
        wrong(|packed| {
            packed.omit = "x5c";
            packed.extra = vec![("x5c", x5c)];
        });
    }
}

#[test]
fn certificate_must_be_one_for_attestation() {
    for part in [
        DnType::CountryName,
        DnType::OrganizationName,
        DnType::OrganizationalUnitName,
        DnType::CommonName,
    ] {
        wrong(|packed| packed.certificate = without(&part));
    }
    for (part, text) in [
        (DnType::CountryName, "Sweden"),
        (DnType::OrganizationalUnitName, "Authenticators"),
    ] {
        wrong(|packed| {
            packed.certificate = without(&part);
            packed.certificate.distinguished_name.push(part, text);
        });
    }
}

#[test]
fn certificate_that_may_issue_others_is_refused() {
    // A CA, and one that does not say that it is none.
    wrong(|packed| {
        packed.certificate.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    wrong(|packed| packed.certificate.is_ca = IsCa::NoCa);
}
