//! How samples are taken: warm up, then in turns, then the median.
//!
//! A sample is the mean of a batch that is long enough for the clock and short
//! enough that most batches are not interrupted. The batch's size is found during
//! the warm-up. Variants take turns, so that drift of the machine hits all alike.

use std::time::{Duration, Instant};

use futures::future::LocalBoxFuture;

/// Batches of each variant.
pub const ROUNDS: usize = 401;

/// How long a batch of a cheap operation takes: far less than a scheduler's slice,
/// so that on a busy machine the middle batch still was not interrupted.
pub const BATCH: Duration = Duration::from_micros(300);

/// The most operations in a batch.
const MAX_BATCH: u32 = 1 << 20;

/// The middle of some samples, and how far they spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stats {
    /// The middle one.
    pub median: f64,
    /// The smallest one.
    pub min: f64,
    /// The largest one.
    pub max: f64,
}

type Batch<'a> = Box<dyn FnMut(u32) -> LocalBoxFuture<'a, anyhow::Result<Duration>> + 'a>;

/// One of the things that are compared.
pub struct Variant<'a>(Batch<'a>);

// === impl Stats ===

impl Stats {
    /// Of samples in any order.
    ///
    /// # Errors
    /// There are none.
    pub fn of(mut samples: Vec<f64>) -> anyhow::Result<Self> {
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied();
        match (at(samples.len() / 2), at(0), samples.last()) {
            (Some(median), Some(min), Some(&max)) => Ok(Self { median, min, max }),
            _ => anyhow::bail!("no samples were taken"),
        }
    }

    /// The same in another unit.
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            min: self.min * factor,
            max: self.max * factor,
        }
    }
}

// === impl Variant ===

impl<'a> Variant<'a> {
    /// From a function that does the operation so many times and says how long
    /// that took; what it does before and after is not measured.
    pub fn batches(
        batch: impl FnMut(u32) -> LocalBoxFuture<'a, anyhow::Result<Duration>> + 'a,
    ) -> Self {
        Self(Box::new(batch))
    }

    /// From a plain function.
    pub fn plain<T>(mut operation: impl FnMut() -> anyhow::Result<T> + 'a) -> Self {
        Self::batches(move |times| {
            let started = Instant::now();
            let mut batch = || {
                for _ in 0..times {
                    std::hint::black_box(operation()?);
                }
                Ok(started.elapsed())
            };
            let taken = batch();
            Box::pin(async move { taken })
        })
    }

    async fn warm_up(&mut self, batch: Duration) -> anyhow::Result<u32> {
        let mut times = 1;
        loop {
            let taken = (self.0)(times).await?;
            if taken >= batch || times >= MAX_BATCH {
                return Ok(times);
            }
            times *= 2;
        }
    }
}

/// Nanoseconds of one operation, for each variant, over `rounds` turns with batches
/// of at least `batch`. Every second turn runs backwards, so that none always follows the
/// same other.
///
/// # Errors
/// The first operation that fails.
pub async fn in_turns<const N: usize>(
    rounds: usize,
    batch: Duration,
    mut variants: [Variant<'_>; N],
) -> anyhow::Result<[Stats; N]> {
    let mut times = [0; N];
    for (times, variant) in times.iter_mut().zip(&mut variants) {
        *times = variant.warm_up(batch).await?;
    }
    let mut samples: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    let mut turn: Vec<_> = times.iter().zip(&mut variants).zip(&mut samples).collect();
    for _ in 0..rounds {
        for ((times, variant), samples) in &mut turn {
            let taken = (variant.0)(**times).await?;
            samples.push(taken.as_secs_f64() * 1e9 / f64::from(**times));
        }
        turn.reverse();
    }
    let mut stats = [Stats {
        median: 0.0,
        min: 0.0,
        max: 0.0,
    }; N];
    for (stats, samples) in stats.iter_mut().zip(samples) {
        *stats = Stats::of(samples)?;
    }
    Ok(stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_and_spread_the_ends() {
        let stats = Stats::of(vec![5.0, 1.0, 9.0]).unwrap();
        assert_eq!((stats.median, stats.min, stats.max), (5.0, 1.0, 9.0));
        assert!(Stats::of(Vec::new()).is_err());
    }

    #[tokio::test]
    async fn every_variant_has_its_turn_in_every_round_and_none_always_follows_another() {
        let order = std::cell::RefCell::new(Vec::new());
        let variant = |name: char| {
            let order = &order;
            Variant::batches(move |_| {
                order.borrow_mut().push(name);
                Box::pin(async { Ok(Duration::from_secs(1)) })
            })
        };
        let taken = in_turns(2, Duration::from_millis(1), [variant('a'), variant('b')])
            .await
            .unwrap();
        let order: String = order.into_inner().into_iter().collect();
        assert_eq!(order, "ababba", "warmed up, there and back");
        assert_eq!(taken.map(|stats| stats.median), [1e9, 1e9]);
    }
}
