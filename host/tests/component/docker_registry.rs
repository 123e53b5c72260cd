//! Components in a real registry: Debian's `docker-registry` with TLS on loopback.
//!
//! Left out by name where it is missing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use zeropass::clock::{Clock, SystemClock};
use zeropass::identity::pki::{Ca, IssueRequest};
use zeropass::registry::sha256;

use super::{Desk, component};

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// User and password of the registry that wants some, as its own file has them.
const CREDENTIALS: &str =
    "{\"auths\": {\"HOST\": {\"username\": \"publisher\", \"password\": \"correct horse\"}}}";
const HTPASSWD: &str = "publisher:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n";

/// A registry, stopped when dropped.
struct Registry {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Registry {
    fn start(desk: &Desk, protected: bool) -> Self {
        let folder = desk.path("registry");
        std::fs::create_dir(&folder).unwrap();
        let now = SystemClock.now();
        let ca = Ca::new(&"registry.internal".parse().unwrap(), now).unwrap();
        let mut request = IssueRequest::workload("spiffe://registry.internal/registry", now);
        request.ips = vec![Ipv4Addr::LOCALHOST.into()];
        let issued = ca.issue(&request).unwrap();
        std::fs::write(desk.path("registry-ca.pem"), ca.pem()).unwrap();
        std::fs::write(folder.join("tls.pem"), issued.certificate).unwrap();
        std::fs::write(folder.join("tls.key"), issued.key).unwrap();
        std::fs::write(folder.join("htpasswd"), HTPASSWD).unwrap();
        // Free a moment ago; if somebody takes it, the registry says so and ends.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let at = folder.display();
        let mut text = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {at}/data\nhttp:\n  addr: {address}\n  tls:\n    certificate: {at}/tls.pem\n    key: {at}/tls.key\n"
        );
        if protected {
            text += &format!("auth:\n  htpasswd:\n    realm: test\n    path: {at}/htpasswd\n");
        }
        let config = folder.join("config.yml");
        std::fs::write(&config, text).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is installed");
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(
                child.try_wait().unwrap().is_none(),
                "the registry ended at its start"
            );
            assert!(Instant::now() < until, "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            child,
            address,
            folder,
        }
    }

    /// Where the registry keeps the blob of this digest.
    fn blob(&self, digest: &str) -> PathBuf {
        let blobs = self.folder.join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes connections on to a registry, and cuts some of them.
struct Wire {
    address: SocketAddr,
    /// Connections so far.
    connections: Arc<AtomicUsize>,
    /// Bytes that came from the registry.
    received: Arc<AtomicUsize>,
}

impl Wire {
    /// The first `cuts` answers end after `after` bytes each; with `gone`, nothing is
    /// passed on after that.
    fn to(registry: SocketAddr, cuts: usize, after: usize, gone: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let received = Arc::new(AtomicUsize::new(0));
        let (count, bytes) = (Arc::clone(&connections), Arc::clone(&received));
        let cut = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                count.fetch_add(1, Ordering::SeqCst);
                if gone && cut.load(Ordering::SeqCst) >= cuts {
                    continue;
                }
                let server = TcpStream::connect(registry).unwrap();
                let (mut up, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut up, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                let (cut, bytes) = (Arc::clone(&cut), Arc::clone(&bytes));
                std::thread::spawn(move || down(server, client, &cut, cuts, after, &bytes));
            }
        });
        Self {
            address,
            connections,
            received,
        }
    }
}

fn down(
    mut server: TcpStream,
    mut client: TcpStream,
    cut: &AtomicUsize,
    cuts: usize,
    after: usize,
    bytes: &AtomicUsize,
) {
    let mut passed = 0;
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        bytes.fetch_add(read, Ordering::SeqCst);
        if client.write_all(&buffer[..read]).is_err() {
            break;
        }
        passed += read;
        if passed > after && cut.load(Ordering::SeqCst) < cuts {
            cut.fetch_add(1, Ordering::SeqCst);
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

/// Publish `a.wasm`, signed; the digest of the artifact.
fn publish(desk: &Desk, registry: &Registry) -> String {
    desk.sign("1.3.0");
    let said = desk.done(&[
        "component",
        "publish",
        "a.wasm",
        &format!("oci://{}/team/auth-service:1.3.0", registry.address),
        "--registry-ca",
        "registry-ca.pem",
    ]);
    let prefix = format!("published oci://{}/team/auth-service@", registry.address);
    let digest = said.strip_prefix(&prefix).expect(&said);
    digest.trim_end().to_owned()
}

fn fetch_from(reference: &str) -> [&str; 8] {
    [
        "component",
        "fetch",
        reference,
        "-o",
        "b.wasm",
        "--registry-ca",
        "registry-ca.pem",
        "--yes",
    ]
}

fn at(address: SocketAddr, digest: &str) -> String {
    format!("oci://{address}/team/auth-service@{digest}")
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn component_comes_back_as_it_was_published_with_its_signature() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let reference = at(registry.address, &digest);
    let said = desk.done(&fetch_from(&reference));
    assert!(
        said.starts_with("fetched b.wasm (300014 bytes, sha256:"),
        "{said}"
    );
    assert_eq!(read(&desk.path("b.wasm")), component(300_000));
    assert_eq!(
        read(&desk.path("b.wasm.minisig")),
        read(&desk.path("a.wasm.minisig"))
    );
    let (code, found) = desk.inspect("b.wasm");
    assert_eq!((code, &found["trusted"]), (Some(0), &true.into()));

    // The artifact is of the layout for WebAssembly.
    let manifest = read(&registry.blob(digest.strip_prefix("sha256:").unwrap()));
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
}

#[test]
fn changed_layer_is_refused() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let layer = registry.blob(&sha256(&component(300_000)));
    let mut changed = read(&layer);
    changed[1_000] ^= 1;
    std::fs::write(&layer, &changed).unwrap();
    std::fs::write(desk.path("b.wasm"), "old").unwrap();
    let said = desk.failed(&fetch_from(&at(registry.address, &digest)));
    assert!(
        said.contains(&format!(
            "the registry's content is not what its digest says (expected sha256:{}, got sha256:{}); \
             it was changed, don't use it",
            sha256(&component(300_000)),
            sha256(&changed)
        )),
        "{said}"
    );
    // What was there is still there.
    assert_eq!(read(&desk.path("b.wasm")), b"old");
    assert!(!desk.path("b.wasm.minisig").exists());
}

#[test]
fn transfer_that_breaks_off_is_taken_up_again() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let wire = Wire::to(registry.address, 2, 100_000, false);
    desk.done(&fetch_from(&at(wire.address, &digest)));
    assert_eq!(read(&desk.path("b.wasm")), component(300_000));
    assert_eq!(wire.connections.load(Ordering::SeqCst), 3);
    // Taken up, not begun anew, which would have brought 500,000.
    let received = wire.received.load(Ordering::SeqCst);
    assert!(received < 400_000, "{received} bytes");
}

#[test]
fn registry_that_goes_away_half_way_harms_nothing() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    std::fs::write(desk.path("b.wasm"), "old").unwrap();
    let wire = Wire::to(registry.address, 1, 100_000, true);
    let said = desk.failed(&fetch_from(&at(wire.address, &digest)));
    assert!(
        said.contains("nothing was changed, try again later"),
        "{said}"
    );
    assert!(wire.received.load(Ordering::SeqCst) > 100_000);
    assert_eq!(read(&desk.path("b.wasm")), b"old");
    let left: Vec<_> = std::fs::read_dir(desk.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // Tried again with the registry back, it works.
    desk.done(&fetch_from(&at(registry.address, &digest)));
    assert_eq!(read(&desk.path("b.wasm")), component(300_000));
}

#[test]
fn registry_is_known_by_the_configured_authority_alone() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let reference = at(registry.address, &digest);
    let said = desk.failed(&[
        "component",
        "fetch",
        &reference,
        "-o",
        "b.wasm",
        "--registry-ca",
        "pki/ca.pem",
    ]);
    assert!(
        said.contains("UnknownIssuer") || said.contains("certificate"),
        "{said}"
    );
    assert!(!desk.path("b.wasm").exists());
}

#[test]
fn credentials_come_from_a_file() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, true);
    desk.sign("1.3.0");
    let reference = format!("oci://{}/auth-service:1.3.0", registry.address);
    let publish = [
        "component",
        "publish",
        "a.wasm",
        &reference,
        "--registry-ca",
        "registry-ca.pem",
    ];
    let said = desk.failed(&publish);
    assert!(
        said.contains("access is denied; --credentials FILE"),
        "{said}"
    );

    let text = CREDENTIALS.replace("HOST", &registry.address.to_string());
    std::fs::write(desk.path("auth.json"), &text).unwrap();
    let mut with = publish.to_vec();
    with.extend(["--credentials", "auth.json"]);
    let said = desk.done(&with);
    let published = said.trim().strip_prefix("published ").unwrap().to_owned();
    let mut fetch = fetch_from(&published).to_vec();
    fetch.extend(["--credentials", "auth.json"]);
    desk.done(&fetch);
    assert_eq!(read(&desk.path("b.wasm")), component(300_000));

    std::fs::write(desk.path("auth.json"), text.replace("horse", "mule")).unwrap();
    let said = desk.failed(&fetch);
    assert!(said.contains("access is denied"), "{said}");
    assert!(!said.contains("mule"), "{said}");
}

#[test]
fn what_is_too_large_missing_or_only_a_tag_is_not_fetched() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let reference = at(registry.address, &digest);
    let mut limited = fetch_from(&reference).to_vec();
    limited.extend(["--limit", "300013"]);
    let said = desk.failed(&limited);
    assert!(
        said.contains("the component has 300014 bytes, and the limit is 300013"),
        "{said}"
    );

    let missing = at(registry.address, &format!("sha256:{}", "0".repeat(64)));
    let said = desk.failed(&fetch_from(&missing));
    assert!(said.contains("the registry has no such artifact"), "{said}");

    let tag = format!("oci://{}/team/auth-service:1.3.0", registry.address);
    let said = desk.failed(&fetch_from(&tag));
    assert!(
        said.contains("a tag can point to something else tomorrow"),
        "{said}"
    );
    assert!(!desk.path("b.wasm").exists());
}

fn dry<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &["--dry-run", "--json"]].concat()
}

#[test]
fn nothing_that_is_there_is_overwritten_without_a_yes() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let reference = at(registry.address, &digest);
    let with_yes = fetch_from(&reference);
    let fetch = &with_yes[..7];
    let json = |said: String| serde_json::from_str::<serde_json::Value>(&said).unwrap();

    let would = json(desk.done(&dry(fetch)));
    assert_eq!(
        (&would["size"], &would["dryRun"]),
        (&300_014.into(), &true.into())
    );
    assert!(!desk.path("b.wasm").exists());
    std::fs::write(desk.path("b.wasm.minisig"), "old").unwrap();
    let said = desk.failed(fetch);
    assert!(said.contains("b.wasm.minisig is there"), "{said}");
    assert!(said.contains("say --yes (not-confirmed)"), "{said}");
    assert_eq!(read(&desk.path("b.wasm.minisig")), b"old");
    assert!(!desk.path("b.wasm").exists());
    desk.done(&with_yes);
    // What is the same is not overwritten.
    desk.done(fetch);

    // The tag leads to this artifact; signed anew it would lead to another one.
    let tag = format!("oci://{}/team/auth-service:1.3.0", registry.address);
    let with_yes = [
        "component",
        "publish",
        "a.wasm",
        &tag,
        "--registry-ca",
        "registry-ca.pem",
        "--yes",
    ];
    let again = &with_yes[..6];
    assert_eq!(desk.done(again).trim(), format!("published {reference}"));
    desk.sign("1.4.0");
    let would = json(desk.done(&dry(again)));
    assert_eq!(would["before"], reference);
    assert_ne!(would["reference"], reference);
    let said = desk.failed(again);
    assert!(said.contains("leads to another artifact"), "{said}");
    let published = desk.done(&with_yes);
    assert_eq!(
        published.trim().strip_prefix("published ").unwrap(),
        would["reference"]
    );
}

#[test]
fn unsigned_component_is_published_only_when_asked() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let reference = format!("oci://{}/auth-service:1.3.0", registry.address);
    let mut publish = vec![
        "component",
        "publish",
        "a.wasm",
        &reference,
        "--registry-ca",
        "registry-ca.pem",
    ];
    let said = desk.failed(&publish);
    assert!(said.contains("sign the component first"), "{said}");
    publish.push("--unsigned");
    let said = desk.done(&publish);
    // A signature from before does not stay beside it.
    std::fs::write(desk.path("b.wasm.minisig"), "old").unwrap();
    let reference = said.trim().strip_prefix("published ").unwrap();
    let said = desk.done(&fetch_from(reference));
    assert!(said.contains("not signed"), "{said}");
    assert!(!desk.path("b.wasm.minisig").exists());
}
