//! FIDO metadata: which BLOBs are believed, how they are replaced while the host runs,
//! and what follows for passkeys.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod blob;
#[path = "../../../host/fuzz/body.rs"]
mod body;
mod fuzz;
mod policy;
#[path = "../../../components/passkey-manager/tests/differential/random.rs"]
mod random;
mod reload;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{
    Answer, Builder, Client, Deployment, ORIGIN, RP_ID, RelyingParty, WORKLOAD,
};
use zeropass_tests::fido::{Authority, Signer};
use zeropass_tests::isolation::Authenticator;

/// The model that most tests are about.
const MODEL: [u8; 16] = [7; 16];

/// FIDO, and a folder with its BLOB and root.
struct Fido {
    authority: Authority,
    signer: Signer,
    folder: TempDir,
}

// === impl Fido ===

impl Fido {
    fn new() -> Self {
        let authority = Authority::new("Metadata Root");
        let signer = authority.signer();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), &authority.pem).unwrap();
        Self {
            authority,
            signer,
            folder,
        }
    }

    fn blob(&self) -> PathBuf {
        self.folder.path().join("blob.jwt")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// Publish a BLOB, as an operator should: renamed into place.
    fn publish(&self, blob: &str) {
        let new = self.folder.path().join("blob.new");
        std::fs::write(&new, blob).unwrap();
        std::fs::rename(new, self.blob()).unwrap();
    }

    /// A deployment with these metadata and settings of its relying party.
    fn deployment(&self, settings: &[(&'static str, &str)]) -> Builder {
        let party = RelyingParty::new(RP_ID).origin(ORIGIN).workload(WORKLOAD);
        let party = settings
            .iter()
            .fold(party, |party, (key, toml)| party.set(key, toml));
        Deployment::builder()
            .relying_party(party)
            .set("metadata", "blob", &quoted(&self.blob()))
            .set("metadata", "root", &quoted(&self.root()))
            .set("metadata", "check-every", "\"100ms\"")
    }
}

fn quoted(path: &Path) -> String {
    Value::from(path.to_str().unwrap()).to_string()
}

/// A passkey of [`MODEL`].
fn key() -> Authenticator {
    let mut key = Authenticator::new();
    key.aaguid = MODEL;
    key
}

/// Register a passkey for a new account: both requests.
async fn register(client: &Client, key: &mut Authenticator, name: &str) -> Answer {
    let body = json!({"user": {"name": name, "displayName": name}});
    let begun = client.post("/v1/registrations", &body).await.expect(201);
    let credential = key.create_json(&begun["publicKey"], ORIGIN);
    let path = format!("/v1/registrations/{}", text(&begun["ceremony"]));
    client.post(&path, &json!({"credential": credential})).await
}

/// Sign in without a name: both requests.
async fn sign_in(client: &Client, key: &Authenticator) -> Answer {
    let begun = client
        .post("/v1/authentications", &json!({}))
        .await
        .expect(201);
    let credential = key.get_json(&begun["publicKey"], ORIGIN);
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    client.post(&path, &json!({"credential": credential})).await
}
