//! A whole plan at once: every pulse that leaves in `from_us < at_us <= to_us`.

use core::num::NonZeroU64;

use crate::error::{Error, Result};
use crate::lanes::{Lane, Lanes};
use crate::law::{Actuator, Kind, Release, Segment, Train, check_order};
use crate::ramp::{NEVER_US, Ramp, Stream};
use crate::range::{SCHEDULE_STEPS, TIME_US, WAITING_STEPS};

/// A train of a plan, with the instant at which it is cancelled, if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The train.
    pub train: Train,
    /// Pulses of it that would leave later than this do not exist.
    pub cancel_us: Option<u64>,
}

impl Planned {
    /// The last instant at which a pulse of it may leave.
    const fn last_us(&self) -> u64 {
        match self.cancel_us {
            Some(cancel_us) => cancel_us,
            None => NEVER_US,
        }
    }

    /// Steps due after `cut_us` and no later than `end_us` or the cancel.
    fn steps_between(&self, cut_us: u64, end_us: u64) -> u64 {
        let until = self.train.count_at(end_us.min(self.last_us()));
        until.saturating_sub(self.train.count_at(cut_us))
    }
}

/// A checked plan.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    actuator: Actuator,
    from_us: u64,
    to_us: u64,
    segments: &'a [Segment],
    trains: &'a [Planned],
}

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

/// What a plan's lanes note: the last instant at which a pulse may leave.
type Last = u64;

/// Memory for a plan's walk: one lane for basal and one for each train.
pub type PlanLane = Lane<Last>;

impl PlanLane {
    /// An unused lane, to fill memory with.
    pub const UNUSED: Self = Self { stream: Stream::basal(Ramp::NEVER), kind: Kind::Basal, book: NEVER_US };
}

impl<'a> Plan<'a> {
    /// Checks and takes a plan: `segments` as in [`crate::law::Programme`], `trains` ordered by start.
    ///
    /// # Errors
    /// [`Error::Range`] for a time outside its range or for more than `SCHEDULE_STEPS` due steps, [`Error::Early`] for
    /// a window that ends before it begins, or for a segment or train out of order.
    pub fn new(
        actuator: Actuator,
        from_us: u64,
        to_us: u64,
        segments: &'a [Segment],
        trains: &'a [Planned],
    ) -> Result<Self> {
        TIME_US.check(from_us)?;
        TIME_US.check(to_us)?;
        if to_us < from_us {
            return Err(Error::Early { field: "to_us", value_us: to_us, earliest_us: from_us });
        }
        check_order(segments).map_err(|(_, error)| error)?;
        let mut earliest_us = 0;
        for Planned { train, cancel_us } in trains {
            TIME_US.check(cancel_us.unwrap_or(0))?;
            if train.start_us() < earliest_us {
                return Err(Error::Early { field: "start_us", value_us: train.start_us(), earliest_us });
            }
            earliest_us = train.start_us();
        }
        let plan = Self { actuator, from_us, to_us, segments, trains };
        SCHEDULE_STEPS.check(plan.due_steps())?;
        Ok(plan)
    }

    /// Counts the steps that a walk visits: no fewer than the pulses of the schedule, and in plain release just as many.
    #[must_use]
    pub fn due_steps(&self) -> u64 {
        let (cut_us, end_us) = self.bounds();
        let trains = self.trains.iter().map(|planned| planned.steps_between(cut_us, end_us));
        trains.fold(self.basal_steps(end_us), u64::saturating_add)
    }

    /// Walks the plan and hands each pulse to `emit` in order.
    ///
    /// `memory` lends one lane more than there are trains; what is in it does not matter.
    ///
    /// # Errors
    /// [`Error::Memory`] where too little is lent; [`Error::Range`] of `WAITING_STEPS` where more than 100 steps would be
    /// due and still wait for the actuator. Pulses before that have been emitted: drop them.
    ///
    /// # Examples
    /// ```
    /// use pumpcore_kernel::schedule::{Plan, PlanLane, PlanPulse};
    /// use pumpcore_kernel::{Actuator, Kind, Segment};
    /// let segments = [Segment::new(0, 100_000_000)?]; // 100 U/h in steps of 0.05 U: one each 1.8 s
    /// let plan = Plan::new(Actuator::new(50_000, 0, 3_000_000)?, 0, 6_000_000, &segments, &[])?;
    /// let (mut pulses, mut count) = ([None; 4], 0);
    /// plan.walk(&mut [PlanLane::UNUSED], |pulse| {
    ///     pulses[count] = Some(pulse);
    ///     count += 1;
    /// })?;
    /// assert_eq!(pulses[0], Some(PlanPulse { at_us: 3_000_000, kind: Kind::Basal, steps: 1 }));
    /// assert_eq!(pulses[1], Some(PlanPulse { at_us: 6_000_000, kind: Kind::Basal, steps: 2 }));
    /// assert_eq!(count, 2);
    /// # Ok::<(), pumpcore_kernel::Error>(())
    /// ```
    pub fn walk(&self, memory: &mut [PlanLane], mut emit: impl FnMut(PlanPulse)) -> Result<()> {
        match self.actuator.release() {
            Release::Free => self.drive(memory, |at_us, lane| {
                if at_us > lane.book {
                    lane.stream = Stream::END;
                } else {
                    emit(PlanPulse { at_us, kind: lane.kind, steps: 1 });
                }
                Ok(())
            }),
            Release::Gap(gap_us) => self.walk_gap(memory, gap_us, emit),
            Release::Grid(grid_us) => {
                let mut tray = Tray::default();
                self.drive(memory, |due_us, lane| {
                    // Never saturates because due <= 1e16 and the grid is at most a day.
                    let at_us = due_us.div_ceil(grid_us.get()).saturating_mul(grid_us.get());
                    if at_us > lane.book {
                        lane.stream = Stream::END;
                    } else {
                        tray.put(at_us, lane.kind, &mut emit);
                    }
                    Ok(())
                })?;
                tray.empty(&mut emit);
                Ok(())
            }
        }
    }

    fn walk_gap(&self, memory: &mut [PlanLane], gap_us: NonZeroU64, mut emit: impl FnMut(PlanPulse)) -> Result<()> {
        let mut ready_us = 0;
        let mut last = [0_u64; WAITING_MOST];
        let mut turn = 0;
        self.drive(memory, |due_us, lane| {
            let at_us = due_us.max(ready_us);
            if at_us > lane.book {
                lane.stream = Stream::END;
                return Ok(());
            }
            // `last` holds when the 100 pulses before this one leave: if the oldest of them has not left when this
            // step falls due, then it and the 100 after it (this one among them) all wait.
            if let Some(oldest_us) = last.get_mut(turn) {
                if *oldest_us > due_us {
                    let value = WAITING_STEPS.largest.saturating_add(1);
                    return Err(Error::Range { range: &WAITING_STEPS, value });
                }
                *oldest_us = at_us;
            }
            turn = turn.saturating_add(1);
            if turn == WAITING_MOST {
                turn = 0;
            }
            // Never saturates because at most 100 gaps of at most an hour lie between a due time and its pulse.
            ready_us = at_us.saturating_add(gap_us.get());
            if at_us > self.from_us && at_us <= self.to_us {
                emit(PlanPulse { at_us, kind: lane.kind, steps: 1 });
            }
            Ok(())
        })
    }

    /// Steps due up to the first bound have left before the window; steps due after the second leave after it.
    ///
    /// With a gap the first bound says nothing (a step due long before may still wait), so all steps are walked.
    fn bounds(&self) -> (u64, u64) {
        match self.actuator.release() {
            Release::Free => (self.from_us, self.to_us),
            Release::Gap(_) => (0, self.to_us),
            Release::Grid(grid_us) => {
                let on_grid = |at_us: u64| at_us.saturating_sub(at_us % grid_us);
                (on_grid(self.from_us), on_grid(self.to_us))
            }
        }
    }

    /// Counts the basal steps due by `end_us`.
    fn basal_steps(&self, end_us: u64) -> u64 {
        let mut earned_fine: u128 = 0;
        for (index, segment) in self.segments.iter().enumerate() {
            let next = self.segments.get(index.saturating_add(1));
            let until_us = next.map_or(end_us, |next| next.start_us().min(end_us));
            let span_us = until_us.saturating_sub(segment.start_us().max(self.from_us));
            // Never wraps because the spans do not overlap: at most 1e16 us x 1e9 uu/h in all.
            let earned = u128::from(span_us).wrapping_mul(u128::from(segment.rate_uu_per_h()));
            earned_fine = earned_fine.wrapping_add(earned);
        }
        let steps = earned_fine / core::num::NonZeroU128::from(self.actuator.step_fine());
        u64::try_from(steps).unwrap_or(u64::MAX)
    }

    /// Takes every due step in order: from one event (a rate edge, a train's start) to the next.
    ///
    /// Bounded: each turn consumes an event or is the last.
    fn drive(&self, memory: &mut [PlanLane], mut visit: impl FnMut(u64, &mut PlanLane) -> Result<()>) -> Result<()> {
        let (cut_us, end_us) = self.bounds();
        let step_fine = self.actuator.step_fine();
        let needed = self.trains.len().saturating_add(1);
        if memory.len() < needed {
            return Err(Error::Memory { lent: memory.len(), needed });
        }
        let first_edge = self.segments.partition_point(|segment| segment.start_us() <= self.from_us);
        let (before, edges) = self.segments.split_at_checked(first_edge).unwrap_or((&[], self.segments));
        let rate = before.last().map_or(0, Segment::rate_uu_per_h);
        let mut used = 0;
        let mut lanes = Lanes::new(memory, &mut used);
        let ramp = Ramp::basal(self.from_us, step_fine, rate, 0);
        lanes.insert(Lane { stream: Stream::basal(ramp), kind: Kind::Basal, book: NEVER_US }, |_| false)?;
        let mut rest_fine = 0;
        let mut edges = edges.iter().peekable();
        let mut starts = self.trains.iter().peekable();
        loop {
            let edge_us = edges.peek().map_or(NEVER_US, |edge| edge.start_us());
            let start_us = starts.peek().map_or(NEVER_US, |planned| planned.train.start_us());
            let until_us = edge_us.min(start_us).min(end_us);
            // Steps due exactly at an edge were earned before it, and a train's first step is due after its start.
            lanes.merge(until_us, &mut visit)?;
            if until_us == end_us {
                return Ok(());
            }
            lanes.retire(|lane| lane.stream.next_us() == NEVER_US);
            if let Some(edge) = edges.next_if(|_| edge_us == until_us)
                && let Some(basal) = lanes.all().first_mut()
            {
                rest_fine = basal.stream.ramp().rest_fine(step_fine, edge_us).unwrap_or(rest_fine);
                basal.stream = Stream::basal(Ramp::basal(edge_us, step_fine, edge.rate_uu_per_h(), rest_fine));
            }
            while let Some(planned) = starts.next_if(|planned| planned.train.start_us() == until_us) {
                let first = planned.train.count_at(cut_us).saturating_add(1);
                if planned.train.due_at(first).is_some_and(|due_us| due_us <= planned.last_us()) {
                    let (kind, stream) = (planned.train.kind(), Stream::train(&planned.train, first));
                    let lane = Lane { stream, kind, book: planned.last_us() };
                    lanes.insert(lane, |other| other.kind > kind)?;
                }
            }
        }
    }
}

/// As many steps as may wait for the actuator.
const WAITING_MOST: usize = 100;
const _: () = assert!(WAITING_STEPS.largest == 100, "WAITING_MOST is the largest of WAITING_STEPS");

/// The steps of one grid instant, by kind of channel.
#[derive(Debug, Default)]
struct Tray {
    at_us: u64,
    steps: [u32; 3],
}

impl Tray {
    const KINDS: [Kind; 3] = [Kind::Basal, Kind::Extended, Kind::Bolus];

    fn put(&mut self, at_us: u64, kind: Kind, emit: &mut impl FnMut(PlanPulse)) {
        if at_us != self.at_us {
            self.empty(emit);
            self.at_us = at_us;
        }
        let [basal, extended, bolus] = &mut self.steps;
        let steps = match kind {
            Kind::Basal => basal,
            Kind::Extended => extended,
            Kind::Bolus => bolus,
        };
        // Never saturates because a plan has at most 1e8 due steps.
        *steps = steps.saturating_add(1);
    }

    fn empty(&mut self, emit: &mut impl FnMut(PlanPulse)) {
        for (steps, kind) in core::mem::take(&mut self.steps).into_iter().zip(Self::KINDS) {
            if steps > 0 {
                emit(PlanPulse { at_us: self.at_us, kind, steps });
            }
        }
    }
}
