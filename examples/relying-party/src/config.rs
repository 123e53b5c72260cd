//! Flags and environment, parsed once into values that can't be wrong.
//!
//! Certificates are read at start; after they are renewed, restart the program.

use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context;
use reqwest::Url;

/// The demo relying party of zeropass: a web app that signs people in with passkeys.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub struct Flags {
    /// Where to listen.
    #[arg(
        long,
        env = "RELYING_PARTY_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,

    /// The service listener of zeropass.
    #[arg(long, env = "RELYING_PARTY_ZEROPASS", value_name = "URL", default_value = "https://localhost:8443", value_parser = service_url)]
    pub zeropass: Url,

    /// The certificate authority that signed zeropass's certificate, in PEM.
    #[arg(long, env = "RELYING_PARTY_CA", value_name = "FILE")]
    pub ca: PathBuf,

    /// Our client certificate, in PEM.
    #[arg(long, env = "RELYING_PARTY_CERT", value_name = "FILE")]
    pub cert: PathBuf,

    /// The private key of our client certificate, in PEM.
    #[arg(long, env = "RELYING_PARTY_KEY", value_name = "FILE")]
    pub key: PathBuf,

    /// The address people type. Passkeys are bound to it.
    #[arg(
        long,
        env = "RELYING_PARTY_ORIGIN",
        value_name = "ORIGIN",
        default_value = "http://localhost:8080"
    )]
    pub origin: Origin,
}

/// The flags with the files they name.
pub struct Config {
    pub listen: SocketAddr,
    pub origin: Origin,
    pub zeropass: Service,
}

/// How to reach zeropass. Without `Debug`: it holds a private key.
pub struct Service {
    pub url: Url,
    /// PEM.
    pub ca: Vec<u8>,
    /// Certificate and private key, PEM.
    pub identity: Vec<u8>,
}

/// A web origin as browsers write it in the `Origin` header: scheme, host and
/// port, lower case, no path, no default port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

// === impl Config ===

impl Config {
    /// Reads the files. The error names the file, the flag and the cause.
    pub fn load(flags: Flags) -> anyhow::Result<Self> {
        let ca = read("--ca", &flags.ca)?;
        let mut identity = read("--cert", &flags.cert)?;
        identity.push(b'\n');
        identity.extend(read("--key", &flags.key)?);
        Ok(Self {
            listen: flags.listen,
            origin: flags.origin,
            zeropass: Service {
                url: flags.zeropass,
                ca,
                identity,
            },
        })
    }
}

fn read(flag: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| {
        format!(
            "can't read {}; name a readable PEM file with {flag}",
            path.display()
        )
    })
}

fn service_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.scheme() != "https" {
        return Err("zeropass speaks mutual TLS only; write https://host:port".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("write https://host:port, without a path".to_owned());
    }
    Ok(url)
}

// === impl Origin ===

impl Origin {
    /// Whether pages of this origin come over TLS, so that cookies can be `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let origin = url.origin().ascii_serialization();
        if origin != text {
            return Err(format!("write it as browsers do: {origin}"));
        }
        // Browsers offer passkeys in secure contexts only (WebAuthn L3 section 5).
        match (url.scheme(), url.host_str()) {
            ("https", _) | ("http", Some("localhost")) => Ok(Self(origin)),
            _ => Err("browsers offer passkeys on https:// and on http://localhost only".to_owned()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn parse(more: &[&str]) -> Result<Flags, clap::Error> {
        let files = [
            "relying-party",
            "--ca",
            "no-ca",
            "--cert",
            "no-cert",
            "--key",
            "no-key",
        ];
        Flags::try_parse_from(files.iter().chain(more))
    }

    #[test]
    fn defaults_are_the_development_addresses() {
        let flags = parse(&[]).unwrap();
        assert_eq!(flags.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(flags.zeropass.as_str(), "https://localhost:8443/");
        assert_eq!(flags.origin.as_str(), "http://localhost:8080");
    }

    #[test]
    fn zeropass_over_plain_http_is_refused() {
        let error = parse(&["--zeropass", "http://localhost:8443"]).unwrap_err();
        assert!(error.to_string().contains("mutual TLS only"), "{error}");
    }

    #[test]
    fn origin_that_no_browser_would_send_is_refused_with_the_right_form() {
        for text in [
            "http://localhost:8080/",
            "http://LOCALHOST:8080",
            "https://a.example:443",
            "https://a.example/app",
        ] {
            let error = text.parse::<Origin>().unwrap_err();
            assert!(
                error.starts_with("write it as browsers do: http"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn origin_without_passkeys_is_refused() {
        let error = "http://a.example".parse::<Origin>().unwrap_err();
        assert!(error.contains("on https://"), "{error}");
    }

    #[test]
    fn missing_file_is_named_with_its_flag() {
        let error = Config::load(parse(&[]).unwrap()).err().unwrap();
        assert!(
            format!("{error:#}")
                .starts_with("can't read no-ca; name a readable PEM file with --ca")
        );
    }
}
