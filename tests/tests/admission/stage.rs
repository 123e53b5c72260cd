//! A host's admission without listeners: the delivered policies, a signer, a store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use zeropass::capabilities::Services;
use zeropass::clock::{Clock, SystemClock};
use zeropass::policy::{Bundle, Gate};
use zeropass::registry::{
    Admission, AdmissionError, AdmissionSettings, Admitted, Loader, SignedComponent, SigningKey,
};
use zeropass::runtime::engine::Options;
use zeropass::runtime::precompiled::Cache;
use zeropass::runtime::{Limits, Runtime};
use zeropass::secrets::{Pseudonyms, Signer};
use zeropass::store::sqlite::SqliteStore;
use zeropass_tests::deployment::component_file;
use zeropass_tests::signing::minisig;

/// Authenticates the compiled components of these tests, which live below the target
/// folder.
const CACHE_KEY: [u8; 32] = [5; 32];

pub struct Stage {
    pub admission: Admission,
    pub services: Arc<Services>,
    /// Policy trusts it with both components.
    pub key: SigningKey,
    folder: TempDir,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(true).await
    }

    pub async fn with(require_signatures: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("policies");
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies"),
            &policies,
        );
        let key = SigningKey::generate().unwrap();
        let signer = key.signer(&["auth-service", "passkey-manager"]);
        std::fs::write(policies.join("signers/release.toml"), signer).unwrap();

        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let bundle = Bundle::load(&policies).unwrap();
        let gate = Gate::new(bundle, Vec::new(), Arc::clone(&clock)).unwrap();
        let store = SqliteStore::open(&folder.path().join("db"), 1_000, Arc::clone(&clock))
            .await
            .unwrap();
        let services = Arc::new(Services {
            gate: Arc::clone(&gate),
            store: Arc::new(store),
            relying_parties: BTreeMap::new(),
            signer: Signer::open(&folder.path().join("keys"), "https://tests.invalid").unwrap(),
            pseudonyms: Pseudonyms::new(&[1; 32]),
            clock,
            metadata: Arc::default(),
            session_idle: 900_000,
            requests: Default::default(),
        });
        let limits = Limits::default();
        let options = Options {
            instances: 4,
            memory: limits.memory,
            table_elements: limits.table_elements,
            ..Options::default()
        };
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("admission");
        let loader = Loader::new(
            Runtime::new(&options).unwrap(),
            Cache::new(cache, &CACHE_KEY),
            gate,
        );
        let settings = AdmissionSettings {
            require_signatures,
            auth_service: limits.clone(),
            passkey_manager: limits,
            probe_path: "/openapi.json".into(),
        };
        Self {
            admission: Admission::new(loader, Arc::clone(&services), settings),
            services,
            key,
            folder,
        }
    }

    /// A file of the policies in force, to be changed before [`Stage::reload`].
    pub fn policy(&self, file: &str) -> PathBuf {
        self.folder.path().join("policies").join(file)
    }

    pub fn reload(&self) {
        let folder = self.folder.path().join("policies");
        self.services.gate.reload(&folder).unwrap();
    }

    /// Signed properly as this revision.
    pub async fn admit(
        &self,
        name: &str,
        version: &str,
        wasm: &[u8],
        against: Option<&Admitted>,
    ) -> Result<Admitted, AdmissionError> {
        let minisig = minisig(&self.key, name, version, wasm).unwrap();
        self.admission
            .admit(name, &file(wasm, &minisig), against, false)
            .await
    }

    /// The shipped component.
    pub async fn shipped(&self, name: &str, version: &str) -> Admitted {
        self.admit(name, version, &shipped(name), None)
            .await
            .unwrap()
    }

    /// The code and message of a refusal.
    pub async fn refusal(
        &self,
        name: &str,
        wasm: &[u8],
        against: Option<&Admitted>,
    ) -> (&'static str, String) {
        told(self.admit(name, "2.0.0", wasm, against).await)
    }
}

/// A file and what came with it as its signature.
pub fn file(wasm: &[u8], minisig: &str) -> SignedComponent {
    SignedComponent {
        wasm: wasm.to_vec().into(),
        minisig: minisig.to_owned(),
    }
}

pub fn told(outcome: Result<Admitted, AdmissionError>) -> (&'static str, String) {
    let error = outcome.expect_err("it is refused");
    (error.code(), error.to_string())
}

/// The bytes of a shipped component.
pub fn shipped(name: &str) -> Vec<u8> {
    std::fs::read(component_file(&name.replace('-', "_"))).unwrap()
}

/// The file with `from` replaced by `to` wherever `unless` does not follow. Names in
/// a component have their length before them, so the two are of the same length.
pub fn patched(wasm: &[u8], from: &str, to: &str, unless: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut patched = wasm.to_vec();
    let mut changes = 0;
    for at in 0..wasm.len() {
        let Some(rest) = wasm[at..].strip_prefix(from.as_bytes()) else {
            continue;
        };
        if !unless.is_empty() && rest.starts_with(unless.as_bytes()) {
            continue;
        }
        patched[at..at + to.len()].copy_from_slice(to.as_bytes());
        changes += 1;
    }
    assert!(changes > 0, "{from} does not occur");
    patched
}

/// A component with one more custom section: other bytes, the same behaviour.
pub fn marked(wasm: &[u8], mark: &str) -> Vec<u8> {
    let mut marked = wasm.to_vec();
    let name = b"mark";
    let size = 1 + name.len() + mark.len();
    assert!(size < 128);
    marked.extend([0, size as u8, name.len() as u8]);
    marked.extend(name);
    marked.extend(mark.as_bytes());
    marked
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
