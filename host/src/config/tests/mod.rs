//! The configuration as a whole; the files beside this one test their own kinds.

mod defaults;
mod example;
mod files;
mod messages;
mod relying_parties;
mod store;
mod tiers;

use std::path::Path;

use super::*;

const EXAMPLE: &str = include_str!("../../../../zeropass.example.toml");

/// Required settings only.
const MINIMAL: &str = r#"[service]
certificate = "pki/host.pem"
key = "pki/host.key"
client-ca = "pki/ca.pem"
trust-domain = "zeropass.internal"
[components.auth-service]
file = "auth.wasm"
[components.passkey-manager]
file = "passkeys.wasm"
[link.auth-service]
certificate = "pki/auth-service.pem"
key = "pki/auth-service.key"
[link.passkey-manager]
certificate = "pki/passkey-manager.pem"
key = "pki/passkey-manager.key"
[[relying-party]]
id = "example.com"
name = "Example"
origins = ["https://example.com", "https://login.example.com:8443"]
workloads = ["spiffe://zeropass.internal/shop"]
"#;

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(text, Path::new("/etc/zeropass/zeropass.toml"))
}

fn messages(text: &str) -> Vec<String> {
    match parse(text) {
        Err(Error::Invalid { problems, .. }) => problems
            .into_iter()
            .map(|problem| problem.message)
            .collect(),
        other => panic!("expected problems, found {other:?}"),
    }
}

/// The one message about the minimal configuration with `line` put into `section`.
fn message_about(section: &str, line: &str) -> String {
    let header = format!("{section}\n");
    let text = if MINIMAL.contains(&header) {
        MINIMAL.replace(&header, &format!("{header}{line}\n"))
    } else {
        format!("{MINIMAL}{header}{line}\n")
    };
    only(&text)
}

/// The one message about the minimal configuration with `old` replaced.
fn message_instead(old: &str, new: &str) -> String {
    assert!(MINIMAL.contains(old), "{old}");
    only(&MINIMAL.replace(old, new))
}

fn only(text: &str) -> String {
    let messages = messages(text);
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages.into_iter().next().unwrap()
}

fn keys(config: &Config) -> Vec<(String, &'static str)> {
    let settings = config.settings().iter();
    settings
        .map(|setting| (setting.section.clone(), setting.key))
        .collect()
}
