//! A wire between host and server that a test can cut.

use std::sync::Arc;

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
}

/// Listens on a loopback port and passes on to another one.
pub(super) struct Relay {
    port: u16,
    wire: Arc<watch::Sender<Wire>>,
    serving: AbortHandle,
}

// === impl Relay ===

impl Relay {
    pub(super) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Arc::new(watch::Sender::new(Wire::Whole));
        let sender = Arc::clone(&wire);
        let serving = tokio::spawn(async move {
            loop {
                let (host, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(host, server, sender.subscribe()));
            }
        });
        Self {
            port,
            wire,
            serving: serving.abort_handle(),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
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
    if *wire.borrow_and_update() == Wire::Cut {
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let cut = tokio::select! {
        _ = copy_bidirectional(&mut host, &mut server) => false,
        cut = wire.wait_for(|wire| *wire == Wire::Cut) => cut.is_ok(),
    };
    if cut {
        drop(host);
        // The server's side stays open, as it would behind a dead cable.
        let _ = wire.wait_for(|wire| *wire == Wire::Whole).await;
    }
}
