//! `[admin]`: the mTLS listener of operators. Without the section there is none.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::format::{SOCKET, Size};
use super::path::Location;
use super::reader::Section;

/// The admin listener. What it leaves out is as in `[service]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The certificate chain, PEM, leaf first; else that of the service.
    pub certificate: Option<PathBuf>,
    /// The private key of the leaf, PEM; else that of the service.
    pub key: Option<PathBuf>,
    /// The authorities of operators' certificates, PEM; else those of the service.
    pub client_ca: Option<PathBuf>,
    /// The largest component file that is taken, in bytes.
    pub push_limit: usize,
}

pub(super) fn read(section: &mut Section<'_>) -> Option<Admin> {
    let listen = section.or("listen", r#""127.0.0.1:8444""#, SOCKET);
    let certificate = section.optional(
        "certificate",
        Location::File("a PEM file with a certificate chain"),
    );
    let key = section.optional("key", Location::File("a PEM file with a private key"));
    let client_ca = section.optional(
        "client-ca",
        Location::File("a PEM file with the authorities of operators' certificates"),
    );
    let push_limit = section.or("push-limit", r#""32MiB""#, Size(1 << 10..=1 << 30));
    if let (Some(certificate), Some(key)) = (&certificate, &key)
        && certificate.is_some() != key.is_some()
    {
        section.refuse("key", None, "certificate and key together, or neither");
    }
    Some(Admin {
        listen: listen?,
        certificate: certificate?,
        key: key?,
        client_ca: client_ca?,
        push_limit: push_limit?,
    })
}
