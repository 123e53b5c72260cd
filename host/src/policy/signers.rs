//! Who may sign which component: `signers/*.toml` of a policy folder.
//!
//! ```toml
//! key = "RWQ..."                  # a minisign public key, the second line of its .pub file
//! names = ["auth-service"]        # the components that it may sign
//! revoked = false                 # true: nothing it ever signed is loaded any more
//! ```
//!
//! They are part of the bundle: loaded, refused and replaced together with the
//! policies. A key that is not here signs nothing.

use minisign::PublicKey;
use serde::Deserialize;

use super::Error;
use super::files::File;

/// All signers of a bundle.
#[derive(Debug, Clone, Default)]
pub struct Signers(Vec<Signer>);

/// A key that signs components.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The name of its file without `.toml`; audit and messages name it.
    pub id: String,
    /// The key.
    pub key: PublicKey,
    /// The components that it may sign.
    pub names: Vec<String>,
    /// Whether it is no longer trusted.
    pub revoked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    key: String,
    names: Vec<String>,
    #[serde(default)]
    revoked: bool,
}

/// Length of a public key in base64.
const KEY_LENGTH: usize = 56;

// === impl Signers ===

impl Signers {
    /// Read the files of signers.
    ///
    /// # Errors
    /// [`Error::Signer`] when one is malformed, or two have the same key.
    pub(super) fn read<'a>(files: impl Iterator<Item = &'a File>) -> Result<Self, Error> {
        let mut all: Vec<Signer> = Vec::new();
        for file in files {
            let signer = Signer::parse(&file.path, &file.text)?;
            if let Some(first) = all
                .iter()
                .find(|one| one.key.keynum() == signer.key.keynum())
            {
                let reason = format!(
                    "has the key {} of signer `{}`; expected one file for each key",
                    signer.key_id(),
                    first.id
                );
                return Err(refused(&file.path, reason));
            }
            if all.iter().any(|one| one.id == signer.id) {
                let reason = format!(
                    "there is another signer `{}`; rename one of the files",
                    signer.id
                );
                return Err(refused(&file.path, reason));
            }
            all.push(signer);
        }
        Ok(Self(all))
    }

    /// The signer with this key id, as minisign's signatures carry it.
    pub fn find(&self, key_id: &[u8]) -> Option<&Signer> {
        self.0.iter().find(|signer| signer.key.keynum() == key_id)
    }

    /// All of them, in the order of their files.
    pub fn iter(&self) -> impl Iterator<Item = &Signer> {
        self.0.iter()
    }
}

impl FromIterator<Signer> for Signers {
    fn from_iter<I: IntoIterator<Item = Signer>>(signers: I) -> Self {
        Self(signers.into_iter().collect())
    }
}

// === impl Signer ===

impl Signer {
    /// The key's id as minisign prints it.
    pub fn key_id(&self) -> String {
        key_id(self.key.keynum())
    }

    fn parse(path: &str, text: &str) -> Result<Self, Error> {
        let text: Text =
            toml::from_str(text).map_err(|error| refused(path, error.message().to_owned()))?;
        let key = text.key.trim();
        // Checked before the library reads it: it wants exactly this length.
        let key = (key.len() == KEY_LENGTH && key.is_ascii())
            .then(|| PublicKey::from_base64(key).ok())
            .flatten()
            .ok_or_else(|| {
                let what =
                    "key: not a minisign public key; expected the second line of a .pub file";
                refused(path, what.to_owned())
            })?;
        if text.names.is_empty() {
            let what = "names: empty; expected the components that the key may sign";
            return Err(refused(path, what.to_owned()));
        }
        let id = path
            .rsplit('/')
            .next()
            .and_then(|file| file.strip_suffix(".toml"))
            .unwrap_or(path);
        Ok(Self {
            id: id.to_owned(),
            key,
            names: text.names,
            revoked: text.revoked,
        })
    }
}

/// The id of a key as minisign prints it: sixteen hexadecimal digits of the
/// little-endian number.
pub fn key_id(keynum: &[u8]) -> String {
    keynum
        .iter()
        .rev()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

fn refused(path: &str, reason: String) -> Error {
    Error::Signer {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Kind;
    use super::*;

    fn key() -> String {
        minisign::KeyPair::generate_unencrypted_keypair()
            .unwrap()
            .pk
            .to_base64()
    }

    fn read(texts: &[(&str, String)]) -> Result<Signers, Error> {
        let files: Vec<File> = texts
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                kind: Kind::Signers,
                text: text.clone(),
            })
            .collect();
        Signers::read(files.iter())
    }

    #[test]
    fn signer_is_found_by_its_key_id() {
        let (one, two) = (key(), key());
        let signers = read(&[
            (
                "signers/release.toml",
                format!("key = {one:?}\nnames = [\"auth-service\"]"),
            ),
            (
                "signers/old.toml",
                format!("key = {two:?}\nnames = [\"a\"]\nrevoked = true"),
            ),
        ])
        .unwrap();
        let key = PublicKey::from_base64(&one).unwrap();
        let found = signers.find(key.keynum()).unwrap();
        assert_eq!((found.id.as_str(), found.revoked), ("release", false));
        assert_eq!(found.names, ["auth-service"]);
        // As minisign itself names it.
        assert!(key.to_box().unwrap().to_string().contains(&found.key_id()));
        assert!(
            signers
                .iter()
                .any(|signer| signer.id == "old" && signer.revoked)
        );
        assert!(signers.find(&[0; 8]).is_none());
    }

    #[test]
    fn malformed_signers_are_refused_with_file_and_reason() {
        let good = key();
        for (text, reason) in [
            (
                format!("names = [\"a\"]\nkey = \"{}\"", &good[..55]),
                "not a minisign public key",
            ),
            (
                format!("names = [\"a\"]\nkey = \"{}\"", "ü".repeat(28)),
                "not a minisign public key",
            ),
            (format!("names = []\nkey = {good:?}"), "names: empty"),
            (format!("key = {good:?}"), "missing field `names`"),
            (
                format!("key = {good:?}\nnames = [\"a\"]\nrevokd = true"),
                "unknown field `revokd`",
            ),
        ] {
            let error = read(&[("signers/a.toml", text)]).unwrap_err().to_string();
            assert!(error.starts_with("signers/a.toml: "), "{error}");
            assert!(error.contains(reason), "{error}");
        }
        let text = format!("key = {good:?}\nnames = [\"a\"]");
        let error = read(&[("signers/a.toml", text.clone()), ("signers/b.toml", text)]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("of signer `a`"), "{error}");
    }
}
