//! What the tests share: quantities drawn with a bias to the edges, and a sink that keeps all.
#![allow(dead_code, reason = "each test file uses its own part")]

use proptest::prelude::*;
use pumpcore_kernel::range::{self, Range};
use pumpcore_kernel::{Actuator, Missed, Pulse, Sink};

/// Any value of a range: its ends, close to them, small ones, and anything.
pub fn any_of(range: &'static Range) -> impl Strategy<Value = u64> {
    let (least, largest) = (range.least, range.largest);
    prop_oneof![
        Just(least),
        Just(largest),
        least..=(least + 20).min(largest),
        (largest - 20.min(largest - least))..=largest,
        least..=(least + 5_000_000_000).min(largest),
        least..=largest,
    ]
}

/// Any step, the makers' sizes among them.
pub fn any_step_uu() -> impl Strategy<Value = u64> {
    prop_oneof![Just(50_000_u64), Just(25_000), Just(10_000), any_of(&range::STEP_UU)]
}

/// An actuator that lets every step leave at once.
pub fn free(step_uu: u64) -> Actuator {
    Actuator::new(step_uu, 0, 0).unwrap()
}

/// Keeps what an engine answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub pulses: Vec<Pulse>,
    pub missed: Vec<Missed>,
}

impl Log {
    pub fn steps(&self) -> u64 {
        self.pulses.iter().map(|pulse| u64::from(pulse.steps)).sum()
    }

    pub fn missed_steps(&self) -> u64 {
        self.missed.iter().map(|missed| missed.steps).sum()
    }
}

impl Sink for Log {
    fn pulse(&mut self, pulse: Pulse) {
        self.pulses.push(pulse);
    }

    fn missed(&mut self, missed: Missed) {
        self.missed.push(missed);
    }
}
