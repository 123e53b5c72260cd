//! What is checked before anything is built: each refusal is one line with the mend.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Makes the state folder if need be (only for its owner: it holds private keys)
/// and proves that files can be made in it.
pub fn writable(folder: &Path) -> Result<()> {
    let probe = folder.join(".writable");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| std::fs::write(&probe, ""))
        .and_then(|()| std::fs::remove_file(&probe))
        .with_context(|| {
            let folder = folder.display();
            format!("can't write to the folder {folder}; give it to yourself (`sudo chown -R \"$USER\" {folder}`) or choose another with `cargo xtask dev --dir FOLDER`")
        })
}

/// Proves that an address can be listened on; `change` says how to choose another.
pub fn free(address: SocketAddr, change: &str) -> Result<()> {
    match TcpListener::bind(address) {
        Ok(_listener) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let port = address.port();
            bail!(
                "port {port} is in use: stop the program that holds it (`ss -ltnp 'sport = :{port}'` names it), or {change}"
            )
        }
        Err(error) => Err(error).with_context(|| format!("can't listen on {address}; {change}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_port_is_named_with_both_mends() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = holder.local_addr().unwrap();
        let error = free(address, "change x.listen in f")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("port {} is in use", address.port())),
            "{error}"
        );
        assert!(
            error.contains("ss -ltnp") && error.contains("change x.listen in f"),
            "{error}"
        );
    }

    #[test]
    fn free_port_is_left_free() {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        free(address, "").unwrap();
        free(address, "").unwrap();
    }

    #[test]
    fn file_in_the_folders_place_is_one_line_with_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        std::fs::write(&taken, "").unwrap();
        let error = format!("{:#}", writable(&taken).unwrap_err());
        assert!(
            error.contains("--dir FOLDER") && !error.contains('\n'),
            "{error}"
        );
    }

    #[test]
    fn state_folder_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("a/state");
        writable(&state).unwrap();
        assert_eq!(
            state.metadata().unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
