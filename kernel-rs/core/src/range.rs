//! The range of every quantity that the kernel takes, in one table.
//!
//! Checks, error texts, the Python constants and the overflow proofs all follow from these rows. The largest time is a
//! little over 316 years of microseconds; the largest rate 1 000 U/h; a step is 0.0001 U to 1 U.

use crate::error::{Error, Result};

/// One row: a quantity's name, unit, least and largest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The field's name, as callers write it.
    pub id: &'static str,
    /// The unit of both bounds.
    pub unit: &'static str,
    /// The least value allowed.
    pub least: u64,
    /// The largest value allowed.
    pub largest: u64,
}

impl Range {
    /// Returns `value` if it lies in the range.
    ///
    /// # Errors
    /// [`Error::Range`] with the field's name, the value and the range.
    pub const fn check(&'static self, value: u64) -> Result<u64> {
        if value < self.least || value > self.largest {
            return Err(Error::Range { range: self, value });
        }
        Ok(value)
    }
}

macro_rules! ranges {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $unit:literal, $least:expr, $largest:expr;)*) => {
        $($(#[$doc])* pub static $name: Range = Range { id: $id, unit: $unit, least: $least, largest: $largest };)*
        /// Every row, in the order of the source.
        pub static ALL: &[&Range] = &[$(&$name),*];
    };
}

ranges! {
    /// An instant on the monotonic axis.
    TIME_US = "time_us", "us", 0, 10_000_000_000_000_000;
    /// How long a train lasts.
    DURATION_US = "duration_us", "us", 1, 10_000_000_000_000_000;
    /// A basal rate.
    RATE_UU_PER_H = "rate_uu_per_h", "uu/h", 0, 1_000_000_000;
    /// One step of the actuator.
    STEP_UU = "step_uu", "uu", 100, 1_000_000;
    /// The amount of a train; it must also be a whole number of steps.
    AMOUNT_UU = "amount_uu", "uu", 100, 1_000_000_000;
    /// The least time between two pulses; 0: none is needed.
    GAP_US = "gap_us", "us", 0, 3_600_000_000;
    /// The grid on which pulses leave; 0: none.
    GRID_US = "grid_us", "us", 0, 86_400_000_000;
    /// The cap on any window of one hour.
    HOUR_CAP_UU = "hour_cap_uu", "uu", 0, 1_000_000_000;
    /// The cap on any window of 24 hours.
    DAY_CAP_UU = "day_cap_uu", "uu", 0, 24_000_000_000;
    /// Steps that are due and still wait for the actuator.
    WAITING_STEPS = "waiting_steps", "steps", 0, 100;
    /// Trains that run at the same time in one engine.
    TRAINS = "trains", "trains", 0, 7;
    /// Steps that one schedule may hold.
    SCHEDULE_STEPS = "schedule_steps", "steps", 0, 100_000_000;
    /// Numbers that the engine gives its trains.
    TRAIN_ID = "train_id", "", 1, 4_294_967_295;
}

/// Microseconds in an hour: a rate is per hour, time is in microseconds.
pub const US_PER_HOUR: u64 = 3_600_000_000;
