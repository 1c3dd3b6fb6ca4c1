//! What the kernel refuses, with the data that says why. A refusal changes nothing.

use core::fmt;

use crate::range::Range;
use crate::snapshot::Damage;

/// The kernel's result.
pub type Result<T> = core::result::Result<T, Error>;

/// Why the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A quantity outside its row in [`crate::range`].
    Range {
        /// The row: name, unit, bounds.
        range: &'static Range,
        /// What was given.
        value: u64,
    },
    /// An amount that is no whole number of steps (or less than one).
    WholeSteps {
        /// What was given.
        amount_uu: u64,
        /// The step it must be a multiple of.
        step_uu: u64,
    },
    /// A time before the earliest that is still allowed.
    Early {
        /// The name of the time.
        field: &'static str,
        /// What was given.
        value_us: u64,
        /// The earliest allowed.
        earliest_us: u64,
    },
    /// An actuator with both a gap and a grid.
    GapAndGrid {
        /// The gap that was given.
        gap_us: u64,
        /// The grid that was given.
        grid_us: u64,
    },
    /// No train of that number is running.
    NoSuchTrain {
        /// The number that was given.
        id: u32,
    },
    /// The memory that the caller lent is too small.
    Memory {
        /// How many entries it has room for.
        lent: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A snapshot that cannot be restored.
    Snapshot(Damage),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Range { range: Range { id, unit, least, largest }, value } => {
                write!(f, "{id}: {value} is outside {least} to {largest} {unit}")
            }
            Self::WholeSteps { amount_uu, step_uu } => {
                write!(f, "amount_uu: {amount_uu} must be a whole number of steps of {step_uu} uu, at least one")
            }
            Self::Early { field, value_us, earliest_us } => {
                write!(f, "{field}: {value_us} us is earlier than {earliest_us} us")
            }
            Self::GapAndGrid { gap_us, grid_us } => {
                write!(f, "grid_us: {grid_us} must be 0 where gap_us is not, and gap_us is {gap_us}")
            }
            Self::NoSuchTrain { id } => write!(f, "train_id: {id} is not running"),
            Self::Memory { lent, needed } => write!(f, "memory: room for {lent} entries, {needed} needed"),
            Self::Snapshot(damage) => write!(f, "snapshot: {damage}"),
        }
    }
}

impl core::error::Error for Error {}
