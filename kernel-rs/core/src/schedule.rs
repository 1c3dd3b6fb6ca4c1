//! A whole plan at once: every pulse that leaves in `from_us < at_us <= to_us`.

pub use crate::dues::{Braid, Dues, Knit};
use crate::error::{Error, Result};
use crate::law::{Actuator, Kind, Release, Segment, Train, check_order, div};
use crate::ramp::{NEVER_US, Ramp};
use crate::range::{SCHEDULE_STEPS, TIME_US};
use crate::walk::{Free, Gap, Grid, Outlet, Walk};
pub use crate::walk::{PlanLane, PlanPulse, PlanSink};

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

/// A checked plan. It keeps its lists as the caller likes: slices, arrays, vectors.
#[derive(Clone, Copy, Debug)]
pub struct Plan<S, T> {
    actuator: Actuator,
    from_us: u64,
    to_us: u64,
    due_steps: u64,
    segments: S,
    trains: T,
}

impl<S: AsRef<[Segment]>, T: AsRef<[Planned]>> Plan<S, T> {
    /// Checks and takes a plan: `segments` as in [`crate::law::Programme`], `trains` ordered by start.
    ///
    /// # Errors
    /// [`Error::Range`] for a time outside its range or for more than `SCHEDULE_STEPS` due steps, [`Error::Early`] for
    /// a window that ends before it begins, or for a segment or train out of order.
    pub fn new(actuator: Actuator, from_us: u64, to_us: u64, segments: S, trains: T) -> Result<Self> {
        TIME_US.check(from_us)?;
        TIME_US.check(to_us)?;
        if to_us < from_us {
            return Err(Error::Early { field: "to_us", value_us: to_us, earliest_us: from_us });
        }
        check_order(segments.as_ref()).map_err(|(_, error)| error)?;
        let mut earliest_us = 0;
        for Planned { train, cancel_us } in trains.as_ref() {
            TIME_US.check(cancel_us.unwrap_or(0))?;
            if train.start_us() < earliest_us {
                return Err(Error::Early { field: "start_us", value_us: train.start_us(), earliest_us });
            }
            earliest_us = train.start_us();
        }
        let mut plan = Self { actuator, from_us, to_us, due_steps: 0, segments, trains };
        plan.due_steps = SCHEDULE_STEPS.check(plan.count_due())?;
        Ok(plan)
    }

    /// The actuator.
    #[must_use]
    pub const fn actuator(&self) -> &Actuator {
        &self.actuator
    }

    /// Beginning and end of the window.
    #[must_use]
    pub const fn window_us(&self) -> (u64, u64) {
        (self.from_us, self.to_us)
    }

    /// The segments.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        self.segments.as_ref()
    }

    /// The trains, by start.
    #[must_use]
    pub fn trains(&self) -> &[Planned] {
        self.trains.as_ref()
    }

    /// How many lanes a walk needs: one more than there are trains.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.trains.as_ref().len().saturating_add(1)
    }

    /// How many steps a walk visits: no fewer than the pulses of the schedule, and in plain release just as many.
    #[must_use]
    pub const fn due_steps(&self) -> u64 {
        self.due_steps
    }

    /// Counts the steps that have left by `at_us` since the window began, by the code of their kind.
    ///
    /// In closed form: O(segments + trains), whatever the number of steps. None for an actuator with a gap, of which only
    /// a walk can say when waiting steps leave. After the window's end nothing leaves.
    #[must_use]
    pub fn left_by(&self, at_us: u64) -> Option<[u64; 3]> {
        let on_grid = |at_us: u64| match self.actuator.release() {
            Release::Free => Some(at_us),
            Release::Gap(_) => None,
            // A step leaves by then exactly if it is due by the last instant of the grid until then.
            Release::Grid(grid_us) => Some(at_us.saturating_sub(at_us % grid_us)),
        };
        let (cut_us, until_us) = (on_grid(self.from_us)?, on_grid(at_us.min(self.to_us))?);
        let [mut extended, mut bolus] = [0_u64; 2];
        for Planned { train, cancel_us } in self.trains.as_ref() {
            let until_us = cancel_us.and_then(on_grid).map_or(until_us, |cancel_us| until_us.min(cancel_us));
            let steps = train.count_at(until_us).saturating_sub(train.count_at(cut_us));
            let sum = if train.kind() == Kind::Extended { &mut extended } else { &mut bolus };
            *sum = sum.saturating_add(steps);
        }
        Some([self.basal_steps(until_us), extended, bolus])
    }

    fn count_due(&self) -> u64 {
        let (cut_us, end_us) = self.bounds();
        let trains = self.trains.as_ref().iter().map(|planned| planned.steps_between(cut_us, end_us));
        trains.fold(self.basal_steps(end_us), u64::saturating_add)
    }

    /// Walks the plan and hands its pulses to `sink` in order.
    ///
    /// `memory` lends one lane more than there are trains; what is in it does not matter.
    ///
    /// # Errors
    /// [`Error::Memory`] where too little is lent; [`Error::Range`] of `WAITING_STEPS` where more than 100 steps would be
    /// due and still wait for the actuator. Pulses before that have been emitted: drop them.
    ///
    /// # Examples
    /// ```
    /// use pumpcore_kernel::schedule::{Plan, PlanLane, PlanPulse, Planned};
    /// use pumpcore_kernel::{Actuator, Kind, Segment};
    /// let segments = [Segment::new(0, 100_000_000)?]; // 100 U/h in steps of 0.05 U: one each 1.8 s
    /// let trains: [Planned; 0] = [];
    /// let plan = Plan::new(Actuator::new(50_000, 0, 3_000_000)?, 0, 6_000_000, segments, trains)?;
    /// let (mut pulses, mut count) = ([None; 4], 0);
    /// plan.walk(&mut [PlanLane::UNUSED], &mut |pulse| {
    ///     pulses[count] = Some(pulse);
    ///     count += 1;
    /// })?;
    /// assert_eq!(pulses[0], Some(PlanPulse { at_us: 3_000_000, kind: Kind::Basal, steps: 1 }));
    /// assert_eq!(pulses[1], Some(PlanPulse { at_us: 6_000_000, kind: Kind::Basal, steps: 2 }));
    /// assert_eq!(count, 2);
    /// # Ok::<(), pumpcore_kernel::Error>(())
    /// ```
    pub fn walk(&self, memory: &mut [PlanLane], sink: &mut impl PlanSink) -> Result<()> {
        match self.actuator.release() {
            Release::Free => self.drive(memory, &mut Free { sink }),
            Release::Gap(gap_us) => self.drive(memory, &mut Gap::new(sink, gap_us, self.from_us, self.to_us)),
            Release::Grid(grid_us) => {
                let mut grid = Grid::new(sink, grid_us);
                self.drive(memory, &mut grid)?;
                grid.empty();
                Ok(())
            }
        }
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
        let segments = self.segments.as_ref();
        for (index, segment) in segments.iter().enumerate() {
            let next = segments.get(index.saturating_add(1));
            let until_us = next.map_or(end_us, |next| next.start_us().min(end_us));
            let span_us = until_us.saturating_sub(segment.start_us().max(self.from_us));
            // Never wraps because the spans do not overlap: at most 1e16 us x 1e9 uu/h in all.
            let earned = u128::from(span_us).wrapping_mul(u128::from(segment.rate_uu_per_h()));
            earned_fine = earned_fine.wrapping_add(earned);
        }
        div(earned_fine, self.actuator.step_fine())
    }

    /// Takes every due step in order: from one event (a rate edge, a train's start) to the next.
    ///
    /// Bounded: each turn consumes an event or is the last.
    fn drive(&self, memory: &mut [PlanLane], outlet: &mut impl Outlet) -> Result<()> {
        let (cut_us, end_us) = self.bounds();
        let step_fine = self.actuator.step_fine();
        let (segments, trains) = (self.segments.as_ref(), self.trains.as_ref());
        let (lent, needed) = (memory.len(), self.lanes());
        let too_little = Error::Memory { lent, needed };
        let first_edge = segments.partition_point(|segment| segment.start_us() <= self.from_us);
        let (before, edges) = segments.split_at_checked(first_edge).unwrap_or((&[], segments));
        let rate = before.last().map_or(0, Segment::rate_uu_per_h);
        let memory = memory.get_mut(..needed).ok_or(too_little)?;
        let mut walk = Walk::new(memory, Ramp::basal(self.from_us, step_fine, rate, 0)).ok_or(too_little)?;
        let mut rest_fine = 0;
        let mut edges = edges.iter().peekable();
        let mut starts = trains.iter().peekable();
        loop {
            let edge_us = edges.peek().map_or(NEVER_US, |edge| edge.start_us());
            let start_us = starts.peek().map_or(NEVER_US, |planned| planned.train.start_us());
            let until_us = edge_us.min(start_us).min(end_us);
            // Steps due exactly at an edge were earned before it, and a train's first step is due after its start.
            walk.weave(until_us, outlet)?;
            if until_us == end_us {
                return Ok(());
            }
            walk.retire();
            if let Some(edge) = edges.next_if(|_| edge_us == until_us)
                && let Some(ramp) = walk.basal()
            {
                rest_fine = ramp.rest_fine(step_fine, edge_us).unwrap_or(rest_fine);
                *ramp = Ramp::basal(edge_us, step_fine, edge.rate_uu_per_h(), rest_fine);
            }
            while let Some(planned) = starts.next_if(|planned| planned.train.start_us() == until_us) {
                let train = &planned.train;
                let first = train.count_at(cut_us).saturating_add(1);
                let (ramp, cancel_us) = (Ramp::train(train, first), planned.last_us());
                let last_us = train.end_us().min(cancel_us);
                // One that has no step in the window never runs; so no more run than there are due steps.
                if ramp.next_us() <= last_us.min(end_us) {
                    walk.start(ramp, last_us, cancel_us, train.kind()).ok_or(too_little)?;
                }
            }
        }
    }
}
