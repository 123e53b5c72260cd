//! Open files: every connection is one, and the system has a limit for them.
//!
//! A process begins with a soft limit, often 1,024, that it may raise to the hard one.
//! Past it no connection is accepted and no file opened, the store's included.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// For the store, the log, certificates, and connections to elsewhere.
const RESERVE: u64 = 256;

/// Raise the limit as far as the system lets, and warn when it is too low for all the
/// connections that the configuration allows.
pub(super) fn provide(config: &Config) {
    let mut limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.current != limit.maximum {
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = getrlimit(Resource::Nofile),
            Err(error) => tracing::warn!(%error, "the limit of open files can't be raised"),
        }
    }
    let wanted = wanted(config);
    // Without a limit there is nothing to say.
    if let Some(files) = limit.current.filter(|files| *files < wanted) {
        tracing::warn!(
            files,
            wanted,
            "fewer open files than service.max-connections needs: raise the limit (ulimit -Hn, or LimitNOFILE of the service) or lower service.max-connections"
        );
    }
}

/// Each listener may have as many connections, and as many handshakes besides.
fn wanted(config: &Config) -> u64 {
    let service = &config.service;
    let listeners =
        1 + u64::from(config.admin.is_some()) + u64::from(config.link.serving.is_some());
    let each = service
        .max_connections
        .saturating_add(service.max_handshakes);
    let each = u64::try_from(each).unwrap_or(u64::MAX);
    listeners.saturating_mul(each).saturating_add(RESERVE)
}
