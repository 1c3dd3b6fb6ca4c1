//! Pulses as columns, each written once into memory that the caller lends and need not have cleared.

use core::mem::MaybeUninit;

use crate::dues::{Braid, Dues, Knit};
use crate::error::{Error, Result};
use crate::law::Kind;
use crate::walk::{PlanPulse, PlanSink};

/// A sink that fills columns. With `STEPS` false, for a plan whose pulses are of one step each, `steps` is not touched.
///
/// # Examples
/// ```
/// use core::mem::MaybeUninit;
/// use pumpcore_kernel::columns::Columns;
/// use pumpcore_kernel::schedule::{Plan, PlanLane, Planned};
/// use pumpcore_kernel::{Actuator, Segment};
/// let segments = [Segment::new(0, 100_000_000)?]; // 100 U/h in steps of 0.05 U: one each 1.8 s
/// let plan = Plan::new(Actuator::new(50_000, 0, 0)?, 0, 6_000_000, segments, [] as [Planned; 0])?;
/// let (mut at_us, mut channel) = ([MaybeUninit::uninit(); 4], [MaybeUninit::uninit(); 4]);
/// let mut columns = Columns::<false>::new(&mut at_us, &mut channel, &mut []);
/// plan.walk(&mut [PlanLane::UNUSED], &mut columns)?;
/// assert_eq!(columns.finish()?, 3); // the first three of each column are written
/// # Ok::<(), pumpcore_kernel::Error>(())
/// ```
#[derive(Debug)]
pub struct Columns<'a, const STEPS: bool> {
    at_us: &'a mut [MaybeUninit<u64>],
    channel: &'a mut [MaybeUninit<u8>],
    steps: &'a mut [MaybeUninit<u32>],
    used: usize,
}

impl<'a, const STEPS: bool> Columns<'a, STEPS> {
    /// Takes the memory: as long as the plan's `due_steps`.
    #[must_use]
    pub const fn new(
        at_us: &'a mut [MaybeUninit<u64>],
        channel: &'a mut [MaybeUninit<u8>],
        steps: &'a mut [MaybeUninit<u32>],
    ) -> Self {
        Self { at_us, channel, steps, used: 0 }
    }

    /// Says how many pulses there are: so many entries at the beginning of each column are written, none left out.
    ///
    /// # Errors
    /// [`Error::Memory`] where the columns are shorter.
    pub fn finish(self) -> Result<usize> {
        let lent = self.at_us.len().min(self.channel.len());
        let lent = if STEPS { lent.min(self.steps.len()) } else { lent };
        if self.used > lent { Err(Error::Memory { lent, needed: self.used }) } else { Ok(self.used) }
    }
}

impl<const STEPS: bool> PlanSink for Columns<'_, STEPS> {
    #[inline]
    fn pulse(&mut self, pulse: PlanPulse) {
        if let Some(place) = self.at_us.get_mut(self.used) {
            place.write(pulse.at_us);
        }
        if let Some(place) = self.channel.get_mut(self.used) {
            place.write(pulse.kind.code());
        }
        if STEPS && let Some(place) = self.steps.get_mut(self.used) {
            place.write(pulse.steps);
        }
        // Never wraps because a plan has at most 1e8 due steps.
        self.used = self.used.wrapping_add(1);
    }

    #[inline]
    fn braid(&mut self, kinds: (Kind, Kind), braid: &Braid) {
        // Never saturates, as above.
        let after = self.used.saturating_add(braid.len());
        let codes = (kinds.0.code(), kinds.1.code());
        if let (Some(at_us), Some(channel)) =
            (self.at_us.get_mut(self.used..after), self.channel.get_mut(self.used..after))
        {
            for ((place, code), (at_us, is_first)) in at_us.iter_mut().zip(channel).zip(braid.iter()) {
                place.write(at_us);
                code.write(if is_first { codes.0 } else { codes.1 });
            }
        }
        if STEPS && let Some(places) = self.steps.get_mut(self.used..after) {
            places.fill(MaybeUninit::new(1));
        }
        self.used = after;
    }

    #[inline]
    fn knit(&mut self, kinds: &[Kind], knit: &mut Knit) {
        // Never saturates, as above.
        let after = self.used.saturating_add(knit.len());
        if let (Some(at_us), Some(channel)) =
            (self.at_us.get_mut(self.used..after), self.channel.get_mut(self.used..after))
        {
            for ((place, code), (at_us, lane)) in at_us.iter_mut().zip(channel).zip(knit.drain()) {
                place.write(at_us);
                code.write(kinds.get(lane).map_or(0, |kind| kind.code()));
            }
        }
        if STEPS && let Some(places) = self.steps.get_mut(self.used..after) {
            places.fill(MaybeUninit::new(1));
        }
        self.used = after;
    }

    #[inline]
    fn run(&mut self, kind: Kind, dues: &Dues) {
        // Never saturates, as above.
        let after = self.used.saturating_add(dues.len());
        if let Some(places) = self.at_us.get_mut(self.used..after) {
            dues.write(places);
        }
        if let Some(places) = self.channel.get_mut(self.used..after) {
            places.fill(MaybeUninit::new(kind.code()));
        }
        if STEPS && let Some(places) = self.steps.get_mut(self.used..after) {
            places.fill(MaybeUninit::new(1));
        }
        self.used = after;
    }
}
