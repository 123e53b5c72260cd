//! A wire to a registry that can be cut.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Passes connections on to a registry, and cuts some of them.
pub(super) struct Wire {
    pub(super) address: SocketAddr,
    /// Connections so far.
    pub(super) connections: Arc<AtomicUsize>,
    /// Bytes that came from the registry.
    pub(super) received: Arc<AtomicUsize>,
}

impl Wire {
    /// The first `cuts` answers end after `after` bytes each; with `gone`, nothing is
    /// passed on after that.
    pub(super) fn to(registry: SocketAddr, cuts: usize, after: usize, gone: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let received = Arc::new(AtomicUsize::new(0));
        let (count, bytes) = (Arc::clone(&connections), Arc::clone(&received));
        let cut = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                count.fetch_add(1, Ordering::SeqCst);
                if gone && cut.load(Ordering::SeqCst) >= cuts {
                    continue;
                }
                let server = TcpStream::connect(registry).unwrap();
                let (mut up, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut up, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                let (cut, bytes) = (Arc::clone(&cut), Arc::clone(&bytes));
                std::thread::spawn(move || down(server, client, &cut, cuts, after, &bytes));
            }
        });
        Self {
            address,
            connections,
            received,
        }
    }
}

fn down(
    mut server: TcpStream,
    mut client: TcpStream,
    cut: &AtomicUsize,
    cuts: usize,
    after: usize,
    bytes: &AtomicUsize,
) {
    let mut passed = 0;
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        bytes.fetch_add(read, Ordering::SeqCst);
        if client.write_all(&buffer[..read]).is_err() {
            break;
        }
        passed += read;
        if passed > after && cut.load(Ordering::SeqCst) < cuts {
            cut.fetch_add(1, Ordering::SeqCst);
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}
