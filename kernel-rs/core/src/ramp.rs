//! The delivery law in walking form: from one step of a steady stream to the next, without a division.
//!
//! A stream of one step each `num / den` microseconds has step `k` due at `ceil(k num / den)` after its beginning. With
//! `num = whole den + part` the next due time is `whole` or `whole + 1` microseconds on, and which of the two follows
//! from `over`, by how many `den`-ths of a microsecond the due time was rounded up. Basal and train are the same walk:
//! basal has `num / den` = step in fine units / rate, a train has duration / steps.

use core::num::{NonZeroU64, NonZeroU128};

use crate::law::Train;

/// A due time that never comes: larger than any time in range.
pub const NEVER_US: u64 = u64::MAX;

/// A steady stream of steps, at one of them.
///
/// Invariants: `over < den`, `part < den`, and `next_us` is [`NEVER_US`] or below 2^55.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    next_us: u64,
    over: u64,
    whole: u64,
    part: u64,
    den: u64,
}

impl Ramp {
    /// The stream in which no step is ever due.
    pub const NEVER: Self = Self { next_us: NEVER_US, over: 0, whole: 0, part: 0, den: 0 };

    /// Begins a basal stream at `now_us`: `rate` earns steps of `step_fine`, of which `rest_fine` is earned already.
    ///
    /// `rest_fine` is below `step_fine`. A rate of zero never comes to a step.
    #[must_use]
    pub fn basal(now_us: u64, step_fine: NonZeroU64, rate_uu_per_h: u64, rest_fine: u64) -> Self {
        let Some(rate) = NonZeroU64::new(rate_uu_per_h) else {
            return Self::NEVER;
        };
        let to_go = step_fine.get().saturating_sub(rest_fine);
        let span_us = to_go.div_ceil(rate.get());
        Self {
            // Never saturates because now <= 1e16 and the span <= 3.6e15.
            next_us: now_us.saturating_add(span_us),
            // Never wraps because span x rate < to_go + rate <= 3.6e15 + 1e9, and it is at least to_go.
            over: span_us.wrapping_mul(rate.get()).wrapping_sub(to_go),
            whole: step_fine.get() / rate,
            part: step_fine.get() % rate,
            den: rate.get(),
        }
    }

    /// Stands before step `k` of a train, or at the end if it has no such step.
    #[must_use]
    pub fn train(train: &Train, k: u64) -> Self {
        let (num, den) = (train.duration_us().get(), train.steps());
        if k == 1 {
            // The common case, and the same in one division: k num is num.
            let (whole, part) = (num / den, num % den);
            let late = u64::from(part > 0);
            // Never wraps because start and whole are at most 1e16; never saturates because part < den.
            let next_us = train.start_us().wrapping_add(whole).wrapping_add(late);
            let over = if part > 0 { den.get().saturating_sub(part) } else { 0 };
            return Self { next_us, over, whole, part, den: den.get() };
        }
        let Some(next_us) = train.due_at(k) else {
            return Self::NEVER;
        };
        let rest = u128::from(k).wrapping_mul(u128::from(num)) % NonZeroU128::from(den);
        // `rest` is what the last microsecond is used of; never truncates because rest < den < 2^64.
        let over = match u64::try_from(rest) {
            Ok(rest) if rest > 0 => den.get().saturating_sub(rest),
            _ => 0,
        };
        Self { next_us, over, whole: num / den, part: num % den, den: den.get() }
    }

    /// When the next step is due, or [`NEVER_US`].
    #[must_use]
    #[inline]
    pub const fn next_us(&self) -> u64 {
        self.next_us
    }

    /// Walks on to the step after the next one.
    ///
    /// On [`Ramp::NEVER`] it stays there: its `whole` and `part` are zero.
    #[inline]
    pub const fn step(&mut self) {
        self.step_if(u64::MAX);
    }

    /// Walks on to the step after the next one if `all` is all ones, and stays if it is zero: without a branch.
    #[inline]
    pub(crate) const fn step_if(&mut self, all: u64) {
        // Meant to wrap where over < part. Both are below den <= 1e9, so the top bit says just that.
        let short = self.over.wrapping_sub(self.part & all);
        let late = short >> 63;
        // Never wraps because `short + den >= 0` where late, and next <= 2^55 - whole at the last step in range.
        self.over = short.wrapping_add(self.den & 0_u64.wrapping_sub(late));
        self.next_us = self.next_us.wrapping_add(self.whole & all).wrapping_add(late);
    }

    /// When the step before the next one was due; only for a ramp that has walked.
    #[inline]
    pub(crate) const fn last_us(&self) -> u64 {
        // Neither wraps: part and over are below den <= 1e9, and the ramp has come this way.
        let late = self.over.wrapping_add(self.part) >= self.den;
        self.next_us.wrapping_sub(self.whole).wrapping_sub(if late { 1 } else { 0 })
    }

    /// The least time from one step to the next.
    #[must_use]
    #[inline]
    pub const fn whole_us(&self) -> u64 {
        self.whole
    }

    /// Next due time, over, whole, part and den.
    #[inline]
    pub(crate) const fn parts(&self) -> (u64, u64, u64, u64, u64) {
        (self.next_us, self.over, self.whole, self.part, self.den)
    }

    /// Stands on another step of the same stream, which the caller has walked to.
    #[inline]
    pub(crate) const fn stand(&mut self, next_us: u64, over: u64) {
        self.next_us = next_us;
        self.over = over;
    }

    /// Says what a basal stream has earned at `at_us` since its last step, in fine units.
    ///
    /// The next step must be due after `at_us`; the answer is then below `step_fine`. None for [`Ramp::NEVER`].
    #[must_use]
    pub const fn rest_fine(&self, step_fine: NonZeroU64, at_us: u64) -> Option<u64> {
        if self.next_us == NEVER_US {
            return None;
        }
        // Never saturates: the time to go costs at most step + rate fine units, and earns at least `over` + 1.
        let to_go = self.next_us.saturating_sub(at_us).saturating_mul(self.den);
        Some(step_fine.get().saturating_add(self.over).saturating_sub(to_go))
    }
}

/// A stream that ends: a ramp with the number of steps it still has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    ramp: Ramp,
    left_steps: u64,
}

impl Stream {
    /// The stream that has ended.
    pub const END: Self = Self { ramp: Ramp::NEVER, left_steps: 0 };

    /// A basal stream: it does not end.
    #[must_use]
    pub const fn basal(ramp: Ramp) -> Self {
        Self { ramp, left_steps: u64::MAX }
    }

    /// The steps of `train` from step `k` on.
    #[must_use]
    pub fn train(train: &Train, k: u64) -> Self {
        Self { ramp: Ramp::train(train, k), left_steps: train.steps().get().saturating_add(1).saturating_sub(k) }
    }

    /// When the next step is due, or [`NEVER_US`].
    #[must_use]
    #[inline]
    pub const fn next_us(&self) -> u64 {
        self.ramp.next_us
    }

    /// The ramp it walks on.
    #[must_use]
    pub const fn ramp(&self) -> &Ramp {
        &self.ramp
    }

    /// How many steps are not yet taken.
    #[must_use]
    pub const fn left_steps(&self) -> u64 {
        self.left_steps
    }

    /// Takes the next step and returns when it is due. At the end nothing is left and the next never comes.
    #[inline]
    pub fn take(&mut self) -> u64 {
        let due_us = self.ramp.next_us;
        // A basal stream counts down from 2^64: at one step each 360 us that lasts 200 million years.
        self.left_steps = self.left_steps.saturating_sub(1);
        if self.left_steps == 0 {
            self.ramp = Ramp::NEVER;
        } else {
            self.ramp.step();
        }
        due_us
    }
}
