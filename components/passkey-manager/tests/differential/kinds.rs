//! The kinds of difference from the library, each with its reason.

use passkey_manager::bindings::{Code, Rejection};

/// What is refused here and not there, by the words of the refusal: we are stricter.
const STRICTER: &[(Code, &str, &str)] = &[
    // L3 section 13.4.9: compared byte by byte; the library compares URLs.
    (
        Code::OriginMismatch,
        "origin \"",
        "origin as another spelling",
    ),
    // Level 3 leaves the comparison out; the id under which the passkey is kept must
    // be the authenticator's.
    (Code::Malformed, "rawId is not", "another credential id"),
    (
        Code::Malformed,
        "authenticator data sets reserved",
        "reserved flags",
    ),
    // What the library leaves to who calls it: another spelling of the id, whose passkey it
    // is, and frames in sign-ins.
    (
        Code::Malformed,
        "id is not rawId",
        "another spelling of the id",
    ),
    (
        Code::UserHandleMismatch,
        "the user handle is not that of the passkey's account",
        "another account's user handle",
    ),
    (
        Code::OriginMismatch,
        "the ceremony took place in a cross-origin frame",
        "sign-in in a frame",
    ),
    (
        Code::OriginMismatch,
        "topOrigin is given",
        "top origin without a frame",
    ),
    // Section 6.1: nothing follows the structure.
    (
        Code::Malformed,
        "authenticator data is followed",
        "bytes left over",
    ),
    // CTAP2's canonical CBOR, and the types of L3 section 6.5.4.
    (
        Code::Malformed,
        "attestationObject: CBOR initial byte",
        "CBOR beyond the profile",
    ),
    (
        Code::Malformed,
        "attestationObject: fmt is not of its type",
        "format of another type",
    ),
    (
        Code::Malformed,
        "attestationObject: attStmt is not of its type",
        "statement of another type",
    ),
    (
        Code::Malformed,
        "attestationObject has a key",
        "member without a name",
    ),
    (
        Code::Malformed,
        "clientDataJSON is not a JSON object with distinct names",
        "client data with a name twice",
    ),
    (
        Code::Malformed,
        "the public key is not a COSE_Key: an RSA number is empty or padded",
        "key with padded numbers",
    ),
    (
        Code::Malformed,
        "the public key is not well-formed",
        "key in CBOR beyond the profile",
    ),
    (
        Code::Malformed,
        "authenticator extensions",
        "extensions without names",
    ),
    // L3 section 5.8.5: the library takes ES384 keys under the name of ES512.
    (
        Code::AlgorithmNotAllowed,
        "the public key's curve",
        "algorithm of another curve",
    ),
    // The library counts bytes: its keys of 2041 to 2047 bits verify nothing later.
    (
        Code::AlgorithmNotAllowed,
        "the public key's modulus size",
        "RSA modulus a few bits short",
    ),
    // Section 8.2: `alg` is the one that the statement was signed with.
    (
        Code::AttestationInvalid,
        "COSE algorithm",
        "algorithm of another key",
    ),
    // Section 8.7.
    (
        Code::AttestationInvalid,
        "format none comes",
        "statement under none",
    ),
    // Section 8.4.1 and the DER of Android's key attestation, to the last byte.
    (
        Code::AttestationInvalid,
        "an authorization list of android-key is not of its form",
        "authorization list not in DER",
    ),
    (
        Code::AttestationInvalid,
        "the key description of android-key is not of its form",
        "key description not in DER",
    ),
    // Section 8.8: the structure to its last byte.
    (
        Code::AttestationInvalid,
        "the nonce of the apple certificate is not of its form",
        "nonce not in DER",
    ),
    // Sections 8.2, 8.4, 8.6 and 8.8: no members but those.
    (
        Code::AttestationInvalid,
        "the packed statement has other",
        "foreign member of a statement",
    ),
    (
        Code::AttestationInvalid,
        "the fido-u2f statement has other",
        "foreign member of a statement",
    ),
    (
        Code::AttestationInvalid,
        "the apple statement has other",
        "foreign member of a statement",
    ),
    (
        Code::AttestationInvalid,
        "the android-key statement has other",
        "foreign member of a statement",
    ),
    // Section 8.2.1: the library asks for the attributes, not for what they hold.
    (
        Code::AttestationInvalid,
        "the attestation certificate's subject",
        "subject of a certificate",
    ),
    (
        Code::AttestationInvalid,
        "the country in the",
        "subject of a certificate",
    ),
    // RFC 5280 sections 4.1.1.2 and 4.2.
    (
        Code::AttestationInvalid,
        "a certificate names two different algorithms",
        "two signature algorithms",
    ),
    (
        Code::AttestationInvalid,
        "a certificate has a malformed extension",
        "malformed certificate extension",
    ),
    (
        Code::AttestationInvalid,
        "a certificate has an unknown critical extension",
        "unknown critical extension",
    ),
    (
        Code::AttestationInvalid,
        "a certificate is not X.509",
        "certificate not in DER",
    ),
];

/// The format of which the library verifies nothing.
pub const TPM: &str = "tpm";

/// What is accepted here and refused there, by the format (or none for all) and the library's
/// error: it lacks something, or checks what no verification procedure asks for.
const LACKS: &[(&str, &str, &str)] = &[
    // Fields of an attestation certificate that say nothing in a statement without
    // anchors: dates before 1970, names by identifiers that nobody has.
    (
        "",
        "X509DerInvalid",
        "library checks: fields of a certificate that are not read",
    ),
    // RFC 9864: the library does not know the second names of ES256 and ES384, by which a
    // statement may call the algorithm of its certificate's key.
    (
        "",
        "COSEKeyInvalidAlgorithm",
        "library lacks: algorithms that fix the curve",
    ),
    // Section 8.4: the library has no security level but 0 and 1, and asks for origin and
    // purpose where the section lets a list leave them out.
    (
        "android-key",
        "AttestationStatementX5CInvalid",
        "library checks: levels and lists of android-key",
    ),
    // Section 8.3: the library has no scheme of an RSA key but none; it reads a statement as far
    // as the hash in `extraData`, and has no hash for any algorithm.
    (TPM, "ParseNOMFailure", "library lacks: schemes of tpm"),
    (TPM, "COSEKeyInvalidType", "library lacks: hashes of tpm"),
    (
        TPM,
        "CredentialInsecureCryptography",
        "library lacks: hashes of tpm",
    ),
];

/// The name of what the two verdicts amount to; `None` for a difference that has
/// none.
pub fn of(
    format: &str,
    ours: &Result<(), Rejection>,
    theirs: &Result<(), String>,
) -> Option<&'static str> {
    match (ours, theirs) {
        (Ok(()), Ok(())) => Some("both accept"),
        (Err(_), Err(_)) => Some("both refuse"),
        (Err(rejection), Ok(())) => STRICTER
            .iter()
            .find(|(code, words, _)| *code == rejection.code && rejection.detail.starts_with(words))
            .map(|(.., kind)| *kind),
        (Ok(()), Err(error)) => LACKS
            .iter()
            .find(|(of, theirs, _)| (of.is_empty() || *of == format) && error.starts_with(theirs))
            .map(|(.., kind)| *kind),
    }
}
