//! Components in a real registry: Debian's `docker-registry` with TLS on loopback.
//!
//! Left out by name where it is missing.

mod fetch;
mod publish;
mod server;
mod wire;

use std::net::SocketAddr;
use std::path::Path;

use self::server::Registry;
use super::Desk;

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
