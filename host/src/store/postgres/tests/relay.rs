//! A wire between host and server that a test can cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// What a wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// It carries everything.
    Whole,
    /// Every connection ends for the host, and new ones do too. The server learns nothing.
    Cut,
    /// Nothing arrives, on old connections and new ones, and nobody learns of it.
    Silent,
}

/// Listens on a loopback port and passes on to another one.
pub(super) struct Relay {
    port: u16,
    wire: Arc<watch::Sender<Wire>>,
    dialled: Arc<AtomicU32>,
    serving: AbortHandle,
}

// === impl Relay ===

impl Relay {
    pub(super) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Arc::new(watch::Sender::new(Wire::Whole));
        let dialled = Arc::new(AtomicU32::new(0));
        let (sender, count) = (Arc::clone(&wire), Arc::clone(&dialled));
        let serving = tokio::spawn(async move {
            loop {
                let (host, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(pass(host, server, sender.subscribe()));
            }
        });
        Self {
            port,
            wire,
            dialled,
            serving: serving.abort_handle(),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How often somebody has connected.
    pub(super) fn dialled(&self) -> u32 {
        self.dialled.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(mut host: TcpStream, server: u16, mut wire: watch::Receiver<Wire>) {
    let first = *wire.borrow_and_update();
    if first == Wire::Cut {
        return;
    }
    if first == Wire::Silent {
        let _ = wire.wait_for(|wire| *wire != Wire::Silent).await;
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let broken = tokio::select! {
        _ = copy_bidirectional(&mut host, &mut server) => None,
        broken = wire.wait_for(|wire| *wire != Wire::Whole) => broken.ok().map(|wire| *wire),
    };
    match broken {
        Some(Wire::Cut) => drop(host),
        // What was on its way is lost for good.
        Some(Wire::Silent | Wire::Whole) => {
            let _ = wire.wait_for(|wire| *wire != Wire::Silent).await;
            return;
        }
        None => return,
    }
    // The server's side stays open, as it would behind a dead cable.
    let _ = wire.wait_for(|wire| *wire == Wire::Whole).await;
}
