//! The engine that a pump runs: one basal channel, up to seven trains, fixed capacity, no allocation.
//!
//! It works in virtual time. Commands act at `now_us`, the instant up to which it has been advanced; `advance` says what
//! leaves the actuator until a later instant, however far that is, and any slicing gives the same pulses. Every step that
//! falls due is commanded, or missed (skipped by the caller, or withheld by a cap), or still waits: none is lost.

use core::num::NonZeroU128;

use crate::admission::admits;
use crate::caps::Caps;
use crate::error::{Error, Result};
use crate::lanes::{Lane, Lanes};
use crate::law::{Actuator, Kind, Release, Train};
use crate::ramp::{NEVER_US, Ramp, Stream};
use crate::range::{DAY_CAP_UU, HOUR_CAP_UU, RATE_UU_PER_H, SCHEDULE_STEPS, TIME_US, TRAIN_ID, TRAINS, WAITING_STEPS};

/// Lanes of an engine: basal and seven trains.
pub(crate) const LANES: usize = 8;
/// Steps that may wait for an actuator with a gap.
pub(crate) const WAITING_MOST: usize = 100;
const _: () = assert!(TRAINS.largest == 7 && LANES == 8, "one lane for basal and one for each train");
const _: () = assert!(WAITING_STEPS.largest == 100 && WAITING_MOST == 100, "the queue holds all that may wait");

/// The number by which the basal channel goes where trains go by theirs.
pub const BASAL_ID: u32 = 0;

/// A pulse to command: `steps` steps at one instant for one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// When it leaves.
    pub at_us: u64,
    /// Which kind of channel.
    pub kind: Kind,
    /// Which train, or [`BASAL_ID`].
    pub id: u32,
    /// How many steps, at least one.
    pub steps: u32,
}

/// Steps of one channel that one call did not command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Which kind of channel.
    pub kind: Kind,
    /// Which train, or [`BASAL_ID`].
    pub id: u32,
    /// How many steps, at least one.
    pub steps: u64,
}

/// Where an engine puts its answers.
pub trait Sink {
    /// Takes a pulse. Pulses come in the order they leave.
    fn pulse(&mut self, pulse: Pulse);
    /// Takes what was missed, once for each channel at the end of a call: withheld by a cap (`advance`) or skipped (`skip`).
    fn missed(&mut self, missed: Missed);
}

/// What the engine notes of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Book {
    pub(crate) id: u32,
    pub(crate) train: Option<Train>,
    pub(crate) delivered_steps: u64,
    pub(crate) missed_steps: u64,
    pub(crate) waiting_steps: u64,
    missed_now_steps: u64,
}

impl Book {
    pub(crate) const fn new(id: u32, train: Option<Train>, delivered: u64, missed: u64, waiting: u64) -> Self {
        Self {
            id,
            train,
            delivered_steps: delivered,
            missed_steps: missed,
            waiting_steps: waiting,
            missed_now_steps: 0,
        }
    }
}

pub(crate) type Channel = Lane<Book>;

pub(crate) const UNUSED: Channel =
    Lane { stream: Stream::END, kind: Kind::Basal, book: Book::new(BASAL_ID, None, 0, 0, 0) };

/// What became of a running channel's steps so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which kind of channel.
    pub kind: Kind,
    /// Which train, or [`BASAL_ID`].
    pub id: u32,
    /// Steps of the train in all; for basal all that fell due.
    pub programmed_steps: u64,
    /// Steps commanded.
    pub delivered_steps: u64,
    /// Steps skipped or withheld.
    pub missed_steps: u64,
    /// Steps due, neither commanded nor missed: they wait for the actuator.
    pub waiting_steps: u64,
}

impl Progress {
    /// Steps that are neither delivered nor missed yet.
    #[must_use]
    pub const fn remaining_steps(&self) -> u64 {
        self.programmed_steps.saturating_sub(self.delivered_steps).saturating_sub(self.missed_steps)
    }
}

/// Steps that wait for the actuator, in the order they fell due, by the number of their channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    ids: [u32; WAITING_MOST],
    len: usize,
}

impl Queue {
    pub(crate) const EMPTY: Self = Self { ids: [BASAL_ID; WAITING_MOST], len: 0 };

    pub(crate) fn ids(&self) -> &[u32] {
        self.ids.get(..self.len).unwrap_or_default()
    }

    /// Appends; false where it is full, which admission rules out.
    pub(crate) fn push(&mut self, id: u32) -> bool {
        let Some(place) = self.ids.get_mut(self.len) else { return false };
        *place = id;
        self.len = self.len.saturating_add(1);
        true
    }

    fn pop(&mut self) -> Option<u32> {
        let first = self.ids().first().copied()?;
        self.ids.copy_within(1.., 0);
        self.len = self.len.saturating_sub(1);
        Some(first)
    }

    fn remove(&mut self, id: u32) {
        let all = *self;
        self.len = 0;
        for &other in all.ids().iter().filter(|&&other| other != id) {
            self.push(other);
        }
    }
}

/// The engine.
///
/// # Examples
/// ```
/// use pumpcore_kernel::{Actuator, Delivery, Kind, Missed, Pulse, Sink};
///
/// struct Steps(u64);
/// impl Sink for Steps {
///     fn pulse(&mut self, pulse: Pulse) { self.0 += u64::from(pulse.steps) }
///     fn missed(&mut self, _: Missed) {}
/// }
/// // 0.7 U/h, set anew every five minutes for a day, in steps of 0.05 U: 16.8 U, not one step less.
/// let mut engine = Delivery::new(Actuator::new(50_000, 0, 0)?, 0, None, None)?;
/// let mut steps = Steps(0);
/// for minute in (0..1440).step_by(5) {
///     engine.set_rate(700_000)?;
///     engine.advance((minute + 5) * 60_000_000, &mut steps)?;
/// }
/// assert_eq!(steps.0 * 50_000, 16_800_000);
/// # Ok::<(), pumpcore_kernel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delivery {
    pub(crate) actuator: Actuator,
    pub(crate) now_us: u64,
    pub(crate) rate_uu_per_h: u64,
    /// While the rate is zero: what basal has earned of a step. Otherwise zero, and it follows from the ramp.
    idle_rest_fine: u64,
    pub(crate) next_id: u64,
    /// With a gap: the earliest instant for the next pulse.
    pub(crate) ready_us: u64,
    pub(crate) queue: Queue,
    pub(crate) channels: [Channel; LANES],
    pub(crate) used: usize,
    pub(crate) caps: Caps,
}

impl Delivery {
    /// Makes an engine that stands at `at_us`, with rate zero and no train.
    ///
    /// # Rounding
    /// The caps are rounded down to whole steps.
    ///
    /// # Errors
    /// [`Error::Range`] for a time or a cap outside its range.
    pub fn new(actuator: Actuator, at_us: u64, hour_cap_uu: Option<u64>, day_cap_uu: Option<u64>) -> Result<Self> {
        let (hour, day) = cap_steps(&actuator, hour_cap_uu, day_cap_uu)?;
        let mut channels = [UNUSED; LANES];
        channels[0].stream = Stream::basal(Ramp::NEVER);
        Ok(Self {
            actuator,
            now_us: TIME_US.check(at_us)?,
            rate_uu_per_h: 0,
            idle_rest_fine: 0,
            next_id: TRAIN_ID.least,
            ready_us: 0,
            queue: Queue::EMPTY,
            channels,
            used: 1,
            caps: Caps::new(at_us, hour, day),
        })
    }

    /// The instant up to which it has been advanced.
    #[must_use]
    pub const fn now_us(&self) -> u64 {
        self.now_us
    }

    /// The actuator.
    #[must_use]
    pub const fn actuator(&self) -> &Actuator {
        &self.actuator
    }

    /// The basal rate in force.
    #[must_use]
    pub const fn rate_uu_per_h(&self) -> u64 {
        self.rate_uu_per_h
    }

    /// The steps commanded in the hour and in the day that end now, as the caps count them: never too few.
    #[must_use]
    pub fn window_steps(&self) -> (u64, u64) {
        self.caps.counts(self.now_us)
    }

    /// What basal has earned of its next step, in fine units (1 uu = 3.6e9): always below one step.
    #[must_use]
    pub fn rest_fine(&self) -> u64 {
        let ramp = self.channels.first().map(|basal| basal.stream.ramp());
        ramp.and_then(|ramp| ramp.rest_fine(self.actuator.step_fine(), self.now_us)).unwrap_or(self.idle_rest_fine)
    }

    /// The channels that run: basal, then the trains in tie order.
    pub fn progress(&self) -> impl Iterator<Item = Progress> + '_ {
        self.channels.iter().take(self.used).map(progress_of)
    }

    /// Changes the caps. What was commanded before counts in their windows.
    ///
    /// # Rounding
    /// The caps are rounded down to whole steps.
    ///
    /// # Errors
    /// [`Error::Range`] for a cap outside its range. Nothing is changed.
    pub fn set_caps(&mut self, hour_cap_uu: Option<u64>, day_cap_uu: Option<u64>) -> Result<()> {
        let (hour, day) = cap_steps(&self.actuator, hour_cap_uu, day_cap_uu)?;
        self.caps.set(hour, day);
        Ok(())
    }

    /// Changes the basal rate from now on. What is earned of a step is carried over, exactly.
    ///
    /// # Errors
    /// [`Error::Range`] for a rate outside its range, or (only for a higher rate than before, on an actuator with a gap)
    /// where more than 100 steps might come to wait. Nothing is changed.
    pub fn set_rate(&mut self, rate_uu_per_h: u64) -> Result<()> {
        RATE_UU_PER_H.check(rate_uu_per_h)?;
        if rate_uu_per_h > self.rate_uu_per_h {
            self.admit(rate_uu_per_h, None)?;
        }
        let rest_fine = self.rest_fine();
        self.rate_uu_per_h = rate_uu_per_h;
        self.restart_basal(rest_fine);
        Ok(())
    }

    /// Drops what basal has earned of its next step: less than one step. For suspend policies that say so.
    pub fn drop_rest(&mut self) {
        self.restart_basal(0);
    }

    /// Lets basal earn at the rate in force from now on, with `rest_fine` of its next step earned already.
    pub(crate) fn restart_basal(&mut self, rest_fine: u64) {
        self.idle_rest_fine = if self.rate_uu_per_h == 0 { rest_fine } else { 0 };
        let ramp = Ramp::basal(self.now_us, self.actuator.step_fine(), self.rate_uu_per_h, rest_fine);
        if let Some(basal) = self.channels.first_mut() {
            basal.stream = Stream::basal(ramp);
        }
    }

    /// Starts a train at `start_us`, now or later, and returns its number.
    ///
    /// # Errors
    /// [`Error::Range`] or [`Error::WholeSteps`] for a bad quantity, [`Error::Early`] for a start before now,
    /// [`Error::Range`] of `TRAINS` where seven run already, and of `WAITING_STEPS` where (on an actuator with a gap) more
    /// than 100 steps might come to wait. Nothing is changed.
    pub fn start_train(&mut self, kind: Kind, start_us: u64, duration_us: u64, amount_uu: u64) -> Result<u32> {
        let train = Train::new(&self.actuator, kind, start_us, duration_us, amount_uu)?;
        if start_us < self.now_us {
            return Err(Error::Early { field: "start_us", value_us: start_us, earliest_us: self.now_us });
        }
        if self.used >= LANES {
            return Err(Error::Range { range: &TRAINS, value: TRAINS.largest.saturating_add(1) });
        }
        let no_id = Error::Range { range: &TRAIN_ID, value: self.next_id };
        let id = u32::try_from(TRAIN_ID.check(self.next_id)?).map_err(|_| no_id)?;
        self.admit(self.rate_uu_per_h, Some(&train))?;
        self.insert(train, Stream::train(&train, 1), Book::new(id, Some(train), 0, 0, 0))?;
        self.next_id = self.next_id.saturating_add(1);
        Ok(id)
    }

    /// Puts a train in its place: by kind, start and number.
    pub(crate) fn insert(&mut self, train: Train, stream: Stream, book: Book) -> Result<()> {
        let lane = Lane { stream, kind: train.kind(), book };
        // Numbers only rise, so among trains of one kind and start the new one is the last.
        Lanes::new(&mut self.channels, &mut self.used).insert(lane, |other| {
            let start_us = other.book.train.map(|other| other.start_us());
            (other.kind, start_us) > (train.kind(), Some(train.start_us()))
        })
    }

    fn admit(&self, rate_uu_per_h: u64, new: Option<&Train>) -> Result<()> {
        let Release::Gap(gap_us) = self.actuator.release() else { return Ok(()) };
        let running = self.channels.iter().take(self.used).filter_map(|lane| lane.book.train.as_ref());
        let waiting = u64::try_from(self.queue.ids().len()).unwrap_or(u64::MAX);
        let step_fine = self.actuator.step_fine();
        if admits(gap_us, self.now_us, waiting, step_fine, rate_uu_per_h, running.chain(new)) {
            return Ok(());
        }
        Err(Error::Range { range: &WAITING_STEPS, value: WAITING_STEPS.largest.saturating_add(1) })
    }

    /// Ends a train now and says what became of its steps: delivered plus missed plus remaining is all of it.
    ///
    /// # Errors
    /// [`Error::NoSuchTrain`] where no train of that number runs. Nothing is changed.
    pub fn cancel(&mut self, id: u32) -> Result<Progress> {
        let train = self.progress().find(|progress| progress.id == id && id != BASAL_ID);
        let progress = train.ok_or(Error::NoSuchTrain { id })?;
        self.queue.remove(id);
        Lanes::new(&mut self.channels, &mut self.used).retire(|lane| lane.book.id == id);
        Ok(progress)
    }

    /// Says when the next pulse leaves if nothing is commanded before, or None if none does within the range of times.
    #[must_use]
    pub fn next_due_us(&self) -> Option<u64> {
        let due_us = self.channels.iter().take(self.used).map(|lane| lane.stream.next_us()).min()?;
        let waits = self.channels.iter().take(self.used).any(|lane| lane.book.waiting_steps > 0);
        let at_us = match self.actuator.release() {
            Release::Free => due_us,
            Release::Gap(_) if waits => self.ready_us,
            Release::Gap(_) => due_us.max(self.ready_us),
            Release::Grid(grid_us) if waits => next_on_grid(self.now_us, grid_us.get()),
            Release::Grid(_) if due_us == NEVER_US => NEVER_US,
            Release::Grid(grid_us) => due_us.div_ceil(grid_us.get()).saturating_mul(grid_us.get()),
        };
        Some(at_us).filter(|&at_us| at_us <= TIME_US.largest)
    }

    /// Counts the steps that wait now or fall due by `to_us` if nothing is commanded before.
    #[must_use]
    pub fn steps_until(&self, to_us: u64) -> u64 {
        let span_us = u128::from(to_us.saturating_sub(self.now_us));
        // Never wraps because u64 x 1e9 + 3.6e15 < 2^128.
        let earned = span_us.wrapping_mul(u128::from(self.rate_uu_per_h)).wrapping_add(u128::from(self.rest_fine()));
        let basal = u64::try_from(earned / NonZeroU128::from(self.actuator.step_fine())).unwrap_or(u64::MAX);
        let channels = self.channels.iter().take(self.used);
        channels.fold(basal, |steps, Channel { stream, book, .. }| {
            let left = book.train.map_or(0, |train| {
                let taken = train.steps().get().saturating_sub(stream.left_steps());
                train.count_at(to_us).saturating_sub(taken)
            });
            steps.saturating_add(left).saturating_add(book.waiting_steps)
        })
    }

    /// Advances to `to_us` and hands every pulse that leaves until then (`to_us` included) to `sink`.
    ///
    /// A cap that is reached withholds steps: they are reported as missed, not delayed.
    ///
    /// # Errors
    /// [`Error::Range`] or [`Error::Early`] for a time outside its range or before now, [`Error::Range`] of
    /// `SCHEDULE_STEPS` for so far a jump that more steps fall due. Nothing is changed.
    pub fn advance(&mut self, to_us: u64, sink: &mut impl Sink) -> Result<()> {
        self.go(to_us, sink, true)
    }

    /// Advances to `to_us` and commands nothing: every step that would have left is reported as missed.
    ///
    /// # Errors
    /// As for [`Delivery::advance`].
    pub fn skip(&mut self, to_us: u64, sink: &mut impl Sink) -> Result<()> {
        self.go(to_us, sink, false)
    }

    fn go(&mut self, to_us: u64, sink: &mut impl Sink, command: bool) -> Result<()> {
        TIME_US.check(to_us)?;
        if to_us < self.now_us {
            return Err(Error::Early { field: "to_us", value_us: to_us, earliest_us: self.now_us });
        }
        SCHEDULE_STEPS.check(self.steps_until(to_us))?;
        let mut gate = Gate { caps: &mut self.caps, sink: &mut *sink, command };
        let mut lanes = Lanes::new(&mut self.channels, &mut self.used);
        match self.actuator.release() {
            Release::Free => lanes.merge(to_us, |due_us, lane| {
                gate.pass(due_us, lane, 1);
                Ok(())
            })?,
            Release::Gap(gap_us) => {
                let (queue, ready_us) = (&mut self.queue, &mut self.ready_us);
                while *ready_us <= to_us
                    && let Some(id) = queue.pop()
                {
                    if let Some(lane) = lanes.all().iter_mut().find(|lane| lane.book.id == id) {
                        lane.book.waiting_steps = lane.book.waiting_steps.saturating_sub(1);
                        if gate.pass(*ready_us, lane, 1) {
                            *ready_us = ready_us.saturating_add(gap_us.get());
                        }
                    }
                }
                lanes.merge(to_us, |due_us, lane| {
                    let at_us = due_us.max(*ready_us);
                    if at_us <= to_us {
                        if gate.pass(at_us, lane, 1) {
                            *ready_us = at_us.saturating_add(gap_us.get());
                        }
                    } else if queue.push(lane.book.id) {
                        lane.book.waiting_steps = lane.book.waiting_steps.saturating_add(1);
                    } else {
                        // Admission rules this out; if it were wrong, the step is missed and said to be.
                        lane.book.miss(1);
                    }
                    Ok(())
                })?;
            }
            Release::Grid(grid_us) => {
                let grid_us = grid_us.get();
                let mut now_us = self.now_us;
                loop {
                    let waits = lanes.all().iter().any(|lane| lane.book.waiting_steps > 0);
                    let due_us = lanes.all().iter().map(|lane| lane.stream.next_us()).min().unwrap_or(NEVER_US);
                    let before_us = if waits { now_us } else { due_us.saturating_sub(1) };
                    let at_us = next_on_grid(before_us, grid_us);
                    lanes.merge(at_us.min(to_us), |_, lane| {
                        lane.book.waiting_steps = lane.book.waiting_steps.saturating_add(1);
                        Ok(())
                    })?;
                    // Bounded: every turn but the last lets at least one due step leave.
                    if at_us > to_us {
                        break;
                    }
                    for lane in lanes.all() {
                        let steps = core::mem::take(&mut lane.book.waiting_steps);
                        // Never truncates: a day on the grid holds at most 2.4e8 basal steps, a train 1e7.
                        gate.pass(at_us, lane, u32::try_from(steps).unwrap_or(u32::MAX));
                    }
                    now_us = at_us;
                }
            }
        }
        for lane in lanes.all() {
            let steps = core::mem::take(&mut lane.book.missed_now_steps);
            if steps > 0 {
                sink.missed(Missed { kind: lane.kind, id: lane.book.id, steps });
            }
        }
        lanes.retire(|lane| lane.stream.next_us() == NEVER_US && lane.book.waiting_steps == 0);
        self.now_us = to_us;
        Ok(())
    }
}

/// Where steps leave: past the caps, into the sink, or into the books as missed.
struct Gate<'a, S> {
    caps: &'a mut Caps,
    sink: &'a mut S,
    command: bool,
}

impl<S: Sink> Gate<'_, S> {
    /// Lets as many of `steps` leave at `at_us` as the caps allow; false where none did and the actuator stayed idle.
    ///
    /// Skipped steps keep the actuator's place in time, so that a skip changes no later pulse.
    fn pass(&mut self, at_us: u64, lane: &mut Channel, steps: u32) -> bool {
        let commanded = if self.command { self.caps.take(at_us, steps) } else { 0 };
        lane.book.delivered_steps = lane.book.delivered_steps.saturating_add(u64::from(commanded));
        lane.book.miss(u64::from(steps.saturating_sub(commanded)));
        if commanded > 0 {
            self.sink.pulse(Pulse { at_us, kind: lane.kind, id: lane.book.id, steps: commanded });
        }
        commanded > 0 || !self.command
    }
}

impl Book {
    fn miss(&mut self, steps: u64) {
        self.missed_steps = self.missed_steps.saturating_add(steps);
        self.missed_now_steps = self.missed_now_steps.saturating_add(steps);
    }
}

/// Both caps in whole steps.
fn cap_steps(actuator: &Actuator, hour_uu: Option<u64>, day_uu: Option<u64>) -> Result<(Option<u64>, Option<u64>)> {
    let steps = |cap_uu: u64| cap_uu.checked_div(actuator.step_uu()).unwrap_or(0);
    let hour = hour_uu.map(|cap_uu| HOUR_CAP_UU.check(cap_uu).map(steps)).transpose()?;
    let day = day_uu.map(|cap_uu| DAY_CAP_UU.check(cap_uu).map(steps)).transpose()?;
    Ok((hour, day))
}

/// The first whole multiple of `grid_us` after `at_us`.
fn next_on_grid(at_us: u64, grid_us: u64) -> u64 {
    let whole = at_us.checked_div(grid_us).unwrap_or(0).saturating_add(1);
    whole.saturating_mul(grid_us)
}

fn progress_of(lane: &Channel) -> Progress {
    let Book { id, train, delivered_steps, missed_steps, waiting_steps, .. } = lane.book;
    let fallen_due = delivered_steps.saturating_add(missed_steps).saturating_add(waiting_steps);
    let programmed_steps = train.map_or(fallen_due, |train| train.steps().get());
    Progress { kind: lane.kind, id, programmed_steps, delivered_steps, missed_steps, waiting_steps }
}
