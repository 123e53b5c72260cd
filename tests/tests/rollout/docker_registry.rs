//! Push by reference: the host pulls a revision from a registry that its configuration
//! names. Left out by name where Debian's `docker-registry` is missing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use zeropass_tests::deployment::{Answer, Client, Deployment};
use zeropass_tests::registry::OciRegistry;
use zeropass_tests::signing::minisig;

use super::{OPERATOR, access, activate, command, component, serving, variant};

const NAME: &str = "passkey-manager";

/// A host that pulls from this registry.
async fn host(registry: &OciRegistry, limit: &str) -> Deployment {
    let quoted = |path: PathBuf| format!("\"{}\"", path.display());
    Deployment::builder()
        .admin()
        .set(
            "oci",
            "registries",
            &format!("[\"{}\"]", registry.address()),
        )
        .set("oci", "ca", &quoted(registry.ca()))
        .set("oci", "credentials", &quoted(registry.credentials()))
        .set("oci", "limit", &format!("\"{limit}\""))
        .start()
        .await
}

/// A signed variant in the registry, by digest.
async fn published(deployment: &Deployment, registry: &OciRegistry, folder: &Path) -> String {
    let wasm = variant(NAME, "b");
    let signature = minisig(deployment.key(), NAME, "1.1.0", &wasm).unwrap();
    let file = folder.join("next.wasm");
    std::fs::write(&file, wasm).unwrap();
    std::fs::write(folder.join("next.wasm.minisig"), signature).unwrap();
    // The command has a runtime of its own.
    tokio::task::block_in_place(|| registry.publish(&file, NAME, "1.1.0"))
}

async fn pull(admin: &Client, name: &str, reference: &str) -> Answer {
    let path = format!("/v1/components/{name}/revisions");
    admin.post(&path, &json!({ "oci": reference })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn revision_is_pulled_by_the_host_and_serves() {
    let registry = OciRegistry::start();
    let deployment = host(&registry, "64MiB").await;
    let folder = tempfile::tempdir().unwrap();
    let reference = published(&deployment, &registry, folder.path()).await;
    let access = access(&deployment);
    let push = ["component", "push", "--oci", &reference];
    let (well, said) = command(&access, &[&push[..], &["--dry-run"]].concat()).await;
    assert!(well && said.contains(") would be pushed"), "{said}");
    let (well, said) = command(&access, &push).await;
    assert!(well, "{said}");
    assert!(said.starts_with("passkey-manager 1.1.0 ("), "{said}");
    assert!(said.contains(") pushed; it serves nobody"), "{said}");

    let admin = deployment.admin_client(OPERATOR);
    let shown = component(&admin, NAME).await;
    assert_eq!(
        shown["revisions"][1]["digest"],
        zeropass::registry::sha256(&variant(NAME, "b"))
    );
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    assert_eq!(serving(&deployment, NAME).await, "1.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_may_not_give_is_refused_and_nothing_is_kept() {
    let mut registry = OciRegistry::start();
    let deployment = host(&registry, "64MiB").await;
    let small = host(&registry, "64KiB").await;
    let without = Deployment::builder().admin().start().await;
    let folder = tempfile::tempdir().unwrap();
    let reference = published(&deployment, &registry, folder.path()).await;
    let admin = deployment.admin_client(OPERATOR);
    let (repository, _) = reference.split_once('@').unwrap();
    let missing = format!("{repository}@sha256:{}", "0".repeat(64));
    let elsewhere = reference.replace("127.0.0.1", "localhost");
    for (name, reference, status, code) in [
        (
            NAME,
            format!("{repository}:1.1.0"),
            400,
            "reference-malformed",
        ),
        (
            NAME,
            "https://example.com/x".to_owned(),
            400,
            "reference-malformed",
        ),
        (NAME, elsewhere, 403, "registry-not-allowed"),
        (NAME, missing, 404, "artifact-missing"),
        ("auth-service", reference.clone(), 422, "name-mismatch"),
    ] {
        let refused = pull(&admin, name, &reference).await;
        assert_eq!(refused.problem(), (status, code.to_owned()), "{reference}");
        let records = deployment.records_of(refused.request_id()).await;
        assert_eq!(records[0].action, "components.push");
        assert_eq!(records[0].outcome, format!("failed:{code}"));
    }
    let refused = pull(&small.admin_client(OPERATOR), NAME, &reference).await;
    assert_eq!(refused.problem(), (413, "artifact-too-large".to_owned()));
    let refused = pull(&without.admin_client(OPERATOR), NAME, &reference).await;
    assert_eq!(
        refused.problem(),
        (409, "registry-not-configured".to_owned())
    );

    // The layer is another than it was.
    let layer = registry.blob(&zeropass::registry::sha256(&variant(NAME, "b")));
    let genuine = std::fs::read(&layer).unwrap();
    let mut changed = genuine.clone();
    changed[1_000] ^= 1;
    std::fs::write(&layer, changed).unwrap();
    let refused = pull(&admin, NAME, &reference).await;
    assert_eq!(refused.problem(), (422, "artifact-changed".to_owned()));
    std::fs::write(&layer, genuine).unwrap();
    // Credentials are read when they are used.
    let credentials = std::fs::read_to_string(registry.credentials()).unwrap();
    std::fs::write(registry.credentials(), credentials.replace("horse", "mule")).unwrap();
    let refused = pull(&admin, NAME, &reference).await;
    assert_eq!(refused.problem(), (502, "registry-denied".to_owned()));
    std::fs::write(registry.credentials(), credentials).unwrap();

    registry.stop();
    let refused = pull(&admin, NAME, &reference).await;
    assert_eq!(refused.problem(), (502, "registry-unreachable".to_owned()));
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["revisions"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");
}

/// The transfer breaks off in the middle of the layer, and nobody answers after that.
#[tokio::test(flavor = "multi_thread")]
async fn registry_that_goes_away_half_way_harms_nothing() {
    let registry = OciRegistry::start();
    let wire = Wire::to(registry.address(), 100_000).await;
    let credentials = std::fs::read_to_string(registry.credentials()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("auth.json");
    let address = wire.address.to_string();
    let text = credentials.replace(&registry.address().to_string(), &address);
    std::fs::write(&named, text).unwrap();
    let quoted = |path: PathBuf| format!("\"{}\"", path.display());
    let deployment = Deployment::builder()
        .admin()
        .set("oci", "registries", &format!("[\"{address}\"]"))
        .set("oci", "ca", &quoted(registry.ca()))
        .set("oci", "credentials", &quoted(named))
        .start()
        .await;
    let reference = published(&deployment, &registry, folder.path()).await;
    let reference = reference.replace(&registry.address().to_string(), &address);
    let admin = deployment.admin_client(OPERATOR);
    let refused = pull(&admin, NAME, &reference).await;
    assert_eq!(refused.problem(), (502, "registry-unreachable".to_owned()));
    let records = deployment.records_of(refused.request_id()).await;
    assert_eq!(records[0].outcome, "failed:registry-unreachable");
    assert!(wire.cut.load(Ordering::SeqCst), "it had begun");
    let shown = component(&admin, NAME).await;
    assert_eq!(shown["revisions"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(serving(&deployment, NAME).await, "1.0.0");

    // It is back, and nothing is left of the first attempt.
    wire.mended.store(true, Ordering::SeqCst);
    let pulled = pull(&admin, NAME, &reference).await.expect(201);
    assert_eq!(pulled["held"], serde_json::Value::Null, "{pulled}");
    activate(&admin, NAME, &json!({"revision": "1.1.0"}))
        .await
        .expect(200);
    assert_eq!(serving(&deployment, NAME).await, "1.1.0");
}

/// A wire to a registry that breaks once, and for good until it is mended.
struct Wire {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
    mended: Arc<AtomicBool>,
}

impl Wire {
    /// The first connection over which more than this many bytes come back is cut.
    async fn to(registry: SocketAddr, after: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self {
            address: listener.local_addr().unwrap(),
            cut: Arc::default(),
            mended: Arc::default(),
        };
        let (cut, mended) = (Arc::clone(&wire.cut), Arc::clone(&wire.mended));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if cut.load(Ordering::SeqCst) && !mended.load(Ordering::SeqCst) {
                    continue;
                }
                let far = TcpStream::connect(registry).await.unwrap();
                let (cut, mended) = (Arc::clone(&cut), Arc::clone(&mended));
                tokio::spawn(async move {
                    let (mut from, mut to) = near.into_split();
                    let (mut back, mut forth) = far.into_split();
                    let up = tokio::spawn(async move {
                        let _ = tokio::io::copy(&mut from, &mut forth).await;
                    });
                    let (mut passed, mut buffer) = (0, vec![0; 16 * 1024]);
                    while let Ok(read @ 1..) = back.read(&mut buffer).await {
                        passed += read;
                        if passed > after && !mended.load(Ordering::SeqCst) {
                            cut.store(true, Ordering::SeqCst);
                            break;
                        }
                        if to.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                    up.abort();
                });
            }
        });
        wire
    }
}
