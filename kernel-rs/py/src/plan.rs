//! `Plan`, `Schedule` and `schedule`: a plan in, every pulse of it out.

use std::fmt;

use pumpcore_kernel::law::{Cycle, Knot};
use pumpcore_kernel::range::{AMOUNT_UU, DURATION_US, GAP_US, GRID_US, RATE_UU_PER_H, Range, STEP_UU, TIME_US};
use pumpcore_kernel::schedule::{Plan as KernelPlan, PlanPulse, Planned};
use pumpcore_kernel::{Actuator, Error, Kind, Segment, Train, law};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMemoryView, PyString, PyTuple};

use crate::column::{Column, Table, walked, with_lanes};
use crate::convert::{CHANNELS, Field, Place, items, mapping, not_exact, quantity, raised};

/// A key of a mapping, as Python has it and as we do: Python's is made once, with its hash.
type Key<'a, 'py> = (&'a Bound<'py, PyString>, &'static str);

/// What the required fields of a mapping hold, and the optional one.
type Values<'py, V, const N: usize> = ([V; N], Option<Bound<'py, PyAny>>);

macro_rules! keys {
    [$py:expr, $($name:literal),+] => { [$((intern!($py, $name), $name)),+] };
}

/// A plan that owns its lists.
type OwnPlan = KernelPlan<Vec<Segment>, Vec<Planned>>;

/// A checked plan, ready to be scheduled any number of times.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Plan {
    pub plan: OwnPlan,
}

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (plan, /))]
    fn new(plan: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { plan: read(plan)? })
    }

    #[getter]
    const fn due_steps(&self) -> u64 {
        self.plan.due_steps()
    }

    #[pyo3(signature = (at_us, /))]
    fn count_at(&self, at_us: &Bound<'_, PyAny>) -> PyResult<(u64, u64, u64)> {
        let py = at_us.py();
        let at_us = quantity(Field(Place::Top, "at_us"), at_us, &TIME_US)?;
        let left = match self.plan.left_by(at_us) {
            Some(left) => left,
            None => py.detach(|| walked_sums(&self.plan, &[at_us])).map_err(|error| raised(py, Place::Top, error))?[0],
        };
        Ok(left.into())
    }
}

/// A basal programme, once or over and over, for questions about any instant.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Programme {
    from_us: u64,
    period_us: Option<u64>,
    cycle: Cycle<Vec<Knot>>,
}

#[pymethods]
impl Programme {
    #[new]
    #[pyo3(signature = (basal, /, *, step_uu, from_us=None, period_us=None))]
    fn new(
        basal: &Bound<'_, PyAny>,
        step_uu: &Bound<'_, PyAny>,
        from_us: Option<&Bound<'_, PyAny>>,
        period_us: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let segments = segments(basal)?;
        let step_uu = quantity(Field(Place::Top, "step_uu"), step_uu, &STEP_UU)?;
        let from_us = from_us.map(|from_us| quantity(Field(Place::Top, "from_us"), from_us, &TIME_US)).transpose()?;
        let period_us =
            period_us.map(|period_us| quantity(Field(Place::Top, "period_us"), period_us, &DURATION_US)).transpose()?;
        let (from_us, knots) = (from_us.unwrap_or(0), vec![Knot::default(); segments.len() + 1]);
        let actuator = Actuator::new(step_uu, 0, 0);
        let cycle = actuator.and_then(|actuator| {
            // One period as long as all time is a programme that runs once.
            Cycle::new(&actuator, from_us, period_us.unwrap_or(DURATION_US.largest), &segments, knots)
        });
        let cycle = cycle.map_err(|error| raised(basal.py(), Place::Top, error))?;
        Ok(Self { from_us, period_us, cycle })
    }

    #[pyo3(signature = (at_us, /))]
    fn count_at(&self, at_us: &Bound<'_, PyAny>) -> PyResult<u64> {
        Ok(self.cycle.count_at(quantity(Field(Place::Top, "at_us"), at_us, &TIME_US)?))
    }

    #[pyo3(signature = (k, /))]
    fn due_at(&self, k: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        Ok(self.cycle.due_at(quantity(Field(Place::Top, "k"), k, &STEP_NUMBER)?))
    }

    #[pyo3(signature = (at_us, /))]
    fn next_due_us(&self, at_us: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        let at_us = quantity(Field(Place::Top, "at_us"), at_us, &TIME_US)?;
        Ok(self.cycle.due_at(self.cycle.count_at(at_us).saturating_add(1)))
    }

    fn __repr__(&self) -> String {
        match self.period_us {
            Some(period_us) => format!("<Programme from {} us, each {period_us} us>", self.from_us),
            None => format!("<Programme from {} us>", self.from_us),
        }
    }
}

/// Numbers of steps that can be asked for; a step that is never due has no instant, but it is no mistake.
static STEP_NUMBER: Range = Range { id: "k", unit: "", least: 1, largest: u64::MAX };

/// Takes and checks a plan: its `trains` by start; those that start together in the order of the caller's list.
pub fn read(plan: &Bound<'_, PyAny>) -> PyResult<OwnPlan> {
    let py = plan.py();
    let keys = keys![py, "actuator", "from_us", "to_us", "basal", "trains"];
    let ([device, from_us, to_us, basal, trains], _) = fields("plan", plan, keys, None)?;
    let actuator = actuator(&device)?;
    let from_us = quantity(Field(Place::Top, "from_us"), &from_us, &TIME_US)?;
    let to_us = quantity(Field(Place::Top, "to_us"), &to_us, &TIME_US)?;
    let segments = segments(&basal)?;
    let mut trains = each("trains", &trains, |index, item| train(&actuator, index, item))?;
    trains.sort_by_key(|planned| planned.train.start_us());
    KernelPlan::new(actuator, from_us, to_us, segments, trains).map_err(|error| raised(py, Place::Top, error))
}

/// Takes the values of the `required` fields of a mapping and of the `optional` one; it has no others.
///
/// One look-up for each key of a dict that is as it should be; [`mapping`] sees to the others, and says what is wrong.
fn fields<'py, const N: usize>(
    name: impl fmt::Display,
    value: &Bound<'py, PyAny>,
    required: [Key<'_, 'py>; N],
    optional: Option<Key<'_, 'py>>,
) -> PyResult<Values<'py, Bound<'py, PyAny>, N>> {
    let none = || value.py().None().into_bound(value.py());
    if let Ok(dict) = value.cast_exact::<PyDict>() {
        let (found, more) = looked_up(dict, required, optional)?;
        if found.iter().all(Option::is_some) && dict.len() == N + usize::from(more.is_some()) {
            return Ok((found.map(|one| one.unwrap_or_else(none)), more));
        }
    }
    let (names, more) = (required.map(|(_, name)| name), optional.map(|(_, name)| name));
    let dict = mapping(name, value, &names, more.as_slice())?;
    let (found, more) = looked_up(&dict, required, optional)?;
    Ok((found.map(|one| one.unwrap_or_else(none)), more))
}

fn looked_up<'py, const N: usize>(
    dict: &Bound<'py, PyDict>,
    required: [Key<'_, 'py>; N],
    optional: Option<Key<'_, 'py>>,
) -> PyResult<Values<'py, Option<Bound<'py, PyAny>>, N>> {
    let mut found = [const { None }; N];
    for (place, (key, _)) in found.iter_mut().zip(required) {
        *place = dict.get_item(key)?;
    }
    // A dict of no more than the required fields has no other.
    let optional = optional.filter(|_| dict.len() > N);
    let more = optional.map(|(key, _)| dict.get_item(key)).transpose()?;
    Ok((found, more.flatten()))
}

/// Takes a list (or tuple, or another sequence that is no text), item by item.
fn each<'py, T>(
    name: impl fmt::Display,
    value: &Bound<'py, PyAny>,
    one: impl Fn(usize, &Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let Ok(list) = value.cast_exact::<PyList>() else {
        return items(name, value)?.iter().enumerate().map(|(index, item)| one(index, item)).collect();
    };
    let mut all = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        all.push(one(index, &item)?);
    }
    Ok(all)
}

/// Counts the steps that have left by each of `edges_us`, in order, by walking: for an actuator with a gap.
pub fn walked_sums<S, T>(plan: &KernelPlan<S, T>, edges_us: &[u64]) -> Result<Vec<[u64; 3]>, Error>
where
    S: AsRef<[Segment]>,
    T: AsRef<[Planned]>,
{
    let (mut sums, mut left, mut passed) = (Vec::with_capacity(edges_us.len()), [0_u64; 3], 0);
    with_lanes(plan.lanes(), |lanes| {
        plan.walk(lanes, &mut |pulse: PlanPulse| {
            while edges_us.get(passed).is_some_and(|&edge_us| edge_us < pulse.at_us) {
                sums.push(left);
                passed += 1;
            }
            left[usize::from(pulse.kind.code())] += u64::from(pulse.steps);
        })
    })?;
    sums.resize(edges_us.len(), left);
    Ok(sums)
}

/// The pulses of a plan, in the order they leave.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Schedule {
    table: Table,
}

#[pymethods]
impl Schedule {
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

    fn __len__(&self) -> usize {
        self.table.len()
    }

    fn __repr__(&self) -> String {
        format!("<Schedule of {} pulses>", self.table.len())
    }
}

/// Fewer steps than this are walked faster than other threads are let in and out.
const BULK_STEPS: u64 = 10_000;

/// Says when every pulse of `plan` leaves.
#[pyfunction]
#[pyo3(signature = (plan, /))]
pub fn schedule(plan: &Bound<'_, PyAny>) -> PyResult<Schedule> {
    let py = plan.py();
    with_plan(plan, |plan| {
        let table = if plan.due_steps() < BULK_STEPS { walked(plan) } else { py.detach(|| walked(plan)) };
        Ok(Schedule { table: table.map_err(|error| raised(py, Place::Top, error))? })
    })
}

/// Does `work` with a plan: the one that is ready, or one that is read.
pub fn with_plan<R>(value: &Bound<'_, PyAny>, work: impl FnOnce(&OwnPlan) -> PyResult<R>) -> PyResult<R> {
    match value.cast_exact::<Plan>() {
        Ok(ready) => work(&ready.get().plan),
        Err(_) => work(&read(value)?),
    }
}

pub fn actuator(value: &Bound<'_, PyAny>) -> PyResult<Actuator> {
    const PLACE: Place = Place::In("actuator");
    let keys = keys![value.py(), "step_uu", "gap_us", "grid_us"];
    let ([step_uu, gap_us, grid_us], _) = fields("actuator", value, keys, None)?;
    let step_uu = quantity(Field(PLACE, "step_uu"), &step_uu, &STEP_UU)?;
    let gap_us = quantity(Field(PLACE, "gap_us"), &gap_us, &GAP_US)?;
    let grid_us = quantity(Field(PLACE, "grid_us"), &grid_us, &GRID_US)?;
    Actuator::new(step_uu, gap_us, grid_us).map_err(|error| raised(value.py(), PLACE, error))
}

/// Takes the list of basal entries.
pub fn segments(value: &Bound<'_, PyAny>) -> PyResult<Vec<Segment>> {
    let segments = each("basal", value, segment)?;
    law::check_order(&segments).map_err(|(index, error)| raised(value.py(), Place::Item("basal", index), error))?;
    Ok(segments)
}

fn segment(index: usize, value: &Bound<'_, PyAny>) -> PyResult<Segment> {
    let place = Place::Item("basal", index);
    let wrong = || not_exact(Field(place, ""), value, "must be a pair of start_us and rate_uu_per_h");
    let (start_us, rate) = if let Ok(pair) = value.cast_exact::<PyList>() {
        if pair.len() != 2 {
            return Err(wrong());
        }
        (pair.get_item(0)?, pair.get_item(1)?)
    } else if let Ok(pair) = value.cast_exact::<PyTuple>() {
        if pair.len() != 2 {
            return Err(wrong());
        }
        (pair.get_item(0)?, pair.get_item(1)?)
    } else {
        let pair = items(Field(place, ""), value)?;
        let Ok([start_us, rate]) = <[_; 2]>::try_from(pair) else { return Err(wrong()) };
        (start_us, rate)
    };
    let start_us = quantity(Field(place, "start_us"), &start_us, &TIME_US)?;
    let rate = quantity(Field(place, "rate_uu_per_h"), &rate, &RATE_UU_PER_H)?;
    Segment::new(start_us, rate).map_err(|error| raised(value.py(), place, error))
}

fn train(actuator: &Actuator, index: usize, value: &Bound<'_, PyAny>) -> PyResult<Planned> {
    let place = Place::Item("trains", index);
    let py = value.py();
    let keys = keys![py, "channel", "start_us", "duration_us", "amount_uu"];
    let cancel = (intern!(py, "cancel_us"), "cancel_us");
    let ([channel, start_us, duration_us, amount_uu], cancel_us) = fields(Field(place, ""), value, keys, Some(cancel))?;
    let kind = train_kind(Field(place, "channel"), &channel)?;
    let start_us = quantity(Field(place, "start_us"), &start_us, &TIME_US)?;
    let duration_us = quantity(Field(place, "duration_us"), &duration_us, &DURATION_US)?;
    let amount_uu = quantity(Field(place, "amount_uu"), &amount_uu, &AMOUNT_UU)?;
    let cancel_us = cancel_us.filter(|cancel_us| !cancel_us.is_none());
    let cancel_us = cancel_us.map(|cancel_us| quantity(Field(place, "cancel_us"), &cancel_us, &TIME_US)).transpose()?;
    let train = Train::new(actuator, kind, start_us, duration_us, amount_uu);
    Ok(Planned { train: train.map_err(|error| raised(value.py(), place, error))?, cancel_us })
}

/// Takes the name of a channel that trains run on.
pub fn train_kind(name: Field, value: &Bound<'_, PyAny>) -> PyResult<Kind> {
    let text = value.extract::<&str>();
    let known = CHANNELS.iter().find(|(channel, _)| text.as_ref().is_ok_and(|text| text == channel));
    match known {
        Some((_, kind)) if *kind != Kind::Basal => Ok(*kind),
        _ => Err(not_exact(name, value, "must be \"extended\" or \"bolus\"")),
    }
}
