//! What is printed: a line for each step, and a count at the end.

use std::fmt;

/// What came of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The passkey was registered, or signed in.
    Accept,
    /// Refused, with the code.
    Reject(&'static str),
    /// There is no verdict: the component failed instead of answering.
    Failed,
}

/// How many steps ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    accepted: usize,
    rejected: usize,
    failed: usize,
}

// === impl Verdict ===

/// `accept`, `reject <code>` or `failed`
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Reject(code) => write!(f, "reject {code}"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

// === impl Tally ===

impl Tally {
    /// Count a step; its line.
    pub fn line(&mut self, name: &str, step: &str, verdict: Verdict) -> String {
        match verdict {
            Verdict::Accept => self.accepted += 1,
            Verdict::Reject(_) => self.rejected += 1,
            Verdict::Failed => self.failed += 1,
        }
        format!("{name} {step} {verdict}")
    }

    /// How many steps have no verdict.
    pub fn failed(&self) -> usize {
        self.failed
    }
}

/// The count line: `3 steps: 2 accept, 1 reject`, and `, 1 failed` where some did.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accepted,
            rejected,
            failed,
        } = self;
        let steps = accepted + rejected + failed;
        write!(f, "{steps} steps: {accepted} accept, {rejected} reject")?;
        match failed {
            0 => Ok(()),
            _ => write!(f, ", {failed} failed"),
        }
    }
}
