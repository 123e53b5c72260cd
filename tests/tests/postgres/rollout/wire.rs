//! A wire to the database that can be cut.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A wire to the database that can be cut: closed, or so that nothing comes through.
pub(super) struct Wire {
    port: u16,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    Closed,
    Silent,
}

impl Wire {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (state, seen) = watch::channel(State::Whole);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(relay(near, port, seen.clone()));
            }
        });
        Self { port: own, state }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn cut(&self, silent: bool) {
        let state = if silent { State::Silent } else { State::Closed };
        self.state.send_replace(state);
    }

    /// New connections go through; those that were cut are closed now.
    pub(super) fn heal(&self) {
        self.state.send_replace(State::Closed);
        self.state.send_replace(State::Whole);
    }
}

/// Carry bytes both ways until the wire is cut. One that is silent keeps the connection
/// and carries nothing.
async fn relay(mut near: TcpStream, port: u16, mut state: watch::Receiver<State>) {
    if *state.borrow_and_update() == State::Whole {
        let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else {
            return;
        };
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
            _ = state.changed() => {}
        }
        if *state.borrow() == State::Silent {
            // Both ends see an open connection.
            let _ = state.changed().await;
        }
        return;
    }
    if *state.borrow() == State::Silent {
        let _ = state.changed().await;
    }
}
