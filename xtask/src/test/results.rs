//! What `cargo test` prints, passed through line by line and counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long output may still come after cargo has ended. Only a program that a test
/// has left behind can hold the pipe open that long.
const LEFT_OPEN: Duration = Duration::from_secs(5);

/// Sums over all test binaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were ignored or left out by name.
    pub skipped: u64,
    failures: Vec<String>,
}

/// Output that is being passed through.
#[derive(Debug)]
pub struct Stream {
    counts: Arc<Mutex<Counts>>,
    reader: JoinHandle<()>,
}

// === impl Counts ===

impl Counts {
    /// Takes the counts of another run along.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }

    /// The names of failed tests.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Looks at one line; most say nothing.
    fn read(&mut self, line: &str) {
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
        // test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s
        let Some((_, sums)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for sum in sums.split("; ") {
            let Some((number, what)) = sum.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" | "filtered out" => self.skipped += number,
                _ => {}
            }
        }
    }
}

// === impl Stream ===

impl Stream {
    /// Begins to pass `output` through to `echo`.
    pub fn start(
        output: impl Read + Send + 'static,
        mut echo: impl Write + Send + 'static,
    ) -> Self {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let shared = Arc::clone(&counts);
        let reader = thread::spawn(move || {
            let mut lines = BufReader::new(output);
            let mut line = Vec::new();
            // Bytes, because a test may print anything.
            while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
                // A closed echo must not keep cargo from ending.
                let _closed = echo.write_all(&line).and_then(|()| echo.flush());
                let text = String::from_utf8_lossy(&line);
                shared
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .read(text.trim_end());
                line.clear();
            }
        });
        Self { counts, reader }
    }

    /// The counts, after the output's end.
    pub fn finish(self) -> Counts {
        let deadline = Instant::now() + LEFT_OPEN;
        while !self.reader.is_finished() && Instant::now() < deadline {
            thread::sleep(crate::process::TICK);
        }
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Not to stdout: an outer run would count these lines as its own.
    fn counted(text: &'static str) -> Counts {
        Stream::start(text.as_bytes(), std::io::sink()).finish()
    }

    #[test]
    fn sums_of_all_binaries_are_added() {
        let counts = counted(
            "running 3 tests\n\
             test a::fine ... ok\n\
             test a::broken ... FAILED\n\
             test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s\n\
             test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n",
        );
        assert_eq!((counts.passed, counts.failed, counts.skipped), (41, 1, 3));
        assert_eq!(counts.failures(), ["a::broken"]);
    }

    #[test]
    fn output_that_only_looks_like_a_result_is_not_counted() {
        let counts = counted("the test result: ok. 5 passed; is fine\ntest result: unknown\n");
        assert_eq!(counts, Counts::default());
    }

    #[test]
    fn bytes_that_are_no_text_do_not_end_the_count() {
        let counts = Stream::start(
            &b"\xff\xfe\ntest result: ok. 2 passed; 0 failed\n"[..],
            std::io::sink(),
        )
        .finish();
        assert_eq!(counts.passed, 2);
    }
}
