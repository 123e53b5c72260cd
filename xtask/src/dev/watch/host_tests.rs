//! A watch beside a running host: the real programs, as `dev` starts them.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::dev::config::{self, Addresses};
use crate::dev::http;
use crate::dev::server::Server;

const NAME: &str = "auth-service";

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A checkout with nothing in it but what was built, and a host that runs it.
struct Running {
    workspace: Workspace,
    operator: Operator,
    _host: Server,
    _root: TempDir,
}

fn built(variable: &str) -> PathBuf {
    let folder = std::env::var_os(variable);
    PathBuf::from(folder.unwrap_or_else(|| panic!("{variable} names what was built")))
}

/// An address that was free a moment ago.
fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn host() -> Running {
    let root = tempfile::tempdir().unwrap();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    symlink(checkout.join("policies"), root.path().join("policies")).unwrap();
    fs::create_dir_all(root.path().join("components")).unwrap();
    let workspace = Workspace::of(root.path().into(), root.path().join("target"));
    fs::create_dir_all(workspace.components()).unwrap();
    let program = built("ZEROPASS_BINARIES").join("zeropass");
    let state = root.path().join("state");
    let pki = state.join("pki");
    process::output(
        Command::new(&program)
            .args(["pki", "init", "--dir"])
            .arg(&pki),
    )
    .unwrap();
    for name in build::COMPONENTS {
        let file = workspace.component(name);
        let component = built("ZEROPASS_COMPONENTS").join(file.file_name().unwrap());
        fs::copy(component, &file).unwrap();
        sign(&program, &pki, name, &file).unwrap();
    }
    let mut text = config::text(&workspace, &state);
    for port in 8443..=8446 {
        text = text.replace(&format!("127.0.0.1:{port}"), &free().to_string());
    }
    let file = state.join("zeropass.toml");
    config::write_if_missing(&file, &text).unwrap();
    let addresses = Addresses::read(&file).unwrap();
    let mut command = Command::new(&program);
    command.args(["serve", "--config"]).arg(&file);
    let mut host = Server::start("zeropass", command, &state.join("zeropass.log")).unwrap();
    let stop = Stop::on_signals().unwrap();
    let ready = || http::status(addresses.health, "/readyz") == Some(200);
    host.wait_until(&stop, PATIENCE, "/readyz answers 200", ready)
        .unwrap();
    let admin = addresses.admin.unwrap();
    Running {
        workspace,
        operator: Operator {
            program,
            pki,
            admin,
        },
        _host: host,
        _root: root,
    }
}

/// The file with one more custom section: other bytes that do the same.
fn marked(mut wasm: Vec<u8>) -> Vec<u8> {
    wasm.extend([0, 5, 4]);
    wasm.extend(b"mark");
    wasm
}

/// Wait until the host says that it runs this revision.
fn runs(operator: &Operator, digest: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let hosts = operator.run("hosts", &[]).unwrap();
        if hosts.contains(digest) {
            return;
        }
        assert!(Instant::now() < until, "{hosts}");
        std::thread::sleep(process::TICK);
    }
}

#[test]
fn built_file_serves_after_a_swap_and_one_that_is_no_component_does_not() {
    let Running {
        workspace,
        operator,
        _host,
        _root,
    } = host();
    let file = workspace.component(NAME);
    let mut watch = Watch::start(&workspace, operator).unwrap();
    let before = watch.operator.serves(NAME).unwrap();
    assert_eq!(watch.swap(NAME, "nothing was saved").unwrap(), None);
    assert_eq!(watch.operator.serves(NAME).unwrap(), before);

    let wasm = marked(fs::read(&file).unwrap());
    fs::write(&file, &wasm).unwrap();
    let said = watch.swap(NAME, "a test").unwrap().unwrap();
    let serves = watch.operator.serves(NAME).unwrap();
    assert_ne!(serves, before);
    let version = serves.clone().unwrap();
    assert!(
        said.starts_with(&format!("swapped {NAME} {version} (")),
        "{said}"
    );
    // On the host, and not only in its books.
    let (_, digest) = said.split_once('(').unwrap();
    runs(&watch.operator, digest.trim_end_matches(')'));

    fs::write(&file, "no component").unwrap();
    let refused = watch.swap(NAME, "a test").unwrap_err().to_string();
    assert!(refused.contains("component"), "{refused}");
    assert_eq!(watch.operator.serves(NAME).unwrap(), serves);
    runs(&watch.operator, digest.trim_end_matches(')'));
    // And it is swapped again once it is one.
    fs::write(&file, marked(wasm)).unwrap();
    assert!(watch.swap(NAME, "a test").unwrap().is_some());
}
