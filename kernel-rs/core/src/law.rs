//! The delivery law in closed form: how many steps are due by any instant, and when is step `k` due?
//!
//! Earned insulin is counted in *fine* units: what 1 uu/h earns in 1 us, so 1 uu = 3 600 000 000 fine. In these units
//! nothing is ever rounded. The largest sum is 1e9 uu/h x 1e16 us = 1e25 fine, well inside 128 bits.

use core::num::{NonZeroU64, NonZeroU128};

use crate::error::{Error, Result};
use crate::range::{AMOUNT_UU, DURATION_US, GAP_US, GRID_US, RATE_UU_PER_H, STEP_UU, TIME_US, US_PER_HOUR};

/// A kind of channel. The order of the variants is the order of steps that are due at the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The one basal channel.
    Basal,
    /// A train that is an extended bolus.
    Extended,
    /// A train that is a normal bolus.
    Bolus,
}

impl Kind {
    /// Its number where kinds are written as numbers: its place in the order.
    #[must_use]
    #[inline]
    pub const fn code(self) -> u8 {
        match self {
            Self::Basal => 0,
            Self::Extended => 1,
            Self::Bolus => 2,
        }
    }
}

/// When a due step may leave the actuator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// At once.
    Free,
    /// At once, but this long after the pulse before it at the earliest.
    Gap(NonZeroU64),
    /// At whole multiples of this time; steps of one channel on one instant are one pulse.
    Grid(NonZeroU64),
}

/// What the actuator can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actuator {
    step_uu: NonZeroU64,
    release: Release,
}

impl Actuator {
    /// Describes an actuator of steps of `step_uu` that needs `gap_us` between pulses, or releases them on `grid_us`.
    ///
    /// # Errors
    /// [`Error::Range`] for a quantity outside its range, [`Error::GapAndGrid`] where both are set.
    ///
    /// # Examples
    /// ```
    /// use pumpcore_kernel::{Actuator, Error};
    /// assert!(Actuator::new(50_000, 2_000_000, 0).is_ok());
    /// assert!(matches!(Actuator::new(50_000, 1, 1), Err(Error::GapAndGrid { .. })));
    /// ```
    pub fn new(step_uu: u64, gap_us: u64, grid_us: u64) -> Result<Self> {
        let out_of_range = Error::Range { range: &STEP_UU, value: step_uu };
        let step_uu = NonZeroU64::new(STEP_UU.check(step_uu)?).ok_or(out_of_range)?;
        let gap = NonZeroU64::new(GAP_US.check(gap_us)?);
        let grid = NonZeroU64::new(GRID_US.check(grid_us)?);
        let release = match (gap, grid) {
            (None, None) => Release::Free,
            (Some(gap), None) => Release::Gap(gap),
            (None, Some(grid)) => Release::Grid(grid),
            (Some(_), Some(_)) => return Err(Error::GapAndGrid { gap_us, grid_us }),
        };
        Ok(Self { step_uu, release })
    }

    /// One step, uu.
    #[must_use]
    pub const fn step_uu(&self) -> u64 {
        self.step_uu.get()
    }

    /// When due steps may leave.
    #[must_use]
    pub const fn release(&self) -> Release {
        self.release
    }

    /// One step in fine units: at most 3.6e15.
    #[must_use]
    pub const fn step_fine(&self) -> NonZeroU64 {
        // Never saturates because STEP_UU.largest x 3.6e9 = 3.6e15 < 2^64.
        match NonZeroU64::new(self.step_uu.get().saturating_mul(US_PER_HOUR)) {
            Some(fine) => fine,
            None => NonZeroU64::MIN,
        }
    }
}

/// From `start_us` on, the basal rate is `rate_uu_per_h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    start_us: u64,
    rate_uu_per_h: u64,
}

impl Segment {
    /// Describes a segment.
    ///
    /// # Errors
    /// [`Error::Range`] for a time or a rate outside its range.
    pub fn new(start_us: u64, rate_uu_per_h: u64) -> Result<Self> {
        Ok(Self { start_us: TIME_US.check(start_us)?, rate_uu_per_h: RATE_UU_PER_H.check(rate_uu_per_h)? })
    }

    /// When it begins.
    #[must_use]
    pub const fn start_us(&self) -> u64 {
        self.start_us
    }

    /// Its rate.
    #[must_use]
    pub const fn rate_uu_per_h(&self) -> u64 {
        self.rate_uu_per_h
    }
}

/// A whole number of steps spread evenly over a duration: a bolus or an extended bolus.
///
/// Step `k` of `N` is due at `start + ceil(k D / N)`, never at the start itself and the last exactly at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Train {
    kind: Kind,
    start_us: u64,
    duration_us: NonZeroU64,
    steps: NonZeroU64,
}

impl Train {
    /// Describes a train of `amount_uu` in steps of `actuator`, of kind bolus or extended.
    ///
    /// # Errors
    /// [`Error::Range`] for a quantity outside its range, [`Error::WholeSteps`] for an amount that is no whole number
    /// of steps.
    ///
    /// # Examples
    /// ```
    /// use pumpcore_kernel::{Actuator, Kind, Train};
    /// let pump = Actuator::new(50_000, 0, 0)?;
    /// let train = Train::new(&pump, Kind::Bolus, 1_000, 100, 150_000)?;
    /// assert_eq!([1, 2, 3].map(|k| train.due_at(k)), [Some(1_034), Some(1_067), Some(1_100)]);
    /// assert_eq!(train.due_at(4), None);
    /// # Ok::<(), pumpcore_kernel::Error>(())
    /// ```
    pub fn new(actuator: &Actuator, kind: Kind, start_us: u64, duration_us: u64, amount_uu: u64) -> Result<Self> {
        let step_uu = actuator.step_uu;
        let amount_uu = AMOUNT_UU.check(amount_uu)?;
        let whole = Error::WholeSteps { amount_uu, step_uu: step_uu.get() };
        if amount_uu % step_uu != 0 {
            return Err(whole);
        }
        let steps = NonZeroU64::new(amount_uu / step_uu).ok_or(whole)?;
        let no_duration = Error::Range { range: &DURATION_US, value: duration_us };
        Ok(Self {
            kind,
            start_us: TIME_US.check(start_us)?,
            duration_us: NonZeroU64::new(DURATION_US.check(duration_us)?).ok_or(no_duration)?,
            steps,
        })
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// When it begins to earn.
    #[must_use]
    pub const fn start_us(&self) -> u64 {
        self.start_us
    }

    /// How long it earns.
    #[must_use]
    pub const fn duration_us(&self) -> NonZeroU64 {
        self.duration_us
    }

    /// How many steps it has in all: at most 1e7.
    #[must_use]
    pub const fn steps(&self) -> NonZeroU64 {
        self.steps
    }

    /// When its last step is due: at most 2e16.
    #[must_use]
    pub const fn end_us(&self) -> u64 {
        // Never saturates because both are at most 1e16.
        self.start_us.saturating_add(self.duration_us.get())
    }

    /// Counts the steps due by `at_us` (a step due exactly then included).
    ///
    /// # Rounding
    /// Insulin down: `floor(earned / step)`.
    #[must_use]
    pub fn count_at(&self, at_us: u64) -> u64 {
        let elapsed_us = at_us.saturating_sub(self.start_us).min(self.duration_us.get());
        if elapsed_us == self.duration_us.get() {
            return self.steps.get();
        }
        // Never wraps because 1e16 x 1e7 < 2^128; the quotient is below `steps`.
        div(u128::from(elapsed_us).wrapping_mul(u128::from(self.steps.get())), self.duration_us)
    }

    /// Says when step `k` (1 for the first) is due, or None if the train has no such step.
    ///
    /// # Rounding
    /// Time up.
    #[must_use]
    pub fn due_at(&self, k: u64) -> Option<u64> {
        if k == 0 || k > self.steps.get() {
            return None;
        }
        let steps = NonZeroU128::from(self.steps);
        // Never wraps because 1e7 x 1e16 < 2^128.
        let product = u128::from(k).wrapping_mul(u128::from(self.duration_us.get()));
        let span_us = u64::try_from(product.div_ceil(steps.get())).ok()?;
        self.start_us.checked_add(span_us)
    }
}

/// A segment with what had been earned when it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Knot {
    start_us: u64,
    rate_uu_per_h: u64,
    earned_fine: u128,
}

/// A basal programme, prepared for questions about any instant.
///
/// It lives in memory of the caller's, borrowed or owned: one [`Knot`] for each segment and one more.
#[derive(Clone, Copy, Debug)]
pub struct Programme<K> {
    step_fine: NonZeroU64,
    knots: K,
    used: usize,
}

impl<K: AsRef<[Knot]> + AsMut<[Knot]>> Programme<K> {
    /// Prepares `segments` (strictly increasing starts; rate 0 before the first) with remainder zero at `from_us`.
    ///
    /// # Errors
    /// [`Error::Range`] for `from_us`, [`Error::Early`] for a segment that does not start after the one before it,
    /// [`Error::Memory`] where `knots` is shorter than `segments` and one more.
    ///
    /// # Examples
    /// ```
    /// use pumpcore_kernel::law::{Knot, Programme};
    /// use pumpcore_kernel::{Actuator, Segment};
    /// let mut memory = [Knot::default(); 2];
    /// let segments = [Segment::new(0, 700_000)?];
    /// let basal = Programme::new(&Actuator::new(50_000, 0, 0)?, 0, &segments, &mut memory)?;
    /// assert_eq!(basal.count_at(86_400_000_000), 336); // 0.7 U/h for a day: 16.8 U
    /// assert_eq!(basal.due_at(336), Some(86_400_000_000));
    /// # Ok::<(), pumpcore_kernel::Error>(())
    /// ```
    pub fn new(actuator: &Actuator, from_us: u64, segments: &[Segment], mut knots: K) -> Result<Self> {
        TIME_US.check(from_us)?;
        check_order(segments).map_err(|(_, error)| error)?;
        let room = knots.as_mut();
        let memory = Error::Memory { lent: room.len(), needed: segments.len().saturating_add(1) };
        if room.len() <= segments.len() {
            return Err(memory);
        }
        let mut last = Knot { start_us: from_us, rate_uu_per_h: 0, earned_fine: 0 };
        let mut used: usize = 0;
        for segment in segments {
            if segment.start_us <= from_us {
                last.rate_uu_per_h = segment.rate_uu_per_h;
                continue;
            }
            *room.get_mut(used).ok_or(memory)? = last;
            used = used.saturating_add(1);
            last = Knot {
                start_us: segment.start_us,
                rate_uu_per_h: segment.rate_uu_per_h,
                earned_fine: last.earned_at(segment.start_us),
            };
        }
        *room.get_mut(used).ok_or(memory)? = last;
        Ok(Self { step_fine: actuator.step_fine(), knots, used: used.saturating_add(1) })
    }

    fn knots(&self) -> &[Knot] {
        self.knots.as_ref().get(..self.used).unwrap_or_default()
    }

    /// Counts the steps due by `at_us` since `from_us` (a step due exactly then included).
    ///
    /// # Rounding
    /// Insulin down: `floor(earned / step)`.
    #[must_use]
    pub fn count_at(&self, at_us: u64) -> u64 {
        // Never truncates because 1e25 / 3.6e11 < 2^64 for times in range.
        div(self.earned_at(at_us), self.step_fine)
    }

    /// Says when step `k` (1 for the first) is due, or None if it is not due within the range of times.
    ///
    /// # Rounding
    /// Time up.
    #[must_use]
    pub fn due_at(&self, k: u64) -> Option<u64> {
        let wanted = u128::from(k).checked_mul(u128::from(self.step_fine.get())).filter(|&wanted| wanted > 0)?;
        self.earns_at(wanted).filter(|&due_us| due_us <= TIME_US.largest)
    }

    /// What has been earned by `at_us`, fine.
    fn earned_at(&self, at_us: u64) -> u128 {
        let after = self.knots().partition_point(|knot| knot.start_us <= at_us);
        self.knots().get(..after).and_then(<[Knot]>::last).map_or(0, |knot| knot.earned_at(at_us))
    }

    /// The least instant by which `wanted` (at least 1) fine are earned; None where they never are.
    fn earns_at(&self, wanted: u128) -> Option<u64> {
        let before = self.knots().partition_point(|knot| knot.earned_fine < wanted);
        let knot = self.knots().get(..before).and_then(<[Knot]>::last)?;
        let rate = NonZeroU64::new(knot.rate_uu_per_h)?;
        let to_go = wanted.saturating_sub(knot.earned_fine);
        let span_us = match u64::try_from(to_go) {
            Ok(to_go) => to_go.div_ceil(rate.get()),
            Err(_) => u64::try_from(to_go.div_ceil(u128::from(rate.get()))).ok()?,
        };
        knot.start_us.checked_add(span_us)
    }
}

/// A basal programme that begins anew after each period (a day, a week), prepared for questions about any instant.
///
/// What is left over of a step is carried from one period into the next: earned insulin is not rounded at midnight.
#[derive(Clone, Copy, Debug)]
pub struct Cycle<K> {
    from_us: u64,
    period_us: NonZeroU64,
    /// What one period earns: at most 1e25.
    period_fine: u128,
    once: Programme<K>,
}

impl<K: AsRef<[Knot]> + AsMut<[Knot]>> Cycle<K> {
    /// Prepares `segments`, whose starts count from the beginning of a period, for periods of `period_us` from `from_us` on.
    ///
    /// Before the first segment of each period the rate is zero; what would start after its end never does.
    ///
    /// # Errors
    /// [`Error::Range`] for `from_us` or a period that is no `DURATION_US`; else as for [`Programme::new`].
    ///
    /// # Examples
    /// ```
    /// use pumpcore_kernel::law::{Cycle, Knot};
    /// use pumpcore_kernel::{Actuator, Segment};
    /// const DAY_US: u64 = 86_400_000_000;
    /// let mut memory = [Knot::default(); 2];
    /// let day = Cycle::new(&Actuator::new(50_000, 0, 0)?, 0, DAY_US, &[Segment::new(0, 1_030_000)?], &mut memory)?;
    /// assert_eq!(day.count_at(DAY_US), 494); // 24.72 U: 494 steps and 0.02 U
    /// assert_eq!(day.count_at(5 * DAY_US), 2_472); // which have become two steps more
    /// assert_eq!(day.due_at(2_472), Some(5 * DAY_US));
    /// # Ok::<(), pumpcore_kernel::Error>(())
    /// ```
    pub fn new(actuator: &Actuator, from_us: u64, period_us: u64, segments: &[Segment], knots: K) -> Result<Self> {
        TIME_US.check(from_us)?;
        let none = Error::Range { range: &DURATION_US, value: period_us };
        let period_us = NonZeroU64::new(DURATION_US.check(period_us)?).ok_or(none)?;
        let once = Programme::new(actuator, 0, segments, knots)?;
        let period_fine = once.earned_at(period_us.get());
        Ok(Self { from_us, period_us, period_fine, once })
    }

    /// Counts the steps due by `at_us` since `from_us` (a step due exactly then included).
    ///
    /// # Rounding
    /// Insulin down: `floor(earned / step)`.
    #[must_use]
    pub fn count_at(&self, at_us: u64) -> u64 {
        let span_us = at_us.saturating_sub(self.from_us);
        let (periods, into_us) = (span_us / self.period_us, span_us % self.period_us);
        // Never wraps for times in range: nothing earns more than 1e9 fine a microsecond, so at most 1e25 in all.
        let earned = u128::from(periods).wrapping_mul(self.period_fine).wrapping_add(self.once.earned_at(into_us));
        div(earned, self.once.step_fine)
    }

    /// Says when step `k` (1 for the first) is due, or None if it is not due within the range of times.
    ///
    /// # Rounding
    /// Time up.
    #[must_use]
    pub fn due_at(&self, k: u64) -> Option<u64> {
        let wanted = u128::from(k).checked_mul(u128::from(self.once.step_fine.get())).filter(|&wanted| wanted > 0)?;
        let period_fine = NonZeroU128::new(self.period_fine)?;
        // The last period that has not yet paid for it when it begins: what is due at its very end belongs to it.
        let before = wanted.saturating_sub(1);
        let (periods, paid) = match (u64::try_from(before), u64::try_from(self.period_fine).map(NonZeroU64::new)) {
            (Ok(before), Ok(Some(fine))) => (before / fine, u128::from(before % fine)),
            _ => (u64::try_from(before / period_fine).ok()?, before % period_fine),
        };
        // Never wraps because `paid` is a remainder below 1e25.
        let into_us = self.once.earns_at(paid.wrapping_add(1))?;
        let begin_us = self.period_us.get().checked_mul(periods)?.checked_add(self.from_us)?;
        begin_us.checked_add(into_us).filter(|&due_us| due_us <= TIME_US.largest)
    }
}

impl Knot {
    /// What has been earned by `at_us`, if this knot's segment is in force until then.
    fn earned_at(&self, at_us: u64) -> u128 {
        let span = u128::from(at_us.saturating_sub(self.start_us));
        // Never wraps because u64 x 1e9 and a sum of such over at most 1e16 us stay below 2^128.
        self.earned_fine.wrapping_add(span.wrapping_mul(u128::from(self.rate_uu_per_h)))
    }
}

/// The quotient, rounded down; `u64::MAX` if it is larger. A division of 64 bits where that is enough.
#[inline]
pub(crate) fn div(num: u128, den: NonZeroU64) -> u64 {
    u64::try_from(num).map_or_else(|_| u64::try_from(num / NonZeroU128::from(den)).unwrap_or(u64::MAX), |num| num / den)
}

/// Checks that segments start strictly one after the other.
///
/// # Errors
/// The index of the first segment that does not, and [`Error::Early`].
pub fn check_order(segments: &[Segment]) -> core::result::Result<(), (usize, Error)> {
    let mut earliest_us = 0;
    for (index, segment) in segments.iter().enumerate() {
        if segment.start_us < earliest_us {
            return Err((index, Error::Early { field: "start_us", value_us: segment.start_us, earliest_us }));
        }
        earliest_us = segment.start_us.saturating_add(1);
    }
    Ok(())
}
