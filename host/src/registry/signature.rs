//! A component's signature: minisign's format, with a [`Statement`] in the
//! trusted comment.
//!
//! The form is checked strictly before any of it is used: four lines, the known
//! prefixes, exact lengths, the prehashed algorithm. Nothing in here decides whom
//! to trust; that is `verify`.

use std::io::Cursor;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use minisign::{PublicKey, SecretKey, SignatureBox};

use super::statement::Statement;

/// A component file and the signature that came with it, neither checked.
#[derive(Debug, Clone)]
pub struct SignedComponent {
    /// The component in WebAssembly's binary format.
    pub wasm: Bytes,
    /// The text of its `.minisig` file; empty when it has none.
    pub minisig: String,
}

/// A signature of the right form.
#[derive(Clone)]
pub struct Signature {
    form: SignatureBox,
    comment: String,
    /// What the global signature signs: the signature and the comment.
    stated: Vec<u8>,
    global: Vec<u8>,
}

/// A text that is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; expected the four lines of a minisign signature")]
pub struct MalformedSignature(&'static str);

/// The longest signature file, bytes.
pub const MAX_MINISIG: usize = 4 << 10;

/// What stands in the first line, which nothing protects.
const UNTRUSTED: &str = "signature of a zeropass component";
/// Algorithm, key id and signature.
const SIGNATURE_BYTES: usize = 2 + 8 + 64;
/// The signature of signature and comment.
const GLOBAL_BYTES: usize = 64;
/// The point at the end of a public key (RFC 8032).
const POINT_BYTES: usize = 32;
/// Signatures over the file's hash; the older kind signs the file itself.
const PREHASHED: &[u8] = b"ED";

/// What the signature in a `.minisig` file states, whoever made it; none when it states
/// nothing.
pub fn stated(minisig: &str) -> Option<Statement> {
    let signature = Signature::parse(minisig).ok()?;
    Statement::parse(signature.comment()).ok()
}

// === impl Signature ===

impl Signature {
    /// Read the text of a `.minisig` file.
    ///
    /// # Errors
    /// [`MalformedSignature`] names the line.
    pub fn parse(text: &str) -> Result<Self, MalformedSignature> {
        let wrong = |what| Err(MalformedSignature(what));
        if text.len() > MAX_MINISIG {
            return wrong("longer than 4 KiB");
        }
        let lines: Vec<&str> = text.lines().collect();
        let &[untrusted, signature, trusted, global] = lines.as_slice() else {
            return wrong("not four lines");
        };
        if !untrusted.starts_with("untrusted comment: ") {
            return wrong("line 1 is no untrusted comment");
        }
        let signature = STANDARD.decode(signature).unwrap_or_default();
        if signature.len() != SIGNATURE_BYTES {
            return wrong("line 2 is no signature");
        }
        if !signature.starts_with(PREHASHED) {
            return wrong("line 2 is a signature of the legacy kind");
        }
        let Some(comment) = trusted.strip_prefix("trusted comment: ") else {
            return wrong("line 3 is no trusted comment");
        };
        // The library trims the comment; what it verifies must be what is read.
        if comment.trim() != comment {
            return wrong("line 3 begins or ends with a blank");
        }
        // The library relies on this length.
        let global = STANDARD.decode(global).unwrap_or_default();
        if global.len() != GLOBAL_BYTES {
            return wrong("line 4 is no signature");
        }
        let mut stated = signature;
        stated.drain(..SIGNATURE_BYTES - GLOBAL_BYTES);
        stated.extend_from_slice(comment.as_bytes());
        let form = SignatureBox::from_string(text)
            .map_err(|_| MalformedSignature("not a minisign signature"))?;
        Ok(Self {
            form,
            comment: comment.to_owned(),
            stated,
            global,
        })
    }

    /// The id of the key that made it, as it claims.
    pub fn key_id(&self) -> &[u8] {
        self.form.keynum()
    }

    /// The trusted comment; to be trusted once [`Signature::is_of`] says so.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Whether `key` made the statement in the comment; the file is not asked for.
    /// minisign's global signature is one of Ed25519 over signature and comment.
    pub fn vouches(&self, key: &PublicKey) -> bool {
        let key = key.to_bytes();
        let Some(point) = key
            .len()
            .checked_sub(POINT_BYTES)
            .and_then(|at| key.get(at..))
        else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, point)
            .verify(&self.stated, &self.global)
            .is_ok()
    }

    /// Whether `key` made this signature, over `wasm` and the comment.
    pub fn is_of(&self, key: &PublicKey, wasm: &[u8]) -> bool {
        minisign::verify(key, &self.form, Cursor::new(wasm), true, false, false).is_ok()
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signature")
            .field("key_id", &crate::policy::key_id(self.key_id()))
            .field("comment", &self.comment)
            .finish_non_exhaustive()
    }
}

/// Sign `wasm` with this statement: the text of its `.minisig` file.
///
/// # Errors
/// The key is still encrypted, or its halves don't belong together.
pub fn sign(
    key: &SecretKey,
    public: &PublicKey,
    wasm: &[u8],
    statement: &Statement,
) -> Result<String, minisign::PError> {
    let comment = statement.to_string();
    let signature = minisign::sign(
        Some(public),
        key,
        Cursor::new(wasm),
        Some(&comment),
        Some(UNTRUSTED),
    )?;
    Ok(signature.into_string())
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;

    fn signed(key: &KeyPair, wasm: &[u8]) -> String {
        let statement = Statement {
            name: "auth-service".into(),
            version: semver::Version::new(1, 2, 3),
            digest: "0".repeat(64),
            world: Statement::default_world("auth-service"),
            time: 1_000,
        };
        sign(&key.sk, &key.pk, wasm, &statement).unwrap()
    }

    #[test]
    fn signature_is_of_its_key_its_bytes_and_its_comment() {
        let (key, other) = (
            KeyPair::generate_unencrypted_keypair().unwrap(),
            KeyPair::generate_unencrypted_keypair().unwrap(),
        );
        let text = signed(&key, b"wasm");
        let signature = Signature::parse(&text).unwrap();
        assert_eq!(signature.key_id(), key.pk.keynum());
        assert!(signature.comment().starts_with("zeropass-component name="));
        assert!(signature.is_of(&key.pk, b"wasm"));
        assert!(!signature.is_of(&key.pk, b"wasn"));
        assert!(!signature.is_of(&other.pk, b"wasm"));
        let forged = text.replace("version=1.2.3", "version=1.2.4");
        assert!(!Signature::parse(&forged).unwrap().is_of(&key.pk, b"wasm"));
        // The statement alone.
        assert!(signature.vouches(&key.pk));
        assert!(!signature.vouches(&other.pk));
        assert!(!Signature::parse(&forged).unwrap().vouches(&key.pk));
    }

    #[test]
    fn malformed_signatures_are_refused_before_they_are_used() {
        let key = KeyPair::generate_unencrypted_keypair().unwrap();
        let text = signed(&key, b"wasm");
        let lines: Vec<&str> = text.lines().collect();
        let with = |index: usize, line: &str| {
            let mut lines = lines.clone();
            lines[index] = line;
            lines.join("\n")
        };
        let legacy = {
            let mut bytes = STANDARD.decode(lines[1]).unwrap();
            bytes[1] = b'd';
            STANDARD.encode(bytes)
        };
        let blank = format!("{} ", lines[2]);
        for (text, reason) in [
            (String::new(), "not four lines"),
            (lines[..3].join("\n"), "not four lines"),
            (format!("{text}more\n"), "not four lines"),
            (with(0, "signature"), "line 1"),
            (with(1, "AAAA"), "line 2 is no signature"),
            (with(1, "no base64!"), "line 2 is no signature"),
            (with(1, &legacy), "legacy"),
            (with(2, "comment: x"), "line 3 is no trusted comment"),
            (with(2, &blank), "blank"),
            // The library would read beyond its end.
            (with(3, "AAAA"), "line 4"),
            (
                with(2, &format!("trusted comment: {}", "x".repeat(5000))),
                "4 KiB",
            ),
        ] {
            let error = Signature::parse(&text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
