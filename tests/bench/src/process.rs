//! A server as a process of its own: what it takes is told apart from what its
//! clients take. It ends with its value.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a start may take; without compiled components it takes some seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often readiness is asked for: the grain of a start's time.
const POLL: Duration = Duration::from_millis(1);
/// Clock ticks in a second, as `/proc` counts CPU time (proc_pid_stat(5)); Linux
/// has shown 100 to programs on every architecture that this runs on.
const TICKS: f64 = 100.0;

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens with mTLS.
    pub address: SocketAddr,
}

/// Memory of a process, bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// The most that was ever resident.
    pub peak: u64,
}

// === impl Server ===

impl Server {
    /// Start `command`, whose output goes nowhere but for what it says at its end.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(command: &mut Command, address: SocketAddr, log: &Path) -> anyhow::Result<Self> {
        let log = std::fs::File::create(log)?;
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| program.display().to_string())?;
        Ok(Self { child, address })
    }

    /// Wait until `GET /readyz` at `health` says 200.
    ///
    /// # Errors
    /// It ended, or took too long.
    pub async fn ready(&mut self, health: SocketAddr) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !is_ready(health).await {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the server ended at its start: {status}");
            }
            anyhow::ensure!(Instant::now() < until, "the server was not ready in time");
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// CPU time of all its threads so far, seconds.
    ///
    /// # Errors
    /// It is gone.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the name in parentheses and may hold blanks.
        let (_, fields) = stat.rsplit_once(')').context("/proc stat")?;
        let field = |index: usize| -> anyhow::Result<f64> {
            let field = fields.split_whitespace().nth(index).context("/proc stat")?;
            Ok(field.parse()?)
        };
        // Fields 14 and 15, utime and stime; the state is the third.
        Ok((field(11)? + field(12)?) / TICKS)
    }

    /// Its memory.
    ///
    /// # Errors
    /// It is gone.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let bytes = |name: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            Ok(kib.context("/proc status")?.trim().parse::<u64>()? * 1024)
        };
        Ok(Memory {
            resident: bytes("VmRSS:")?,
            peak: bytes("VmHWM:")?,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing of it is kept, so nothing has to be drained.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_ready(health: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(health).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    ask.await
        .is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}
