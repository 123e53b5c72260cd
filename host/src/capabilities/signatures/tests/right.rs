//! What is right verifies, and nothing near it does.

use super::*;

#[test]
fn ecdsa_of_each_curve_verifies() {
    for with in EC {
        Signed::ec(with).assert_right();
    }
}

#[test]
fn eddsa_verifies() {
    Signed::ed25519().assert_right();
    Signed::ed448().assert_right();
}

#[test]
fn ml_dsa_of_each_size_verifies() {
    for algorithm in [-48, -49, -50] {
        Signed::ml_dsa(algorithm).assert_right();
    }
}

#[test]
fn rsa_of_each_size_verifies() {
    for size in [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096] {
        let pair = RsaKeyPair::generate(size).unwrap();
        for with in RSA {
            Signed::rsa(&pair, with).assert_right();
        }
    }
    let pair = RsaKeyPair::from_pkcs8(include_bytes!("../rsa_8192.p8")).unwrap();
    assert_eq!(pair.public_modulus_len(), 1024);
    for with in RSA {
        Signed::rsa(&pair, with).assert_right();
    }
}

/// Made with another library, since this one verifies RS1 and does not sign with it.
#[test]
fn rs1_verifies() {
    let n = hex(
        "9995f73aa1f13e4a7c2f856794361ada2ce9b495b54205730b760cd95126e630570b14d77c85f995\
     199d151f9c1cc4b7604a7d6abc5dbb32d026193c7a0d26e5ae5039b664ed0b6adca07fb5eeaee4c9\
     d47cf9ce15ac8fa65b88c3da311677aa80bd895e02697ddde543c7ca88d010afc92310c8ca60e590\
     253d8661fdb1624b54d2e5ff6688639641d16ff4f31ce524fbc715da1043d5c76cda0b2dcc070e04\
     cf2b3e1060bd1e5b33b66986aa60215d0a74e85ba5fe1b0b29daf02b2db08335786c7918a92292db\
     d95ee1c610ecba0c5d59415dd5d0db5e6e242e48e691a9e651a1f02d3357e2031447f25e74a7fe91\
     02879455c9472b0a3237fd1cd7e60767",
    );
    let signature = hex(
        "2e3bead3b407271dda7e302fdbe96456032f63241cd6bc7d083177628d380e986107433ad55bdf16\
     9792099820c360137b9e44199e2c48db09ac4d90be5b79cdf03a9179ca83d666e4b19fdb77c14221\
     a1be7b04f5150676e44364a705184f38ad8efb99158951706d8734390d7a94c79babdc44099c2e0b\
     05e64ebfba8e69b9204b04d55f8d185aabe8cb6385b76af3218de48dcef218d6a120e66f332ccddf\
     c66e794ca50abd0c361aacadcd8fd6d1a928dd6fa8f2f35c6ff9825ef4b5cd4b16b8fd5e339f13c8\
     22c7faccd8c50161dbd28c103413b5bead3efc5be47fe79c56e0013258f347cc687f0c73d0b17457\
     a7e4ac5c9f41d8feaaad73a488954067",
    );
    let key = rsa_key(&n, &[1, 0, 1]);
    assert_eq!(verify(-65_535, &key, b"certInfo", &signature), Ok(true));
    assert_eq!(verify(-65_535, &key, b"certinfo", &signature), Ok(false));
    assert_eq!(verify(-65_535, &key, b"certInfo", &[]), Ok(false));
    for other in [-257, -258, -259, -37, -38, -39] {
        assert_eq!(verify(other, &key, b"certInfo", &signature), Ok(false));
    }
}
