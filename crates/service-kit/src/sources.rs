//! The only sources of time, ids and randomness; everything below takes them as arguments.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

use backlog_ids::TypedId;

/// Where time comes from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// A clock that stands until it is moved; clones move together.
    Fixed(FixedClock),
}

/// A clock that stands until it is moved.
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<AtomicI64>);

impl FixedClock {
    /// Stands at `time`, cut to microseconds.
    #[must_use]
    pub fn new(time: DateTime<Utc>) -> Self {
        Self(Arc::new(AtomicI64::new(time.timestamp_micros())))
    }

    /// Moves it, for all clones.
    pub fn set(&self, time: DateTime<Utc>) {
        self.0.store(time.timestamp_micros(), Ordering::SeqCst);
    }

    /// Moves it by this much, for all clones.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_microseconds().unwrap_or_default(), Ordering::SeqCst);
    }

    /// Where it stands.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

impl Clock {
    /// A clock that stands at `time`.
    #[must_use]
    pub fn fixed(time: DateTime<Utc>) -> Self {
        Self::Fixed(FixedClock::new(time))
    }

    /// The time now, in UTC.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one source of time")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Fixed(fixed) => fixed.now(),
        }
    }
}

/// Where ids come from: UUIDs of version 7 from a clock and randomness.
#[derive(Debug, Clone)]
pub struct Ids {
    clock: Clock,
    random: Random,
}

#[derive(Debug, Clone)]
enum Random {
    System,
    Seeded(Arc<AtomicU64>),
}

impl Ids {
    /// Ids that nobody can guess, in the order of the clock's milliseconds.
    #[must_use]
    pub fn random(clock: Clock) -> Self {
        Self { clock, random: Random::System }
    }

    /// The same ids for the same seed and the same clock: for tests and simulations.
    #[must_use]
    pub fn seeded(clock: Clock, seed: u64) -> Self {
        Self { clock, random: Random::Seeded(Arc::new(AtomicU64::new(seed))) }
    }

    /// A new id of kind `T`.
    #[must_use]
    pub fn next<T: TypedId>(&self) -> T {
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or_default();
        T::from_uuid(backlog_ids::v7(millis, self.bytes()))
    }

    /// A new number, spread over all values: for jitter and seeds, never for secrets.
    #[must_use]
    pub fn number(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, _, _] = self.bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    #[expect(clippy::disallowed_methods, reason = "the one source of randomness")]
    fn bytes(&self) -> [u8; 10] {
        match &self.random {
            Random::System => {
                // Without the two bytes that hold the version and the variant.
                let [a, b, c, d, e, f, _, _, _, g, h, i, j, ..] = uuid::Uuid::new_v4().into_bytes();
                [a, b, c, d, e, f, g, h, i, j]
            }
            Random::Seeded(state) => {
                let [a, b, c, d, e, f, g, h] = split_mix(state).to_be_bytes();
                let [i, j, ..] = split_mix(state).to_be_bytes();
                [a, b, c, d, e, f, g, h, i, j]
            }
        }
    }
}

/// SplitMix64: a bijection of its counter, so that short runs never repeat.
fn split_mix(state: &AtomicU64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = state.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use backlog_ids::ContractId;
    use chrono::{DateTime, TimeDelta};

    use super::{Clock, FixedClock, Ids};

    /// A fixed clock stands still for everybody until it is moved for everybody.
    #[test]
    fn a_fixed_clock_is_shared() {
        let start = DateTime::from_timestamp(1_780_000_000, 123_000).unwrap();
        let fixed = FixedClock::new(start);
        let clock = Clock::Fixed(fixed.clone());
        assert_eq!((clock.now(), clock.now()), (start, start));
        fixed.advance(TimeDelta::seconds(1));
        assert_eq!(clock.now(), start + TimeDelta::seconds(1));
        fixed.set(start);
        assert_eq!(clock.now(), start);
    }

    /// Seeded ids repeat with the seed and never within a run; other seeds give others; later
    /// ids sort later.
    #[test]
    fn seeded_ids_repeat() {
        let fixed = FixedClock::new(DateTime::from_timestamp(1_780_000_000, 0).unwrap());
        let run = |seed| {
            let ids = Ids::seeded(Clock::Fixed(fixed.clone()), seed);
            (0..1_000).map(|_| ids.next::<ContractId>()).collect::<Vec<_>>()
        };
        let first = run(1);
        assert_eq!(first, run(1));
        assert_ne!(first, run(2));
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 1_000);
        fixed.advance(TimeDelta::milliseconds(1));
        assert!(run(1).iter().min() > first.iter().max());
    }

    /// Random ids differ; the version is 7 in either kind.
    #[test]
    fn random_ids_differ() {
        let ids = Ids::random(Clock::System);
        let some: BTreeSet<ContractId> = (0..1_000).map(|_| ids.next()).collect();
        assert_eq!(some.len(), 1_000);
        assert!(some.iter().all(|id| id.uuid().get_version_num() == 7));
        assert_ne!(ids.number(), ids.number());
    }
}
