//! `[admin]`: the mTLS listener of operators. Without the section there is none.

use std::net::SocketAddr;

use super::format::{SOCKET, Size};
use super::section::Section;

/// The admin listener. Certificate, trust and limits are those of `[service]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The largest component file that is taken, in bytes.
    pub push_limit: usize,
}

pub(super) fn read(section: &mut Section<'_>) -> Option<Admin> {
    let listen = section.or("listen", r#""127.0.0.1:8444""#, SOCKET);
    let push_limit = section.or("push-limit", r#""32MiB""#, Size(1 << 10..=1 << 30));
    Some(Admin {
        listen: listen?,
        push_limit: push_limit?,
    })
}
