//! Which BLOBs are believed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa};
use serde_json::{Value, json};
use zeropass::clock::{Clock as _, SystemClock};
use zeropass::metadata::{Blob, Level, MetadataError, Model, Trust};
use zeropass_tests::fido::{Authority, entry};

use super::{Fido, MODEL};

fn read(fido: &Fido, blob: &str) -> Result<Blob, MetadataError> {
    read_for(fido, blob, None)
}

fn read_for(fido: &Fido, blob: &str, signer: Option<&str>) -> Result<Blob, MetadataError> {
    let trust = Trust::load(&[fido.root()], signer)?;
    Blob::read(blob.as_bytes(), &trust, SystemClock.now())
}

#[track_caller]
fn refused(fido: &Fido, blob: &str, code: &str) {
    assert_eq!(read(fido, blob).unwrap_err().code(), code);
}

fn payload() -> Value {
    json!({"no": 7, "nextUpdate": "2999-12-31", "entries": []})
}

#[test]
fn good_blob_of_every_algorithm_is_believed() {
    let fido = Fido::new();
    for algorithm in ["ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"] {
        let signer = fido.authority.signer_with(algorithm, |_| {});
        let maker = Authority::new("Maker");
        let entries = [entry(MODEL, &[&maker.der], &["FIDO_CERTIFIED_L2"])];
        let blob = read(&fido, &signer.blob(7, &entries)).unwrap();
        assert_eq!((blob.number(), blob.models()), (7, 1), "{algorithm}");
        assert!(!blob.is_overdue(SystemClock.now()));
        let known = blob.find(Model::Aaguid(&MODEL)).unwrap();
        assert_eq!(known.description(), Some("Test Model"));
        assert_eq!(known.certification(), Some(Level::L2));
        assert_eq!(known.compromised(), None);
        assert_eq!(known.roots(), std::slice::from_ref(&maker.der));
        assert!(blob.find(Model::Aaguid(&[9; 16])).is_none());
    }
}

#[test]
fn root_may_be_in_der_and_in_the_chain() {
    let mut fido = Fido::new();
    std::fs::write(fido.root(), &fido.authority.der).unwrap();
    fido.signer.x5c.push(fido.authority.der.clone());
    // Downloaded text may end with a line break.
    read(&fido, &format!("{}\n", fido.signer.blob(1, &[]))).unwrap();
    std::fs::write(fido.root(), "no certificate").unwrap();
    refused(&fido, &fido.signer.blob(1, &[]), "root-malformed");
}

#[test]
fn every_changed_byte_is_noticed() {
    let fido = Fido::new();
    let blob = fido.signer.blob(1, &[entry(MODEL, &[], &["REVOKED"])]);
    let (signed, signature) = blob.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap();
    for index in 0..payload.len() {
        let mut changed = payload.clone();
        changed[index] ^= 1;
        let changed = URL_SAFE_NO_PAD.encode(changed);
        refused(
            &fido,
            &format!("{header}.{changed}.{signature}"),
            "signature-invalid",
        );
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for index in 0..signature.len() {
        let mut changed = signature.clone();
        changed[index] ^= 1;
        let changed = URL_SAFE_NO_PAD.encode(changed);
        refused(&fido, &format!("{signed}.{changed}"), "signature-invalid");
    }
    for signature in [vec![], vec![0; 64], signature[..63].to_vec()] {
        let changed = URL_SAFE_NO_PAD.encode(signature);
        refused(&fido, &format!("{signed}.{changed}"), "signature-invalid");
    }
}

#[test]
fn signer_must_lead_to_the_configured_root() {
    let fido = Fido::new();
    // Of another root, of one of the same name, and with that root brought along.
    for name in ["Another Root", "Metadata Root"] {
        let other = Authority::new(name);
        let mut signer = other.signer();
        refused(&fido, &signer.blob(1, &[]), "signer-untrusted");
        signer.x5c.push(other.der.clone());
        refused(&fido, &signer.blob(1, &[]), "signer-untrusted");
    }
    let changes: [fn(&mut CertificateParams); 4] = [
        |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1),
        |params| params.not_before = rcgen::date_time_ymd(2999, 1, 1),
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning],
    ];
    for change in changes {
        let signer = fido.authority.signer_with("ES256", change);
        refused(&fido, &signer.blob(1, &[]), "signer-untrusted");
    }
}

#[test]
fn signer_must_have_the_configured_name() {
    let fido = Fido::new();
    let blob = fido.signer.blob(1, &[]);
    read_for(&fido, &blob, Some("mds.example")).unwrap();
    let error = read_for(&fido, &blob, Some("other.example")).unwrap_err();
    assert_eq!(error.code(), "signer-name");
    assert!(error.to_string().contains("other.example"), "{error}");
}

#[test]
fn key_of_another_signer_does_not_sign() {
    let fido = Fido::new();
    let mut forged = fido.authority.signer();
    forged.x5c.clone_from(&fido.signer.x5c);
    refused(&fido, &forged.blob(1, &[]), "signature-invalid");
}

#[test]
fn algorithm_must_be_one_for_the_signers_key() {
    let fido = Fido::new();
    let x5c = [STANDARD.encode(&fido.signer.x5c[0])];
    for algorithm in ["none", "HS256", "ES384", "RS256", "EdDSA", "es256"] {
        let header = json!({"alg": algorithm, "x5c": x5c});
        let blob = fido.signer.sign_with(&header, &payload());
        refused(&fido, &blob, "algorithm-not-allowed");
    }
}

#[test]
fn malformed_blob_is_refused() {
    let fido = Fido::new();
    let good = fido.signer.sign(&payload());
    read(&fido, &good).unwrap();
    for text in ["", ".", "a.b", "a.b.c", "é.b.c", &good[1..]] {
        refused(&fido, text, "malformed");
    }
    let x5c = json!([STANDARD.encode(&fido.signer.x5c[0])]);
    for header in [
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "x5c": []}),
        json!({"alg": "ES256", "x5c": ["????"]}),
        json!({"x5c": x5c}),
        json!({"alg": "ES256", "x5u": "https://mds.example/chain.pem", "x5c": x5c}),
        json!({"alg": "ES256", "crit": ["exp"], "x5c": x5c}),
        json!({"alg": "ES256", "x5c": vec![x5c[0].clone(); 9]}),
    ] {
        let blob = fido.signer.sign_with(&header, &payload());
        refused(&fido, &blob, "malformed");
    }
    for payload in [
        json!([]),
        json!({"nextUpdate": "2999-12-31", "entries": []}),
        json!({"no": -1, "nextUpdate": "2999-12-31", "entries": []}),
        json!({"no": "7", "nextUpdate": "2999-12-31", "entries": []}),
        json!({"no": 7, "entries": []}),
        json!({"no": 7, "nextUpdate": "soon", "entries": []}),
        json!({"no": 7, "nextUpdate": "2999-12-31"}),
        json!({"no": 7, "nextUpdate": "2999-12-31", "entries": {}}),
    ] {
        refused(&fido, &fido.signer.sign(&payload), "malformed");
    }
}

/// What broke others: an unknown value, and all metadata were gone.
#[test]
fn entry_with_unknown_values_costs_none_of_the_others() {
    let fido = Fido::new();
    let mut unknown = entry(
        MODEL,
        &[b"no certificate"],
        &["BRAND_NEW_STATUS", "REVOKED"],
    );
    unknown["metadataStatement"]["attestationTypes"] = json!(["brand_new_type"]);
    unknown["brandNew"] = json!({"a": [1]});
    let key = "0a0b0c0d0e0f101112131415161718191a1b1c1d";
    let entries = [
        json!(7),
        json!({"aaguid": 7}),
        json!({"aaid": "4e4e#4005", "statusReports": []}),
        unknown,
        json!({"aaguid": "08080808-0808-0808-0808-080808080808", "metadataStatement": 7, "statusReports": 7}),
        json!({"attestationCertificateKeyIdentifiers": [key], "statusReports": [{"status": "USER_KEY_REMOTE_COMPROMISE"}]}),
        entry([9; 16], &[], &["FIDO_CERTIFIED_L1"]),
    ];
    let blob = read(&fido, &fido.signer.blob(1, &entries)).unwrap();
    assert_eq!(blob.models(), 4);
    assert_eq!(blob.left_out(), (3, 2));
    let find = |model| blob.find(model).unwrap();
    let known = find(Model::Aaguid(&MODEL));
    assert_eq!(known.compromised(), Some("REVOKED"));
    assert!(known.roots().is_empty());
    assert_eq!(find(Model::Aaguid(&[8; 16])).description(), None);
    assert_eq!(
        find(Model::Aaguid(&[9; 16])).certification(),
        Some(Level::L1)
    );
    let key: Vec<u8> = (0x0a..=0x1d).collect();
    let compromised = find(Model::CertificateKey(&key)).compromised();
    assert_eq!(compromised, Some("USER_KEY_REMOTE_COMPROMISE"));
}

#[test]
fn second_entry_of_a_model_hides_no_compromise() {
    let fido = Fido::new();
    let entries = [
        entry(MODEL, &[], &["REVOKED"]),
        entry(MODEL, &[], &["FIDO_CERTIFIED_L3"]),
    ];
    for order in [[0, 1], [1, 0]] {
        let entries = order.map(|index| entries[index].clone());
        let blob = read(&fido, &fido.signer.blob(1, &entries)).unwrap();
        let known = blob.find(Model::Aaguid(&MODEL)).unwrap();
        assert_eq!(known.compromised(), Some("REVOKED"));
    }
}

#[test]
fn blob_past_its_next_update_is_told() {
    let fido = Fido::new();
    let payload = json!({"no": 7, "nextUpdate": "2024-02-29", "entries": []});
    let blob = read(&fido, &fido.signer.sign(&payload)).unwrap();
    // 2024-02-29T23:59:59Z, and a second later.
    assert!(!blob.is_overdue(1_709_251_199_000));
    assert!(blob.is_overdue(1_709_251_200_000));
}
