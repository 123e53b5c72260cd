use passkey_manager::bindings::Code;
use rcgen::IsCa;

use super::{attested, attested_with, refused};
use crate::kit::*;

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
    wrong(|tpm| tpm.certificate.custom_extensions[0] = tpm_names("id:494E5443", 2));
    wrong(|tpm| tpm.certificate.custom_extensions[0] = tpm_names("Intel", 3));
    // Beside an empty subject the names are critical (RFC 5280 section 4.2.1.6).
    wrong(|tpm| tpm.certificate.custom_extensions[0].set_criticality(false));
    wrong(|tpm| tpm.certificate.custom_extensions[1] = extended_key_usage(1));
    for missing in [0, 1] {
        wrong(|tpm| {
            tpm.certificate.custom_extensions.remove(missing);
        });
    }
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

/// Makers write the names in different ways that mean the same.
#[test]
fn names_of_a_tpm_in_one_part_or_in_printable_text_are_read() {
    for [set, text] in [[true, false], [false, true], [true, true]] {
        let mut tpm = Tpm::new(-257);
        tpm.certificate.custom_extensions[0] = tpm_names_as("id:494e5443", 3, set, text);
        attested("tpm", tpm.make()).unwrap();
    }
    // What it is for need not be critical.
    let mut tpm = Tpm::new(-257);
    tpm.certificate.custom_extensions[1].set_criticality(false);
    attested("tpm", tpm.make()).unwrap();
}
