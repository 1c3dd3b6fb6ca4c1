//! The steps of a few ramps in one order, by runs: as long as one ramp is ahead of all others, nobody looks at these.
//!
//! Three outlets decide what becomes of a due step: [`Free`], [`Gap`] and [`Grid`]. A run that leaves as it falls due
//! goes stretch by stretch ([`Dues`]); ramps of like pace are braided without a branch on which is next. Few lanes are
//! looked at one by one; where there are many, each step takes as many looks as the heap has levels.

use core::num::NonZeroU64;

use crate::dues::{Braid, Dues, FEW, Knit, Nexts, Strider};
use crate::error::{Error, Result};
use crate::heap::{WAYS, fall, rise};
use crate::lanes::{keep, place};
use crate::law::Kind;
use crate::ramp::{NEVER_US, Ramp};
use crate::range::WAITING_STEPS;

/// A pulse of a plan: `steps` steps of one kind of channel at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanPulse {
    /// When it leaves.
    pub at_us: u64,
    /// Which kind of channel.
    pub kind: Kind,
    /// How many steps.
    pub steps: u32,
}

/// Where a plan's walk puts its pulses, in the order they leave. A closure that takes a [`PlanPulse`] is one.
pub trait PlanSink {
    /// Takes a pulse.
    fn pulse(&mut self, pulse: PlanPulse);

    /// Takes pulses of two kinds and of one step each.
    #[inline]
    fn braid(&mut self, kinds: (Kind, Kind), braid: &Braid) {
        for (at_us, is_first) in braid.iter() {
            self.pulse(PlanPulse { at_us, kind: if is_first { kinds.0 } else { kinds.1 }, steps: 1 });
        }
    }

    /// Takes pulses of several kinds and of one step each.
    #[inline]
    fn knit(&mut self, kinds: &[Kind], knit: &mut Knit) {
        let len = knit.len();
        for (at_us, lane) in knit.drain().take(len) {
            let kind = kinds.get(lane).copied().unwrap_or(Kind::Basal);
            self.pulse(PlanPulse { at_us, kind, steps: 1 });
        }
    }

    /// Takes pulses of one kind and of one step each.
    #[inline]
    fn run(&mut self, kind: Kind, dues: &Dues) {
        for at_us in dues.iter() {
            self.pulse(PlanPulse { at_us, kind, steps: 1 });
        }
    }
}

impl<F: FnMut(PlanPulse)> PlanSink for F {
    #[inline]
    fn pulse(&mut self, pulse: PlanPulse) {
        self(pulse);
    }
}

/// Memory for one channel of a plan's walk.
///
/// Invariant: the next step is due by `last_us`, or never.
#[derive(Clone, Copy, Debug)]
pub struct PlanLane {
    pub(crate) ramp: Ramp,
    /// The last instant at which a step of it may be due.
    pub(crate) last_us: u64,
    /// The last instant at which a pulse of it may leave.
    pub(crate) cancel_us: u64,
    /// What decides at one instant: the kind, and how many were started before.
    rank: u64,
    kind: Kind,
}

impl PlanLane {
    /// An unused lane, to fill memory with.
    pub const UNUSED: Self = Self::basal(Ramp::NEVER);

    const fn basal(ramp: Ramp) -> Self {
        Self { ramp, last_us: NEVER_US, cancel_us: NEVER_US, rank: 0, kind: Kind::Basal }
    }

    /// The least of lanes has the next step: by time, then by kind, then by start.
    #[inline]
    pub(crate) fn key(&self) -> u128 {
        u128::from(self.ramp.next_us()).wrapping_shl(64) | u128::from(self.rank)
    }

    /// Ends it where its next step comes too late; to be said after each walk.
    #[inline]
    const fn settle(&mut self) {
        if self.ramp.next_us() > self.last_us {
            self.ramp = Ramp::NEVER;
        }
    }

    const fn end(&mut self) {
        self.ramp = Ramp::NEVER;
    }
}

/// What becomes of due steps.
pub(crate) trait Outlet {
    /// Takes every step of `lane` that is due by `until_us`: at least one is.
    fn run(&mut self, lane: &mut PlanLane, until_us: u64) -> Result<()>;

    /// Takes, if it has a way to do so, the steps of two lanes of like pace due by `until_us`; false where it has none.
    #[inline]
    fn braid(&mut self, _first: &mut PlanLane, _second: &mut PlanLane, _until_us: u64) -> bool {
        false
    }

    /// The same for up to [`FEW`] lanes: it takes some of their steps, the first ones, and one at least.
    #[inline]
    fn braid_more(&mut self, _lanes: &mut [PlanLane], _until_us: u64) -> bool {
        false
    }
}

/// The lanes of a walk, in memory that the caller lends: basal, and behind it the trains that run.
pub(crate) struct Walk<'a> {
    memory: &'a mut [PlanLane],
    /// Up to [`FEW`] lie in the order that breaks ties. Of more, the trains are a heap.
    used: usize,
    started: u64,
}

impl<'a> Walk<'a> {
    /// Begins with basal alone; None where no lane is lent.
    pub(crate) fn new(memory: &'a mut [PlanLane], basal: Ramp) -> Option<Self> {
        *memory.first_mut()? = PlanLane::basal(basal);
        Some(Self { memory, used: 1, started: 0 })
    }

    /// The basal ramp.
    pub(crate) fn basal(&mut self) -> Option<&mut Ramp> {
        self.memory.first_mut().map(|lane| &mut lane.ramp)
    }

    /// Starts a train that has a step due by `last_us`; None where there is no room.
    ///
    /// Trains are started in the order in which those of one kind are at one instant.
    pub(crate) fn start(&mut self, ramp: Ramp, last_us: u64, cancel_us: u64, kind: Kind) -> Option<()> {
        // Never overlaps because each train has a step in the window, and a plan has at most 1e8.
        let rank = u64::from(kind.code()).wrapping_shl(32) | self.started;
        let lane = PlanLane { ramp, last_us, cancel_us, rank, kind };
        self.started = self.started.saturating_add(1);
        let room = self.memory.get_mut(..=self.used)?;
        if self.used < FEW {
            place(room, lane, |other| other.rank > rank);
        } else {
            *room.last_mut()? = lane;
            let trains = room.get_mut(1..)?;
            // Where it is the first too many, none has risen yet.
            let risen = if self.used == FEW { 1 } else { self.used };
            for used in risen..=self.used {
                trains.get_mut(..used).map(rise);
            }
        }
        self.used = self.used.saturating_add(1);
        Some(())
    }

    /// Drops the trains that have ended; the others keep their order. Of many, each has been dropped as it ended.
    #[inline]
    pub(crate) fn retire(&mut self) {
        if self.used > 1 && self.used <= FEW {
            self.retire_of_few();
        }
    }

    #[inline(never)]
    fn retire_of_few(&mut self) {
        self.used = keep(self.memory, self.used, |lane| lane.kind == Kind::Basal || lane.ramp.next_us() != NEVER_US);
    }

    /// Takes every step due by `until_us`, in order of due time and lane.
    ///
    /// Trains that end may be dropped. Bounded: every turn takes one of the finitely many steps due by then, or ends a
    /// lane.
    ///
    /// # Errors
    /// The first error of the outlet ends the walk.
    #[inline]
    pub(crate) fn weave(&mut self, until_us: u64, outlet: &mut impl Outlet) -> Result<()> {
        loop {
            match self.memory.get_mut(..self.used).unwrap_or_default() {
                [] => return Ok(()),
                [only] => {
                    if only.ramp.next_us() <= until_us {
                        outlet.run(only, until_us)?;
                    }
                    return Ok(());
                }
                [first, second] => {
                    let (a_us, b_us) = (first.ramp.next_us(), second.ramp.next_us());
                    if a_us.min(b_us) > until_us {
                        return Ok(());
                    }
                    if a_us.max(b_us) <= until_us && outlet.braid(first, second, until_us) {
                        continue;
                    }
                    // Where both are due at one instant the first lane is before the second.
                    if a_us <= b_us {
                        outlet.run(first, b_us.min(until_us))?;
                    } else {
                        outlet.run(second, a_us.saturating_sub(1).min(until_us))?;
                    }
                }
                lanes if lanes.len() <= FEW => {
                    if outlet.braid_more(lanes, until_us) {
                        self.retire();
                        continue;
                    }
                    let Some((leader, ahead_us)) = leader(lanes, until_us) else { return Ok(()) };
                    outlet.run(leader, ahead_us)?;
                    if leader.ramp.next_us() == NEVER_US {
                        self.retire();
                    }
                }
                [basal, trains @ ..] => {
                    let Some((leader, ahead_us)) = leader_of_many(basal, trains, until_us) else { return Ok(()) };
                    outlet.run(leader, ahead_us)?;
                    if leader.kind != Kind::Basal {
                        self.mend();
                    }
                }
            }
        }
    }

    /// Puts the first of many trains, of which steps were taken, in its place, or drops it where it has ended.
    #[inline(never)]
    fn mend(&mut self) {
        let Some(trains) = self.memory.get_mut(1..self.used) else { return };
        if let [first, .., last] = trains
            && first.ramp.next_us() == NEVER_US
        {
            *first = *last;
            self.used = self.used.saturating_sub(1);
        }
        let Some(trains) = self.memory.get_mut(1..self.used) else { return };
        if self.used > FEW {
            fall(trains);
        } else {
            for used in 1..=trains.len() {
                let Some(room) = trains.get_mut(..used) else { return };
                let Some(&lane) = room.last() else { return };
                place(room, lane, |other| other.rank > lane.rank);
            }
        }
    }
}

/// The lane whose step is next, and until when it is ahead of all others; None where no step is due by `until_us`.
#[inline]
fn leader(lanes: &mut [PlanLane], until_us: u64) -> Option<(&mut PlanLane, u64)> {
    let (mut best, mut best_us, mut ahead_us) = (0, NEVER_US, until_us);
    for (index, lane) in lanes.iter().enumerate() {
        let next_us = lane.ramp.next_us();
        if next_us < best_us {
            // All lanes before this one are due no earlier than the best of them, and win where they are due as early.
            ahead_us = best_us.saturating_sub(1);
            (best, best_us) = (index, next_us);
        } else {
            ahead_us = ahead_us.min(next_us);
        }
    }
    if best_us > until_us {
        return None;
    }
    Some((lanes.get_mut(best)?, ahead_us.min(until_us)))
}

/// The same for many trains, which are a heap.
#[inline]
fn leader_of_many<'a>(
    basal: &'a mut PlanLane,
    trains: &'a mut [PlanLane],
    until_us: u64,
) -> Option<(&'a mut PlanLane, u64)> {
    let basal_us = basal.ramp.next_us();
    let (first, others) = trains.split_first_mut()?;
    let first_us = first.ramp.next_us();
    if basal_us.min(first_us) > until_us {
        return None;
    }
    // Basal wins where it is due as early.
    if basal_us <= first_us {
        return Some((basal, first_us.min(until_us)));
    }
    let second_us = others.iter().take(WAYS).fold(basal_us, |least_us, lane| least_us.min(lane.ramp.next_us()));
    // All of its steps at one instant are before those of others, if it is before them at all.
    Some((first, second_us.saturating_sub(1).max(first_us).min(until_us)))
}

/// Hands the steps of `lane` due by `until_us` to `sink` as pulses of their own. The lane is not settled.
#[inline]
fn emit(lane: &mut PlanLane, until_us: u64, sink: &mut impl PlanSink) {
    let until_us = until_us.min(lane.last_us);
    let (kind, ramp) = (lane.kind, &mut lane.ramp);
    if until_us.saturating_sub(ramp.next_us()) >> 3 >= ramp.whole_us() {
        stretch(kind, ramp, until_us, sink);
    } else {
        // At most eight steps: nine strides take longer than there is time.
        while ramp.next_us() <= until_us {
            sink.pulse(PlanPulse { at_us: ramp.next_us(), kind, steps: 1 });
            ramp.step();
        }
    }
}

/// The same for many steps.
#[inline(never)]
fn stretch(kind: Kind, ramp: &mut Ramp, until_us: u64, sink: &mut impl PlanSink) {
    if let Some(strider) = Strider::new(ramp) {
        while let Some(dues) = strider.take(ramp, until_us) {
            sink.run(kind, &dues);
        }
    }
}

/// Hands steps of two lanes due by `until_us` to `sink`, in order of due time and lane, as long as both have some. The
/// lanes are not settled.
///
/// The lanes take a microsecond or more for each step. Bounded: each turn takes at least two steps.
#[inline(never)]
fn braid_long(first: &mut PlanLane, second: &mut PlanLane, until_us: u64, sink: &mut impl PlanSink) {
    let (Some(one), Some(other)) = (Strider::new(&first.ramp), Strider::new(&second.ramp)) else { return };
    loop {
        let (mut one_ramp, mut other_ramp) = (first.ramp, second.ramp);
        let by_us = until_us.min(end_us(&one_ramp, one.most())).min(end_us(&other_ramp, other.most()));
        let taken = (one.take(&mut one_ramp, by_us), other.take(&mut other_ramp, by_us));
        let (Some(one_dues), Some(other_dues)) = taken else { return };
        let Some(braid) = Braid::new(&one_dues, &other_dues) else { return };
        sink.braid((first.kind, second.kind), &braid);
        (first.ramp, second.ramp) = (one_ramp, other_ramp);
    }
}

/// Hands the steps of up to [`FEW`] lanes due by `until_us` to `sink`, in order of due time and lane. The lanes are not
/// settled.
#[inline(never)]
fn knit(lanes: &mut [PlanLane], until_us: u64, sink: &mut impl PlanSink) {
    let mut dues_us = Nexts::NONE;
    for (index, lane) in lanes.iter().enumerate() {
        dues_us.set(index, lane.ramp.next_us());
    }
    let more = Nexts::more(lanes.len());
    // Bounded: each turn takes a step due by then.
    loop {
        let (at_us, first) = dues_us.least(more);
        let Some(lane) = lanes.get_mut(first).filter(|_| at_us <= until_us) else { break };
        sink.pulse(PlanPulse { at_us, kind: lane.kind, steps: 1 });
        lane.ramp.step();
        dues_us.set(first, lane.ramp.next_us());
    }
}

/// The same in stretches. The lanes that are due by then take a microsecond or more for each step.
///
/// Bounded: each turn takes a step at least, of the lane whose stretch ends first.
#[inline(never)]
fn knit_long(lanes: &mut [PlanLane], until_us: u64, sink: &mut impl PlanSink) {
    let (mut kinds, mut striders) = ([Kind::Basal; FEW], [const { None }; FEW]);
    for ((kind, strider), lane) in kinds.iter_mut().zip(&mut striders).zip(&*lanes) {
        *kind = lane.kind;
        *strider = Strider::new(&lane.ramp).filter(|_| lane.ramp.next_us() <= until_us);
    }
    loop {
        let ends_us = striders.iter().zip(&*lanes).filter_map(|(strider, lane)| {
            let most = strider.as_ref()?.most();
            Some(end_us(&lane.ramp, most))
        });
        let by_us = ends_us.fold(until_us, u64::min);
        let mut knit = Knit::new();
        for (strider, lane) in striders.iter().zip(&mut *lanes) {
            knit.push(strider.as_ref().and_then(|strider| strider.take(&mut lane.ramp, by_us)));
        }
        sink.knit(&kinds, &mut knit);
        if by_us == until_us {
            return;
        }
    }
}

/// Until when no more than a stretch of `most` steps is due, because the k-th step after the next is due k times `whole`
/// later at least.
#[inline]
const fn end_us(ramp: &Ramp, most: u64) -> u64 {
    ramp.next_us().saturating_add(ramp.whole_us().saturating_mul(most.saturating_sub(1)))
}

/// Each step leaves as it falls due.
pub(crate) struct Free<'a, S> {
    pub(crate) sink: &'a mut S,
}

impl<S: PlanSink> Outlet for Free<'_, S> {
    #[inline]
    fn run(&mut self, lane: &mut PlanLane, until_us: u64) -> Result<()> {
        emit(lane, until_us, self.sink);
        lane.settle();
        Ok(())
    }

    #[inline]
    fn braid(&mut self, first: &mut PlanLane, second: &mut PlanLane, until_us: u64) -> bool {
        let paces_us = (first.ramp.whole_us(), second.ramp.whole_us());
        if paces_us.0 >> 3 > paces_us.1 || paces_us.1 >> 3 > paces_us.0 {
            return false;
        }
        let until_us = until_us.min(first.last_us).min(second.last_us);
        // At least eight steps, and no two of them in one microsecond.
        let long = |ramp: &Ramp| {
            let whole_us = ramp.whole_us();
            whole_us > 0 && until_us.saturating_sub(ramp.next_us()) >> 3 >= whole_us
        };
        if long(&first.ramp) && long(&second.ramp) {
            braid_long(first, second, until_us, self.sink);
        }
        // What is left, if anything, is little, or does not fit into a fixed point.
        let (mut one, mut other) = (first.ramp, second.ramp);
        // Bounded: each turn takes a step due by then, and there is one, because each lane's next is within its last.
        loop {
            let is_one = one.next_us() <= other.next_us();
            let at_us = one.next_us().min(other.next_us());
            if at_us > until_us {
                break;
            }
            let kind = if is_one { first.kind } else { second.kind };
            self.sink.pulse(PlanPulse { at_us, kind, steps: 1 });
            // All ones or zero.
            let all = 0_u64.wrapping_sub(u64::from(is_one));
            one.step_if(all);
            other.step_if(!all);
        }
        (first.ramp, second.ramp) = (one, other);
        first.settle();
        second.settle();
        true
    }

    #[inline]
    fn braid_more(&mut self, lanes: &mut [PlanLane], until_us: u64) -> bool {
        let (mut due, mut shortest_us, mut longest_us, mut last_us) = (0_usize, NEVER_US, 0, until_us);
        for lane in lanes.iter().filter(|lane| lane.ramp.next_us() <= until_us) {
            let whole_us = lane.ramp.whole_us();
            (shortest_us, longest_us) = (shortest_us.min(whole_us), longest_us.max(whole_us));
            last_us = last_us.min(lane.last_us);
            due = due.saturating_add(1);
        }
        if due < 2 || longest_us >> 3 > shortest_us {
            return false;
        }
        // At least eight steps of the slowest, and no two of them in one microsecond.
        let now_us = lanes.iter().map(|lane| lane.ramp.next_us()).min().unwrap_or(NEVER_US);
        if shortest_us > 0 && last_us.saturating_sub(now_us) >> 3 >= longest_us {
            knit_long(lanes, last_us, self.sink);
        } else {
            knit(lanes, last_us, self.sink);
        }
        lanes.iter_mut().for_each(PlanLane::settle);
        true
    }
}

/// As many steps as may wait for the actuator.
const WAITING_MOST: usize = 100;
const _: () = assert!(WAITING_STEPS.largest == 100, "WAITING_MOST is the largest of WAITING_STEPS");

/// Each step leaves as it falls due, but some time after the one before it at the earliest.
pub(crate) struct Gap<'a, S> {
    sink: &'a mut S,
    idle_us: u64,
    /// Pulses outside `from_us < at_us <= to_us` are not emitted.
    from_us: u64,
    to_us: u64,
    ready_us: u64,
    /// When the last pulses leave that may have waited.
    last: [u64; WAITING_MOST],
    turn: usize,
}

impl<'a, S: PlanSink> Gap<'a, S> {
    pub(crate) const fn new(sink: &'a mut S, gap_us: NonZeroU64, from_us: u64, to_us: u64) -> Self {
        Self { sink, idle_us: gap_us.get(), from_us, to_us, ready_us: 0, last: [0; WAITING_MOST], turn: 0 }
    }
}

impl<S: PlanSink> Outlet for Gap<'_, S> {
    #[inline]
    fn run(&mut self, lane: &mut PlanLane, until_us: u64) -> Result<()> {
        if lane.ramp.next_us() >= self.ready_us
            && lane.ramp.next_us() > self.from_us
            && lane.ramp.whole_us() >= self.idle_us
        {
            // No step waits, and none of this run will: they are due a gap apart, and within the window because it ends
            // no earlier than any walk. `last` need not know of them, because none of them waits at a later due time.
            emit(lane, until_us, self.sink);
            self.ready_us = lane.ramp.last_us().saturating_add(self.idle_us);
            lane.settle();
            return Ok(());
        }
        while lane.ramp.next_us() <= until_us {
            let due_us = lane.ramp.next_us();
            let at_us = due_us.max(self.ready_us);
            if at_us > lane.cancel_us {
                lane.end();
                return Ok(());
            }
            // `last` holds when the 100 pulses before this one leave: if the oldest of them has not left when this
            // step falls due, then it and the 100 after it (this one among them) all wait.
            if let Some(oldest_us) = self.last.get_mut(self.turn) {
                if *oldest_us > due_us {
                    let value = WAITING_STEPS.largest.saturating_add(1);
                    return Err(Error::Range { range: &WAITING_STEPS, value });
                }
                *oldest_us = at_us;
            }
            self.turn = self.turn.saturating_add(1);
            if self.turn == WAITING_MOST {
                self.turn = 0;
            }
            // Never saturates because at most 100 gaps of at most an hour lie between a due time and its pulse.
            self.ready_us = at_us.saturating_add(self.idle_us);
            if at_us > self.from_us && at_us <= self.to_us {
                self.sink.pulse(PlanPulse { at_us, kind: lane.kind, steps: 1 });
            }
            lane.ramp.step();
            lane.settle();
        }
        Ok(())
    }
}

/// Steps leave at whole multiples of a time; those of one kind on one instant are one pulse.
pub(crate) struct Grid<'a, S> {
    sink: &'a mut S,
    pace_us: NonZeroU64,
    at_us: u64,
    steps: [u32; 3],
}

impl<'a, S: PlanSink> Grid<'a, S> {
    const KINDS: [Kind; 3] = [Kind::Basal, Kind::Extended, Kind::Bolus];

    pub(crate) const fn new(sink: &'a mut S, grid_us: NonZeroU64) -> Self {
        Self { sink, pace_us: grid_us, at_us: 0, steps: [0; 3] }
    }

    /// Lets the steps of the last instant leave; to be said at the end.
    pub(crate) fn empty(&mut self) {
        for (steps, kind) in core::mem::take(&mut self.steps).into_iter().zip(Self::KINDS) {
            if steps > 0 {
                self.sink.pulse(PlanPulse { at_us: self.at_us, kind, steps });
            }
        }
    }
}

impl<S: PlanSink> Outlet for Grid<'_, S> {
    #[inline]
    fn run(&mut self, lane: &mut PlanLane, until_us: u64) -> Result<()> {
        while lane.ramp.next_us() <= until_us {
            let due_us = lane.ramp.next_us();
            if due_us > self.at_us {
                self.empty();
                // Mostly the next instant of the grid. Never saturates: due <= 1e16 and the grid is at most a day.
                self.at_us = self.at_us.saturating_add(self.pace_us.get());
                if due_us > self.at_us {
                    self.at_us = due_us.div_ceil(self.pace_us.get()).saturating_mul(self.pace_us.get());
                }
            }
            if self.at_us > lane.cancel_us {
                lane.end();
                return Ok(());
            }
            if let Some(steps) = self.steps.get_mut(usize::from(lane.kind.code())) {
                // Never saturates because a plan has at most 1e8 due steps.
                *steps = steps.saturating_add(1);
            }
            lane.ramp.step();
            lane.settle();
        }
        Ok(())
    }
}
