//! What the path of a call names.

use http::StatusCode;

use super::refused::Refused;
use crate::link::wire::{self, Package};

/// What a path names.
pub(super) struct Named<'a> {
    pub package: Package,
    pub function: &'a str,
}

// === impl Named ===

impl<'a> Named<'a> {
    /// Method, package and version; the function is for the package to know.
    pub(super) fn read(parts: &'a http::request::Parts) -> Result<Self, Refused> {
        let unknown = |what: &str| {
            let detail = format!("expected POST /PACKAGE/vMAJOR/INTERFACE.FUNCTION, {what}");
            Refused(StatusCode::NOT_FOUND, "unknown-function", detail)
        };
        if parts.method != http::Method::POST {
            return Err(unknown("not another method"));
        }
        let mut segments = parts.uri.path().split('/').skip(1);
        let (Some(package), Some(version), Some(function), None) = (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) else {
            return Err(unknown("not another path"));
        };
        let package = Package::from_name(package).ok_or_else(|| unknown("a known package"))?;
        let major = version
            .strip_prefix('v')
            .and_then(|major| major.parse::<u32>().ok())
            .ok_or_else(|| unknown("a version like v1"))?;
        if major != wire::MAJOR {
            let detail = format!(
                "this host serves {} in version {}, not {major}: upgrade the older of the two hosts",
                package.name(),
                wire::VERSION,
            );
            return Err(Refused(
                StatusCode::NOT_IMPLEMENTED,
                "version-unsupported",
                detail,
            ));
        }
        Ok(Self { package, function })
    }
}
