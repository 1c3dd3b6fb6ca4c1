//! `Cohort`, `schedule_many` and `totals_many`: many plans at once, in parallel, in the order of the plans.
//!
//! Plans are walked in groups of neighbours; each group writes into its own stretch of the answer, so the answer does
//! not depend on who is ready first. Threads live as long as a call: nothing is left behind that a fork would break.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pumpcore_kernel::range::{AMOUNT_UU, DURATION_US, RATE_UU_PER_H, Range, SCHEDULE_STEPS, TIME_US};
use pumpcore_kernel::schedule::{Plan as KernelPlan, Planned};
use pumpcore_kernel::{Actuator, Error, Kind, Segment, Train, law::Release};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyMemoryView};

use crate::column::{Column, Numbers, Table, filled, joined, walked, with_lanes};
use crate::convert::{Field, Place, field, items, mapping, not_exact, quantity, raised};
use crate::plan::{actuator, walked_sums, with_plan};

/// A stretch of a list that all plans of a cohort share.
struct Part<T> {
    all: Arc<[T]>,
    begin: usize,
    end: usize,
}

impl<T> AsRef<[T]> for Part<T> {
    fn as_ref(&self) -> &[T] {
        self.all.get(self.begin..self.end).unwrap_or(&[])
    }
}

/// A plan of a cohort: checked once, when the cohort is made.
type PartPlan = KernelPlan<Part<Segment>, Part<Planned>>;

/// Many checked plans, side by side in memory.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Cohort {
    plans: Vec<PartPlan>,
    /// Steps of this plan and of all before it.
    due_steps_ends: Vec<u64>,
    all_free: bool,
}

/// Where a plan's rows end, and what else it is made of.
struct Head {
    actuator: Actuator,
    window_us: (u64, u64),
    segments_end: usize,
    trains_end: usize,
}

/// The rows of plans that are not checked yet.
#[derive(Default)]
struct Rows {
    segments: Vec<Segment>,
    trains: Vec<Planned>,
    heads: Vec<Head>,
}

impl Rows {
    /// Ends a plan with the rows that came since the last one.
    fn end(&mut self, actuator: Actuator, window_us: (u64, u64)) {
        let (segments_end, trains_end) = (self.segments.len(), self.trains.len());
        self.heads.push(Head { actuator, window_us, segments_end, trains_end });
    }

    /// Checks each plan; if one is refused, says which.
    fn checked(self) -> Result<Cohort, (usize, Error)> {
        let (segments, trains) = (Arc::<[Segment]>::from(self.segments), Arc::<[Planned]>::from(self.trains));
        let mut plans = Vec::with_capacity(self.heads.len());
        let mut due_steps_ends = Vec::with_capacity(self.heads.len());
        let (mut begins, mut used, mut all_free) = ((0, 0), 0, true);
        for (index, head) in self.heads.iter().enumerate() {
            let segments = Part { all: Arc::clone(&segments), begin: begins.0, end: head.segments_end };
            let trains = Part { all: Arc::clone(&trains), begin: begins.1, end: head.trains_end };
            let plan = KernelPlan::new(head.actuator, head.window_us.0, head.window_us.1, segments, trains);
            let plan = plan.map_err(|error| (index, error))?;
            begins = (head.segments_end, head.trains_end);
            // Never wraps: 2^64 / 1e8 plans do not fit into memory.
            used += plan.due_steps();
            all_free &= matches!(head.actuator.release(), Release::Free);
            due_steps_ends.push(used);
            plans.push(plan);
        }
        Ok(Cohort { plans, due_steps_ends, all_free })
    }
}

impl Cohort {
    /// Steps of all plans before this one.
    fn due_before(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |before| self.due_steps_ends[before])
    }

    fn due_between(&self, first: usize, stop: usize) -> u64 {
        self.due_before(stop) - self.due_before(first)
    }

    /// Neighbours that are walked together: enough steps that it does not matter who walks them.
    fn groups(&self, first: usize, stop: usize) -> Vec<(usize, usize)> {
        const GROUP_STEPS: u64 = 1 << 15;
        let mut groups = Vec::new();
        let mut begin = first;
        while begin < stop {
            let enough = self.due_before(begin) + GROUP_STEPS;
            let end = begin + 1 + self.due_steps_ends[begin + 1..stop].partition_point(|&end| end <= enough);
            let end = end.min(begin + 4096);
            groups.push((begin, end));
            begin = end;
        }
        groups
    }

    /// Walks these plans; if one is refused, says which.
    fn walk(&self, first: usize, stop: usize, threads: usize) -> Result<(Table, Vec<u64>), (usize, Error)> {
        /// Fewer steps take less time than a thread takes to start.
        const THREAD_STEPS: u64 = 1 << 18;
        let threads = threads.min(to_usize(self.due_between(first, stop) / THREAD_STEPS)).max(1);
        let groups = self.groups(first, stop);
        if self.all_free {
            let lens: Vec<_> = groups.iter().map(|&(a, b)| to_usize(self.due_between(a, b))).collect();
            let table = filled(&lens, threads, |group, columns| {
                let (begin, end) = groups[group];
                let plans = &self.plans[begin..end];
                let lanes = plans.iter().map(PartPlan::lanes).max().unwrap_or(0);
                with_lanes(lanes, |lanes| plans.iter().try_for_each(|plan| plan.walk(lanes, columns)))
            });
            // Where every step leaves as it falls due no plan is refused: there is but a lack of memory, which names none.
            let table = table.map_err(|error| (first, error))?;
            let base = self.due_before(first);
            let ends = self.due_steps_ends[first..stop].iter().map(|end| end - base);
            return Ok((table, std::iter::once(0).chain(ends).collect()));
        }
        let tables = in_parallel(threads, groups, |(begin, end)| {
            let plans = self.plans[begin..end].iter().enumerate();
            plans.map(|(at, plan)| walked(plan).map_err(|error| (begin + at, error))).collect::<Result<Vec<_>, _>>()
        })?;
        let tables: Vec<_> = tables.into_iter().flatten().collect();
        let mut offsets = vec![0];
        let mut used = 0;
        for table in &tables {
            used += table.len() as u64;
            offsets.push(used);
        }
        Ok((joined(&tables), offsets))
    }

    /// Sums each plan's steps; if one is refused, says which.
    fn sums(&self, edges_us: Option<&[u64]>, threads: usize) -> Result<Vec<u64>, (usize, Error)> {
        /// Fewer sums take less time than a thread takes to start.
        const THREAD_SUMS: usize = 1 << 12;
        const GROUP_PLANS: usize = 1 << 10;
        let windows = edges_us.map_or(1, |edges_us| edges_us.len() - 1);
        let threads = threads.min(self.plans.len().saturating_mul(windows) / THREAD_SUMS).max(1);
        let groups = self.plans.chunks(GROUP_PLANS).enumerate().collect();
        let sums = in_parallel(threads, groups, |(group, plans): (usize, &[PartPlan])| {
            let mut sums = Vec::with_capacity(plans.len() * windows * 3);
            for (at, plan) in plans.iter().enumerate() {
                let (from_us, to_us) = plan.window_us();
                let whole = [from_us, to_us];
                let edges_us = edges_us.unwrap_or(&whole);
                if matches!(plan.actuator().release(), Release::Gap(_)) {
                    let refused = |error| (group * GROUP_PLANS + at, error);
                    let left = walked_sums(plan, edges_us).map_err(refused)?;
                    left.windows(2).for_each(|pair| sums.extend(less(pair[1], pair[0])));
                } else {
                    // Nothing has left when the window begins.
                    let begun = edges_us[0] > from_us;
                    let mut before = if begun { plan.left_by(edges_us[0]).unwrap_or_default() } else { [0; 3] };
                    for &edge_us in &edges_us[1..] {
                        let left = plan.left_by(edge_us).unwrap_or_default();
                        sums.extend(less(left, before));
                        before = left;
                    }
                }
            }
            Ok(sums)
        })?;
        Ok(sums.concat())
    }
}

/// What left after `before` was counted.
fn less(left: [u64; 3], before: [u64; 3]) -> [u64; 3] {
    [0, 1, 2].map(|kind| left[kind] - before[kind])
}

fn to_usize(steps: u64) -> usize {
    usize::try_from(steps).unwrap_or(usize::MAX)
}

/// Does all of `work`, on so many threads (this one is one of them), and returns the answers in the order of the work.
///
/// # Errors
/// The first in the order of the work, whoever comes to it first.
pub fn in_parallel<W: Send, R: Send, E: Send>(
    threads: usize,
    work: Vec<W>,
    one: impl Fn(W) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = threads.min(work.len());
    if threads <= 1 {
        return work.into_iter().map(one).collect();
    }
    let queue = Mutex::new(work.into_iter().enumerate());
    let taken = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    // Work is taken in its order, so that all before a failure has been taken and is done.
    let drain = || {
        let mut answers = Vec::new();
        while let Some((index, item)) = taken() {
            let answer = one(item);
            let failed = answer.is_err();
            answers.push((index, answer));
            if failed {
                while taken().is_some() {}
            }
        }
        answers
    };
    let mut answers = thread::scope(|scope| {
        // Where no more threads can be had, fewer do it.
        let start = |_| thread::Builder::new().spawn_scoped(scope, drain).ok();
        let others: Vec<_> = (1..threads).map_while(start).collect();
        let mut answers = drain();
        for other in others {
            answers.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        answers
    });
    answers.sort_unstable_by_key(|&(index, _)| index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[pymethods]
impl Cohort {
    #[new]
    #[pyo3(signature = (plans, /))]
    fn new(plans: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut rows = Rows::default();
        if plans.cast::<PyMapping>().is_ok() {
            rows.read_columns(plans)?;
        } else {
            for (index, plan) in items("plans", plans)?.iter().enumerate() {
                let taken = with_plan(plan, |plan| {
                    rows.segments.extend_from_slice(plan.segments());
                    rows.trains.extend_from_slice(plan.trains());
                    rows.end(*plan.actuator(), plan.window_us());
                    Ok(())
                });
                // The refusal is the one of the plan by itself, and a note says which plan it is.
                taken.or_else(|error| {
                    error.value(plan.py()).call_method1("add_note", (format!("plans[{index}]"),))?;
                    Err(error)
                })?;
            }
        }
        rows.checked().map_err(|(index, error)| raised(plans.py(), Place::Item("plans", index), error))
    }

    #[getter]
    fn due_steps(&self) -> u64 {
        self.due_before(self.plans.len())
    }

    fn __len__(&self) -> usize {
        self.plans.len()
    }

    #[pyo3(signature = (*, steps_most))]
    fn blocks(&self, steps_most: &Bound<'_, PyAny>) -> PyResult<Vec<(usize, usize)>> {
        let steps_most = quantity(Field(Place::Top, "steps_most"), steps_most, &SCHEDULE_STEPS)?;
        let (mut blocks, mut first) = (Vec::new(), 0);
        while first < self.plans.len() {
            let enough = self.due_before(first) + steps_most;
            let more = self.due_steps_ends[first + 1..].partition_point(|&end| end <= enough);
            blocks.push((first, first + 1 + more));
            first += 1 + more;
        }
        Ok(blocks)
    }

    fn __repr__(&self) -> String {
        format!("<Cohort of {} plans>", self.plans.len())
    }
}

impl Rows {
    fn read_columns(&mut self, plans: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = plans.py();
        let fields = mapping("plans", plans, &["actuator", "from_us", "to_us", "basal", "trains"], &[])?;
        let actuator = actuator(&field(&fields, "actuator")?)?;
        let basal = mapping("basal", &field(&fields, "basal")?, &["offsets", "start_us", "rate_uu_per_h"], &[])?;
        let starts = column(&basal, "basal", "start_us", &TIME_US)?;
        let rates = column(&basal, "basal", "rate_uu_per_h", &RATE_UU_PER_H)?;
        same("basal", &basal, "rate_uu_per_h", rates.len(), starts.len())?;
        let ends = offsets(&basal, "basal", starts.len())?;
        let trains = ["offsets", "channel", "start_us", "duration_us", "amount_uu"];
        let trains = mapping("trains", &field(&fields, "trains")?, &trains, &["cancel_us"])?;
        let kinds = column(&trains, "trains", "channel", &CODE)?;
        let train_starts = column(&trains, "trains", "start_us", &TIME_US)?;
        let durations = column(&trains, "trains", "duration_us", &DURATION_US)?;
        let amounts = column(&trains, "trains", "amount_uu", &AMOUNT_UU)?;
        let cancels = field(&trains, "cancel_us")?;
        let cancels = if cancels.is_none() { None } else { Some(cancel_column(&cancels)?) };
        same("trains", &trains, "channel", kinds.len(), train_starts.len())?;
        same("trains", &trains, "duration_us", durations.len(), train_starts.len())?;
        same("trains", &trains, "amount_uu", amounts.len(), train_starts.len())?;
        if let Some(cancels) = &cancels {
            same("trains", &trains, "cancel_us", cancels.len(), train_starts.len())?;
        }
        let train_ends = offsets(&trains, "trains", train_starts.len())?;
        same("trains", &trains, "offsets", train_ends.len(), ends.len())?;
        let from = window(&fields, "from_us", ends.len())?;
        let to = window(&fields, "to_us", ends.len())?;
        for index in 0..ends.len() {
            let begins = (self.segments.len(), self.trains.len());
            for row in begins.0..ends[index] {
                let segment = Segment::new(starts[row], rates[row]);
                self.segments.push(segment.map_err(|error| raised(py, Place::Item("basal", row), error))?);
            }
            for row in begins.1..train_ends[index] {
                let kind = if kinds[row] == u64::from(Kind::Extended.code()) { Kind::Extended } else { Kind::Bolus };
                let train = Train::new(&actuator, kind, train_starts[row], durations[row], amounts[row]);
                let train = train.map_err(|error| raised(py, Place::Item("trains", row), error))?;
                let cancel_us = cancels.as_ref().and_then(|cancels| cancels[row]);
                self.trains.push(Planned { train, cancel_us });
            }
            self.trains[begins.1..].sort_by_key(|planned| planned.train.start_us());
            self.end(actuator, (from.at(index), to.at(index)));
        }
        Ok(())
    }
}

/// The codes of channels that trains run on.
static CODE: Range = Range { id: "channel", unit: "", least: 1, largest: 2 };
/// Places in a list: where rows of a cohort end, and which of its plans to take. Bounded by memory alone.
static OFFSET: Range = Range { id: "offsets", unit: "", least: 0, largest: u64::MAX };
/// Threads of one call.
static THREADS: Range = Range { id: "threads", unit: "threads", least: 1, largest: 1024 };

/// Takes whole numbers: a buffer of one dimension (unsigned or signed, 64, 32 or 8 bits) or a sequence.
fn numbers(name: Field, value: &Bound<'_, PyAny>, range: &'static Range) -> PyResult<Vec<u64>> {
    fn copied<T: Element + Copy>(value: &Bound<'_, PyAny>) -> Option<Vec<T>> {
        let buffer = PyBuffer::<T>::get(value).ok()?;
        if buffer.dimensions() == 1 { buffer.to_vec(value.py()).ok() } else { None }
    }
    let read = copied::<u64>(value)
        .or_else(|| copied::<u32>(value).map(|all| all.into_iter().map(u64::from).collect()))
        .or_else(|| copied::<u8>(value).map(|all| all.into_iter().map(u64::from).collect()))
        // A negative number becomes one that no range but that of offsets has, and no list is as long.
        .or_else(|| copied::<i64>(value).map(|all| all.into_iter().map(i64::cast_unsigned).collect()))
        .or_else(|| {
            copied::<i32>(value).map(|all| all.into_iter().map(|one| i64::from(one).cast_unsigned()).collect())
        });
    let Some(read) = read else {
        let all = items(name, value)?;
        return all.iter().map(|one| quantity(name, one, range)).collect();
    };
    if let Some(index) = read.iter().position(|&number| range.check(number).is_err()) {
        // Said as it is said of an item of a list, sign and all.
        quantity(name, &value.get_item(index)?, range)?;
    }
    Ok(read)
}

fn column(
    fields: &Bound<'_, PyDict>,
    of: &'static str,
    name: &'static str,
    range: &'static Range,
) -> PyResult<Vec<u64>> {
    numbers(Field(Place::In(of), name), &field(fields, name)?, range)
}

/// Takes cancels: a sequence in which None stands for none, or a buffer of one dimension in which a negative number does.
fn cancel_column(value: &Bound<'_, PyAny>) -> PyResult<Vec<Option<u64>>> {
    const NAME: Field = Field(Place::In("trains"), "cancel_us");
    if let Ok(buffer) = PyBuffer::<i64>::get(value)
        && buffer.dimensions() == 1
    {
        let all = buffer.to_vec(value.py())?.into_iter().map(|one| u64::try_from(one).ok());
        let all: Vec<_> = all.collect();
        if let Some(index) = all.iter().position(|one| TIME_US.check(one.unwrap_or(0)).is_err()) {
            quantity(NAME, &value.get_item(index)?, &TIME_US)?;
        }
        return Ok(all);
    }
    let one = |one: &Bound<'_, PyAny>| if one.is_none() { Ok(None) } else { quantity(NAME, one, &TIME_US).map(Some) };
    items(NAME, value)?.iter().map(one).collect()
}

/// Where each plan's rows end; the first begins at 0 and the last ends at `rows`.
fn offsets(fields: &Bound<'_, PyDict>, of: &'static str, rows: usize) -> PyResult<Vec<usize>> {
    let name = Field(Place::In(of), "offsets");
    let value = field(fields, "offsets")?;
    let all: Vec<_> = numbers(name, &value, &OFFSET)?.into_iter().map(to_usize).collect();
    let rising = all.is_sorted() && all.first() == Some(&0) && all.last() == Some(&rows);
    if !rising {
        let reason = format!("must rise from 0 to {rows}, the number of rows");
        return Err(not_exact(name, &value, &reason));
    }
    Ok(all[1..].to_vec())
}

fn same(of: &'static str, fields: &Bound<'_, PyDict>, name: &'static str, len: usize, other: usize) -> PyResult<()> {
    if len == other {
        return Ok(());
    }
    let reason = format!("has {len} entries where others have {other}");
    Err(not_exact(Field(Place::In(of), name), &field(fields, name)?.get_type(), &reason))
}

/// One end of the windows: the same for all plans, or one for each.
enum Window {
    Same(u64),
    Each(Vec<u64>),
}

impl Window {
    fn at(&self, index: usize) -> u64 {
        match self {
            Self::Same(at_us) => *at_us,
            Self::Each(all) => all[index],
        }
    }
}

fn window(fields: &Bound<'_, PyDict>, name: &'static str, plans: usize) -> PyResult<Window> {
    let (place, value) = (Field(Place::Top, name), field(fields, name)?);
    if value.len().is_err() {
        return quantity(place, &value, &TIME_US).map(Window::Same);
    }
    let all = numbers(place, &value, &TIME_US)?;
    if all.len() != plans {
        let reason = format!("has {} entries for {plans} plans", all.len());
        return Err(not_exact(place, &value.get_type(), &reason));
    }
    Ok(Window::Each(all))
}

/// The pulses of many plans: one after the other, each plan's in the order they leave.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Schedules {
    table: Table,
    offsets: Arc<Numbers>,
    plans: usize,
}

#[pymethods]
impl Schedules {
    #[getter]
    fn offsets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(py, &self.offsets)
    }

    #[getter]
    fn at_us<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(py, self.table.at_us())
    }

    #[getter]
    fn channel<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(py, self.table.channel())
    }

    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(py, self.table.steps())
    }

    const fn __len__(&self) -> usize {
        self.plans
    }

    fn __repr__(&self) -> String {
        format!("<Schedules of {} plans: {} pulses>", self.plans, self.table.len())
    }
}

fn threads_of(threads: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
    match threads {
        None => Ok(std::thread::available_parallelism().map_or(1, Into::into)),
        Some(threads) => Ok(to_usize(quantity(Field(Place::Top, "threads"), threads, &THREADS)?)),
    }
}

/// The cohort itself, or one made of what was given.
fn cohort_of<'py>(plans: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Cohort>> {
    if let Ok(ready) = plans.cast_exact::<Cohort>() {
        return Ok(ready.clone());
    }
    Bound::new(plans.py(), Cohort::new(plans)?)
}

/// Says when every pulse of many plans leaves.
#[pyfunction]
#[pyo3(signature = (plans, /, *, first=None, stop=None, threads=None))]
pub fn schedule_many(
    plans: &Bound<'_, PyAny>,
    first: Option<&Bound<'_, PyAny>>,
    stop: Option<&Bound<'_, PyAny>>,
    threads: Option<&Bound<'_, PyAny>>,
) -> PyResult<Schedules> {
    let py = plans.py();
    let (cohort, threads) = (cohort_of(plans)?, threads_of(threads)?);
    let cohort = cohort.get();
    let at = |name, one: &Bound<'_, PyAny>| quantity(Field(Place::Top, name), one, &OFFSET).map(to_usize);
    let plans = cohort.plans.len();
    let stop = stop.map(|stop| at("stop", stop)).transpose()?.map_or(plans, |stop| stop.min(plans));
    let first = first.map(|first| at("first", first)).transpose()?.unwrap_or(0).min(stop);
    SCHEDULE_STEPS.check(cohort.due_between(first, stop)).map_err(|error| raised(py, Place::Top, error))?;
    let walked = py.detach(|| cohort.walk(first, stop, threads));
    let (table, offsets) = walked.map_err(|(index, error)| raised(py, Place::Item("plans", index), error))?;
    Ok(Schedules { table, offsets: Arc::new(Numbers::U64(offsets)), plans: stop - first })
}

/// Sums the steps of many plans by window and channel.
#[pyfunction]
#[pyo3(signature = (plans, /, *, edges_us=None, threads=None))]
pub fn totals_many<'py>(
    plans: &Bound<'py, PyAny>,
    edges_us: Option<&Bound<'py, PyAny>>,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyMemoryView>> {
    let py = plans.py();
    let (cohort, threads) = (cohort_of(plans)?, threads_of(threads)?);
    let edges_us = edges_us.map(|edges| edges_of(edges)).transpose()?;
    let windows = edges_us.as_ref().map_or(1, |edges| edges.len() - 1);
    let cohort = cohort.get();
    let sums = SCHEDULE_STEPS.check((cohort.plans.len() as u64).saturating_mul(windows as u64));
    sums.map_err(|error| raised(py, Place::Top, error))?;
    let sums = py.detach(|| cohort.sums(edges_us.as_deref(), threads));
    let sums = sums.map_err(|(index, error)| raised(py, Place::Item("plans", index), error))?;
    Column::cube(py, &Arc::new(Numbers::U64(sums)), [windows, 3])
}

/// Takes edges of windows: two at least, none before the one before it.
fn edges_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
    const NAME: Field = Field(Place::Top, "edges_us");
    let edges = numbers(NAME, value, &TIME_US)?;
    if edges.len() < 2 || !edges.is_sorted() {
        return Err(not_exact(NAME, value, "must be two instants or more, in order"));
    }
    Ok(edges)
}
