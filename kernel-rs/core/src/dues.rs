//! The delivery law for a stretch of one ramp: due times without a step from one to the next, which a compiler turns
//! into wide instructions.
//!
//! From a ramp that stands `over` beyond its exact time, step `k` on is due `floor((k num + rest) / den)` later, with
//! `rest = den - 1 - over`. In fixed point with `shift` binary places that is one addition and one shift a step:
//!
//! > pace = ceil(num 2^shift / den), begin = ceil(rest 2^shift / den), due(k) = base + ((begin + k pace) >> shift)
//!
//! and it is exact, not close: `pace` and `begin` are less than one unit too large, so after `k` steps the sum is less
//! than `k + 1` units too large; the exact sum is a whole number of `den`-ths, so at least `1 / den` below the next whole
//! microsecond; and `2^shift >= (most + 1) den` for the `most` steps of a stretch makes `k + 1` units no more than that.

use core::mem::MaybeUninit;
use core::num::NonZeroU64;

use crate::heap::{WAYS, least_of_four};
use crate::law::div;
use crate::ramp::{NEVER_US, Ramp};

/// Due times of steps of one ramp that follow each other: at least one and at most 256.
#[derive(Clone, Copy, Debug)]
pub struct Dues {
    base_us: u64,
    sum: u64,
    pace: u64,
    shift: u32,
    len: usize,
}

impl Dues {
    /// How many there are.
    #[must_use]
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Writes them down, as many as `out` is long.
    #[inline]
    pub fn write(&self, out: &mut [MaybeUninit<u64>]) {
        let Self { base_us, mut sum, pace, shift, .. } = *self;
        for place in out {
            // `shift` is at most 38. Never wraps because due times stay below 2^55.
            place.write(base_us.wrapping_add(sum.wrapping_shr(shift)));
            // Wraps, if at all, after the last.
            sum = sum.wrapping_add(pace);
        }
    }

    /// Them, one after the other.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = u64> + use<> {
        let Self { base_us, sum, pace, shift, len } = *self;
        // As in `write`.
        let sums = core::iter::successors(Some(sum), move |sum| Some(sum.wrapping_add(pace)));
        sums.take(len).map(move |sum| base_us.wrapping_add(sum.wrapping_shr(shift)))
    }
}

/// Due times of two ramps in one order; where two are equal, that of the first ramp is before the other.
///
/// Both are brought to one base and one number of binary places, so that a step is one comparison and one addition. The
/// step after the last of a stretch is exact too (see above: `k` is then at most `most`), and later than all of the
/// other stretch; so nobody asks whether one of them has ended.
#[derive(Clone, Copy, Debug)]
pub struct Braid {
    base_us: u64,
    sums: (u64, u64),
    paces: (u64, u64),
    shift: u32,
    len: usize,
}

impl Braid {
    /// Braids two stretches that end before any step that follows either of them; None where they do not fit into one
    /// fixed point.
    #[inline]
    pub(crate) fn new(first: &Dues, second: &Dues) -> Option<Self> {
        let (base_us, shift) = (first.base_us.min(second.base_us), first.shift.max(second.shift));
        let placed = |dues: &Dues| {
            // Never wraps because a stretch with the step after it stays below 2^64: see `Strider`.
            let len = u64::try_from(dues.len).ok()?;
            let end = len.wrapping_mul(dues.pace).wrapping_add(dues.sum).wrapping_shr(dues.shift);
            let late_us = dues.base_us.saturating_sub(base_us);
            // Within 63 binary places, whole microseconds and all.
            if late_us.saturating_add(end).checked_shr(63_u32.saturating_sub(shift))? != 0 {
                return None;
            }
            let more = shift.saturating_sub(dues.shift);
            // Neither wraps, as was checked; a sum and its pace only get zeros behind them.
            let sum = dues.sum.wrapping_shl(more).wrapping_add(late_us.wrapping_shl(shift));
            Some((sum, dues.pace.wrapping_shl(more)))
        };
        let ((one, one_pace), (other, other_pace)) = (placed(first)?, placed(second)?);
        let len = first.len.saturating_add(second.len);
        Some(Self { base_us, sums: (one, other), paces: (one_pace, other_pace), shift, len })
    }

    /// How many there are.
    #[must_use]
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Them, one after the other, and whether each is of the first ramp.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (u64, bool)> + use<> {
        let Self { base_us, sums: (mut one, mut other), paces, shift, len } = *self;
        (0..len).map(move |_| {
            let (a_us, b_us) = (one.wrapping_shr(shift), other.wrapping_shr(shift));
            let is_first = a_us <= b_us;
            // Never wraps: see `new`.
            one = one.wrapping_add(if is_first { paces.0 } else { 0 });
            other = other.wrapping_add(if is_first { 0 } else { paces.1 });
            (base_us.wrapping_add(a_us.min(b_us)), is_first)
        })
    }
}

/// Due times of up to 16 ramps in one order; where some are equal, that of the ramp given first is before the others.
///
/// Each keeps a fixed point of its own. As in [`Braid`], the step after the last of a stretch is exact too, and later than
/// all steps of the others; so nobody asks whether one of them has ended.
#[derive(Clone, Copy, Debug)]
pub struct Knit {
    threads: [Dues; FEW],
    dues_us: Nexts,
    lanes: usize,
    len: usize,
}

impl Knit {
    /// Has no ramp yet.
    pub(crate) const fn new() -> Self {
        const NONE: Dues = Dues { base_us: NEVER_US, sum: 0, pace: 0, shift: 0, len: 0 };
        Self { threads: [NONE; FEW], dues_us: Nexts::NONE, lanes: 0, len: 0 }
    }

    /// Takes the stretch of one more ramp, if it has one. All stretches go on until the same instant.
    #[inline]
    pub(crate) fn push(&mut self, dues: Option<Dues>) {
        if let Some((dues, thread)) = dues.zip(self.threads.get_mut(self.lanes)) {
            self.dues_us.set(self.lanes, dues.base_us.wrapping_add(dues.sum.wrapping_shr(dues.shift)));
            *thread = dues;
            // Never saturates because each of the 16 has at most 256.
            self.len = self.len.saturating_add(dues.len);
        }
        self.lanes = self.lanes.saturating_add(1);
    }

    /// How many there are.
    #[must_use]
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Takes them, one after the other, and says of which ramp each is: no more than there are, for it does not end.
    #[inline]
    pub fn drain(&mut self) -> impl Iterator<Item = (u64, usize)> {
        let Self { threads, dues_us, lanes, .. } = self;
        let more = Nexts::more(*lanes);
        core::iter::repeat_with(move || {
            let (due_us, first) = dues_us.least(more);
            if let Some(Dues { base_us, sum, pace, shift, .. }) = threads.get_mut(first) {
                // Never wraps: see `Dues::write`.
                *sum = sum.wrapping_add(*pace);
                dues_us.set(first, base_us.wrapping_add(sum.wrapping_shr(*shift)));
            }
            (due_us, first)
        })
    }
}

/// Up to so many lanes are looked at one by one: it takes no longer than a heap does.
pub(crate) const FEW: usize = 16;

/// When the next step of each of a few lanes is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nexts {
    four_us: [u64; WAYS],
    more_us: [[u64; WAYS]; (FEW >> 2) - 1],
}

impl Nexts {
    /// No lane has a step. Those that are not there are never due.
    pub(crate) const NONE: Self = Self { four_us: [NEVER_US; WAYS], more_us: [[NEVER_US; WAYS]; (FEW >> 2) - 1] };

    #[inline]
    pub(crate) fn set(&mut self, lane: usize, due_us: u64) {
        let more_us = self.more_us.as_flattened_mut();
        let place = self.four_us.get_mut(lane).or_else(|| more_us.get_mut(lane.wrapping_sub(WAYS)));
        if let Some(place) = place {
            *place = due_us;
        }
    }

    /// How many fours beyond the first so many lanes take.
    pub(crate) const fn more(lanes: usize) -> usize {
        lanes.saturating_sub(1) >> 2
    }

    /// The least, and the first that has it: without a branch where there are no more than four.
    #[inline]
    pub(crate) fn least(&self, more: usize) -> (u64, usize) {
        let (mut first, mut at_us) = least_of_four(self.four_us);
        for (index, &four_us) in self.more_us.iter().take(more).enumerate() {
            let (place, due_us) = least_of_four(four_us);
            if due_us < at_us {
                (first, at_us) = (index.wrapping_mul(WAYS).wrapping_add(WAYS) | place, due_us);
            }
        }
        (at_us, first)
    }
}

/// A ramp that is walked in stretches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strider {
    num: u64,
    den: NonZeroU64,
    most: u64,
    pace: u64,
    shift: u32,
}

impl Strider {
    /// Prepares to walk on `ramp`; None for one that never comes to a step.
    #[inline]
    pub(crate) fn new(ramp: &Ramp) -> Option<Self> {
        let (_, _, whole, part, den) = ramp.parts();
        let den = NonZeroU64::new(den)?;
        // Never wraps because this is what `whole` and `part` were made from: at most 1e16.
        let num = whole.wrapping_mul(den.get()).wrapping_add(part);
        // 2^shift < 2 (most + 1) den, so sums stay below 2 (most + 1) (most num + den) < 2 (most + 1)^2 num: with
        // num < 2^46 below 2^63.1, with num < 2^50 below 2^63.1, with num <= 1e16 below 2^62.4. (Where num < den, which
        // only a train has, sums stay below 2 (most + 1)^2 den < 2^47.)
        let most = match num >> 46 {
            0 => 256,
            1..16 => 64,
            _ => 16,
        };
        // Never wraps: 257 x 1e9 < 2^38.
        let units = den.get().wrapping_mul(most).wrapping_add(den.get()).wrapping_sub(1);
        let shift = 64_u32.saturating_sub(units.leading_zeros());
        // Never wraps because pace is below the sums above.
        let pace = whole.wrapping_shl(shift).wrapping_add(scaled(part, shift, den));
        Some(Self { num, den, most, pace, shift })
    }

    /// The most steps of a stretch.
    #[inline]
    pub(crate) const fn most(&self) -> u64 {
        self.most
    }

    /// Takes the steps of `ramp` due by `until_us`, but no more than one stretch; None where none is.
    #[inline]
    pub(crate) fn take(&self, ramp: &mut Ramp, until_us: u64) -> Option<Dues> {
        let (base_us, over, ..) = ramp.parts();
        let ahead_us = until_us.checked_sub(base_us)?;
        let Self { num, den, most, pace, shift } = *self;
        // Never wraps because over < den.
        let rest = den.get().wrapping_sub(1).wrapping_sub(over);
        let sum = scaled(rest, shift, den);
        let at = |k: u64| sum.wrapping_add(k.wrapping_mul(pace)).wrapping_shr(shift);
        let count = if at(most.wrapping_sub(1)) <= ahead_us {
            most
        } else {
            // Step k is due by then if k num + rest < (ahead + 1) den. Never wraps because `ahead` is less than the
            // `most` steps take: most num + den < 2^58.
            let earned = ahead_us.wrapping_mul(den.get()).wrapping_add(den.get()).wrapping_sub(1).wrapping_sub(rest);
            // At least one, because the first is due at `base_us`; never wraps, as it is no more than `most`.
            earned.checked_div(num).unwrap_or(0).wrapping_add(1)
        };
        let span_us = at(count);
        // Never wraps: what is left over of count num + rest < 2^58 is below den.
        let rest_on = count.wrapping_mul(num).wrapping_add(rest).wrapping_sub(span_us.wrapping_mul(den.get()));
        ramp.stand(base_us.wrapping_add(span_us), den.get().wrapping_sub(1).wrapping_sub(rest_on));
        Some(Dues { base_us, sum, pace, shift, len: usize::try_from(count).ok()? })
    }
}

/// `value` (below `den`) 2^shift / den, rounded up.
#[inline]
fn scaled(value: u64, shift: u32, den: NonZeroU64) -> u64 {
    if value == 0 {
        return 0;
    }
    // Never wraps because value < 2^30 and shift <= 38; value is at least 1, and the quotient no more than 2^38.
    div(u128::from(value).wrapping_shl(shift).wrapping_sub(1), den).wrapping_add(1)
}
