//! The exact delivery law of an insulin pump: *when is each step of insulin due?*
//!
//! An actuator delivers whole steps of `step_uu`. Each channel earns insulin over time (the basal channel along a
//! piecewise-constant rate, a train evenly over its duration), and step `k` of a channel is due at the least whole
//! microsecond at which the channel has earned `k` steps. What is left over is carried as an exact integer, for ever.
//!
//! The law stands here twice and the two are compared by property tests:
//!
//! - [`law`]: the closed form. Any instant, 128-bit integers, O(log segments).
//! - [`ramp`]: the walking form. One addition, one comparison and one conditional addition a step, no division.
//!   [`schedule::Dues`] is a stretch of it, one addition and one shift a step.
//!
//! [`schedule`] walks a whole plan; [`delivery`] is the engine that a pump runs: fixed capacity, no allocation, the same
//! pulses however time is sliced, and the sliding-window [`caps`] as an independent guard.
//!
//! Rules of this crate: integers with their unit in the name (`_us`, `_uu`, `_uu_per_h`, `_steps`, `_fine`); insulin is
//! rounded down and time up; every quantity has one row in [`range`] and is checked at the door; inside, arithmetic that
//! is written `wrapping_*` says in a comment why it never wraps; no path panics and every loop is bounded.
//!
//! Not a medical device. It must never be connected to a person.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::todo,
    clippy::unimplemented,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::disallowed_types
)]

pub mod admission;
pub mod caps;
pub mod columns;
pub mod delivery;
mod dues;
pub mod error;
mod heap;
mod lanes;
pub mod law;
pub mod ramp;
pub mod range;
pub mod schedule;
pub mod snapshot;
mod walk;

pub use delivery::{Delivery, Missed, Pulse, Sink};
pub use error::{Error, Result};
pub use law::{Actuator, Kind, Release, Segment, Train};
