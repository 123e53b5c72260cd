//! Changes of one field, each with the code that answers it.

use serde_json::{Value, json};

use super::bytes::{
    AAGUID, AT, COUNTER, CREDENTIAL_ID, ED, FLAGS, UP, appended, attested, bits, decode, encode,
    find, object,
};

/// A change of one field, and what becomes of both steps. Where a registration is
/// refused, its passkey is unknown afterwards.
pub struct Change {
    pub name: &'static str,
    pub change: fn(&mut Value),
    pub registration: Verdict,
    pub authentication: &'static str,
}

/// What a changed registration comes to.
pub enum Verdict {
    /// Whatever the format.
    Always(&'static str),
    /// Both steps, since both rest on what was changed.
    Both(&'static str),
    /// In these formats nobody vouches for the bytes, and they pass; any other format
    /// says this.
    Unless(&'static [&'static str], &'static str),
}

pub const ACCEPT: &str = "accept";

pub const CHANGES: [Change; 19] = [
    Change {
        name: "challenge",
        change: |r| r["registration"]["challenge"] = encode(&[3; 32]),
        registration: Verdict::Always("reject challenge-mismatch"),
        authentication: "",
    },
    Change {
        name: "origin",
        change: |r| r["origins"] = json!(["https://www.example.org"]),
        registration: Verdict::Both("reject origin-mismatch"),
        authentication: "",
    },
    Change {
        name: "rp-id",
        change: |r| r["rpId"] = "org".into(),
        registration: Verdict::Both("reject rp-id-mismatch"),
        authentication: "",
    },
    Change {
        name: "type",
        change: |r| {
            r["registration"]["clientDataJSON"] = r["authentication"]["clientDataJSON"].clone();
        },
        registration: Verdict::Always("reject malformed"),
        authentication: "",
    },
    Change {
        name: "rp-id-hash",
        change: |r| attested(r, 0, |byte| *byte ^= 1),
        registration: Verdict::Always("reject rp-id-mismatch"),
        authentication: "",
    },
    Change {
        name: "user-presence",
        change: |r| attested(r, FLAGS, |flags| *flags &= !UP),
        registration: Verdict::Always("reject user-presence-missing"),
        authentication: "",
    },
    Change {
        name: "reserved-flag",
        change: |r| attested(r, FLAGS, |flags| *flags |= 2),
        registration: Verdict::Always("reject malformed"),
        authentication: "",
    },
    Change {
        name: "attested-flag",
        change: |r| attested(r, FLAGS, |flags| *flags &= !AT),
        registration: Verdict::Always("reject malformed"),
        authentication: "",
    },
    Change {
        name: "extensions-flag",
        change: |r| attested(r, FLAGS, |flags| *flags |= ED),
        registration: Verdict::Always("reject malformed"),
        authentication: "",
    },
    Change {
        name: "attested-counter",
        change: |r| attested(r, COUNTER, |byte| *byte ^= 1),
        // U2F signs no counter (L3 section 8.6).
        registration: Verdict::Unless(&["none", "fido-u2f"], "reject attestation-invalid"),
        authentication: "reject counter-regressed",
    },
    Change {
        name: "aaguid",
        change: |r| attested(r, AAGUID, |byte| *byte ^= 1),
        // U2F signs none (L3 section 8.6), and what it does not sign counts as none.
        registration: Verdict::Unless(&["none", "fido-u2f"], "reject attestation-invalid"),
        authentication: ACCEPT,
    },
    Change {
        name: "attested-id",
        change: |r| attested(r, CREDENTIAL_ID, |byte| *byte ^= 1),
        // Recordings have no other word for the id, so nobody vouches for one without a
        // statement.
        registration: Verdict::Unless(&["none"], "reject attestation-invalid"),
        authentication: ACCEPT,
    },
    Change {
        name: "format",
        change: |r| {
            object(r, |bytes| {
                let at = find(bytes, b"cfmt") + 6;
                bytes[at] ^= 1;
            });
        },
        registration: Verdict::Always("reject attestation-invalid"),
        authentication: "",
    },
    Change {
        name: "signed-client-data",
        change: |r| appended(&mut r["registration"]["clientDataJSON"]),
        registration: Verdict::Unless(&["none"], "reject attestation-invalid"),
        authentication: ACCEPT,
    },
    Change {
        name: "challenge-of-the-sign-in",
        change: |r| r["authentication"]["challenge"] = encode(&[3; 32]),
        registration: Verdict::Always(ACCEPT),
        authentication: "reject challenge-mismatch",
    },
    Change {
        name: "rp-id-hash-of-the-sign-in",
        change: |r| bits(&mut r["authentication"]["authenticatorData"], 0, 1),
        registration: Verdict::Always(ACCEPT),
        authentication: "reject rp-id-mismatch",
    },
    Change {
        name: "counter-of-the-sign-in",
        change: |r| bits(&mut r["authentication"]["authenticatorData"], COUNTER, 1),
        registration: Verdict::Always(ACCEPT),
        authentication: "reject signature-invalid",
    },
    Change {
        name: "client-data-of-the-sign-in",
        change: |r| appended(&mut r["authentication"]["clientDataJSON"]),
        registration: Verdict::Always(ACCEPT),
        authentication: "reject signature-invalid",
    },
    Change {
        name: "signature-of-the-sign-in",
        change: |r| {
            let last = decode(&r["authentication"]["signature"]).len() - 1;
            bits(&mut r["authentication"]["signature"], last, 1);
        },
        registration: Verdict::Always(ACCEPT),
        authentication: "reject signature-invalid",
    },
];
