//! An authenticator in software: one ES256 passkey that is synchronised and keeps
//! no counter, as most passkeys are.

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeropass::store::{Credential, CredentialStatus};

use crate::subject::{ORIGIN, RP_ID};

/// User present and verified, backup eligible and backed up (WebAuthn L3 section 6.1).
const FLAGS: u8 = 0x1d;

/// A passkey and its private key.
pub struct Authenticator {
    key: EcdsaKeyPair,
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
    /// A new passkey of a new account.
    ///
    /// # Errors
    /// No randomness.
    pub fn new() -> anyhow::Result<Self> {
        let mut id = vec![0; 16];
        aws_lc_rs::rand::fill(&mut id)
            .ok()
            .context("no random bytes")?;
        Ok(Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
                .ok()
                .context("no key")?,
            random: SystemRandom::new(),
            id,
            user_id: uuid::Uuid::new_v4(),
        })
    }

    /// The public key as the point 4, x, y (SEC 1 section 2.3.3).
    pub fn point(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// Coordinates of the public key.
    ///
    /// # Errors
    /// The key is not a P-256 key.
    pub fn coordinates(&self) -> anyhow::Result<(&[u8], &[u8])> {
        self.point()
            .get(1..)
            .and_then(|point| point.split_at_checked(32))
            .context("the public key is no P-256 point")
    }

    /// As registration would have stored it.
    ///
    /// # Errors
    /// The key is not a P-256 key.
    pub fn credential(&self) -> anyhow::Result<Credential> {
        let (x, y) = self.coordinates()?;
        // {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053 section 7.1.1).
        let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        let public_key = [&head[..], x, &[0x22, 0x58, 0x20], y].concat();
        Ok(Credential {
            rp_id: RP_ID.into(),
            user_id: self.user_id.to_string(),
            id: self.id.clone(),
            label: "bench".into(),
            status: CredentialStatus::Active,
            created_at: 1,
            last_used_at: None,
            public_key,
            algorithm: -7,
            sign_count: 0,
            aaguid: vec![0; 16],
            transports: vec!["hybrid".into(), "internal".into()],
            backup_eligible: true,
            backup_state: true,
            user_verified: true,
            discoverable: Some(true),
            attestation_format: "none".into(),
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
            .context("the passkey could not sign")?
            .as_ref()
            .to_vec();
        Ok(Assertion {
            client_data_json,
            authenticator_data,
            signature,
        })
    }
}
