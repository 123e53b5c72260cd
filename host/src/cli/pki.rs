//! `zeropass pki init`: the development PKI in one folder.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;

use crate::clock::{Clock as _, SystemClock};
use crate::identity::TrustDomain;
use crate::identity::pki::{self, Done};
use crate::registry::signing_key;

/// Make or complete the PKI in `folder`, with the key that signs components, and say
/// what was done, a line for each certificate and the key.
///
/// # Errors
/// The trust domain is malformed, the folder can't be written, or its CA or key can't sign.
pub fn init(folder: &Path, trust_domain: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let trust_domain: TrustDomain = trust_domain.parse().context("--trust-domain")?;
    let steps = pki::init(folder, &trust_domain, SystemClock.now())?;
    for step in steps {
        let done = match step.done {
            Done::Kept => "kept",
            Done::Created => "created",
            Done::Renewed => "renewed",
        };
        writeln!(out, "{done:<8} {}  {}", step.file.display(), step.id)?;
    }
    let done = match signing_key::init(folder)? {
        true => "created",
        false => "kept",
    };
    let key = signing_key::development(folder)?;
    let file = folder.join("component-signing.key");
    writeln!(
        out,
        "{done:<8} {}  signs components, key {}",
        file.display(),
        key.id()
    )?;
    Ok(())
}
