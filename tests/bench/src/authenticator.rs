//! An authenticator in software: one passkey that is synchronised and keeps no
//! counter, as most passkeys are.

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeropass::store::{Credential, CredentialStatus};

use crate::subject::{ORIGIN, RP_ID};

/// User present and verified, backup eligible and backed up (WebAuthn L3 section 6.1).
const FLAGS: u8 = 0x1d;

/// What a passkey signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA with SHA-256 on P-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits.
    Rs256,
    /// Ed25519.
    EdDsa,
}

enum Key {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A passkey and its private key.
pub struct Authenticator {
    key: Key,
    random: SystemRandom,
    /// The credential id.
    pub id: Vec<u8>,
    /// The account's id, a UUID.
    pub user_id: uuid::Uuid,
}

/// What an authenticator and a browser answer to a challenge.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// WebAuthn L3 section 5.8.1.
    pub client_data_json: Vec<u8>,
    /// WebAuthn L3 section 6.1.
    pub authenticator_data: Vec<u8>,
    /// ECDSA in DER.
    pub signature: Vec<u8>,
}

// === impl Authenticator ===

impl Authenticator {
    /// A new ES256 passkey of a new account.
    ///
    /// # Errors
    /// No randomness.
    pub fn new() -> anyhow::Result<Self> {
        Self::of(Algorithm::Es256)
    }

    /// A new passkey of this algorithm.
    ///
    /// # Errors
    /// No randomness.
    pub fn of(algorithm: Algorithm) -> anyhow::Result<Self> {
        let mut id = vec![0; 16];
        aws_lc_rs::rand::fill(&mut id)
            .ok()
            .context("no random bytes")?;
        Ok(Self {
            key: Key::generate(algorithm).ok().context("no key")?,
            random: SystemRandom::new(),
            id,
            user_id: uuid::Uuid::new_v4(),
        })
    }

    /// The public key as a verifier takes it: the point 4, x, y (SEC 1 section
    /// 2.3.3), an RSAPublicKey (RFC 8017 appendix A.1.1), or the raw key.
    pub fn public(&self) -> &[u8] {
        match &self.key {
            Key::Ec(pair) => pair.public_key().as_ref(),
            Key::Rsa(pair) => pair.public_key().as_ref(),
            Key::Ed(pair) => pair.public_key().as_ref(),
        }
    }

    /// What the passkey signs with.
    pub fn algorithm(&self) -> Algorithm {
        match self.key {
            Key::Ec(_) => Algorithm::Es256,
            Key::Rsa(_) => Algorithm::Rs256,
            Key::Ed(_) => Algorithm::EdDsa,
        }
    }

    /// Coordinates of an ES256 key.
    ///
    /// # Errors
    /// The key is not a P-256 key.
    pub fn coordinates(&self) -> anyhow::Result<(&[u8], &[u8])> {
        self.public()
            .get(1..)
            .and_then(|point| point.split_at_checked(32))
            .context("the public key is no P-256 point")
    }

    /// Modulus of an RS256 key, 256 bytes. The exponent is 65537.
    ///
    /// # Errors
    /// The key is not an RSA key of 2048 bits.
    pub fn modulus(&self) -> anyhow::Result<&[u8]> {
        // The DER heads of a sequence and of an integer of 257 bytes, and its zero.
        self.public()
            .get(9..265)
            .context("the public key is no RSA key of 2048 bits")
    }

    /// The COSE_Key (RFC 9053 section 7, RFC 8230 section 4).
    fn cose(&self) -> anyhow::Result<Vec<u8>> {
        Ok(match self.key {
            Key::Ec(_) => {
                // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
                let (x, y) = self.coordinates()?;
                let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
                [&head[..], x, &[0x22, 0x58, 0x20], y].concat()
            }
            Key::Rsa(_) => {
                // {1: 3, 3: -257, -1: n, -2: e}
                let head = [
                    0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00,
                ];
                let tail = [0x21, 0x43, 0x01, 0x00, 0x01];
                [&head[..], self.modulus()?, &tail[..]].concat()
            }
            Key::Ed(_) => {
                // {1: 1, 3: -8, -1: 6, -2: x}
                let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
                [&head[..], self.public()].concat()
            }
        })
    }

    /// As registration would have stored it.
    ///
    /// # Errors
    /// The key is not of its form.
    pub fn credential(&self) -> anyhow::Result<Credential> {
        Ok(Credential {
            rp_id: RP_ID.into(),
            user_id: self.user_id.to_string(),
            id: self.id.clone(),
            label: "bench".into(),
            status: CredentialStatus::Active,
            created_at: 1,
            last_used_at: None,
            public_key: self.cose()?,
            algorithm: self.algorithm().cose(),
            sign_count: 0,
            aaguid: vec![0; 16],
            transports: vec!["hybrid".into(), "internal".into()],
            backup_eligible: true,
            backup_state: true,
            user_verified: true,
            discoverable: Some(true),
            attestation_format: "none".into(),
            suspended_at: None,
            clone_alarm_at: None,
        })
    }

    /// Answer a challenge.
    ///
    /// # Errors
    /// The key can't sign.
    pub fn sign(&self, challenge: &[u8]) -> anyhow::Result<Assertion> {
        let challenge = URL_SAFE_NO_PAD.encode(challenge);
        let client_data_json = format!(
            r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{ORIGIN}","crossOrigin":false}}"#
        )
        .into_bytes();
        let mut authenticator_data = digest(&SHA256, RP_ID.as_bytes()).as_ref().to_vec();
        authenticator_data.extend_from_slice(&[FLAGS, 0, 0, 0, 0]);
        let hash = digest(&SHA256, &client_data_json);
        let message = [&authenticator_data, hash.as_ref()].concat();
        let signature = self
            .key
            .sign(&self.random, &message)
            .ok()
            .context("the passkey could not sign")?;
        Ok(Assertion {
            client_data_json,
            authenticator_data,
            signature,
        })
    }
}

// === impl Algorithm ===

impl Algorithm {
    /// COSE algorithm identifier.
    pub fn cose(self) -> i32 {
        match self {
            Self::Es256 => -7,
            Self::Rs256 => -257,
            Self::EdDsa => -8,
        }
    }
}

// === impl Key ===

impl Key {
    fn generate(algorithm: Algorithm) -> Result<Self, Unspecified> {
        Ok(match algorithm {
            Algorithm::Es256 => Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?),
            Algorithm::Rs256 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?),
            Algorithm::EdDsa => Self::Ed(Ed25519KeyPair::generate()?),
        })
    }

    fn sign(&self, random: &SystemRandom, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match self {
            Self::Ec(pair) => Ok(pair.sign(random, message)?.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, message, &mut signature)?;
                Ok(signature)
            }
            Self::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}
