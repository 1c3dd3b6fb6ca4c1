//! May this programme run on an actuator that needs a gap between pulses, with never more than 100 steps waiting?
//!
//! The answer is a proof, not a trial. In any stretch of time a channel of rate `r` steps/us comes to at most `r L + 1`
//! steps, and a busy actuator fires more than `L / gap - 1` pulses. Due times are whole microseconds, rounded up, so a
//! stretch may gather the steps of one microsecond more, and 1 / gap is at most one step. The steps that wait at any
//! instant are therefore at most
//!
//! > waiting now + the largest rise of the sum of (rates - 1 / gap) over time + channels + 2
//!
//! and the programme is admitted if that is no more than 100. The bound is safe, and at most ten steps too strict.
//! Rates are rounded up, the actuator's speed down, in units of 2^-64 steps.
//!
//! The bound holds as long as no rate rises, so lowering a rate or ending a train never needs to be asked for again.

use core::num::NonZeroU64;

use crate::law::Train;
use crate::range::{TRAINS, WAITING_STEPS};

/// 2^64: one step in the units of this file.
const ONE: i128 = 1 << 64;

/// Says whether the steps that wait for the actuator are provably never more than the range allows, from `now_us` on.
///
/// `waiting_steps` wait already; basal earns `rate_uu_per_h` of `step_fine` from now on; `trains` are all that run.
#[must_use]
pub fn admits<'a>(
    gap_us: NonZeroU64,
    now_us: u64,
    waiting_steps: u64,
    step_fine: NonZeroU64,
    rate_uu_per_h: u64,
    trains: impl Iterator<Item = &'a Train> + Clone,
) -> bool {
    // Basal goes on for ever: alone it must not be faster than the actuator. Never wraps: 1e9 x 3.6e9 < 2^64.
    if rate_uu_per_h.wrapping_mul(gap_us.get()) > step_fine.get() {
        return false;
    }
    // Below: rates are at most 1e7 steps/us (< 2^24), spans at most 2e16 us (< 2^55), and a train's rate times its own
    // span is at most 1e7 steps, so every product and sum stays below 2^127 and saturation never happens.
    let basal = rise(u128::from(rate_uu_per_h), step_fine);
    let actuator = i128::from(u64::MAX / gap_us);
    let mut peak = i128::from(waiting_steps).saturating_mul(ONE);
    let mut level = peak;
    let mut from_us = now_us;
    // Bounded: at most two edges for each of seven trains; each turn moves on to a later edge.
    while let Some(until_us) = next_edge(from_us, trains.clone()) {
        let span = i128::from(until_us.saturating_sub(from_us));
        let mut slope = basal.saturating_sub(actuator);
        for train in trains.clone() {
            if train.start_us() <= from_us && from_us < train.end_us() {
                slope = slope.saturating_add(rise(u128::from(train.steps().get()), train.duration_us()));
            }
        }
        level = level.saturating_add(slope.saturating_mul(span)).max(0);
        peak = peak.max(level);
        from_us = until_us;
    }
    let channels = i128::try_from(trains.count()).unwrap_or(i128::MAX).saturating_add(1);
    let most = peak.checked_div(ONE).unwrap_or(i128::MAX).saturating_add(channels).saturating_add(2);
    most <= i128::from(WAITING_STEPS.largest)
}

/// `steps / per_us` in units of 2^-64 steps for each microsecond, rounded up.
fn rise(steps: u128, per_us: NonZeroU64) -> i128 {
    let scaled = steps.saturating_mul(1 << 64).div_ceil(u128::from(per_us.get()));
    i128::try_from(scaled).unwrap_or(i128::MAX)
}

/// The first start or end of a train after `from_us`.
fn next_edge<'a>(from_us: u64, trains: impl Iterator<Item = &'a Train>) -> Option<u64> {
    let edges = trains.flat_map(|train| [train.start_us(), train.end_us()]);
    edges.filter(|&edge_us| edge_us > from_us).min()
}

const _: () = assert!(TRAINS.largest == 7, "the bounds above are for seven trains");
