//! Ctrl-C and SIGTERM, as a flag that every wait in this program looks at.
//!
//! Children run in process groups of their own, so the terminal's Ctrl-C reaches
//! this process only, which then stops them in order (see [`crate::process`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Somebody asked this program to end.
#[derive(Clone, Debug)]
pub struct Stop(Arc<AtomicBool>);

/// The error that stands for "the user asked to stop"; it is no failure to report.
#[derive(Debug)]
pub struct Interrupted;

// === impl Stop ===

impl Stop {
    /// Takes over SIGINT, SIGTERM and SIGHUP (a closed terminal) from here on.
    pub fn on_signals() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag))
                .with_context(|| format!("can't handle signal {signal}"))?;
        }
        Ok(Self(flag))
    }

    /// Whether a signal has arrived.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// `Err(Interrupted)` once a signal has arrived.
    pub fn check(&self) -> Result<()> {
        if self.requested() {
            return Err(Interrupted.into());
        }
        Ok(())
    }
}

// === impl Interrupted ===

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}
