use super::{attested, refused};
use crate::kit::*;

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
