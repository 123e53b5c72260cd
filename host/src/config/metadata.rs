//! `[metadata]`: the file with what FIDO says of authenticators.

use std::path::PathBuf;
use std::time::Duration;

use super::at::At;
use super::format::{Format, List, Parsed, Time};
use super::path::Location;
use super::section::Section;

/// Where FIDO metadata come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The BLOB (FIDO Metadata Service section 3.1.7), as it was downloaded.
    pub blob: PathBuf,
    /// Certificates that the BLOB's signer must lead to, PEM or DER. At least one.
    pub roots: Vec<PathBuf>,
    /// The DNS name that the signer's certificate must be for.
    pub signer: Option<String>,
    /// How often the files are looked at.
    pub check_every: Duration,
}

/// One file, or a list of them.
struct Files(&'static str);

const DNS_NAME: Parsed<String> = Parsed {
    expected: "a DNS name such as \"mds.fidoalliance.org\"",
    parse: |text| match rustls::pki_types::DnsName::try_from(text) {
        Ok(_) => Ok(text.to_ascii_lowercase()),
        Err(_) => Err(String::new()),
    },
};

pub(super) fn read(section: &mut Section<'_>) -> Option<Metadata> {
    let blob = section.required("blob", Location::File("a FIDO metadata BLOB"));
    let roots = section.required("root", Files("a root certificate of the BLOB's signer"));
    let signer = section.optional("signer", DNS_NAME);
    let often = Time(Duration::from_millis(100)..=Duration::from_secs(24 * 3600));
    let check_every = section.or("check-every", r#""30s""#, often);
    Some(Metadata {
        blob: blob?,
        roots: roots?,
        signer: signer?,
        check_every: check_every?,
    })
}

// === impl Files ===

impl Format for Files {
    type Value = Vec<PathBuf>;

    fn expected(&self) -> String {
        format!("the path of {}, or a list of such paths", self.0)
    }

    fn read(&self, at: &At<'_>) -> Option<Vec<PathBuf>> {
        let file = Location::File(self.0);
        if at.value().as_str().is_some() {
            return file.read(at).map(|path| vec![path]);
        }
        if at.elements().is_some() {
            return List { of: file, least: 1 }.read(at);
        }
        at.refuse(&self.expected(), None)
    }
}
