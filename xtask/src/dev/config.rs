//! The development configuration: written once, then the developer's own to edit.
//! What this program needs to know (addresses, the demo's origin) is read back from it.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::build::COMPONENTS;
use crate::workspace::Workspace;

/// The addresses that `dev` waits for and prints.
#[derive(Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Where workloads connect, with their certificates.
    pub service: SocketAddr,
    /// Where passkey-manager is served to auth-service; none where the link is
    /// in-process.
    pub link: Option<SocketAddr>,
    /// Where operators connect; none without that section.
    pub admin: Option<SocketAddr>,
    /// Where `/readyz` is answered.
    pub health: SocketAddr,
    /// Where the demo listens: loopback, at the port of its origin.
    pub relying_party: SocketAddr,
    /// What the browser opens, e.g. `http://localhost:8080`.
    pub origin: String,
}

/// The configuration for a state folder. Paths are relative to that folder where
/// the checkout contains it, so that the checkout can be moved.
pub fn text(workspace: &Workspace, state: &Path) -> String {
    let path = |file: &Path| quoted(&from_folder(state, workspace.root(), file));
    let policies = path(&workspace.root().join("policies"));
    let mut text = format!(
        r#"# Development configuration, written by `cargo xtask dev` because there was none.
# Yours to edit; delete it to get this one back. zeropass.example.toml explains
# every setting. Paths are relative to this file's folder.

[service]
listen = "127.0.0.1:8443"
certificate = "pki/host.pem"
key = "pki/host.key"
client-ca = "pki/ca.pem"
trust-domain = "zeropass.internal"

[admin]
listen = "127.0.0.1:8444"

[health]
listen = "127.0.0.1:8446"

[log]
format = "pretty"

[store]
sqlite = "zeropass.db"

[policy]
folder = {policies}
signers = "pki/signers"

[keys]
folder = "keys"

[cache]
folder = "cache"
"#
    );
    for name in COMPONENTS {
        let file = path(&workspace.component(name));
        text.push_str(&format!("\n[components.{name}]\nfile = {file}\n"));
    }
    text.push_str(
        r#"
[link]
kind = "mtls"
listen = "127.0.0.1:8445"

[link.auth-service]
certificate = "pki/auth-service.pem"
key = "pki/auth-service.key"

[link.passkey-manager]
certificate = "pki/passkey-manager.pem"
key = "pki/passkey-manager.key"

[[relying-party]]
id = "localhost"
name = "zeropass demo"
origins = ["http://localhost:8080"]
workloads = ["spiffe://zeropass.internal/workload/relying-party"]
"#,
    );
    text
}

/// Writes the configuration unless there is one.
pub fn write_if_missing(file: &Path, text: &str) -> Result<()> {
    match std::fs::File::create_new(file) {
        Ok(mut created) => created.write_all(text.as_bytes()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .with_context(|| format!("can't write {}", file.display()))
}

/// Says so when a reused configuration runs other components than the ones just built,
/// for example because `CARGO_TARGET_DIR` has changed since.
pub fn warn_of_other_components(config: &Path, workspace: &Workspace) -> Result<()> {
    let table = read(config)?;
    for name in COMPONENTS {
        let built = workspace.component(name);
        let Some(file) = look_up(&table, &["components", name, "file"]).and_then(Value::as_str)
        else {
            continue;
        };
        let configured = config.parent().unwrap_or(Path::new(".")).join(file);
        if configured.canonicalize().ok() != built.canonicalize().ok() {
            eprintln!(
                "note: {} runs {name} from {file}, not the one just built ({})",
                config.display(),
                built.display()
            );
        }
    }
    Ok(())
}

// === impl Addresses ===

impl Addresses {
    /// Reads them from a configuration.
    ///
    /// # Errors
    /// One is missing or no address; the message names the file and the key. Every
    /// other check is the host's.
    pub fn read(config: &Path) -> Result<Self> {
        Self::of(&read(config)?).with_context(|| {
            format!(
                "{}: `cargo xtask dev` needs this; mend it, or delete the file to get a new one",
                config.display()
            )
        })
    }

    /// The ports that must be free, each with what to do if one is not.
    pub fn ports(&self, config: &Path) -> Vec<(SocketAddr, String)> {
        let edit = |key: &str| format!("change {key} in {}", config.display());
        let mut ports = vec![
            (self.service, edit("service.listen")),
            (self.health, edit("health.listen")),
            (self.relying_party, edit("the relying-party's origin")),
        ];
        ports.extend(self.link.map(|link| (link, edit("link.listen"))));
        ports.extend(self.admin.map(|admin| (admin, edit("admin.listen"))));
        ports
    }

    fn of(table: &Table) -> Result<Self> {
        let origin = look_up(table, &["relying-party"])
            .and_then(Value::as_array)
            .and_then(|all| all.first()?.get("origins")?.as_array()?.first()?.as_str())
            .context("relying-party.origins has no first origin")?;
        let port = origin
            .strip_prefix("http://localhost:")
            .and_then(|port| port.parse().ok())
            .with_context(|| {
                format!(
                    "relying-party.origins: the demo serves http://localhost:PORT, not {origin:?}"
                )
            })?;
        Ok(Self {
            service: address(table, "service")?,
            link: match look_up(table, &["link", "listen"]) {
                Some(_) => Some(address(table, "link")?),
                None => None,
            },
            admin: match look_up(table, &["admin"]) {
                Some(_) => Some(address(table, "admin")?),
                None => None,
            },
            health: address(table, "health")?,
            relying_party: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            origin: origin.to_owned(),
        })
    }
}

fn address(table: &Table, listener: &str) -> Result<SocketAddr> {
    look_up(table, &[listener, "listen"])
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .with_context(|| format!("{listener}.listen is no address like \"127.0.0.1:8443\""))
}

fn read(config: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(config)
        .with_context(|| format!("can't read {}", config.display()))?;
    text.parse()
        .with_context(|| format!("{} is not TOML", config.display()))
}

fn look_up<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t Value> {
    let (first, rest) = keys.split_first()?;
    rest.iter()
        .try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// `file` seen from the folder `state`: relative when both are in `root`, else absolute.
fn from_folder(state: &Path, root: &Path, file: &Path) -> String {
    let relative = state
        .strip_prefix(root)
        .ok()
        .zip(file.strip_prefix(root).ok());
    match relative {
        Some((below, file)) => {
            let up = "../".repeat(below.components().count());
            format!("{up}{}", file.display())
        }
        None => file.display().to_string(),
    }
}

fn quoted(path: &str) -> String {
    Value::from(path).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn written_configuration_has_the_documented_addresses() {
        let workspace = Workspace::locate().unwrap();
        let table = parsed(&text(&workspace, &workspace.root().join(".zeropass")));
        let addresses = Addresses::of(&table).unwrap();
        assert_eq!(addresses.service.to_string(), "127.0.0.1:8443");
        assert_eq!(addresses.link.unwrap().to_string(), "127.0.0.1:8445");
        assert_eq!(addresses.admin.unwrap().to_string(), "127.0.0.1:8444");
        assert_eq!(addresses.health.to_string(), "127.0.0.1:8446");
        assert_eq!(addresses.relying_party.to_string(), "127.0.0.1:8080");
        assert_eq!(addresses.origin, "http://localhost:8080");
    }

    #[test]
    fn written_configuration_names_policies_and_components() {
        let workspace = Workspace::locate().unwrap();
        let table = parsed(&text(&workspace, &workspace.root().join(".zeropass")));
        let value = |keys: &[&str]| look_up(&table, keys).unwrap().as_str().unwrap().to_owned();
        assert_eq!(value(&["policy", "folder"]), "../policies");
        for name in COMPONENTS {
            let file = value(&["components", name, "file"]);
            assert!(
                file.ends_with(&format!("{}.wasm", name.replace('-', "_"))),
                "{file}"
            );
        }
    }

    #[test]
    fn path_outside_the_checkout_is_absolute() {
        let file = |state: &str, file: &str| {
            from_folder(Path::new(state), Path::new("/src"), Path::new(file))
        };
        assert_eq!(file("/src/.zeropass", "/src/policies"), "../policies");
        assert_eq!(file("/src/a/b", "/src/policies"), "../../policies");
        assert_eq!(file("/elsewhere", "/src/policies"), "/src/policies");
        assert_eq!(file("/src/.zeropass", "/built/x.wasm"), "/built/x.wasm");
    }

    #[test]
    fn path_with_quotes_stays_one_toml_string() {
        let odd = r#"/a "b"\c"#;
        assert_eq!(
            parsed(&format!("k = {}", quoted(odd)))
                .get("k")
                .and_then(Value::as_str),
            Some(odd)
        );
    }

    #[test]
    fn existing_configuration_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zeropass.toml");
        std::fs::write(&file, "mine").unwrap();
        write_if_missing(&file, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn missing_listener_is_named_with_its_key() {
        let table = parsed(
            "[service]\nlisten = \"nonsense\"\n[[relying-party]]\norigins = [\"http://localhost:1\"]",
        );
        let error = Addresses::of(&table).unwrap_err().to_string();
        assert!(error.contains("service.listen"), "{error}");
    }
}
