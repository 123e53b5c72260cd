//! Session tokens: JWTs (RFC 7519) signed with ES256, bound to the certificate of
//! the workload they were given to (RFC 8705 section 3.1).

use std::path::Path;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::files::{Error, read_or_create};
use crate::clock::Timestamp;

/// What a token says, apart from what the host adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `aud`: the relying party.
    pub rp_id: String,
    /// `sub`: the account.
    pub user_id: String,
    /// `jti`: the session.
    pub session_id: String,
    /// `iat`, milliseconds since the epoch, kept in whole seconds.
    pub issued_at: Timestamp,
    /// `exp`, likewise.
    pub expires_at: Timestamp,
    /// `auth_time`, likewise.
    pub authenticated_at: Timestamp,
    /// `amr` (RFC 8176).
    pub methods: Vec<String>,
    /// `uv`: whether the authenticator verified who the person was.
    pub user_verified: bool,
}

/// A token that this host signed and that has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// SHA-256 of the certificate it was given to.
    pub certificate_thumbprint: Vec<u8>,
    /// The SPIFFE id it was given to.
    pub workload: String,
}

/// The signing key and its public half.
pub struct Signer {
    issuer: String,
    key_id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    jwks: String,
}

/// Why a token was not made or not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this host, or expired, or altered.
    #[error("the token is not valid")]
    Invalid,
    /// The library refused to sign.
    #[error("the token could not be signed")]
    Signing,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    sub: String,
    aud: String,
    jti: String,
    iat: u64,
    exp: u64,
    auth_time: u64,
    amr: Vec<String>,
    uv: bool,
    client_id: String,
    cnf: Confirmation,
}

#[derive(Serialize, Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

// === impl Signer ===

impl Signer {
    /// The name of its file in the folder of the host's keys.
    pub const FILE: &str = "token-signing.p8";

    /// The signer with the key in `folder`, made when there is none.
    ///
    /// # Errors
    /// [`Error`], which names the key file and the mend.
    pub fn open(folder: &Path, issuer: &str) -> Result<Self, Error> {
        let path = folder.join(Self::FILE);
        let malformed = || Error::Malformed {
            path: path.clone(),
            expected: "P-256 key in PKCS#8",
        };
        let pkcs8 = read_or_create(&path, || {
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .map_err(|_| Error::Generation("signing key"))?;
            let document = key
                .to_pkcs8v1()
                .map_err(|_| Error::Generation("signing key"))?;
            Ok(document.as_ref().to_vec())
        })?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)
            .map_err(|_| malformed())?;
        // SEC 1 section 2.3.3: 0x04, then x and y of 32 bytes each.
        let point = pair.public_key().as_ref();
        let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
            return Err(malformed());
        };
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // RFC 7638 section 3: the members in this order, without white space.
        let thumbprint_input = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let key_id = URL_SAFE_NO_PAD
            .encode(digest::digest(&digest::SHA256, thumbprint_input.as_bytes()).as_ref());
        let jwks = serde_json::json!({"keys": [{
            "kty": "EC", "crv": "P-256", "x": x, "y": y,
            "use": "sig", "alg": "ES256", "kid": key_id,
        }]})
        .to_string();
        Ok(Self {
            issuer: issuer.to_owned(),
            encoding: EncodingKey::from_ec_der(&pkcs8),
            decoding: DecodingKey::from_ec_components(&x, &y).map_err(|_| malformed())?,
            key_id,
            jwks,
        })
    }

    /// `iss` of every token.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public keys as a JWK set (RFC 7517 section 5).
    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// A token with these claims, bound to the certificate of this thumbprint and to
    /// its workload's SPIFFE id.
    ///
    /// # Errors
    /// [`TokenError::Signing`].
    pub fn sign(
        &self,
        claims: &Claims,
        thumbprint: &[u8],
        workload: &str,
    ) -> Result<String, TokenError> {
        let header = Header {
            typ: Some("JWT".into()),
            kid: Some(self.key_id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        let payload = Payload {
            iss: self.issuer.clone(),
            sub: claims.user_id.clone(),
            aud: claims.rp_id.clone(),
            jti: claims.session_id.clone(),
            iat: claims.issued_at / 1000,
            exp: claims.expires_at / 1000,
            auth_time: claims.authenticated_at / 1000,
            amr: claims.methods.clone(),
            uv: claims.user_verified,
            client_id: workload.to_owned(),
            cnf: Confirmation {
                thumbprint: URL_SAFE_NO_PAD.encode(thumbprint),
            },
        };
        jsonwebtoken::encode(&header, &payload, &self.encoding).map_err(|_| TokenError::Signing)
    }

    /// Check signature, key, issuer and expiry as of `now`.
    ///
    /// # Errors
    /// [`TokenError::Invalid`], which does not say what was wrong.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, TokenError> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&self.issuer]);
        // The audience is the caller's to compare, and expiry is held against the
        // host's clock below, not the library's.
        validation.validate_aud = false;
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["iss", "exp"]);
        let data = jsonwebtoken::decode::<Payload>(token, &self.decoding, &validation)
            .map_err(|_| TokenError::Invalid)?;
        let payload = data.claims;
        if data.header.kid.as_deref() != Some(&self.key_id)
            || payload.exp.saturating_mul(1000) <= now
        {
            return Err(TokenError::Invalid);
        }
        let certificate_thumbprint = URL_SAFE_NO_PAD
            .decode(&payload.cnf.thumbprint)
            .map_err(|_| TokenError::Invalid)?;
        Ok(Verified {
            claims: Claims {
                rp_id: payload.aud,
                user_id: payload.sub,
                session_id: payload.jti,
                issued_at: payload.iat.saturating_mul(1000),
                expires_at: payload.exp.saturating_mul(1000),
                authenticated_at: payload.auth_time.saturating_mul(1000),
                methods: payload.amr,
                user_verified: payload.uv,
            },
            certificate_thumbprint,
            workload: payload.client_id,
        })
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("issuer", &self.issuer)
            .field("key_id", &self.key_id)
            .field("key", &"...")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = 1_800_000_000_000;
    const WORKLOAD: &str = "spiffe://example.org/shop";

    fn claims() -> Claims {
        Claims {
            rp_id: "example.org".into(),
            user_id: "u".into(),
            session_id: "s".into(),
            issued_at: NOW,
            expires_at: NOW + 60_000,
            authenticated_at: NOW,
            methods: vec!["pop".into()],
            user_verified: true,
        }
    }

    #[test]
    fn signed_token_verifies_and_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::open(folder.path(), "https://issuer").unwrap();
        let token = signer.sign(&claims(), &[9; 32], WORKLOAD).unwrap();
        // A restart reads the same key.
        let verified = Signer::open(folder.path(), "https://issuer")
            .unwrap()
            .verify(&token, NOW)
            .unwrap();
        assert_eq!(verified.claims, claims());
        assert_eq!(verified.certificate_thumbprint, vec![9; 32]);
        assert_eq!(verified.workload, WORKLOAD);
    }

    #[test]
    fn expired_altered_and_foreign_tokens_are_invalid() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::open(folder.path(), "https://issuer").unwrap();
        let token = signer.sign(&claims(), &[9; 32], WORKLOAD).unwrap();
        assert_eq!(
            signer.verify(&token, NOW + 60_000),
            Err(TokenError::Invalid)
        );
        let (head, tail) = token.split_at(token.len() - 10);
        let altered = format!("{head}{}", tail.chars().rev().collect::<String>());
        assert_eq!(signer.verify(&altered, NOW), Err(TokenError::Invalid));
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Signer::open(elsewhere.path(), "https://issuer").unwrap();
        assert_eq!(other.verify(&token, NOW), Err(TokenError::Invalid));
        let renamed = Signer::open(folder.path(), "https://other").unwrap();
        assert_eq!(renamed.verify(&token, NOW), Err(TokenError::Invalid));
    }
}
