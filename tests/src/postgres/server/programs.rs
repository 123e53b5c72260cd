//! The server's programs, and the user that they run as.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Run statements over this connection, by the client that comes with the server.
pub(super) fn psql(connection: &str, statements: &str) -> Result<String, String> {
    let mut command = Command::new(program("psql")?);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
        .args(["--set", "ON_ERROR_STOP=1", "--set", "VERBOSITY=verbose"])
        .args(["--set", "SHOW_CONTEXT=never", "--dbname", connection])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no way to psql")?;
    // A psql that ends early does not read everything.
    let _ = stdin.write_all(statements.as_bytes());
    drop(stdin);
    let done = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned()),
        false => {
            let mut said = String::from_utf8_lossy(&done.stderr).into_owned();
            let _ = write!(said, " ({})", done.status);
            Err(said)
        }
    }
}

/// Debian keeps the server's programs off the path, in a folder for each version.
pub(super) fn program(name: &str) -> Result<PathBuf, String> {
    let mut found: Vec<PathBuf> = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|file| file.is_file())
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found
        .pop()
        .or_else(|| {
            std::env::split_paths(&path)
                .map(|folder| folder.join(name))
                .find(|file| file.is_file())
        })
        .ok_or_else(|| format!("PostgreSQL is not installed: there is no {name}"))
}

/// The user and group to become: none when we are not root.
pub(super) fn other_user() -> Result<Option<(u32, u32)>, String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1));
    if effective != Some("0") {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let line = users
                .lines()
                .find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2);
            Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
        })
        .map(Some)
        .ok_or_else(|| "PostgreSQL does not run as root, and there is no other user".to_owned())
}
