//! `[identity]`: where the host's identity comes from, if not from the files of
//! `[service]`.

use std::path::{Path, PathBuf};

use super::at::At;
use super::format::Format;
use super::section::Section;

/// Where the host's certificate, key and trust roots come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// PEM files, read again when they change.
    Files {
        /// The certificate chain, leaf first.
        certificate: PathBuf,
        /// The private key of the leaf.
        key: PathBuf,
        /// The certificate authorities that peers come from.
        client_ca: PathBuf,
    },
    /// The SPIFFE Workload API of an agent on this machine.
    WorkloadApi {
        /// The agent's unix socket, absolute.
        socket: PathBuf,
    },
}

struct Socket;

/// The agent's socket, where one is named.
pub(super) fn read(section: &mut Section<'_>) -> Option<Option<PathBuf>> {
    section.optional("workload-api", Socket)
}

// === impl Socket ===

impl Socket {
    fn parse(text: &str, folder: &Path) -> Option<PathBuf> {
        let path = text.strip_prefix("unix:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        (!path.is_empty()).then(|| folder.join(path))
    }
}

impl Format for Socket {
    type Value = PathBuf;

    fn expected(&self) -> String {
        "\"unix:\" and the path of a SPIFFE agent's socket, such as \"unix:/run/spire/agent.sock\""
            .to_owned()
    }

    fn read(&self, at: &At<'_>) -> Option<PathBuf> {
        let socket = at
            .value()
            .as_str()
            .and_then(|text| Self::parse(text, at.folder()));
        socket.or_else(|| at.refuse(&self.expected(), None))
    }
}
