//! `[health]`: where `/livez` and `/readyz` are answered without mTLS, and nothing
//! else is. Only this machine can reach it: a loopback address or a unix socket.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::at::At;
use super::format::Format;
use super::section::Section;

/// The health listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Where it listens.
    pub listen: HealthListen,
}

/// A place that only this machine can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthListen {
    /// A loopback address. Port 0 takes a free one.
    Loopback(SocketAddr),
    /// The absolute path of a unix socket.
    Unix(PathBuf),
}

struct Listen;

/// What fits into `sockaddr_un` on Linux with its final zero, in bytes.
const UNIX_PATH_MAX: usize = 107;

pub(super) fn read(section: &mut Section<'_>) -> Option<Health> {
    let listen = section.or("listen", r#""127.0.0.1:8446""#, Listen);
    Some(Health { listen: listen? })
}

// === impl Listen ===

impl Listen {
    fn parse(text: &str, folder: &Path) -> Result<HealthListen, Option<String>> {
        if let Some(path) = text.strip_prefix("unix:") {
            let socket = folder.join(path);
            return match socket.as_os_str().len() {
                _ if path.is_empty() => Err(None),
                length if length > UNIX_PATH_MAX => Err(Some(format!(
                    "the path has {length} bytes, a unix socket's at most {UNIX_PATH_MAX}"
                ))),
                _ => Ok(HealthListen::Unix(socket)),
            };
        }
        let address: SocketAddr = text.parse().map_err(|_| None)?;
        if !address.ip().is_loopback() {
            let because = format!("{} can be reached from elsewhere", address.ip());
            return Err(Some(because));
        }
        Ok(HealthListen::Loopback(address))
    }
}

impl Format for Listen {
    type Value = HealthListen;

    fn expected(&self) -> String {
        "a loopback address and port such as \"127.0.0.1:8446\", or \"unix:\" and a path".to_owned()
    }

    fn read(&self, at: &At<'_>) -> Option<HealthListen> {
        let text = at.value().as_str().ok_or(None);
        text.and_then(|text| Self::parse(text, at.folder()))
            .map_or_else(|because| at.refuse(&self.expected(), because), Some)
    }
}
