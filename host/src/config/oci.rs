//! `[oci]`: the registries that operators may let the host pull revisions from. Without
//! the section there are none.

use std::path::PathBuf;
use std::time::Duration;

use super::format::{List, Parsed, Size, Time};
use super::path::Location;
use super::section::Section;

/// Registries of components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oci {
    /// `host` or `host:port` of each, as references name them. At least one.
    pub registries: Vec<String>,
    /// The authorities of their certificates, PEM; without, those of the system.
    pub ca: Option<PathBuf>,
    /// Credentials in the format of Docker's `config.json`.
    pub credentials: Option<PathBuf>,
    /// The largest component that is pulled, in bytes.
    pub limit: usize,
    /// How long a transfer may take.
    pub timeout: Duration,
}

const REGISTRY: Parsed<String> = Parsed {
    expected: "a registry such as \"registry.example\" or \"localhost:5000\"",
    parse: |text| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        let named = text.contains(['.', ':']) || text == "localhost";
        match named && text.bytes().all(plain) {
            true => Ok(text.to_owned()),
            false => Err(String::new()),
        }
    },
};

pub(super) fn read(section: &mut Section<'_>) -> Option<Oci> {
    let registries = List {
        of: REGISTRY,
        least: 1,
    };
    let registries = section.required("registries", registries);
    let ca = section.optional(
        "ca",
        Location::File("a PEM file with certificate authorities"),
    );
    let credentials = section.optional(
        "credentials",
        Location::File("credentials in the format of Docker's config.json"),
    );
    let limit = section.or("limit", r#""64MiB""#, Size(1 << 10..=1 << 30));
    let longest = Time(Duration::from_secs(1)..=Duration::from_secs(3_600));
    let timeout = section.or("timeout", r#""5m""#, longest);
    Some(Oci {
        registries: registries?,
        ca: ca?,
        credentials: credentials?,
        limit: limit?,
        timeout: timeout?,
    })
}
