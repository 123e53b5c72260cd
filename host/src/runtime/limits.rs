//! What one instance may take, and the limiter that enforces it.
//!
//! Wasmtime asks about each memory by itself; a guest with two memories would get
//! the limit twice. The limiter here keeps the sum over all memories and tables
//! of the store.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Limits for each call of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes over all linear memories.
    pub memory: usize,
    /// Elements over all tables.
    pub table_elements: usize,
    /// Wall clock from start to answer.
    pub deadline: Duration,
    /// Bytes that one call into the host may carry.
    pub hostcall_bytes: usize,
    /// Bytes of stdout, stderr and log together.
    pub output_bytes: usize,
    /// Bytes of an HTTP response body.
    pub response_bytes: usize,
    /// Instances that run at the same time.
    pub instances: usize,
}

/// Keeps the books of one store.
#[derive(Debug)]
pub struct Limiter {
    memory_left: usize,
    table_elements_left: usize,
    /// Set when a request was refused, for the log.
    pub refused: Option<&'static str>,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 32 << 20,
            table_elements: 10_000,
            deadline: Duration::from_secs(2),
            hostcall_bytes: 1 << 20,
            output_bytes: 16 << 10,
            response_bytes: 256 << 10,
            instances: 32,
        }
    }
}

// === impl Limiter ===

impl Limiter {
    /// A limiter with the whole allowance left.
    pub fn new(limits: &Limits) -> Self {
        Self {
            memory_left: limits.memory,
            table_elements_left: limits.table_elements,
            refused: None,
        }
    }

    fn take(left: &mut usize, current: usize, desired: usize) -> bool {
        match left.checked_sub(desired.saturating_sub(current)) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Wasmtime refuses growth beyond the memory's own maximum after asking
        // here; taking it from the allowance would charge for nothing.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let granted = Self::take(&mut self.memory_left, current, desired);
        if !granted {
            self.refused = Some("memory");
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let granted = Self::take(&mut self.table_elements_left, current, desired);
        if !granted {
            self.refused = Some("table elements");
        }
        Ok(granted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_memories_share_one_allowance() {
        let mut limiter = Limiter::new(&Limits {
            memory: 100,
            ..Limits::default()
        });
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert_eq!(limiter.refused, Some("memory"));
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
    }

    #[test]
    fn growth_beyond_a_memorys_own_maximum_costs_nothing() {
        let mut limiter = Limiter::new(&Limits {
            memory: 100,
            ..Limits::default()
        });
        assert!(!limiter.memory_growing(0, 60, Some(50)).unwrap());
        assert_eq!(limiter.refused, None);
        assert!(limiter.memory_growing(0, 100, None).unwrap());
    }
}
