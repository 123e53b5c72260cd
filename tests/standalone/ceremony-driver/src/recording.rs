//! The file: a JSON array of recordings, bytes in base64url. `tests/standalone/README.md`
//! describes it for people.
//!
//! Members that are not known are ignored, except those of `policy`, which are
//! kept in [`Policy::unknown`]: a policy that is not applied must not go unseen.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A registration, and possibly a sign-in with what it registered.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// Stands at the beginning of each line.
    pub name: String,
    /// The relying party id.
    pub rp_id: String,
    /// Exact origins that are accepted.
    pub origins: Vec<String>,
    /// The first step.
    pub registration: Registration,
    /// The second step.
    pub authentication: Option<Authentication>,
    /// What differs from the defaults.
    #[serde(default)]
    pub policy: Policy,
}

/// What `navigator.credentials.create()` returned.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The challenge of the ceremony.
    pub challenge: Bytes,
    /// Client data as the browser wrote them.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: Bytes,
    /// In CBOR.
    pub attestation_object: Bytes,
}

/// What `navigator.credentials.get()` returned.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    /// The challenge of the ceremony.
    pub challenge: Bytes,
    /// Client data as the browser wrote them.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: Bytes,
    /// What was signed.
    pub authenticator_data: Bytes,
    /// The signature.
    pub signature: Bytes,
    /// As the authenticator gave it.
    pub user_handle: Option<Bytes>,
}

/// The relying party's policy for both steps.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Preferred when absent.
    #[serde(default)]
    pub user_verification: UserVerification,
    /// COSE identifiers; when absent, all that WebAuthn has a use for.
    pub algorithms: Option<Vec<i32>>,
    /// False when absent.
    #[serde(default)]
    pub allow_cross_origin: bool,
    /// Exact top origins.
    #[serde(default)]
    pub top_origins: Vec<String>,
    /// None when absent.
    #[serde(default)]
    pub attestation: Attestation,
    /// Trust anchors. Empty when absent: statements are verified, not anchored.
    #[serde(default)]
    pub attestation_roots: Vec<Root>,
    /// When the ceremonies take place: RFC 3339, or milliseconds since the epoch.
    pub now: Option<Moment>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, serde_json::Value>,
}

/// WebAuthn L3 section 5.8.6.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the standard's own words")]
pub enum UserVerification {
    Required,
    #[default]
    Preferred,
    Discouraged,
}

/// WebAuthn L3 section 5.4.7.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the standard's own words")]
pub enum Attestation {
    #[default]
    None,
    Indirect,
    Direct,
    Enterprise,
}

/// Bytes that stand in the file as base64url, with or without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// A certificate: its DER in base64url, as all bytes of the file, or PEM (RFC 7468),
/// as makers publish theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(pub Vec<u8>);

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub u64);

/// Why a file can't be replayed.
#[derive(Debug, thiserror::Error)]
#[error("not a file of recorded ceremonies (a JSON array, see tests/standalone/README.md): {0}")]
pub struct FileError(#[from] serde_json::Error);

/// Read a file.
///
/// # Errors
/// [`FileError`], with the place and what was expected there.
pub fn parse(file: &[u8]) -> Result<Vec<Recording>, FileError> {
    Ok(serde_json::from_slice(file)?)
}

// === impl Bytes ===

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EITHER: GeneralPurpose = GeneralPurpose::new(
            &URL_SAFE,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let text = String::deserialize(deserializer)?;
        match EITHER.decode(text) {
            Ok(bytes) => Ok(Self(bytes)),
            Err(error) => Err(de::Error::custom(format!("not base64url: {error}"))),
        }
    }
}

// === impl Root ===

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        const END: &str = "-----END CERTIFICATE-----";
        let text = String::deserialize(deserializer)?;
        let Some((_, rest)) = text.split_once(BEGIN) else {
            return Bytes::deserialize(de::value::StringDeserializer::new(text))
                .map(|bytes| Self(bytes.0));
        };
        let (inside, after) = rest
            .split_once(END)
            .ok_or_else(|| de::Error::custom("a certificate in PEM has no end"))?;
        if after.contains(BEGIN) {
            return Err(de::Error::custom(
                "two certificates in one PEM text; give each its own element",
            ));
        }
        let letters: String = inside.split_ascii_whitespace().collect();
        STANDARD
            .decode(letters)
            .map(Self)
            .map_err(|error| de::Error::custom(format!("not PEM: {error}")))
    }
}

// === impl Moment ===

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Milliseconds(u64),
            Text(String),
        }
        let expected =
            "now is neither an RFC 3339 time since 1970 nor milliseconds since the epoch";
        match Written::deserialize(deserializer) {
            Ok(Written::Milliseconds(number)) => Some(number),
            Ok(Written::Text(text)) => OffsetDateTime::parse(&text, &Rfc3339)
                .ok()
                .and_then(|time| u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()),
            Err(_) => None,
        }
        .map(Self)
        .ok_or_else(|| de::Error::custom(expected))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn file(policy: &str) -> String {
        format!(
            r#"[{{"name":"a","rpId":"b","origins":["c"],"policy":{policy},"registration":
            {{"challenge":"AQI","clientDataJSON":"AQI=","attestationObject":"-_8"}}}}]"#
        )
    }

    #[test]
    fn bytes_may_have_padding_or_not() {
        let recording = parse(file("{}").as_bytes()).unwrap().remove(0);
        assert_eq!(recording.registration.challenge.0, [1, 2]);
        assert_eq!(recording.registration.client_data_json.0, [1, 2]);
        assert_eq!(recording.registration.attestation_object.0, [0xfb, 0xff]);
    }

    #[test]
    fn now_is_a_time_or_milliseconds() {
        for now in [r#""2026-01-01T01:00:00.5+01:00""#, "1767225600500"] {
            let policy = format!(r#"{{"now":{now}}}"#);
            let recording = parse(file(&policy).as_bytes()).unwrap().remove(0);
            assert_eq!(recording.policy.now, Some(Moment(1_767_225_600_500)));
        }
    }

    #[test]
    fn roots_are_base64url_or_pem() {
        let pem = r"-----BEGIN CERTIFICATE-----\n+/8=\n-----END CERTIFICATE-----\n";
        let policy = format!(r#"{{"attestationRoots":["-_8","{pem}"]}}"#);
        let recording = parse(file(&policy).as_bytes()).unwrap().remove(0);
        let root = Root(vec![0xfb, 0xff]);
        assert_eq!(recording.policy.attestation_roots, [root.clone(), root]);
    }

    #[test]
    fn wrong_values_are_refused_with_what_is_wrong() {
        for (policy, expected) in [
            (r#"{"now":"yesterday"}"#, "RFC 3339"),
            (r#"{"now":"1969-01-01T00:00:00Z"}"#, "RFC 3339"),
            (
                r#"{"userVerification":"always"}"#,
                "unknown variant `always`",
            ),
            (r#"{"attestationRoots":["+/8="]}"#, "not base64url"),
            (r#"{"attestationRoots":[{}]}"#, "expected a string"),
            (
                r#"{"attestationRoots":["-----BEGIN CERTIFICATE-----AA"]}"#,
                "no end",
            ),
        ] {
            let error = parse(file(policy).as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = parse(file("{}").replace("AQI", "A*I").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("not base64url"), "{error}");
        let error = parse(b"{}").unwrap_err();
        assert!(error.to_string().contains("expected a sequence"), "{error}");
    }

    #[test]
    fn unknown_policy_is_kept() {
        let recording = parse(file(r#"{"timeout":1}"#).as_bytes())
            .unwrap()
            .remove(0);
        assert!(recording.policy.unknown.contains_key("timeout"));
    }
}
