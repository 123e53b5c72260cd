//! A FIDO of one's own: an authority whose signer makes BLOBs of the Metadata Service
//! (version 3), and a maker of authenticators whose root stands in them.
//!
//! Everything can be bent, so that a test gets BLOBs that must be refused.
//!
//! It is a kit for tests: what can't be made panics and says why.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failure of the test that uses it"
)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512,
    PKCS_ED25519, PKCS_RSA_SHA256,
};
use serde_json::{Value, json};

/// A certificate authority: FIDO's, or a maker's.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The root certificate in DER.
    pub der: Vec<u8>,
    /// The same in PEM.
    pub pem: String,
}

/// Who signs BLOBs.
pub struct Signer {
    algorithm: &'static str,
    key: KeyPair,
    /// The certificates that go into the header, the signer's first, in DER.
    pub x5c: Vec<Vec<u8>>,
}

/// The key of a model's attestation, and its certificate.
pub struct Attesting {
    /// On P-256.
    pub key: EcdsaKeyPair,
    /// In DER (WebAuthn L3 section 8.2.1).
    pub certificate: Vec<u8>,
}

// === impl Authority ===

impl Authority {
    /// An authority of this name, on P-256.
    ///
    /// # Panics
    /// No randomness.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&[(DnType::CommonName, name)]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&key).expect("a root certificate");
        Self {
            der: root.der().to_vec(),
            pem: root.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A signer that this authority vouches for, with ES256 and for the name
    /// `mds.example`.
    pub fn signer(&self) -> Signer {
        self.signer_with("ES256", |_| {})
    }

    /// A signer with another algorithm (`alg` of RFC 7518) or certificate.
    ///
    /// # Panics
    /// No such algorithm.
    pub fn signer_with(
        &self,
        algorithm: &'static str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Signer {
        let kind = match algorithm {
            "ES256" => &PKCS_ECDSA_P256_SHA256,
            "ES384" => &PKCS_ECDSA_P384_SHA384,
            "ES512" => &PKCS_ECDSA_P521_SHA512,
            "RS256" | "PS256" => &PKCS_RSA_SHA256,
            "EdDSA" => &PKCS_ED25519,
            other => panic!("no signer for {other}"),
        };
        let key = KeyPair::generate_for(kind).expect("a key");
        let mut params =
            CertificateParams::new(vec!["mds.example".to_owned()]).expect("a certificate");
        params.distinguished_name = subject(&[(DnType::CommonName, "Metadata Signer")]);
        params.is_ca = IsCa::ExplicitNoCa;
        change(&mut params);
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be issued");
        Signer {
            algorithm,
            key,
            x5c: vec![certificate.der().to_vec()],
        }
    }

    /// A model's attestation key, with a certificate of this authority.
    ///
    /// # Panics
    /// No randomness.
    pub fn attesting(&self) -> Attesting {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&[
            (DnType::CountryName, "SE"),
            (DnType::OrganizationName, "Test Maker"),
            (DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (DnType::CommonName, "Test Model"),
        ]);
        params.is_ca = IsCa::ExplicitNoCa;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be issued");
        let signing = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        Attesting {
            key: EcdsaKeyPair::from_pkcs8(signing, &key.serialize_der()).expect("its key"),
            certificate: certificate.der().to_vec(),
        }
    }
}

fn subject(attributes: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, text) in attributes {
        name.push(kind.clone(), *text);
    }
    name
}

// === impl Signer ===

impl Signer {
    /// A BLOB of that number with these entries, to be updated in 2999.
    pub fn blob(&self, number: u64, entries: &[Value]) -> String {
        self.sign(&json!({
            "legalHeader": "For tests.",
            "no": number,
            "nextUpdate": "2999-12-31",
            "entries": entries,
        }))
    }

    /// A BLOB with any payload.
    pub fn sign(&self, payload: &Value) -> String {
        let x5c: Vec<_> = self.x5c.iter().map(|der| STANDARD.encode(der)).collect();
        let header = json!({"alg": self.algorithm, "typ": "JWT", "x5c": x5c});
        self.sign_with(&header, payload)
    }

    /// A BLOB with any header, signed with this signer's key.
    ///
    /// # Panics
    /// No randomness.
    pub fn sign_with(&self, header: &Value, payload: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let der = self.key.serialize_der();
        let ecdsa = |kind| {
            let key = EcdsaKeyPair::from_pkcs8(kind, &der).expect("its key");
            key.sign(&random, message)
                .expect("a signature")
                .as_ref()
                .to_vec()
        };
        let rsa = |padding: &'static dyn aws_lc_rs::signature::RsaEncoding| {
            let key = RsaKeyPair::from_pkcs8(&der).expect("its key");
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(padding, &random, message, &mut signature)
                .expect("a signature");
            signature
        };
        match self.algorithm {
            "ES256" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "ES512" => ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING),
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "PS256" => rsa(&RSA_PSS_SHA256),
            _ => {
                let key = Ed25519KeyPair::from_pkcs8(&der).expect("its key");
                key.sign(message).as_ref().to_vec()
            }
        }
    }
}

/// An entry about a model: its AAGUID, its roots in DER, and its statuses, each a day
/// after the one before.
pub fn entry(aaguid: [u8; 16], roots: &[&[u8]], statuses: &[&str]) -> Value {
    let roots: Vec<_> = roots.iter().map(|der| STANDARD.encode(der)).collect();
    let reports: Vec<_> = statuses
        .iter()
        .enumerate()
        .map(|(day, status)| {
            json!({"status": status, "effectiveDate": format!("2024-01-{:02}", day + 1)})
        })
        .collect();
    json!({
        "aaguid": uuid::Uuid::from_bytes(aaguid).to_string(),
        "metadataStatement": {
            "description": "Test Model",
            "attestationRootCertificates": roots,
        },
        "statusReports": reports,
        "timeOfLastStatusChange": "2024-01-01",
    })
}
