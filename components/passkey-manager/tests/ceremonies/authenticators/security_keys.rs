//! Security keys from before WebAuthn, which have no AAGUID.

use passkey_manager::bindings::registration::Registered;
use passkey_manager::bindings::relying_party::{CertificationLevel, Model};
use passkey_manager::bindings::{Code, Rejection};
use passkey_manager::cbor::{Value, encode};
use sha1::{Digest as _, Sha1};

use super::{MODEL, known, report, ruled, signed_in};
use crate::kit::*;

/// What else a compound statement with a security key's holds.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    /// It is not a compound one.
    Nothing,
    /// The same again.
    Itself,
    /// A signature by the credential's own key, which covers the AAGUID.
    SelfSigned,
}

/// A security key of this attesting key, which writes [`MODEL`] where an AAGUID stands.
fn security_key(
    host: &MemoryHost,
    attesting: TestKey,
    beside: Beside,
) -> Result<Registered, Rejection> {
    let certificate = Authority::root(-7).issue(&leaf(), &attesting);
    register_with(host, &Authenticator::new(1), |create| {
        create.format = if beside == Beside::Nothing {
            "fido-u2f"
        } else {
            "compound"
        };
        create.aaguid = MODEL;
        create.statement = Statement::Made(Box::new(move |data, hash, key| {
            let credential_id = &data[55..55 + usize::from(data[54])];
            let message = [
                &[0],
                &data[..32],
                hash,
                credential_id,
                &[4],
                &key.point_or_public().concat(),
            ];
            let sig = attesting.sign(&message.concat());
            let own = key.sign(&[data, hash].concat());
            let x5c = [certificate];
            let statement = Value::Map(vec![
                (Value::Text("sig"), Value::Bytes(&sig)),
                (Value::Text("x5c"), cbor_array(&x5c)),
            ]);
            let self_signed = Value::Map(vec![
                (Value::Text("alg"), Value::Integer(-7)),
                (Value::Text("sig"), Value::Bytes(&own)),
            ]);
            let key = part("fido-u2f", statement.clone());
            let mut out = Vec::new();
            match beside {
                Beside::Nothing => encode(&statement, &mut out),
                Beside::Itself => encode(&Value::Array(vec![key.clone(), key]), &mut out),
                Beside::SelfSigned => {
                    let parts = vec![part("packed", self_signed), key];
                    encode(&Value::Array(parts), &mut out);
                }
            }
            out
        }));
    })
}

fn part<'a>(format: &'a str, statement: Value<'a>) -> Value<'a> {
    Value::Map(vec![
        (Value::Text("fmt"), Value::Text(format)),
        (Value::Text("attStmt"), statement),
    ])
}

/// A security key without AAGUID is known by the key of its certificate.
#[test]
fn compromised_security_key_is_found_by_its_certificate() {
    let attesting = TestKey::generate(-7);
    let point = attesting.point_or_public().concat();
    let identifier = Sha1::digest([&[4], point.as_slice()].concat()).to_vec();
    let host = ruled(|rules| rules.refuse_compromised = true);
    let compromised = report(Some("USER_KEY_REMOTE_COMPROMISE"), None);
    *host.metadata.borrow_mut() = vec![(Model::CertificateKey(identifier), compromised)];
    let registered = security_key(&host, attesting, Beside::Nothing);
    assert_eq!(code(registered), Code::AttestationUntrusted);
}

/// What a security key signs does not cover the bytes where an AAGUID stands.
#[test]
fn security_key_takes_no_model_s_place() {
    for beside in [Beside::Nothing, Beside::Itself, Beside::SelfSigned] {
        let key = || TestKey::generate(-7);
        let host = ruled(|rules| rules.allowed = vec![MODEL.to_vec()]);
        let registered = security_key(&host, key(), beside);
        assert_eq!(code(registered), Code::NotPermitted);

        // Who takes models without AAGUID takes it, and keeps none.
        let host = ruled(|rules| rules.allowed = vec![vec![0; 16]]);
        known(&host, report(None, None));
        let registered = security_key(&host, key(), beside).unwrap();
        assert_eq!(host.only().aaguid, [0; 16]);
        assert_eq!(registered.passkey.aaguid, [0; 16]);
        assert_eq!(registered.passkey.provider, None);

        // One list or the other, the claim changes nothing.
        let host = ruled(|rules| rules.denied = vec![MODEL.to_vec()]);
        security_key(&host, key(), beside).unwrap();
    }
}

/// Nothing is kept that metadata could be asked about.
#[test]
fn certification_of_a_security_key_is_not_asked_again_at_sign_in() {
    for beside in [Beside::Nothing, Beside::Itself, Beside::SelfSigned] {
        let host = MemoryHost::new();
        security_key(&host, TestKey::generate(-7), beside).unwrap();
        {
            let rules = &mut host.profile.borrow_mut().authenticators;
            rules.minimum_certification = Some(CertificationLevel::L1);
            rules.at_sign_in = true;
        }
        signed_in(&host).unwrap();
    }
}
