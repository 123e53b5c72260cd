//! A host's process as the system sees it: connections, open files and memory.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Process;

/// The TCP connections of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// The ports at the other ends of those that it has made.
    pub calls: BTreeSet<u16>,
    /// Its own ports at which it was called.
    pub called: BTreeSet<u16>,
}

/// A line of `/proc/PID/net/tcp`.
struct Row {
    local: u16,
    remote: u16,
    listens: bool,
}

// === impl Process ===

impl Process {
    /// Its TCP connections of this moment.
    ///
    /// # Panics
    /// The process is gone, or the system has no `/proc`.
    pub fn connections(&self) -> Connections {
        let rows = self.rows();
        let listening: BTreeSet<u16> = rows
            .iter()
            .filter(|row| row.listens)
            .map(|row| row.local)
            .collect();
        let mut connections = Connections {
            calls: BTreeSet::new(),
            called: BTreeSet::new(),
        };
        for row in rows.iter().filter(|row| !row.listens && row.remote != 0) {
            if listening.contains(&row.local) {
                connections.called.insert(row.local);
            } else {
                connections.calls.insert(row.remote);
            }
        }
        connections
    }

    /// Its open files, sockets as `socket:[NUMBER]`.
    ///
    /// # Panics
    /// As [`connections`](Self::connections).
    pub fn open_files(&self) -> Vec<String> {
        std::fs::read_dir(self.proc().join("fd"))
            .expect("the process runs")
            .flatten()
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .map(|file| file.display().to_string())
            .collect()
    }

    /// The most memory that it has had at a time, bytes: the peak of its resident set.
    ///
    /// # Panics
    /// As [`connections`](Self::connections).
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(self.proc().join("status"));
        let status = status.expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        let kibibytes: u64 = peak.and_then(|peak| peak.parse().ok()).expect("a size");
        kibibytes << 10
    }

    fn rows(&self) -> Vec<Row> {
        let files = self.open_files();
        let sockets: BTreeSet<&str> = files
            .iter()
            .filter_map(|file| file.strip_prefix("socket:[")?.strip_suffix(']'))
            .collect();
        let tables = ["net/tcp", "net/tcp6"].map(|table| {
            std::fs::read_to_string(self.proc().join(table)).expect("the process runs")
        });
        let lines = tables.iter().flat_map(|table| table.lines().skip(1));
        lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|fields| sockets.contains(fields[9]))
            .map(|fields| Row {
                local: port(fields[1]),
                remote: port(fields[2]),
                listens: fields[3] == "0A",
            })
            .collect()
    }

    fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.id()))
    }
}

/// The port of `0100007F:20FD`.
fn port(address: &str) -> u16 {
    let (_, port) = address.rsplit_once(':').expect("an address");
    u16::from_str_radix(port, 16).expect("a port")
}
