//! A real PostgreSQL server for one test process: its own folder, its own authority, TLS and
//! client certificates, on a free loopback port.
//!
//! It stands alone (std, rcgen and tempfile), because the unit tests of the host include
//! this file too. PostgreSQL does not run as root, so that the server becomes another user
//! when a test is root. It ends with the test process, however that ends: a shell waits
//! for the end of its input and then stops it.

mod authority;
mod programs;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use self::authority::Authority;
use self::programs::{other_user, program, psql};

/// The name that the server's certificate has. Nobody resolves it.
pub const SERVER_NAME: &str = "database.zeropass.internal";

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings of a server that tests can live with: nothing is kept for later.
pub const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
ssl = on
ssl_ca_file = 'ca.pem'
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.3'
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
log_min_messages = warning
";

/// Local connections are for the tests' own questions; every other needs a certificate.
pub const HBA: &str = "
local   all postgres trust
hostssl all all 127.0.0.1/32 cert
";

/// A server that is there until this value or the process is gone.
pub struct Server {
    folder: TempDir,
    port: u16,
    authority: Authority,
    user: Option<(u32, u32)>,
    running: Option<Child>,
    databases: AtomicU32,
}

// === impl Server ===

impl Server {
    /// A server, or the reason why there can be none here: PostgreSQL is not installed, or
    /// there is no user that it could run as.
    pub fn start() -> Result<Self, String> {
        Self::start_with("", HBA)
    }

    /// A server with more settings, or with other rules of who may come in.
    pub fn start_with(settings: &str, hba: &str) -> Result<Self, String> {
        let user = other_user()?;
        let folder = tempfile::Builder::new()
            .prefix("zeropass-postgres-")
            .tempdir()
            .map_err(|error| format!("no temporary folder: {error}"))?;
        let authority = Authority::new("database test authority");
        let mut server = Self {
            folder,
            port: 0,
            authority,
            user,
            running: None,
            databases: AtomicU32::new(0),
        };
        server.give(server.folder.path());
        server.init()?;
        let pair = server.authority.issue("server", &[SERVER_NAME]);
        server.put("server.pem", &pair.certificate);
        server.put("server.key", &pair.key);
        server.put("ca.pem", server.authority.pem());
        server.put("pg_hba.conf", hba);
        server.put("zeropass.conf", &format!("{SETTINGS}{settings}"));
        let include = server.data().join("postgresql.conf");
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&include)
            .map_err(|error| format!("{}: {error}", include.display()))?;
        file.write_all(b"\ninclude 'zeropass.conf'\n")
            .map_err(|error| error.to_string())?;
        server.put_here("ca.pem", server.authority.pem());
        server.run()?;
        Ok(server)
    }

    /// The loopback port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority of the server's certificate and of every role's.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The authority's certificate in a file.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A folder for more files, gone with the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Certificate and key files of this role, made when they are not there.
    pub fn login(&self, role: &str) -> (PathBuf, PathBuf) {
        let certificate = self.folder.path().join(format!("{role}.pem"));
        let key = self.folder.path().join(format!("{role}.key"));
        if !certificate.exists() {
            let pair = self.authority.issue(role, &[]);
            self.put_here(&format!("{role}.key"), &pair.key);
            self.put_here(&format!("{role}.pem"), &pair.certificate);
        }
        (certificate, key)
    }

    /// A new empty database with a name of its own, after `prepare` was run in it.
    pub fn database(&self, prepare: &str) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("store_{number}");
        self.sql("postgres", &format!("CREATE DATABASE {name}"))
            .expect("a database can be made");
        self.sql(&name, prepare)
            .expect("the database can be prepared");
        name
    }

    /// Run statements as the server's administrator. The answer has a line for each row
    /// and `|` between its columns.
    ///
    /// # Errors
    /// What the server says, with its SQLSTATE.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String, String> {
        let socket = self.folder.path().display().to_string();
        let connection = format!(
            "host={socket} port={} user=postgres dbname={database}",
            self.port
        );
        psql(&connection, statements)
    }

    /// Run statements as this role, over TLS with its certificate, by a client that is not
    /// ours.
    ///
    /// # Errors
    /// What the server says, with its SQLSTATE.
    pub fn sql_as(&self, role: &str, database: &str, statements: &str) -> Result<String, String> {
        let (certificate, key) = self.login(role);
        let connection = format!(
            "host={SERVER_NAME} hostaddr=127.0.0.1 port={} user={role} dbname={database} \
             sslmode=verify-full sslrootcert={} sslcert={} sslkey={}",
            self.port,
            self.ca_file().display(),
            certificate.display(),
            key.display(),
        );
        psql(&connection, statements)
    }

    /// Stop the server at once, as a crash would: clients are cut off.
    pub fn crash(&mut self) {
        self.ctl("immediate");
    }

    /// Stop the server in its own order: transactions are rolled back.
    pub fn stop(&mut self) {
        self.ctl("fast");
    }

    /// Start the server again, on the same port.
    pub fn start_again(&mut self) -> Result<(), String> {
        self.run()
    }

    /// Put a file into the server's data folder, readable for the server alone.
    pub fn put(&self, name: &str, text: &str) {
        let file = self.data().join(name);
        std::fs::write(&file, text).expect("a file of the server");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))
            .expect("its permissions");
        self.give(&file);
    }

    fn put_here(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).expect("a file for the tests");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))
            .expect("its permissions");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn give(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("root may give files away");
        }
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn init(&self) -> Result<(), String> {
        let mut initdb = self.command(program("initdb")?);
        initdb
            .arg("--pgdata")
            .arg(self.data())
            .args(["--username", "postgres", "--auth", "trust"])
            .args(["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]);
        let done = initdb.output().map_err(|error| error.to_string())?;
        match done.status.success() {
            true => Ok(()),
            false => Err(format!("initdb: {}", String::from_utf8_lossy(&done.stderr))),
        }
    }

    /// A port that is free now may be taken before the server has it: then another one.
    fn run(&mut self) -> Result<(), String> {
        let mut said = String::new();
        for _ in 0..5 {
            if self.port == 0 || !said.is_empty() {
                self.port = free_port()?;
            }
            match self.try_run() {
                Ok(()) => return Ok(()),
                Err(error) => said = error,
            }
        }
        Err(said)
    }

    fn try_run(&mut self) -> Result<(), String> {
        let log = self.folder.path().join("server.log");
        let mut shell = self.command("/bin/sh".into());
        // The server ends when this process does, its folder goes, and then the shell.
        let script = r#"exec 3<&0 </dev/null
            "$1" -D "$2" -p "$3" -k "$4" >>"$5" 2>&1 3<&- & server=$!
            (
                while read -r _; do :; done <&3
                touch "$4/over"
                kill -INT $server
            ) 2>/dev/null & waiting=$!
            exec 3<&-
            wait $server
            kill $waiting 2>/dev/null
            if [ -e "$4/over" ]; then rm -rf "$4"; fi"#;
        shell
            .args(["-c", script, "sh"])
            .arg(program("postgres")?)
            .arg(self.data())
            .arg(self.port.to_string())
            .arg(self.folder.path())
            .arg(&log)
            .stdin(Stdio::piped());
        self.running = Some(shell.spawn().map_err(|error| error.to_string())?);
        let started = Instant::now();
        loop {
            if self.sql("postgres", "SELECT 1").is_ok() {
                return Ok(());
            }
            let ended = self.running.as_mut().is_none_or(|child| {
                !matches!(child.try_wait(), Ok(None)) || started.elapsed() > PATIENCE
            });
            if ended {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("the server did not start: {log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ctl(&mut self, mode: &str) {
        let program = program("pg_ctl").expect("it comes with the server");
        let mut ctl = self.command(program);
        ctl.arg("stop").arg("-D").arg(self.data());
        let done = ctl.args(["-w", "-m", mode]).output();
        assert!(done.is_ok_and(|done| done.status.success()), "it stops");
        if let Some(mut child) = self.running.take() {
            // Closing it is the sign to tidy up, and waiting would close it.
            let input = child.stdin.take();
            let _ = child.wait();
            drop(input);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}
