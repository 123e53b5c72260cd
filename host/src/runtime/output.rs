//! What a guest prints, as trace events under its name.
//!
//! stdout, stderr and the log interface share one allowance of bytes. Output
//! beyond it is an error to the guest's stream, and ends the call when it comes
//! through the log interface: a flood costs its own call, not the operator's disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::audit::ComponentIdentity;

/// Characters of one line that reach the log.
const LINE_LIMIT: usize = 1024;

/// The allowance of one instance, and where its lines go.
#[derive(Debug, Clone)]
pub struct Output {
    component: Arc<ComponentIdentity>,
    request_id: Arc<str>,
    left: Arc<AtomicUsize>,
}

/// The allowance is spent.
#[derive(Debug, thiserror::Error)]
#[error("the component wrote more output than its limit allows")]
pub struct Flooded;

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For those who write components.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warn,
    /// Wrong.
    Error,
}

/// One standard stream of the guest.
#[derive(Debug, Clone)]
pub struct Stream {
    output: Output,
    level: Level,
}

// === impl Output ===

impl Output {
    /// An output with `allowance` bytes left.
    pub fn new(component: Arc<ComponentIdentity>, request_id: Arc<str>, allowance: usize) -> Self {
        Self {
            component,
            request_id,
            left: Arc::new(AtomicUsize::new(allowance)),
        }
    }

    /// A standard stream that writes here.
    pub fn stream(&self, level: Level) -> Stream {
        Stream {
            output: self.clone(),
            level,
        }
    }

    /// Write one message. Control characters are escaped, so that a guest can't
    /// forge lines of others; long messages are cut.
    ///
    /// # Errors
    /// [`Flooded`] when the allowance does not cover the message.
    pub fn write(&self, level: Level, message: &str) -> Result<(), Flooded> {
        // An empty message costs something too, or it could be repeated for ever.
        let cost = message.len().max(16);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(cost)
            })
            .map_err(|_| Flooded)?;
        let line: String = message
            .trim_end()
            .chars()
            .take(LINE_LIMIT)
            .flat_map(|c| {
                if c.is_control() {
                    c.escape_default().collect::<Vec<_>>()
                } else {
                    vec![c]
                }
            })
            .collect();
        let (component, request_id) = (self.component.name.as_str(), &*self.request_id);
        match level {
            Level::Debug => tracing::debug!(target: "component", component, request_id, "{line}"),
            Level::Info => tracing::info!(target: "component", component, request_id, "{line}"),
            Level::Warn => tracing::warn!(target: "component", component, request_id, "{line}"),
            Level::Error => tracing::error!(target: "component", component, request_id, "{line}"),
        }
        Ok(())
    }
}

// === impl Stream ===

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only preview 3 asks for this form, and it is not offered.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output
            .write(self.level, &String::from_utf8_lossy(&bytes))
            .map_err(|_| StreamError::Closed)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.output.left.load(Ordering::Relaxed) == 0 {
            return Err(StreamError::Closed);
        }
        Ok(4096)
    }
}
