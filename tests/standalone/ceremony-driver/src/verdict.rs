//! What is printed: a line for each step, and a count at the end.

use std::fmt;

/// What came of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The passkey was registered, or signed in.
    Accept,
    /// Refused, with the code.
    Reject(&'static str),
}

/// How many steps ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    accepted: usize,
    rejected: usize,
}

// === impl Verdict ===

/// `accept` or `reject <code>`
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Reject(code) => write!(f, "reject {code}"),
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
        }
        format!("{name} {step} {verdict}")
    }
}

/// The count line: `3 steps: 2 accept, 1 reject`
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, rejected } = self;
        let steps = accepted + rejected;
        write!(f, "{steps} steps: {accepted} accept, {rejected} reject")
    }
}
