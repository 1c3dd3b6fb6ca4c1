//! Doors of the kernel: each public function of `pumpcore-kernel` behind a symbol of its own, none of it copied. A
//! door's name is module, type (unless it is the module's own) and function.
//!
//! Two checks use the library that this makes:
//!
//! - it links only if no panic can be reached through any door, because the panic handler calls a function that exists
//!   nowhere. Every argument is whatever its type can hold, and so are the fields of an engine, a plan, a ramp: what
//!   only the kernel's own invariants rule out is not ruled out here.
//! - the walking step is executed from its machine code for all inputs: [`ramp_step`], [`ramp_stream_take`],
//!   [`ramp_rest_fine`] and what else `prove.py` names.
//!
//! What the kernel is generic over is the most that a caller may be: a sink is a function somewhere else, of which the
//! compiler knows nothing, and plans keep their lists in slices.
#![no_std]

use core::fmt::{self, Write};
use core::mem::MaybeUninit;
use core::num::NonZeroU64;

use pumpcore_kernel::caps::{Caps, Window};
use pumpcore_kernel::columns::Columns;
use pumpcore_kernel::law::{self, Cycle, Knot, Programme};
use pumpcore_kernel::ramp::{Ramp, Stream};
use pumpcore_kernel::range::{self, Range};
use pumpcore_kernel::schedule::{Braid, Dues, Knit, Plan, PlanLane, PlanPulse, PlanSink, Planned};
use pumpcore_kernel::snapshot::{self, Damage, Snapshot};
use pumpcore_kernel::{
    Actuator, Delivery, Error, Kind, Missed, Pulse, Release, Result, Segment, Sink, Train, admission, delivery,
};

unsafe extern "Rust" {
    /// Exists nowhere: a library in which a panic can be reached does not link.
    safe fn a_panic_can_be_reached() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    a_panic_can_be_reached()
}

/// A plan as the kernel is asked to walk it.
type Whole<'a> = Plan<&'a [Segment], &'a [Planned]>;
type Knots<'a> = &'a mut [Knot];

/// Takes pulses, of which the compiler knows nothing more.
#[derive(Debug)]
pub struct Sinks {
    pulse: fn(Pulse),
    missed: fn(Missed),
}

impl Sink for Sinks {
    fn pulse(&mut self, pulse: Pulse) {
        (self.pulse)(pulse);
    }

    fn missed(&mut self, missed: Missed) {
        (self.missed)(missed);
    }
}

/// Takes a plan's pulses in both ways.
#[derive(Debug)]
pub struct PlanSinks {
    pulse: fn(PlanPulse),
    run: fn(Kind, &Dues),
}

impl PlanSink for PlanSinks {
    fn pulse(&mut self, pulse: PlanPulse) {
        (self.pulse)(pulse);
    }

    fn run(&mut self, kind: Kind, dues: &Dues) {
        (self.run)(kind, dues);
    }
}

/// Takes a text's bytes.
#[derive(Debug)]
pub struct Text {
    text: fn(&str) -> fmt::Result,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        (self.text)(text)
    }
}

macro_rules! doors {
    ($($(#[$doc:meta])* fn $name:ident $(<$life:lifetime>)? ($($argument:ident: $type:ty),* $(,)?) $(-> $answer:ty)? $body:block)*) => {$(
        #[doc = concat!("Door ", stringify!($name), ".")]
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub fn $name $(<$life>)? ($($argument: $type),*) $(-> $answer)? $body
    )*};
}

doors! {
    // admission
    fn admission_admits(gap_us: NonZeroU64, now_us: u64, waiting_steps: u64, step_fine: NonZeroU64, rate: u64,
                        trains: &[Train]) -> bool {
        admission::admits(gap_us, now_us, waiting_steps, step_fine, rate, trains.iter())
    }

    // caps
    fn caps_new(at_us: u64, hour: Option<u64>, day: Option<u64>) -> Caps { Caps::new(at_us, hour, day) }
    fn caps_set(caps: &mut Caps, hour: Option<u64>, day: Option<u64>) { caps.set(hour, day); }
    fn caps_hour(caps: &Caps) -> &Window<61> { caps.hour() }
    fn caps_day(caps: &Caps) -> &Window<145> { caps.day() }
    fn caps_counts(caps: Caps, at_us: u64) -> (u64, u64) { caps.counts(at_us) }
    fn caps_take(caps: &mut Caps, at_us: u64, steps: u32) -> u32 { caps.take(at_us, steps) }
    fn caps_window_most_steps(window: &Window<61>) -> Option<u64> { window.most_steps() }
    fn caps_window_count(window: &mut Window<61>, at_us: u64) -> u64 { window.count(at_us) }
    fn caps_window_count_of_day(window: &mut Window<145>, at_us: u64) -> u64 { window.count(at_us) }

    // columns
    fn columns_new<'a>(at_us: &'a mut [MaybeUninit<u64>], channel: &'a mut [MaybeUninit<u8>],
                       steps: &'a mut [MaybeUninit<u32>]) -> Columns<'a, true> {
        Columns::new(at_us, channel, steps)
    }
    fn columns_fill(plan: &Whole<'_>, memory: &mut [PlanLane], at_us: &mut [MaybeUninit<u64>],
                    channel: &mut [MaybeUninit<u8>], steps: &mut [MaybeUninit<u32>]) -> Result<usize> {
        let mut columns = Columns::<true>::new(at_us, channel, steps);
        plan.walk(memory, &mut columns)?;
        columns.finish()
    }
    fn columns_fill_single(plan: &Whole<'_>, memory: &mut [PlanLane], at_us: &mut [MaybeUninit<u64>],
                           channel: &mut [MaybeUninit<u8>]) -> Result<usize> {
        let mut columns = Columns::<false>::new(at_us, channel, &mut []);
        plan.walk(memory, &mut columns)?;
        columns.finish()
    }
    fn columns_pulse(columns: &mut Columns<'_, true>, pulse: PlanPulse) { columns.pulse(pulse); }
    fn columns_run(columns: &mut Columns<'_, true>, kind: Kind, dues: &Dues) { columns.run(kind, dues); }
    fn columns_finish(columns: Columns<'_, true>) -> Result<usize> { columns.finish() }

    // delivery
    fn delivery_new(actuator: Actuator, at_us: u64, hour: Option<u64>, day: Option<u64>) -> Result<Delivery> {
        Delivery::new(actuator, at_us, hour, day)
    }
    fn delivery_now_us(engine: &Delivery) -> u64 { engine.now_us() }
    fn delivery_actuator(engine: &Delivery) -> &Actuator { engine.actuator() }
    fn delivery_rate_uu_per_h(engine: &Delivery) -> u64 { engine.rate_uu_per_h() }
    fn delivery_window_steps(engine: &Delivery) -> (u64, u64) { engine.window_steps() }
    fn delivery_rest_fine(engine: &Delivery) -> u64 { engine.rest_fine() }
    fn delivery_progress(engine: &Delivery, each: fn(delivery::Progress)) {
        for progress in engine.progress() {
            each(progress);
        }
    }
    fn delivery_progress_remaining_steps(progress: &delivery::Progress) -> u64 { progress.remaining_steps() }
    fn delivery_set_caps(engine: &mut Delivery, hour: Option<u64>, day: Option<u64>) -> Result<()> {
        engine.set_caps(hour, day)
    }
    fn delivery_set_rate(engine: &mut Delivery, rate: u64) -> Result<()> { engine.set_rate(rate) }
    fn delivery_drop_rest(engine: &mut Delivery) { engine.drop_rest(); }
    fn delivery_start_train(engine: &mut Delivery, kind: Kind, start_us: u64, duration_us: u64, amount_uu: u64)
                            -> Result<u32> {
        engine.start_train(kind, start_us, duration_us, amount_uu)
    }
    fn delivery_cancel(engine: &mut Delivery, id: u32) -> Result<delivery::Progress> { engine.cancel(id) }
    fn delivery_next_due_us(engine: &Delivery) -> Option<u64> { engine.next_due_us() }
    fn delivery_steps_until(engine: &Delivery, to_us: u64) -> u64 { engine.steps_until(to_us) }
    fn delivery_advance(engine: &mut Delivery, to_us: u64, sink: &mut Sinks) -> Result<()> {
        engine.advance(to_us, sink)
    }
    fn delivery_skip(engine: &mut Delivery, to_us: u64, sink: &mut Sinks) -> Result<()> { engine.skip(to_us, sink) }

    // error
    fn error_text(error: &Error, text: &mut Text) -> fmt::Result { write!(text, "{error}") }
    fn snapshot_damage_text(damage: &Damage, text: &mut Text) -> fmt::Result { write!(text, "{damage}") }

    // law
    fn law_kind_code(kind: Kind) -> u8 { kind.code() }
    fn law_actuator_new(step_uu: u64, gap_us: u64, grid_us: u64) -> Result<Actuator> {
        Actuator::new(step_uu, gap_us, grid_us)
    }
    fn law_actuator_step_uu(actuator: &Actuator) -> u64 { actuator.step_uu() }
    fn law_actuator_release(actuator: &Actuator) -> Release { actuator.release() }
    fn law_actuator_step_fine(actuator: &Actuator) -> NonZeroU64 { actuator.step_fine() }
    fn law_segment_new(start_us: u64, rate: u64) -> Result<Segment> { Segment::new(start_us, rate) }
    fn law_segment_start_us(segment: &Segment) -> u64 { segment.start_us() }
    fn law_segment_rate_uu_per_h(segment: &Segment) -> u64 { segment.rate_uu_per_h() }
    fn law_train_new(actuator: &Actuator, kind: Kind, start_us: u64, duration_us: u64, amount_uu: u64)
                     -> Result<Train> {
        Train::new(actuator, kind, start_us, duration_us, amount_uu)
    }
    fn law_train_kind(train: &Train) -> Kind { train.kind() }
    fn law_train_start_us(train: &Train) -> u64 { train.start_us() }
    fn law_train_duration_us(train: &Train) -> NonZeroU64 { train.duration_us() }
    fn law_train_steps(train: &Train) -> NonZeroU64 { train.steps() }
    fn law_train_end_us(train: &Train) -> u64 { train.end_us() }
    fn law_train_count_at(train: &Train, at_us: u64) -> u64 { train.count_at(at_us) }
    fn law_train_due_at(train: &Train, k: u64) -> Option<u64> { train.due_at(k) }
    fn law_programme_new<'a>(actuator: &Actuator, from_us: u64, segments: &[Segment], knots: Knots<'a>)
                             -> Result<Programme<Knots<'a>>> {
        Programme::new(actuator, from_us, segments, knots)
    }
    fn law_programme_count_at(programme: &Programme<Knots<'_>>, at_us: u64) -> u64 { programme.count_at(at_us) }
    fn law_programme_due_at(programme: &Programme<Knots<'_>>, k: u64) -> Option<u64> { programme.due_at(k) }
    fn law_cycle_new<'a>(actuator: &Actuator, from_us: u64, period_us: u64, segments: &[Segment], knots: Knots<'a>)
                         -> Result<Cycle<Knots<'a>>> {
        Cycle::new(actuator, from_us, period_us, segments, knots)
    }
    fn law_cycle_count_at(cycle: &Cycle<Knots<'_>>, at_us: u64) -> u64 { cycle.count_at(at_us) }
    fn law_cycle_due_at(cycle: &Cycle<Knots<'_>>, k: u64) -> Option<u64> { cycle.due_at(k) }
    fn law_check_order(segments: &[Segment]) -> core::result::Result<(), (usize, Error)> {
        law::check_order(segments)
    }

    // ramp
    fn ramp_basal(now_us: u64, step_fine: NonZeroU64, rate: u64, rest_fine: u64) -> Ramp {
        Ramp::basal(now_us, step_fine, rate, rest_fine)
    }
    fn ramp_train(train: &Train, k: u64) -> Ramp { Ramp::train(train, k) }
    fn ramp_next_us(ramp: &Ramp) -> u64 { ramp.next_us() }
    fn ramp_step(ramp: &mut Ramp) { ramp.step(); }
    fn ramp_whole_us(ramp: &Ramp) -> u64 { ramp.whole_us() }
    fn ramp_rest_fine(ramp: &Ramp, step_fine: NonZeroU64, at_us: u64, rest_fine: &mut u64) -> bool {
        match ramp.rest_fine(step_fine, at_us) {
            Some(rest) => { *rest_fine = rest; true }
            None => false,
        }
    }
    fn ramp_stream_basal(ramp: Ramp) -> Stream { Stream::basal(ramp) }
    fn ramp_stream_train(train: &Train, k: u64) -> Stream { Stream::train(train, k) }
    fn ramp_stream_next_us(stream: &Stream) -> u64 { stream.next_us() }
    fn ramp_stream_ramp(stream: &Stream) -> &Ramp { stream.ramp() }
    fn ramp_stream_left_steps(stream: &Stream) -> u64 { stream.left_steps() }
    fn ramp_stream_take(stream: &mut Stream) -> u64 { stream.take() }

    // range
    fn range_check(range: &'static Range, value: u64) -> Result<u64> { range.check(value) }
    fn range_all() -> &'static [&'static Range] { range::ALL }

    // schedule
    fn dues_len(dues: &Dues) -> usize { dues.len() }
    fn dues_write(dues: &Dues, out: &mut [MaybeUninit<u64>]) { dues.write(out); }
    fn dues_iter(dues: &Dues, each: fn(u64)) { dues.iter().for_each(each); }
    fn dues_braid_len(braid: &Braid) -> usize { braid.len() }
    fn dues_braid_iter(braid: &Braid, each: fn((u64, bool))) { braid.iter().for_each(each); }
    fn dues_knit_len(knit: &Knit) -> usize { knit.len() }
    fn dues_knit_drain(knit: &mut Knit, most: usize, each: fn((u64, usize))) { knit.drain().take(most).for_each(each); }
    fn schedule_plan_new<'a>(actuator: Actuator, from_us: u64, to_us: u64, segments: &'a [Segment],
                             trains: &'a [Planned]) -> Result<Whole<'a>> {
        Plan::new(actuator, from_us, to_us, segments, trains)
    }
    fn schedule_plan_actuator<'a>(plan: &'a Whole<'_>) -> &'a Actuator { plan.actuator() }
    fn schedule_plan_window_us(plan: &Whole<'_>) -> (u64, u64) { plan.window_us() }
    fn schedule_plan_segments<'a>(plan: &'a Whole<'_>) -> &'a [Segment] { plan.segments() }
    fn schedule_plan_trains<'a>(plan: &'a Whole<'_>) -> &'a [Planned] { plan.trains() }
    fn schedule_plan_lanes(plan: &Whole<'_>) -> usize { plan.lanes() }
    fn schedule_plan_due_steps(plan: &Whole<'_>) -> u64 { plan.due_steps() }
    fn schedule_plan_left_by(plan: &Whole<'_>, at_us: u64) -> Option<[u64; 3]> { plan.left_by(at_us) }
    fn schedule_plan_walk(plan: &Whole<'_>, memory: &mut [PlanLane], sink: &mut PlanSinks) -> Result<()> {
        plan.walk(memory, sink)
    }
    fn schedule_plan_walk_pulses(plan: &Whole<'_>, memory: &mut [PlanLane], each: fn(PlanPulse)) -> Result<()> {
        plan.walk(memory, &mut |pulse| each(pulse))
    }

    // snapshot
    fn snapshot_crc32(bytes: &[u8]) -> u32 { snapshot::crc32(bytes) }
    fn snapshot_as_bytes(written: &Snapshot) -> &[u8] { written.as_bytes() }
    fn snapshot_delivery_snapshot(engine: &Delivery) -> Snapshot { engine.snapshot() }
    fn snapshot_delivery_restore(bytes: &[u8]) -> Result<Delivery> { Delivery::restore(bytes) }
}
