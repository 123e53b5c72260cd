//! The private half of a component signature: minisign's key files, with or
//! without a password, and the development key.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};

use super::signature::sign;
use super::statement::Statement;
use crate::policy::key_id;

/// A key that can sign.
pub struct SigningKey {
    secret: SecretKey,
    public: PublicKey,
}

/// Why a key can't be used or made. No message holds anything of the key.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// A file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no minisign secret key.
    #[error("{}: not a minisign secret key; `minisign -G` makes one", .0.display())]
    Malformed(PathBuf),
    /// The password does not open the key.
    #[error("{}: the password is wrong, or there was none", .0.display())]
    Password(PathBuf),
    /// The library failed.
    #[error("the key could not be used: {0}")]
    Library(String),
}

/// Bytes of a secret key file's second line: algorithms, salt, limits, key id, key,
/// checksum.
const SECRET_BYTES: usize = 2 + 2 + 2 + 32 + 8 + 8 + 8 + 64 + 32;

/// Bytes of the checksum at its end.
const CHECKSUM_BYTES: usize = 32;

/// The files of the development key in its folder.
const KEY: &str = "component-signing.key";
const PUBLIC: &str = "component-signing.pub";
const SIGNERS: &str = "signers";
const SIGNER: &str = "development.toml";

// === impl SigningKey ===

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn generate() -> Result<Self, SigningKeyError> {
        let KeyPair { pk, sk } = KeyPair::generate_unencrypted_keypair()
            .map_err(|error| SigningKeyError::Library(error.to_string()))?;
        Ok(Self {
            secret: sk,
            public: pk,
        })
    }

    /// Read a key file. `password` opens a key that has one; without, the terminal
    /// is asked.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn open(path: &Path, password: Option<String>) -> Result<Self, SigningKeyError> {
        let text = std::fs::read_to_string(path).map_err(io(path))?;
        let malformed = || SigningKeyError::Malformed(path.to_owned());
        let line = text.lines().nth(1).ok_or_else(malformed)?;
        let bytes = STANDARD.decode(line.trim()).map_err(|_| malformed())?;
        if bytes.len() != SECRET_BYTES || !bytes.starts_with(b"Ed") {
            return Err(malformed());
        }
        let form = SecretKeyBox::from(text);
        let secret = match bytes.get(2..4) {
            // Without a password the stock tool writes no checksum either.
            Some([0, 0]) if bytes.ends_with(&[0; CHECKSUM_BYTES]) => {
                SecretKey::from_bytes(&bytes).map_err(|_| malformed())?
            }
            Some([0, 0]) => form
                .into_unencrypted_secret_key()
                .map_err(|_| malformed())?,
            Some(b"Sc") => form
                .into_secret_key(password)
                .map_err(|_| SigningKeyError::Password(path.to_owned()))?,
            _ => return Err(malformed()),
        };
        let public = PublicKey::from_secret_key(&secret).map_err(|_| malformed())?;
        Ok(Self { secret, public })
    }

    /// The key's id, as minisign prints it.
    pub fn id(&self) -> String {
        key_id(self.public.keynum())
    }

    /// The public key in base64, as a signer's file has it.
    pub fn public_key(&self) -> String {
        self.public.to_base64()
    }

    /// Sign a component file: the text of its `.minisig` file.
    ///
    /// # Errors
    /// The library fails.
    pub fn sign(&self, wasm: &[u8], statement: &Statement) -> Result<String, SigningKeyError> {
        sign(&self.secret, &self.public, wasm, statement)
            .map_err(|error| SigningKeyError::Library(error.to_string()))
    }

    /// The text of a signer's file for this key.
    pub fn signer(&self, names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        format!(
            "key = \"{}\"\nnames = [{}]\n",
            self.public_key(),
            names.join(", ")
        )
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// Bring `folder` to the state in which it has a development key: the key without
/// password, its public half, and `signers/development.toml`, which lets it sign
/// both components. What is there is kept. True when the key is new.
///
/// # Errors
/// [`SigningKeyError`].
pub fn init(folder: &Path) -> Result<bool, SigningKeyError> {
    let file = folder.join(KEY);
    let (key, new) = match SigningKey::open(&file, Some(String::new())) {
        Err(SigningKeyError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            let key = SigningKey::generate()?;
            let text = key
                .secret
                .to_box(Some("zeropass development key, signs components"))
                .map_err(|error| SigningKeyError::Library(error.to_string()))?;
            write(&file, &text.into_string(), 0o600)?;
            (key, true)
        }
        opened => (opened?, false),
    };
    let public = key
        .public
        .to_box()
        .map_err(|error| SigningKeyError::Library(error.to_string()))?;
    write(&folder.join(PUBLIC), &public.into_string(), 0o644)?;
    let signers = folder.join(SIGNERS);
    std::fs::create_dir_all(&signers).map_err(io(&signers))?;
    let signer = signers.join(SIGNER);
    if !signer.exists() {
        write(
            &signer,
            &key.signer(&["auth-service", "passkey-manager"]),
            0o644,
        )?;
    }
    Ok(new)
}

/// The development key of a folder that [`init`] has prepared.
///
/// # Errors
/// [`SigningKeyError`].
pub fn development(folder: &Path) -> Result<SigningKey, SigningKeyError> {
    SigningKey::open(&folder.join(KEY), Some(String::new()))
}

// === helpers ===

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> SigningKeyError {
    let path = path.to_owned();
    move |source| SigningKeyError::Io { path, source }
}

/// Write a whole file or nothing.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), SigningKeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io(path))?;
    file.write_all(text.as_bytes()).map_err(io(path))?;
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(mode))
        .map_err(io(path))?;
    file.persist(path).map_err(|error| io(path)(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(init(folder.path()).unwrap());
        let key = development(folder.path()).unwrap();
        assert!(!init(folder.path()).unwrap());
        assert_eq!(development(folder.path()).unwrap().id(), key.id());
        let mode = folder
            .path()
            .join(KEY)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let signer = std::fs::read_to_string(folder.path().join("signers/development.toml"));
        assert_eq!(
            signer.unwrap(),
            key.signer(&["auth-service", "passkey-manager"])
        );
    }

    #[test]
    fn key_with_a_password_opens_with_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let pair = KeyPair::generate_encrypted_keypair(Some("open sesame".into())).unwrap();
        std::fs::write(&path, pair.sk.to_box(None).unwrap().into_string()).unwrap();
        let key = SigningKey::open(&path, Some("open sesame".into())).unwrap();
        assert_eq!(key.public_key(), pair.pk.to_base64());
        let error = SigningKey::open(&path, Some("open".into())).unwrap_err();
        assert!(matches!(error, SigningKeyError::Password(_)), "{error}");
    }

    #[test]
    fn what_is_no_key_is_refused_without_repeating_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for text in ["", "one line", "a\nsecretsecret", "a\nRWQAAAAA"] {
            std::fs::write(&path, text).unwrap();
            let error = SigningKey::open(&path, None).unwrap_err();
            assert!(
                matches!(error, SigningKeyError::Malformed(_)),
                "{text}: {error}"
            );
            assert!(!error.to_string().contains("secretsecret"));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(
            format!("{key:?}"),
            format!("SigningKey {{ id: \"{}\", .. }}", key.id())
        );
    }
}
